import { fileURLToPath } from 'node:url';
import { readFileBounded, writeFileWhole } from './file';
import { protocolOf, readFromUrl as readFromHttp, writeToUrl as writeToHttp, wrongUrl } from './http-url';

/**
 * Reads an object by a URL that its store gave out. Only for URLs of a party that may read files of this machine: it
 * opens file:// URLs too.
 * @returns the object, or null when there is none.
 * @throws StoreError `unreachable`, `refused` (an expired URL, for instance), `too_large`, `invalid_option`.
 */
export async function readFromUrl(url: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null> {
    const path = filePath(url);
    return path === null ? readFromHttp(url, maxBytes, signal) : readFileBounded(path, maxBytes, signal);
}

/** Writes an object to a URL that its store gave out, with PUT; see {@link readFromUrl} for file:// URLs. */
export async function writeToUrl(url: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const path = filePath(url);
    return path === null ? writeToHttp(url, bytes, signal) : writeFileWhole(path, bytes, signal);
}

/** @returns the path of a file:// URL, or null for http(s). */
function filePath(text: string): string | null {
    switch (protocolOf(text)) {
        case 'file:':
            if (new URL(text).hostname === '') {
                return fileURLToPath(text);
            }
            break;
        case 'http:':
        case 'https:':
            return null;
    }
    throw wrongUrl(text, 'an http(s) or file:///');
}
