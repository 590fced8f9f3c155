import { randomBytes } from 'node:crypto';
import { AddressInfo } from 'node:net';
import { Address } from '@ton/core';
import { accountToJson, ContentType, decodeSession, decodeVoucher, WireFormatError } from '@ton-compute/protocol';
import Fastify, { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { engineWireError } from '../engine-errors';
import { SessionBook } from '../sessions/book';
import { WireError } from '../wire-error';
import { errorHeaders } from './answer';
import { ServingContext } from './context';
import { corsHeaders, preflightHeaders, RequestIdHeader } from './cors';
import { embeddingsRoute } from './embeddings-route';
import { logFault } from './faults';
import { chatRoute, completionsRoute } from './generation-route';
import { jobsRoute } from './jobs-route';
import { paidRoute } from './paid-route';
import { parseBody } from './request-body';

/** Seconds for a client to send a whole request. */
const ReceiveDeadline = 60;
/** Seconds for which an idle connection is kept; longer than the 60 s of usual load balancers. */
const KeepAlive = 72;
/** Bytes of the body of a voucher: a few hundred are needed. */
const VoucherBodyBytes = 4096;

/** What the public routes tell. */
export type PublicAnswers = {
    health(): { status: number; body: unknown };
    ready(): { status: number; body: unknown };
    models(): unknown;
    /** @throws {WireError} model_not_found. */
    model(id: string): unknown;
    offer(): unknown;
    attestation(): unknown;
};

export type ServerOptions = {
    context: ServingContext;
    book: SessionBook;
    answers: PublicAnswers;
    /** Looks at a job that somebody tells the worker about; null where no jobs are taken. */
    announce: ((job: Address) => Promise<void>) | null;
};

const VoucherBody = z.looseObject({ voucher: z.string() });

/** @returns the HTTP server of docs/wire.md, not yet listening. */
export function createServer({ context, book, answers, announce }: ServerOptions): FastifyInstance {
    const { limits, metrics } = context;
    const app = Fastify({
        logger: false,
        bodyLimit: limits.bodyBytes,
        requestTimeout: ReceiveDeadline * 1000,
        keepAliveTimeout: KeepAlive * 1000,
        // Streams are ended by our own drain; connections without a request are closed at once.
        forceCloseConnections: 'idle',
        return503OnClosing: false,
        genReqId: newRequestId,
        routerOptions: { maxParamLength: 128 },
    });
    readBodiesAsBytes(app);
    addHeaders(app);
    app.addHook('onResponse', async (request, reply) => {
        const route = request.routeOptions.url ?? 'none';
        metrics.answered(route, reply.raw.statusCode, reply.elapsedTime / 1000);
        const ms = Math.round(reply.elapsedTime);
        context.logger.debug({ request: request.id, route, status: reply.raw.statusCode, ms }, 'Answered.');
    });
    app.setErrorHandler((error: FastifyError, _request, reply) =>
        sendError(context, reply, toWireError(error, limits.bodyBytes)),
    );
    app.setNotFoundHandler((request, reply) => {
        const path = (request.raw.url ?? '').split('?')[0].slice(0, 100);
        return sendError(context, reply, new WireError('not_found', `There is no ${request.method} ${path} here.`));
    });

    app.get('/health', async (_request, reply) => {
        const { status, body } = answers.health();
        return reply.code(status).send(body);
    });
    app.get('/ready', async (_request, reply) => {
        const { status, body } = answers.ready();
        return reply.code(status).send(body);
    });
    app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
    app.get('/v1/models', async () => answers.models());
    app.get<{ Params: { id: string } }>('/v1/models/:id', async ({ params }) => answers.model(params.id));
    app.get('/offer', async () => answers.offer());
    app.get('/attestation', async () => answers.attestation());
    app.post('/jobs', { bodyLimit: VoucherBodyBytes }, jobsRoute(context, announce));
    app.post('/v1/chat/completions', paidRoute(context, chatRoute));
    app.post('/v1/completions', paidRoute(context, completionsRoute));
    app.post('/v1/embeddings', paidRoute(context, embeddingsRoute));
    app.get<{ Params: { address: string } }>('/v1/sessions/:address', async ({ params }) => {
        const session = await book.get(decodeSession(params.address));
        return accountToJson(session.account);
    });
    app.post<{ Params: { address: string } }>(
        '/v1/sessions/:address/vouchers',
        { bodyLimit: VoucherBodyBytes },
        async ({ params, body }) => {
            const session = await book.get(decodeSession(params.address));
            const { voucher } = parseBody(body instanceof Buffer ? body : Buffer.alloc(0), VoucherBody);
            metrics.voucher((await book.acceptVoucher(session, decodeVoucher(voucher))) ? 'raised' : 'known');
            return accountToJson(session.account);
        },
    );
    return app;
}

/** @returns the URL that the server listens at. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
    await app.listen({ host, port });
    const { address, family, port: actual } = app.server.address() as AddressInfo;
    const name = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
    return `http://${name}:${actual}`;
}

/** A proof covers the body as it was sent: nothing may parse it before. */
function readBodiesAsBytes(app: FastifyInstance): void {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

/** The name under which a request is asked about: random, so that it tells nothing of what was asked. */
function newRequestId(): string {
    return `req_${randomBytes(16).toString('hex')}`;
}

function addHeaders(app: FastifyInstance): void {
    app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
        reply.header(RequestIdHeader, request.id);
        if (request.method === 'OPTIONS') {
            return reply.code(204).headers(preflightHeaders).send();
        }
        reply.headers(corsHeaders);
    });
}

function sendError(context: ServingContext, reply: FastifyReply, error: WireError | Error): FastifyReply {
    const wire = error instanceof WireError ? error : engineWireError(error);
    if (wire.code === 'internal_error') {
        logFault(context.logger, error);
    }
    context.metrics.refused(wire.code);
    return reply.code(wire.status).headers(errorHeaders(wire)).type(ContentType.Json).send(wire.body);
}

/** What our routes and fastify itself throw, as docs/wire.md says it. */
function toWireError(error: FastifyError | Error, bodyBytes: number): WireError | Error {
    if (error instanceof WireFormatError) {
        return new WireError('invalid_request', error.message, { param: error.field });
    }
    const status = 'statusCode' in error ? error.statusCode : undefined;
    if (status === 413) {
        return new WireError(
            'request_too_large',
            `The body is larger than the ${bodyBytes} bytes that are taken here.`,
        );
    }
    if (status !== undefined && status >= 400 && status < 500) {
        return new WireError('invalid_request', 'The request is not well-formed HTTP.');
    }
    return error;
}
