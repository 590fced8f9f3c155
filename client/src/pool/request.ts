import { ClientError } from '../errors';

/** A request as the caller gave it, read completely: it may be sent more than once. */
export type PoolRequest = {
    /** Path and query below the base URL, with a leading slash. */
    path: string;
    method: string;
    headers: Headers;
    signal: AbortSignal | null;
    /** @returns the body with a provider's name of the model instead of the pool's; undefined for a request without one. */
    bodyFor(poolModel: string, model: string): string | undefined;
};

/** @throws ClientError `invalid_request` for another host, or a body that is not JSON. */
export async function readPoolRequest(
    baseURL: string,
    input: string | URL | Request,
    init: RequestInit | undefined,
): Promise<PoolRequest> {
    const request = new Request(input, { ...init, duplex: init?.body ? 'half' : undefined } as RequestInit);
    if (!request.url.startsWith(`${baseURL}/`)) {
        throw new ClientError(
            'invalid_request',
            `A pool takes requests below ${baseURL} only. Use pool.baseURL as the base of every URL.`,
        );
    }
    const method = request.method.toUpperCase();
    const body = method === 'GET' || method === 'HEAD' ? null : parse(await request.text(), method);
    return {
        path: request.url.slice(baseURL.length),
        method,
        headers: request.headers,
        signal: init?.signal ?? (input instanceof Request ? input.signal : null),
        bodyFor: (poolModel, model) =>
            body === null ? undefined : JSON.stringify(body.model === poolModel ? { ...body, model } : body),
    };
}

function parse(text: string, method: string): Record<string, unknown> {
    try {
        const value: unknown = JSON.parse(text);
        if (typeof value === 'object' && value !== null) {
            return value as Record<string, unknown>;
        }
    } catch {
        // Falls through: what is wrong with it is not repeated, it may be secret.
    }
    throw new ClientError('invalid_request', `The body of ${method} is not a JSON object: nothing was sent.`);
}
