import { StoreError } from './store';

/** The largest object that is written unless a store is told otherwise, bytes: 1 GiB. */
export const MaxObjectBytes = 1_073_741_824;

/** What a store takes at most. */
export type StoreLimits = {
    /** Bytes of one object; {@link MaxObjectBytes} when omitted. */
    maxObjectBytes?: number;
};

/** Names become names of files and parts of URLs, so nothing in them may have a meaning there. */
const Name = /^[A-Za-z0-9-][A-Za-z0-9.-]{0,199}$/;

/** @throws StoreError `invalid_option` for a name that could mean something else to a file system or in a URL. */
export function requireName(name: string): void {
    if (!Name.test(name)) {
        throw new StoreError(
            'invalid_option',
            `${JSON.stringify(name.slice(0, 60))} is no name of an object: expected 1 to 200 letters, digits, "-" and ".", ` +
                'not beginning with ".".',
        );
    }
}

/** @throws StoreError `too_large` before anything is written. */
export function requireSize(name: string, bytes: number, most: number): void {
    if (bytes > most) {
        throw new StoreError(
            'too_large',
            `${name} has ${bytes} bytes, the store takes objects of up to ${most}. Nothing was written: split the job, or ` +
                'raise the limit of the store.',
        );
    }
}

/** @throws StoreError `invalid_option` unless `lifetime` is whole seconds from 1 to `most`. */
export function requireLifetime(lifetime: number, most: number): void {
    if (!Number.isSafeInteger(lifetime) || lifetime < 1 || lifetime > most) {
        throw new StoreError(
            'invalid_option',
            `A URL of this store lives 1 to ${most} seconds, asked for were ${lifetime}. Shorten the times of the job, or ` +
                'use another store.',
        );
    }
}

/** @returns the error for an object that is larger than its reader takes. */
export function tooLarge(what: string, most: number): StoreError {
    return new StoreError('too_large', `${what} has more than the ${most} bytes that were expected at most. It was not read.`);
}
