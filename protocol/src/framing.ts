import { SealingError } from './sealing-error';

/** Everything sealed is padded to a multiple of this many bytes: lengths of tokens leak words. */
export const PaddingUnit = 256;
/** Longest plaintext of one chunk, padding included; a reader refuses longer ones before it holds them in memory. */
export const MaxChunkPlaintext = 65_536;

const LengthBytes = 4;
const TagBytes = 16;
/** kind:uint8 | length:uint32 */
const ChunkHeaderBytes = 5;
/** Longest payload of one chunk. */
export const MaxChunkPayload = MaxChunkPlaintext - ChunkHeaderBytes;

/** Kinds of chunks of a sealed answer. */
export const ChunkKind = { Head: 0, Body: 1, Receipt: 2, End: 3 } as const;

function paddedLength(length: number): number {
    return Math.ceil(length / PaddingUnit) * PaddingUnit;
}

/** @returns `kind:uint8 | length:uint32 | payload | zero bytes` up to a multiple of 256. */
export function packChunk(kind: number, payload: Uint8Array): Buffer {
    if (payload.length > MaxChunkPayload) {
        throw new SealingError('misuse', `A chunk holds at most ${MaxChunkPayload} bytes, got ${payload.length}.`);
    }
    const chunk = Buffer.alloc(paddedLength(ChunkHeaderBytes + payload.length));
    chunk[0] = kind;
    chunk.writeUInt32BE(payload.length, 1);
    chunk.set(payload, ChunkHeaderBytes);
    return chunk;
}

/** @throws SealingError when the plaintext of a chunk is not exactly a padded chunk. */
export function unpackChunk(plaintext: Buffer): { kind: number; payload: Buffer } {
    if (plaintext.length < PaddingUnit || plaintext.length % PaddingUnit !== 0) {
        throw new SealingError(
            'malformed',
            `A chunk is padded to ${PaddingUnit} bytes, this one has ${plaintext.length}.`,
        );
    }
    return { kind: plaintext[0], payload: unpad(plaintext, ChunkHeaderBytes, plaintext.readUInt32BE(1), 'chunk') };
}

/** @returns `length:uint32 | body | zero bytes` up to a multiple of 256. */
export function packRequest(body: Uint8Array): Buffer {
    const plaintext = Buffer.alloc(paddedLength(LengthBytes + body.length));
    plaintext.writeUInt32BE(body.length, 0);
    plaintext.set(body, LengthBytes);
    return plaintext;
}

/** @throws SealingError when the plaintext is not exactly a padded request. */
export function unpackRequest(plaintext: Buffer): Buffer {
    if (plaintext.length < PaddingUnit || plaintext.length % PaddingUnit !== 0) {
        throw new SealingError(
            'malformed',
            `A request is padded to a multiple of ${PaddingUnit} bytes, this one has ${plaintext.length}.`,
        );
    }
    return unpad(plaintext, LengthBytes, plaintext.readUInt32BE(0), 'request');
}

function unpad(plaintext: Buffer, start: number, length: number, what: string): Buffer {
    const end = start + length;
    if (paddedLength(end) !== plaintext.length) {
        throw new SealingError(
            'malformed',
            `The ${what} says that it holds ${length} bytes, but was padded to ${plaintext.length}.`,
        );
    }
    for (let index = end; index < plaintext.length; index += 1) {
        if (plaintext[index] !== 0) {
            throw new SealingError('malformed', `The padding of the ${what} is not zero.`);
        }
    }
    return plaintext.subarray(start, end);
}

/** @returns `length:uint32 | ciphertext`. */
export function packFrame(sealed: Uint8Array[]): Buffer {
    const length = Buffer.alloc(LengthBytes);
    length.writeUInt32BE(sealed.reduce((sum, part) => sum + part.length, 0));
    return Buffer.concat([length, ...sealed]);
}

/** Cuts a byte stream into an answer nonce and frames; holds back at most one frame. */
export class FrameReader {
    private pending: Buffer = Buffer.alloc(0);

    add(bytes: Uint8Array): void {
        const added = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        this.pending = this.pending.length === 0 ? added : Buffer.concat([this.pending, added]);
    }

    /** @returns the next `length` bytes, or null until they are there. */
    take(length: number): Buffer | null {
        if (this.pending.length < length) {
            return null;
        }
        const taken = this.pending.subarray(0, length);
        this.pending = this.pending.subarray(length);
        return taken;
    }

    /**
     * @returns the ciphertext of the next frame, or null until it is there.
     * @throws SealingError for a length that no sealed chunk has.
     */
    nextFrame(): Buffer | null {
        if (this.pending.length < LengthBytes) {
            return null;
        }
        const length = this.pending.readUInt32BE(0);
        const plaintext = length - TagBytes;
        if (plaintext < PaddingUnit || plaintext > MaxChunkPlaintext || plaintext % PaddingUnit !== 0) {
            throw new SealingError(
                'malformed',
                `A sealed chunk has a multiple of ${PaddingUnit} bytes up to ${MaxChunkPlaintext}, and a tag of ` +
                    `${TagBytes}; this one says ${length}.`,
            );
        }
        if (this.pending.length < LengthBytes + length) {
            return null;
        }
        this.take(LengthBytes);
        return this.take(length);
    }

    get isEmpty(): boolean {
        return this.pending.length === 0;
    }
}
