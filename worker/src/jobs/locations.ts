import { posix } from 'node:path';

/** A place that the owner allows: everything below a folder, or below a path of a web server. */
export type StorePrefix = { kind: 'file'; folder: string } | { kind: 'web'; origin: string; path: string };

/** A place that a job names, below a prefix that is allowed. */
export type StoreLocation = { kind: 'file'; folder: string; path: string } | { kind: 'web'; url: string };

/** Without TLS only on this very machine: for development. */
const Loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);
/** Characters that parsers of URLs drop or replace: whoever sends them wants two readers to see two URLs. */
const Ambiguous = /[\s\\\u0000-\u0020\u007f]/;
/** `/`, `\`, `.`, `%` and NUL in disguise: a server may decode them once more. */
const Disguised = /%(2f|5c|2e|25|00)/i;

/** @returns null when the text is no prefix that may be allowed: `file:///folder/...` or `https://host/path...`. */
export function parseStorePrefix(text: string): StorePrefix | null {
    const url = parseStrict(text);
    if (url === null || url.search !== '') {
        return null;
    }
    const path = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
    if (url.protocol === 'file:') {
        // The whole disk is no store.
        return path === '/' ? null : { kind: 'file', folder: decodeURIComponent(path) };
    }
    const safe = url.protocol === 'https:' || (url.protocol === 'http:' && Loopback.has(url.hostname));
    return safe ? { kind: 'web', origin: url.origin, path } : null;
}

/**
 * Decides where a URL that a stranger wrote leads. Only the canonical form of a URL is taken, so that what is compared
 * here is what is opened later; whether a file is what its path says is looked at when it is opened.
 * @returns null unless it is below one of the prefixes.
 */
export function locate(text: string, prefixes: readonly StorePrefix[]): StoreLocation | null {
    const url = parseStrict(text);
    if (url === null) {
        return null;
    }
    for (const prefix of prefixes) {
        if (prefix.kind === 'web' && url.origin === prefix.origin && isBelow(url.pathname, prefix.path)) {
            return { kind: 'web', url: text };
        }
        if (prefix.kind === 'file' && url.protocol === 'file:' && url.search === '') {
            const path = decodeURIComponent(url.pathname);
            // Hidden names are ours: unfinished files.
            if (isBelow(path, prefix.folder) && path.split('/').every((part, index) => index === 0 || !/^(\.|$)/.test(part))) {
                return { kind: 'file', folder: prefix.folder, path };
            }
        }
    }
    return null;
}

function isBelow(path: string, folder: string): boolean {
    return path.startsWith(folder) && path.length > folder.length && posix.normalize(path) === path;
}

/** @returns the URL, if it is written as parsers write it, without credentials and without anything in disguise. */
function parseStrict(text: string): URL | null {
    if (Ambiguous.test(text) || text.includes('#')) {
        return null;
    }
    let url: URL;
    try {
        url = new URL(text);
        decodeURIComponent(url.pathname);
    } catch {
        return null;
    }
    const start = url.protocol === 'file:' ? `file://${url.pathname}` : `${url.origin}${url.pathname}`;
    const rest = text.slice(start.length);
    const canonical = text.startsWith(start) && (rest === '' || rest.startsWith('?'));
    return canonical && url.username === '' && url.password === '' && !Disguised.test(url.pathname) ? url : null;
}
