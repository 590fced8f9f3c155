import Fastify, { FastifyInstance, FastifyReply, LogController } from 'fastify';
import { LogLevel } from './defaults';
import { DevnetError, ExternalMessageRefused, messageOf, RpcError } from './errors';
import { MethodContext } from './rpc/method';
import { isReadOnly, methods } from './rpc/methods';
import { Params } from './rpc/params';

/** Bytes; the largest request is an external message of 64 KiB in base64. */
const BODY_LIMIT = 1024 * 1024;

/** Paths that take JSON-RPC, so that an endpoint works with and without its last part. */
const RPC_PATHS = ['/', '/jsonRPC', '/api/v2', '/api/v2/jsonRPC'];

const UNPROCESSABLE = 422;

/**
 * An HTTP server without routes; its logger serves the whole network.
 *
 * @param logLevel what is written to the standard error
 */
export function createServer(logLevel: LogLevel): FastifyInstance {
    return Fastify({
        logger: { level: logLevel, stream: process.stderr },
        bodyLimit: BODY_LIMIT,
        logController: new LogController({ disableRequestLogging: true }),
        // Clients keep connections open; closing must not wait for them.
        forceCloseConnections: true,
        routerOptions: { ignoreTrailingSlash: true },
    });
}

/** Adds the API: JSON-RPC, and each method under its own path. */
export function addRoutes(app: FastifyInstance, context: MethodContext): void {
    readEveryBodyAsText(app);
    allowEveryOrigin(app);

    for (const path of RPC_PATHS) {
        app.post(path, async (request, reply) => {
            const { id, method, params } = readRpc(request.body);
            const envelope = { jsonrpc: '2.0', id };
            await answer(reply, envelope, () => call(context, readMethod(method), readRpcParams(params)));
        });
    }
    app.get('/', (_, reply) => reply.send(description()));
    app.get('/api/v2', (_, reply) => reply.send(description()));

    app.get<{ Params: { method: string } }>('/api/v2/:method', async (request, reply) => {
        const { method } = request.params;
        await answer(reply, {}, () => {
            if (Object.hasOwn(methods, method) && !isReadOnly(method)) {
                reply.header('allow', 'POST');
                throw new RpcError(405, `${method} changes the network: call it with POST and parameters in JSON`);
            }
            return call(context, method, request.query as Record<string, unknown>, 404);
        });
    });
    app.post<{ Params: { method: string } }>('/api/v2/:method', async (request, reply) => {
        await answer(reply, {}, () => {
            const values = request.body === undefined || request.body === '' ? {} : parseBody(request.body);
            return call(context, request.params.method, readRpcParams(values), 404);
        });
    });

    app.setNotFoundHandler((request, reply) =>
        sendError(
            reply,
            {},
            new RpcError(404, `Nothing is at ${request.method} ${request.url}; the API is at /api/v2/jsonRPC`),
        ),
    );
    app.setErrorHandler((error, _, reply) => sendError(reply, {}, error));
}

async function call(
    context: MethodContext,
    name: string,
    values: Record<string, unknown>,
    unknownCode = UNPROCESSABLE,
): Promise<unknown> {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!method) {
        throw new RpcError(
            unknownCode,
            `Unknown method ${JSON.stringify(name)}; this network has ${Object.keys(methods).join(', ')}`,
        );
    }
    return method(new Params(name, values), context);
}

async function answer(reply: FastifyReply, envelope: object, run: () => Promise<unknown>): Promise<void> {
    const start = performance.now();
    try {
        const result = await run();
        await reply.send({ ok: true, result, ...envelope });
        reply.log.debug({ ms: performance.now() - start }, 'answered');
    } catch (error) {
        await sendError(reply, envelope, error);
    }
}

async function sendError(reply: FastifyReply, envelope: object, error: unknown): Promise<void> {
    const code = statusOf(error);
    if (error instanceof RpcError || error instanceof ExternalMessageRefused || error instanceof DevnetError) {
        reply.log.info({ code, error: error.message }, 'refused');
    } else {
        reply.log.error({ code, err: error }, 'failed');
    }
    await reply.code(code).send({ ok: false, error: messageOf(error), code, ...envelope });
}

function statusOf(error: unknown): number {
    if (error instanceof RpcError) {
        return error.code;
    }
    if (error instanceof DevnetError) {
        return UNPROCESSABLE;
    }
    // Errors of the server itself, such as a body that is too large, bring their own status.
    const status = (error as { statusCode?: unknown }).statusCode;
    return typeof status === 'number' && status >= 400 ? status : 500;
}

function readEveryBodyAsText(app: FastifyInstance): void {
    // `curl -d` calls JSON a form; what counts is the content.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
}

function allowEveryOrigin(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
        reply.headers({
            'access-control-allow-origin': '*',
            'access-control-allow-methods': 'GET, POST, OPTIONS',
            'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'content-type',
            'access-control-max-age': '86400',
        });
        if (request.method === 'OPTIONS') {
            await reply.code(204).send();
        }
    });
}

function parseBody(body: unknown): unknown {
    try {
        return JSON.parse(String(body)) as unknown;
    } catch (error) {
        throw new RpcError(400, `The body is not JSON: ${messageOf(error)}`);
    }
}

function readRpc(body: unknown): { id: unknown; method: unknown; params: unknown } {
    const request = parseBody(body ?? '');
    if (typeof request !== 'object' || request === null || Array.isArray(request)) {
        throw new RpcError(
            UNPROCESSABLE,
            'Expected one JSON-RPC request such as {"id": 1, "jsonrpc": "2.0", "method": "getMasterchainInfo", ' +
                '"params": {}}; batches are not supported, as with toncenter',
        );
    }
    const { id, method, params } = request as Record<string, unknown>;
    return { id: id ?? null, method, params };
}

function readMethod(method: unknown): string {
    if (typeof method !== 'string') {
        throw new RpcError(UNPROCESSABLE, '"method" is missing; expected the name of a method as a text');
    }
    return method;
}

function readRpcParams(params: unknown): Record<string, unknown> {
    const given = params ?? {};
    if (typeof given !== 'object' || (Array.isArray(given) && given.length > 0)) {
        throw new RpcError(
            UNPROCESSABLE,
            'The parameters must be an object with their names, such as {"address": "0:..."}',
        );
    }
    return given as Record<string, unknown>;
}

function description(): object {
    return {
        ok: true,
        result: {
            notice: 'Local TON development network with the API of toncenter v2; not a real network',
            endpoint: '/api/v2/jsonRPC',
            methods: Object.keys(methods),
        },
    };
}
