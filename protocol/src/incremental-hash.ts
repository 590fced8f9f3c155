/** SHA-256 over bytes that come one after the other. */
export interface IncrementalHash {
    update(bytes: Uint8Array): void;
    /** @returns 32 bytes; the hash cannot be used afterwards. */
    digest(): Buffer;
}
