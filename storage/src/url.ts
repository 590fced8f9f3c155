import { fileURLToPath } from 'node:url';
import { readFileBounded, writeFileWhole } from './file';
import { ask, StoreAnswer, whatItSaid, withoutQuery } from './http';
import { StoreError } from './store';

/**
 * Reads an object by a URL that its store gave out. Only for URLs of a party that may read files of this machine: it
 * opens file:// URLs too.
 * @returns the object, or null when there is none.
 * @throws StoreError `unreachable`, `refused` (an expired URL, for instance), `too_large`, `invalid_option`.
 */
export async function readFromUrl(url: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null> {
    const path = filePath(url);
    if (path !== null) {
        return readFileBounded(path, maxBytes, signal);
    }
    const answer = await ask(async () => ({ method: 'GET', url }), maxBytes, signal);
    if (answer.status === 404) {
        return null;
    }
    if (answer.status !== 200) {
        throw refused('shows nothing', url, answer);
    }
    return answer.body;
}

/** Writes an object to a URL that its store gave out, with PUT; see {@link readFromUrl} for file:// URLs. */
export async function writeToUrl(url: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const path = filePath(url);
    if (path !== null) {
        return writeFileWhole(path, bytes, signal);
    }
    const answer = await ask(async () => ({ method: 'PUT', url, body: bytes }), 65_536, signal);
    if (answer.status < 200 || answer.status > 299) {
        throw refused('takes nothing', url, answer);
    }
}

/** @returns the path of a file:// URL, or null for http(s). */
function filePath(text: string): string | null {
    let url: URL | null = null;
    try {
        url = new URL(text);
    } catch {
        // Said below.
    }
    switch (url?.protocol) {
        case 'file:':
            if (url.hostname !== '') {
                break;
            }
            return fileURLToPath(url);
        case 'http:':
        case 'https:':
            return null;
    }
    throw new StoreError('invalid_option', `Expected an http(s) or file:/// URL of a store, got "${text.slice(0, 100)}".`);
}

function refused(what: string, url: string, answer: StoreAnswer): StoreError {
    const hint = answer.status === 401 || answer.status === 403 ? 'The URL has expired, or is for something else.' : 'Try again later.';
    const code = answer.status >= 500 || answer.status === 429 ? 'unreachable' : 'refused';
    return new StoreError(code, `The store ${what} at ${withoutQuery(url)}: ${whatItSaid(answer)}. ${hint}`);
}
