import { Address } from '@ton/core';
import { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { WireError } from '../wire-error';
import { ServingContext } from './context';
import { parseBody } from './request-body';

const JobBody = z.looseObject({ job: z.string().max(100) });

/** POST /jobs: tells the worker about a job that is not listed, or is for it alone. */
export function jobsRoute({ admissions }: ServingContext, announce: ((job: Address) => Promise<void>) | null) {
    return async ({ body }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
        if (announce === null) {
            throw new WireError(
                'not_found',
                'This worker takes no jobs: its configuration allows no stores (jobs.stores). Choose another provider.',
            );
        }
        if (admissions.draining) {
            throw new WireError('draining', 'The worker is shutting down. Choose another provider.', {}, 60);
        }
        const { job } = parseBody(body instanceof Buffer ? body : Buffer.alloc(0), JobBody);
        await announce(parseAddress(job));
        return reply.code(202).send({ job });
    };
}

function parseAddress(text: string): Address {
    try {
        const address = Address.parse(text);
        if (address.workChain === 0) {
            return address;
        }
    } catch {
        // Said below.
    }
    throw new WireError('invalid_request', "'job' is not an address in the basechain. Send the address of the JobEscrow.", { param: 'job' });
}
