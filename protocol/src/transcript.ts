import { sha256 } from './node-crypto';

/** The transcript hash of a session before its first request completes. */
export const EmptyTranscript: Buffer = Buffer.alloc(32);

/**
 * The transcript hash after one more request completed or was aborted (docs/payloads.md):
 * `SHA-256( previous | SHA-256(request body) | SHA-256(answer body) )`.
 * @param requestHash SHA-256 of the plaintext request body, 32 bytes.
 * @param answerHash SHA-256 of the plaintext bytes of the answer that were sent, without receipts, 32 bytes.
 */
export function nextTranscript(previous: Buffer, requestHash: Buffer, answerHash: Buffer): Buffer {
    for (const hash of [previous, requestHash, answerHash]) {
        if (hash.length !== 32) {
            throw new RangeError(`A transcript is made of hashes of 32 bytes, got ${hash.length}.`);
        }
    }
    return sha256(previous, requestHash, answerHash);
}
