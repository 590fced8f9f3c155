import { ClientError } from '../errors';

/** A request as the caller gave it, read completely. */
export type PreparedRequest = {
    method: string;
    url: string;
    /** Path with query, exactly as sent. */
    path: string;
    /** Plaintext body; null for a request without one. */
    body: Buffer | null;
    /** The body, parsed. */
    json: unknown;
    signal: AbortSignal | null;
};

/**
 * Reads what was given to `fetch`.
 * @param endpoint of the session's worker, without a trailing slash.
 * @throws ClientError `invalid_request` for another host, or a body that is not JSON.
 */
export async function prepareRequest(
    endpoint: string,
    input: string | URL | Request,
    init: RequestInit | undefined,
): Promise<PreparedRequest> {
    const request = new Request(input, { ...init, duplex: init?.body ? 'half' : undefined } as RequestInit);
    const url = new URL(request.url);
    const base = new URL(endpoint);
    const prefix = base.pathname.replace(/\/+$/, '');
    if (url.origin !== base.origin || !url.pathname.startsWith(`${prefix}/`)) {
        throw new ClientError(
            'invalid_request',
            `This session talks to ${endpoint} only, not to ${url.origin}. Use session.baseURL as the base of every ` +
                'URL.',
        );
    }
    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    const method = request.method.toUpperCase();
    const bare = { method, url: url.href, path: url.pathname + url.search, signal };
    if (method === 'GET' || method === 'HEAD') {
        return { ...bare, body: null, json: null };
    }
    const body = Buffer.from(await request.arrayBuffer());
    try {
        return { ...bare, body, json: JSON.parse(body.toString('utf8')) as unknown };
    } catch {
        throw new ClientError(
            'invalid_request',
            `The body of ${method} ${url.pathname} is not JSON: nothing was sent.`,
        );
    }
}
