import { Agent, type Dispatcher, request } from 'undici';

import { AbortedError, EngineFailedError } from '../errors';

/** The longest answer that is read as a whole, bytes: embeddings of many texts are long. */
const MaxBytes = 256 * 1024 * 1024;
/** The longest error that is read to find out its kind, bytes. */
const MaxErrorBytes = 64 * 1024;
/** The longest list of metrics that is looked at, bytes. */
const MaxMetricsBytes = 4 * 1024 * 1024;
/** Seconds for a connection to be made, and for the short questions to a server. */
const ConnectSeconds = 10;
const ShortSeconds = 30;

export type ConnectionOptions = {
    /** Without a trailing slash. */
    base: string;
    apiKey: string | undefined;
    /** Connections at the same time: one for each request, and a few for questions. */
    connections: number;
};

/** An answer that is not a success. Its body may quote the prompt: it is looked at, and neither passed on nor logged. */
export class UpstreamRefusal extends Error {
    constructor(
        readonly status: number,
        /** What the server said, for `refusalError` alone. */
        readonly body: string,
    ) {
        super(`The inference server answered ${status}.`);
    }
}

/** Calls to one server over connections that are kept. */
export class Connection {
    private readonly agent: Agent;
    private readonly headers: Record<string, string>;

    constructor(private readonly options: ConnectionOptions) {
        const { apiKey, connections } = options;
        this.agent = new Agent({
            connections,
            // A request that was sent is never repeated behind our back.
            pipelining: 1,
            connect: { timeout: ConnectSeconds * 1000 },
            // Each call has a deadline of its own: some servers send headers, and comments, long before a token.
            headersTimeout: 0,
            bodyTimeout: 0,
        });
        this.headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    }

    /** @returns the JSON of a GET, or null when there is no such thing. @throws {EngineFailedError}, {AbortedError} */
    async find(path: string): Promise<unknown> {
        try {
            return await this.json('GET', path, undefined, AbortSignal.timeout(ShortSeconds * 1000));
        } catch (error) {
            if (error instanceof UpstreamRefusal || error instanceof SyntaxError) return null;
            throw error;
        }
    }

    /** @returns the text of a GET, or null when there is no such thing. */
    async text(path: string): Promise<string | null> {
        const { statusCode, body } = await this.send('GET', path, undefined, AbortSignal.timeout(ShortSeconds * 1000));
        const text = await readText(body, MaxMetricsBytes);
        return statusCode === 200 ? text : null;
    }

    /** A question that takes no time worth mentioning. @throws {UpstreamRefusal}, {EngineFailedError} */
    async ask(path: string, body: unknown): Promise<unknown> {
        return this.post(path, body, AbortSignal.timeout(ShortSeconds * 1000));
    }

    /** @throws {UpstreamRefusal}, {EngineFailedError}, {AbortedError} */
    async post(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
        try {
            return await this.json('POST', path, body, signal);
        } catch (error) {
            if (error instanceof SyntaxError) throw new EngineFailedError(`${error.message} Check upstream.url.`);
            throw error;
        }
    }

    /**
     * @returns the body of a success, as it arrives; who stops asking for it stops the server from sending.
     * @throws {UpstreamRefusal}, {EngineFailedError}, {AbortedError}
     */
    async stream(path: string, body: unknown, signal: AbortSignal): Promise<AsyncIterator<Uint8Array>> {
        const answer = await this.send('POST', path, body, signal);
        if (answer.statusCode !== 200) {
            throw new UpstreamRefusal(answer.statusCode, await readText(answer.body, MaxErrorBytes));
        }
        const type = String(answer.headers['content-type'] ?? '');
        if (!type.startsWith('text/event-stream')) {
            await readText(answer.body, MaxErrorBytes);
            throw new EngineFailedError(
                'The inference server answered a streamed request with something else. Check upstream.url and its log.',
            );
        }
        return answer.body[Symbol.asyncIterator]();
    }

    close(): Promise<void> {
        return this.agent.destroy();
    }

    private async json(method: 'GET' | 'POST', path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
        const answer = await this.send(method, path, body, signal);
        if (answer.statusCode !== 200) {
            throw new UpstreamRefusal(answer.statusCode, await readText(answer.body, MaxErrorBytes));
        }
        try {
            return JSON.parse(await readText(answer.body, MaxBytes));
        } catch (error) {
            // The parser's own message would quote what it read.
            if (error instanceof SyntaxError) throw new SyntaxError(`${path} did not answer with JSON.`);
            throw failure(error, signal);
        }
    }

    private async send(
        method: 'GET' | 'POST',
        path: string,
        body: unknown,
        signal: AbortSignal,
    ): Promise<Dispatcher.ResponseData> {
        const { base } = this.options;
        try {
            return await request(base + path, {
                dispatcher: this.agent,
                method,
                headers: { ...this.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
                body: body === undefined ? undefined : JSON.stringify(body),
                signal,
            });
        } catch (error) {
            throw failure(error, signal);
        }
    }
}

/** @returns what a broken or missing connection means; nothing of what was sent is in it. */
export function failure(error: unknown, signal: AbortSignal): Error {
    if (signal.aborted && (signal.reason as Error | undefined)?.name !== 'TimeoutError') return new AbortedError();
    const code = (error as { code?: unknown } | null)?.code;
    const why = signal.aborted
        ? 'it has not answered in time'
        : typeof code === 'string'
          ? `the connection failed with ${code}`
          : 'the connection failed';
    return new EngineFailedError(`The inference server behind this worker does not serve: ${why}. Look at its log.`);
}

async function readText(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of body) {
        size += part.length;
        if (size > limit) break;
        parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
}
