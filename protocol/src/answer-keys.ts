import { hkdfSha256 } from './node-crypto';
import { AnswerSecret } from './hpke';

/** Bytes of the answer nonce at the front of a sealed answer. */
export const AnswerNonceBytes = 32;
export const FinalMark: Uint8Array = Buffer.from('final');
export const NoMark: Uint8Array = Buffer.alloc(0);

/** Key and base nonce of the chunks of one answer. */
export type AnswerKeys = { key: Buffer; nonce: Buffer };

/** Keys of an answer, as in RFC 9458, section 4.4. @param answerNonce 32 random bytes of the worker. */
export function answerKeys(answer: AnswerSecret, answerNonce: Uint8Array): AnswerKeys {
    const salt = Buffer.concat([answer.enc, answerNonce]);
    return { key: hkdfSha256(answer.secret, salt, 'key', 32), nonce: hkdfSha256(answer.secret, salt, 'nonce', 12) };
}

/** @returns base nonce XOR counter, big-endian. @param counter number of the chunk, from 0, below 2^48. */
export function chunkNonce(nonce: Buffer, counter: number): Buffer {
    const result = Buffer.from(nonce);
    result.writeUInt32BE((result.readUInt32BE(8) ^ counter) >>> 0, 8);
    const high = Math.floor(counter / 0x1_0000_0000);
    if (high > 0) {
        result.writeUInt32BE((result.readUInt32BE(4) ^ high) >>> 0, 4);
    }
    return result;
}
