import { setTimeout as sleep } from 'node:timers/promises';
import { Delivery, deliveryValue } from '@ton-compute/contracts';

import { readJob } from '../chain/job';
import { messageOf } from '../errors';
import { JobEnd, JobRecord } from '../ledger/jobs';
import { endOf } from './end';
import { deliveryAnswerIn, deliveryBody } from './messages';
import { JobOffice, ValueMargin } from './office';

/** Seconds before the second try; they double. */
const FirstPause = 2;
const LongestPause = 300;
/** Seconds between two looks at whether the worker is attested again. */
const AttestPause = 2;

/** Brings a signed statement to its job: looks at the chain before each try, and tries until the deadline. */
export class DeliveryCourier {
    constructor(private readonly office: JobOffice) {}

    /** @returns how the job ended. Rejects when the signal fires. */
    async deliver(record: JobRecord, statement: Delivery, signal: AbortSignal): Promise<JobEnd> {
        const { chain, attester, logger } = this.office;
        const job = record.id.job.toString();
        for (let pause = FirstPause; ; pause = Math.min(2 * pause, LongestPause)) {
            try {
                const end = await this.whetherOver(record);
                if (end !== null) {
                    return end;
                }
                while (!attester.attested && chain.now() < record.deliveryDeadline) {
                    // The provider would refuse it; the attester renews the record meanwhile.
                    await sleep(AttestPause * 1000, undefined, { signal });
                }
                if ((await this.send(record, statement, signal)) === 'done') {
                    return endOf(this.office, record);
                }
                logger.warn({ job }, 'The job refused the delivery; tried again.');
            } catch (error) {
                signal.throwIfAborted();
                logger.warn({ job, reason: messageOf(error) }, 'The delivery has not arrived yet; tried again.');
            }
            await sleep(Math.max(1, Math.min(pause, record.deliveryDeadline - chain.now())) * 1000, undefined, { signal });
        }
    }

    /** @returns how the job ended, or null while it waits for the delivery. */
    private async whetherOver(record: JobRecord): Promise<JobEnd | null> {
        const { chain, provider } = this.office;
        const { id, deliveryDeadline } = record;
        const reading = await readJob(chain, id.job);
        const waits =
            typeof reading !== 'string' &&
            reading.openedLt === id.openedLt &&
            reading.status === 'awarded' &&
            reading.bid?.provider.equals(provider) === true;
        if (!waits) {
            return endOf(this.office, record);
        }
        return chain.now() >= deliveryDeadline ? 'failed' : null;
    }

    private async send({ id }: JobRecord, statement: Delivery, signal: AbortSignal): Promise<'done' | 'bounced'> {
        const { chain, wallet, provider, globalId, keys } = this.office;
        const value = ValueMargin * deliveryValue(await chain.prices());
        const body = deliveryBody(id, globalId, statement, keys.worker);
        return wallet.exchange({ to: provider, value, body }, deliveryAnswerIn(provider, id), signal);
    }
}
