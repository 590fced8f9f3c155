import { combineSignals } from '../abort';
import { StoreTrouble } from './store-error';

/** Statuses by which web stores say that an object is not there, or that a URL is no longer good. */
const Missing = new Set([403, 404, 410]);
const Written = new Set([200, 201, 204]);

/**
 * @param seconds for the whole transfer.
 * @returns the object. Redirects are not followed: they would lead out of what the owner allows.
 * @throws {StoreTrouble}
 */
export function readWeb(url: string, maxBytes: number, seconds: number, signal: AbortSignal): Promise<Buffer> {
    return call(url, { method: 'GET', headers: { 'accept-encoding': 'identity' } }, seconds, signal, async (response) => {
        if (Missing.has(response.status)) {
            throw new StoreTrouble('missing', `The store has no such object, or the URL is void (status ${response.status}).`);
        }
        if (response.status !== 200) {
            throw refusal(response.status);
        }
        return readBounded(response, maxBytes);
    });
}

/** @throws {StoreTrouble} */
export function writeWeb(url: string, bytes: Uint8Array, seconds: number, signal: AbortSignal): Promise<void> {
    return call(url, { method: 'PUT', body: new Uint8Array(bytes) }, seconds, signal, async (response) => {
        await response.body?.cancel();
        if (!Written.has(response.status)) {
            throw refusal(response.status);
        }
    });
}

async function call<T>(
    url: string,
    init: RequestInit,
    seconds: number,
    signal: AbortSignal,
    use: (response: Response) => Promise<T>,
): Promise<T> {
    const end = combineSignals([signal], seconds);
    try {
        return await use(await fetch(url, { ...init, redirect: 'manual', credentials: 'omit', signal: end.signal }));
    } catch (error) {
        signal.throwIfAborted();
        if (error instanceof StoreTrouble) {
            throw error;
        }
        // The reason of fetch may show the URL.
        throw new StoreTrouble('trouble', end.timedOut ? `The store took longer than ${seconds} s.` : 'The store cannot be reached.');
    } finally {
        end.release();
    }
}

function refusal(status: number): StoreTrouble {
    const redirected = status >= 300 && status < 400 ? '; redirects are not followed' : '';
    return new StoreTrouble('trouble', `The store answered with status ${status}${redirected}.`);
}

/** Counts what arrives, whatever the header says. */
async function readBounded(response: Response, maxBytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        size += part.length;
        if (size > maxBytes) {
            throw new StoreTrouble('other', `The object has more than the ${maxBytes} bytes that were expected.`);
        }
        parts.push(part);
    }
    return Buffer.concat(parts);
}
