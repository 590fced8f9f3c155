/** Bytes of the answer nonce at the front of a sealed answer. */
export const AnswerNonceBytes = 32;
/** Additional data of the last chunk, and of the others. */
export const FinalMark: Uint8Array = Buffer.from('final');
export const NoMark: Uint8Array = Buffer.alloc(0);

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
