import { createHash, timingSafeEqual } from 'node:crypto';
import { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { ReadableStream as NodeReadableStream } from 'node:stream/web';
import fastify, { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClientError } from './errors';
import { Logger } from './log';

/** What the endpoint needs of a session. */
export type Served = {
    readonly baseURL: string;
    fetch(input: string, init?: RequestInit): Promise<Response>;
};

export type EndpointOptions = {
    session: Served;
    /** 127.0.0.1 when omitted: whoever reaches the endpoint spends the deposit. */
    host?: string;
    port: number;
    /** When given, requests must carry it as bearer token. */
    localKey?: string;
    log: Logger;
};

/** The longest request, bytes. */
const MaxBody = 32 << 20;
/** The longest name of a model that is asked for, bytes. */
const MaxModelId = 1024;
const Routes = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'] as const;

/** An OpenAI-compatible endpoint on this machine, for programs in any language. */
export type LocalEndpoint = { url: string; close(): Promise<void> };

/** @throws ClientError `invalid_option` when the port is taken, or others could reach it without a key. */
export async function startLocalEndpoint(options: EndpointOptions): Promise<LocalEndpoint> {
    const { session, host = '127.0.0.1', port, log } = options;
    if (!isLoopback(host) && options.localKey === undefined) {
        throw new ClientError(
            'invalid_option',
            `Whoever reaches the endpoint on ${host} spends the deposit: set LOCAL_API_KEY, or listen on 127.0.0.1.`,
        );
    }
    const app = fastify({
        logger: false,
        bodyLimit: MaxBody,
        forceCloseConnections: true,
        routerOptions: { maxParamLength: MaxModelId },
    });
    // Bodies travel on byte by byte. Other content types are refused: a web page can send those without asking, and
    // every request costs money.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.addHook('onRequest', (request, reply, done) => {
        const refusal = refuse(request, options);
        if (refusal === null) {
            done();
        } else {
            void reply.code(refusal.status).send(errorBody(refusal.message));
        }
    });
    app.get('/v1/models', (request, reply) => forward(session, '/models', 'GET', request, reply));
    app.get<{ Params: { id: string } }>('/v1/models/:id', (request, reply) =>
        forward(session, `/models/${encodeURIComponent(request.params.id)}`, 'GET', request, reply),
    );
    for (const route of Routes) {
        app.post(route, (request, reply) => forward(session, route.slice('/v1'.length), 'POST', request, reply));
    }
    app.setNotFoundHandler((_request, reply) =>
        reply.code(404).send(errorBody(`There is GET /v1/models, GET /v1/models/{id}, POST ${Routes.join(', POST ')}.`)),
    );
    app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
        log.debug({}, error.message);
        return reply.code(error.statusCode ?? 500).send(errorBody(error.message));
    });
    await listen(app, host, port);
    const address = app.server.address() as AddressInfo;
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}/v1`, close: () => app.close() };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
    try {
        await app.listen({ host, port });
    } catch (error) {
        const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        throw new ClientError(
            'invalid_option',
            taken
                ? `Port ${port} is taken on ${host}: stop what uses it, or choose another with --port.`
                : `The endpoint cannot listen on ${host}:${port}: ${(error as Error).message}.`,
        );
    }
}

/** @returns why a request is not served, or null. */
function refuse(
    request: FastifyRequest,
    { host = '127.0.0.1', localKey }: EndpointOptions,
): { status: number; message: string } | null {
    const name = hostName(request.headers.host ?? '');
    // A web page whose name was pointed at this machine sends its own name here.
    if (isLoopback(host) && !isLoopback(name)) {
        return { status: 403, message: `This endpoint is for this machine only; the request was made to "${name}".` };
    }
    if (localKey !== undefined && !sameSecret(request.headers.authorization ?? '', `Bearer ${localKey}`)) {
        return {
            status: 401,
            message: 'Expected "authorization: Bearer" with the key that this endpoint was started with.',
        };
    }
    return null;
}

function hostName(header: string): string {
    return header.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
}

function isLoopback(name: string): boolean {
    return name === 'localhost' || name === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

function sameSecret(a: string, b: string): boolean {
    const digest = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(a), digest(b));
}

async function forward(
    session: Served,
    path: string,
    method: string,
    request: FastifyRequest,
    reply: FastifyReply,
): Promise<FastifyReply> {
    const gone = new AbortController();
    reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) {
            gone.abort(new DOMException('The caller has gone.', 'AbortError'));
        }
    });
    const body = request.body instanceof Buffer ? new Uint8Array(request.body) : undefined;
    let response: Response;
    try {
        response = await session.fetch(session.baseURL + path, { method, body, signal: gone.signal });
    } catch (error) {
        if (gone.signal.aborted) {
            // Nobody is left to be told.
            return reply.hijack();
        }
        throw error;
    }
    reply.code(response.status);
    for (const [name, value] of response.headers) {
        reply.header(name, value);
    }
    if (response.body === null) {
        return reply.send();
    }
    return reply.send(Readable.fromWeb(response.body as NodeReadableStream));
}

function errorBody(message: string): object {
    return { error: { message, type: 'invalid_request_error', code: 'invalid_request', param: null } };
}
