import { AnswerChunk, AnswerOrder, parseChunk } from './answer-chunks';
import { AnswerKeys, answerKeys } from './answer-keys';
import { AnswerNonceBytes, chunkNonce, FinalMark, NoMark } from './chunk-nonce';
import { ChunkKind, FrameReader, MaxChunkPayload, packChunk, packFrame } from './framing';
import { AnswerSecret, EncryptionKeyPair, openWithHpke, prepareHpke, SealingContext } from './hpke';
import { openAesGcm, sealAesGcm, secureRandom } from './node-crypto';
import { ReceiptJson } from './receipt-json';
import { SealingError } from './sealing-error';

/**
 * Seals the chunks of one answer; synchronous. The first call must be `head`, the last `end`. Each call returns the
 * bytes to send, in the order of the calls.
 */
export class AnswerSealer {
    private readonly answerNonce: Buffer;
    private readonly keys: AnswerKeys;
    private counter = 0;
    private state: 'new' | 'open' | 'ended' = 'new';

    /** @param answerNonce 32 random bytes; given only by tests that need fixed bytes. */
    constructor(answer: AnswerSecret, answerNonce: Buffer = secureRandom(AnswerNonceBytes)) {
        this.answerNonce = answerNonce;
        this.keys = answerKeys(answer, answerNonce);
    }

    /** @returns the answer nonce and the first chunk. @param status HTTP status of the answer. */
    head(status: number, headers: Record<string, string>): Uint8Array {
        if (this.state !== 'new') {
            throw new SealingError('misuse', 'The head of a sealed answer comes once, before everything else.');
        }
        this.state = 'open';
        return Buffer.concat([
            this.answerNonce,
            this.seal(ChunkKind.Head, Buffer.from(JSON.stringify({ status, headers })), NoMark),
        ]);
    }

    /** @param bytes any part of the answer's body; long ones travel in several chunks. */
    body(bytes: Uint8Array): Uint8Array {
        this.requireOpen();
        if (bytes.length <= MaxChunkPayload) {
            return bytes.length === 0 ? new Uint8Array() : this.seal(ChunkKind.Body, bytes, NoMark);
        }
        const chunks: Uint8Array[] = [];
        for (let start = 0; start < bytes.length; start += MaxChunkPayload) {
            chunks.push(this.seal(ChunkKind.Body, bytes.subarray(start, start + MaxChunkPayload), NoMark));
        }
        return Buffer.concat(chunks);
    }

    receipt(json: ReceiptJson): Uint8Array {
        this.requireOpen();
        return this.seal(ChunkKind.Receipt, Buffer.from(JSON.stringify(json)), NoMark);
    }

    /** @returns the final chunk: what came before is complete. */
    end(): Uint8Array {
        this.requireOpen();
        this.state = 'ended';
        return this.seal(ChunkKind.End, NoMark, FinalMark);
    }

    private requireOpen(): void {
        if (this.state !== 'open') {
            throw new SealingError('misuse', 'A sealed answer starts with its head and takes nothing after its end.');
        }
    }

    private seal(kind: number, payload: Uint8Array, mark: Uint8Array): Buffer {
        const nonce = chunkNonce(this.keys.nonce, this.counter);
        this.counter += 1;
        return packFrame(sealAesGcm(this.keys.key, nonce, mark, packChunk(kind, payload)));
    }
}

/** Opens the chunks of one answer; synchronous. */
export class AnswerOpener {
    private readonly reader = new FrameReader();
    private readonly order = new AnswerOrder();
    private keys: AnswerKeys | undefined;
    private counter = 0;

    constructor(private readonly answer: AnswerSecret) {}

    /**
     * @param bytes the next bytes of the answer, cut anywhere.
     * @returns the chunks that they complete.
     * @throws SealingError when anything was altered, reordered, repeated or added.
     */
    push(bytes: Uint8Array): AnswerChunk[] {
        this.reader.add(bytes);
        if (this.keys === undefined) {
            const nonce = this.reader.take(AnswerNonceBytes);
            if (nonce === null) {
                return [];
            }
            this.keys = answerKeys(this.answer, nonce);
        }
        const chunks: AnswerChunk[] = [];
        while (!this.order.ended) {
            const frame = this.reader.nextFrame();
            if (frame === null) {
                return chunks;
            }
            chunks.push(this.open(this.keys, frame));
        }
        if (!this.reader.isEmpty) {
            throw new SealingError('altered', 'Bytes follow the final chunk of the sealed answer.');
        }
        return chunks;
    }

    /** @throws SealingError `truncated` when the stream ended before its final chunk. */
    finish(): void {
        this.order.finish();
    }

    private open(keys: AnswerKeys, frame: Buffer): AnswerChunk {
        const nonce = chunkNonce(keys.nonce, this.counter);
        let final = false;
        let plaintext = openAesGcm(keys.key, nonce, NoMark, frame);
        if (plaintext === null) {
            final = true;
            plaintext = openAesGcm(keys.key, nonce, FinalMark, frame);
        }
        if (plaintext === null) {
            throw new SealingError(
                'altered',
                `Chunk ${this.counter} of the sealed answer was altered, reordered, or sealed for another request.`,
            );
        }
        this.counter += 1;
        return this.order.accept(parseChunk(plaintext), final);
    }
}

/** Seals one request, once. @param request.path path with query, exactly as sent. */
export type RequestSeal = (request: {
    method: string;
    path: string;
    body: Uint8Array;
}) => Promise<{ bytes: Uint8Array; opener: AnswerOpener }>;

/**
 * Does what sealing a request needs before there is one: most of its time is the agreement on a key.
 * @param request.encryptionKey 32 bytes, from the provider's contract.
 * @throws SealingError `bad_key`.
 */
export async function prepareSealing(request: {
    encryptionKey: Buffer;
    context: SealingContext;
}): Promise<RequestSeal> {
    const seal = await prepareHpke(request.encryptionKey, request.context);
    return async (target) => {
        const { bytes, answer } = await seal(target);
        return { bytes, opener: new AnswerOpener(answer) };
    };
}

/**
 * Seals a request to the worker that holds `encryptionKey`, and prepares to open its answer.
 * @param request.encryptionKey 32 bytes, from the provider's contract.
 * @param request.path path with query, exactly as sent.
 * @throws SealingError `bad_key`.
 */
export async function sealRequest(request: {
    encryptionKey: Buffer;
    context: SealingContext;
    method: string;
    path: string;
    body: Uint8Array;
}): Promise<{ bytes: Uint8Array; opener: AnswerOpener }> {
    return (await prepareSealing(request))(request);
}

/**
 * Opens a sealed request in the worker, and prepares to seal its answer.
 * @param request.path path with query, exactly as received.
 * @returns the plaintext body; `enc`, which the worker must remember and refuse a second time; the answer's sealer.
 * @throws SealingError `cannot_open` or `malformed`.
 */
export async function openRequest(request: {
    keyPair: EncryptionKeyPair;
    context: SealingContext;
    method: string;
    path: string;
    bytes: Uint8Array;
}): Promise<{ body: Uint8Array; enc: Uint8Array; sealer: AnswerSealer }> {
    const { body, answer } = await openWithHpke(request);
    return { body, enc: answer.enc, sealer: new AnswerSealer(answer) };
}
