import { AnswerChunk, AnswerOrder, parseChunk } from './answer-chunks';
import { AnswerNonceBytes, chunkNonce, FinalMark, NoMark } from './chunk-nonce';
import { FrameReader } from './framing';
import { AnswerSecret, SealingContext, sealWithHpke } from './hpke';
import { SealingError } from './sealing-error';

/**
 * The client's side of sealing on WebCrypto alone, for browsers: nothing here needs Node but `Buffer`, which every TON
 * application in a browser brings along. WebCrypto is asynchronous, so is this opener.
 */

type WebKeys = { key: CryptoKey; nonce: Buffer };

async function webKeys({ enc, secret }: AnswerSecret, answerNonce: Uint8Array): Promise<WebKeys> {
    const { subtle } = globalThis.crypto;
    const base = await subtle.importKey('raw', new Uint8Array(secret), 'HKDF', false, ['deriveKey', 'deriveBits']);
    const derive = (info: string): HkdfParams => ({
        name: 'HKDF',
        hash: 'SHA-256',
        salt: new Uint8Array(Buffer.concat([enc, answerNonce])),
        info: new TextEncoder().encode(info),
    });
    const [key, nonce] = await Promise.all([
        subtle.deriveKey(derive('key'), base, { name: 'AES-GCM', length: 256 }, false, ['decrypt']),
        subtle.deriveBits(derive('nonce'), base, 96),
    ]);
    return { key, nonce: Buffer.from(nonce) };
}

/** Opens the chunks of one answer. Calls of `push` must not overlap. */
export class WebAnswerOpener {
    private readonly reader = new FrameReader();
    private readonly order = new AnswerOrder();
    private keys: WebKeys | undefined;
    private counter = 0;

    constructor(private readonly answer: AnswerSecret) {}

    /** As `AnswerOpener.push`. */
    async push(bytes: Uint8Array): Promise<AnswerChunk[]> {
        this.reader.add(bytes);
        if (this.keys === undefined) {
            const nonce = this.reader.take(AnswerNonceBytes);
            if (nonce === null) {
                return [];
            }
            this.keys = await webKeys(this.answer, nonce);
        }
        const chunks: AnswerChunk[] = [];
        while (!this.order.ended) {
            const frame = this.reader.nextFrame();
            if (frame === null) {
                return chunks;
            }
            chunks.push(await this.open(this.keys, frame));
        }
        if (!this.reader.isEmpty) {
            throw new SealingError('altered', 'Bytes follow the final chunk of the sealed answer.');
        }
        return chunks;
    }

    /** As `AnswerOpener.finish`. */
    finish(): void {
        this.order.finish();
    }

    private async open(keys: WebKeys, frame: Buffer): Promise<AnswerChunk> {
        for (const [mark, final] of [
            [NoMark, false],
            [FinalMark, true],
        ] as const) {
            const plaintext = await this.decrypt(keys, frame, mark);
            if (plaintext !== null) {
                this.counter += 1;
                return this.order.accept(parseChunk(plaintext), final);
            }
        }
        throw new SealingError(
            'altered',
            `Chunk ${this.counter} of the sealed answer was altered, reordered, or sealed for another request.`,
        );
    }

    private async decrypt({ key, nonce }: WebKeys, frame: Buffer, mark: Uint8Array): Promise<Buffer | null> {
        const iv = new Uint8Array(chunkNonce(nonce, this.counter));
        const additionalData = new Uint8Array(mark);
        try {
            const parameters = { name: 'AES-GCM', iv, additionalData };
            return Buffer.from(await globalThis.crypto.subtle.decrypt(parameters, key, new Uint8Array(frame)));
        } catch {
            return null;
        }
    }
}

/** As `sealRequest`, for browsers. @throws SealingError `bad_key`. */
export async function sealRequestWeb(request: {
    encryptionKey: Buffer;
    context: SealingContext;
    method: string;
    path: string;
    body: Uint8Array;
}): Promise<{ bytes: Uint8Array; opener: WebAnswerOpener }> {
    const { bytes, answer } = await sealWithHpke(request);
    return { bytes, opener: new WebAnswerOpener(answer) };
}

export { SealingError };
export type { AnswerChunk, SealingContext };
