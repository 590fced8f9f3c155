/**
 * Where sealed inputs and outputs of jobs lie. A client has a store; workers get URLs. Whatever lies there is sealed,
 * and its name is a hash that its reader checks, so a store is trusted with nothing but keeping it.
 */
export interface ObjectStore {
    /**
     * Writes an object and makes sure that the store shows the same bytes.
     * @param name letters, digits, `-` and `.`; up to 200.
     */
    put(name: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
    /** @returns the object, or null when there is none. @throws StoreError when it has more than `maxBytes`. */
    get(name: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null>;
    /** @returns a URL from which whoever has it can read the object for `lifetime` seconds; the object may come later. */
    readUrl(name: string, lifetime: number): Promise<string>;
    /** @returns a URL to which whoever has it can write the object, with PUT, for `lifetime` seconds. */
    writeUrl(name: string, lifetime: number): Promise<string>;
}

export type StoreErrorCode = 'unreachable' | 'refused' | 'too_large' | 'not_kept' | 'invalid_option';

/** A store did not do what it was asked. The message says what happened, what was expected and what to do. */
export class StoreError extends Error {
    override readonly name = 'StoreError';

    constructor(
        readonly code: StoreErrorCode,
        message: string,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}
