import { ask, StoreAnswer, whatItSaid, withoutQuery } from './http';
import { StoreError } from './store';

/**
 * Reads an object by an http(s) URL that its store gave out.
 * @returns the object, or null when there is none.
 * @throws StoreError `unreachable`, `refused` (an expired URL, for instance), `too_large`, `invalid_option`.
 */
export async function readFromUrl(url: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null> {
    requireHttp(url);
    const answer = await ask(async () => ({ method: 'GET', url }), maxBytes, signal);
    if (answer.status === 404) {
        return null;
    }
    if (answer.status !== 200) {
        throw refused('shows nothing', url, answer);
    }
    return answer.body;
}

/** Writes an object to an http(s) URL that its store gave out, with PUT. */
export async function writeToUrl(url: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    requireHttp(url);
    const answer = await ask(async () => ({ method: 'PUT', url, body: bytes }), 65_536, signal);
    if (answer.status < 200 || answer.status > 299) {
        throw refused('takes nothing', url, answer);
    }
}

function requireHttp(text: string): void {
    if (!/^https?:$/.test(protocolOf(text))) {
        throw wrongUrl(text, 'an http(s)');
    }
}

/** @returns the protocol with its colon; empty for what is no URL. */
export function protocolOf(text: string): string {
    try {
        return new URL(text).protocol;
    } catch {
        return '';
    }
}

/** @returns the error for a URL that cannot be opened. */
export function wrongUrl(text: string, expected: string): StoreError {
    return new StoreError('invalid_option', `Expected ${expected} URL of a store, got "${text.slice(0, 100)}".`);
}

function refused(what: string, url: string, answer: StoreAnswer): StoreError {
    const hint = answer.status === 401 || answer.status === 403 ? 'The URL has expired, or is for something else.' : 'Try again later.';
    const code = answer.status >= 500 || answer.status === 429 ? 'unreachable' : 'refused';
    return new StoreError(code, `The store ${what} at ${withoutQuery(url)}: ${whatItSaid(answer)}. ${hint}`);
}
