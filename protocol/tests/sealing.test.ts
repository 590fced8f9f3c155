import { Address } from '@ton/core';
import { answerKeys } from '../src/answer-keys';
import { chunkNonce } from '../src/chunk-nonce';
import { packFrame } from '../src/framing';
import { sealAesGcm } from '../src/node-crypto';
import {
    AnswerChunk,
    AnswerOpener,
    encryptionKeyPairFromSecret,
    generateEncryptionKeyPair,
    openRequest,
    prepareSealing,
    SealingContext,
    sealRequest,
} from '../src';
import { ExpectedBytes, fixedBytes } from './support/fixed-exchange';

const context: SealingContext = {
    globalId: -3,
    provider: new Address(0, Buffer.alloc(32, 1)),
    escrow: new Address(0, Buffer.alloc(32, 2)),
    model: Buffer.alloc(32, 3),
};
const target = { context, method: 'POST', path: '/v1/chat/completions' };
const body = Buffer.from('{"model":"tiny","messages":[{"role":"user","content":"a secret"}]}');

async function exchange() {
    const keyPair = await generateEncryptionKeyPair();
    const { bytes, opener } = await sealRequest({ ...target, encryptionKey: keyPair.publicKey, body });
    const opened = await openRequest({ ...target, keyPair, bytes });
    return { keyPair, bytes, opener, opened };
}

/** Frames of an answer with three body chunks: the nonce, then each frame. */
async function framedAnswer() {
    const { opener, opened } = await exchange();
    const { sealer } = opened;
    const head = Buffer.from(sealer.head(200, { 'content-type': 'text/event-stream' }));
    const frames = [
        head.subarray(32),
        ...['one', 'two', 'three'].map((text) => Buffer.from(sealer.body(Buffer.from(text)))),
        Buffer.from(sealer.end()),
    ];
    return { opener, nonce: head.subarray(0, 32), frames };
}

function text(chunks: AnswerChunk[]): string {
    return chunks.map((chunk) => (chunk.kind === 'body' ? Buffer.from(chunk.bytes).toString() : '')).join('');
}

describe('a sealed request', () => {
    it('opens with the worker\'s key and hides its text', async () => {
        const { bytes, opened } = await exchange();
        expect(Buffer.from(opened.body)).toEqual(body);
        expect(Buffer.from(opened.enc)).toEqual(Buffer.from(bytes.subarray(0, 32)));
        expect(Buffer.from(bytes).includes('secret')).toBe(false);
    });

    it('is padded: sizes tell a length only in steps of 256 bytes', async () => {
        const { publicKey } = await generateEncryptionKeyPair();
        const sizes = await Promise.all(
            [0, 1, 252, 253, 508, 509].map(async (length) => {
                const sealed = await sealRequest({
                    ...target,
                    encryptionKey: publicKey,
                    body: Buffer.alloc(length, 'a'),
                });
                return sealed.bytes.length - 32 - 16;
            }),
        );
        expect(sizes).toEqual([256, 256, 256, 512, 512, 768]);
    });

    it('opens under no other key, network, provider, session, model, method or path', async () => {
        const { keyPair, bytes } = await exchange();
        const other = new Address(0, Buffer.alloc(32, 9));
        const wrong = [
            { ...target, keyPair: await generateEncryptionKeyPair() },
            { ...target, keyPair, context: { ...context, globalId: -239 } },
            { ...target, keyPair, context: { ...context, provider: other } },
            { ...target, keyPair, context: { ...context, escrow: other } },
            { ...target, keyPair, context: { ...context, model: Buffer.alloc(32, 9) } },
            { ...target, keyPair, method: 'PUT' },
            { ...target, keyPair, path: '/v1/embeddings' },
        ];
        for (const attempt of wrong) {
            await expect(openRequest({ ...attempt, bytes })).rejects.toMatchObject({ code: 'cannot_open' });
        }
    });

    it('is refused when any byte was altered, or when it is too short', async () => {
        const { keyPair, bytes } = await exchange();
        for (const position of [0, 31, 32, bytes.length - 1]) {
            const altered = Buffer.from(bytes);
            altered[position] ^= 1;
            await expect(openRequest({ ...target, keyPair, bytes: altered })).rejects.toMatchObject({
                code: 'cannot_open',
            });
        }
        await expect(openRequest({ ...target, keyPair, bytes: bytes.subarray(0, 47) })).rejects.toMatchObject({
            code: 'malformed',
        });
    });

    it('is not sealed to a key of small order', async () => {
        const encryptionKey = Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex');
        await expect(sealRequest({ ...target, encryptionKey, body })).rejects.toMatchObject({ code: 'bad_key' });
    });

    it('can be prepared before it is known, and a preparation seals only one', async () => {
        const keyPair = await generateEncryptionKeyPair();
        const seal = await prepareSealing({ context, encryptionKey: keyPair.publicKey });
        const { bytes } = await seal({ method: target.method, path: target.path, body });
        expect(Buffer.from((await openRequest({ ...target, keyPair, bytes })).body)).toEqual(body);
        await expect(seal({ ...target, body })).rejects.toMatchObject({ code: 'misuse' });
    });

    it('opens after a restart, with the pair derived from the kept secret', async () => {
        const { keyPair, bytes } = await exchange();
        const restored = await encryptionKeyPairFromSecret(keyPair.secret);
        expect(restored.publicKey).toEqual(keyPair.publicKey);
        expect(Buffer.from((await openRequest({ ...target, keyPair: restored, bytes })).body)).toEqual(body);
    });
});

describe('a sealed answer', () => {
    it('arrives whole, however the stream is cut into pieces', async () => {
        for (const size of [1, 7, 300, 100_000]) {
            const { opener, opened } = await exchange();
            const { sealer } = opened;
            const receipt = {
                sequence: 1,
                tokens: { prompt: '1', cached: '0', completion: '2', reasoning: '0' },
                amount: '3',
                transcriptHash: '00'.repeat(32),
                signature: Buffer.alloc(64).toString('base64'),
            };
            const stream = Buffer.concat([
                sealer.head(200, { 'content-type': 'text/event-stream' }),
                sealer.body(Buffer.from('Hel')),
                sealer.body(Buffer.from('lo')),
                sealer.receipt(receipt),
                sealer.end(),
            ]);
            const chunks: AnswerChunk[] = [];
            for (let start = 0; start < stream.length; start += size) {
                chunks.push(...opener.push(stream.subarray(start, start + size)));
            }
            opener.finish();
            expect(chunks.map(({ kind }) => kind)).toEqual(['head', 'body', 'body', 'receipt', 'end']);
            expect(chunks[0]).toEqual({ kind: 'head', status: 200, headers: { 'content-type': 'text/event-stream' } });
            expect(chunks[3]).toEqual({ kind: 'receipt', receipt });
            expect(text(chunks)).toBe('Hello');
        }
    });

    it('carries a long body in several chunks', async () => {
        const { opener, opened } = await exchange();
        const long = Buffer.alloc(200_000, 'x');
        const bytes = Buffer.concat([opened.sealer.head(200, {}), opened.sealer.body(long), opened.sealer.end()]);
        const chunks = opener.push(bytes);
        opener.finish();
        expect(text(chunks)).toBe(long.toString());
        expect(chunks.length).toBe(2 + 4);
    });

    it('has the same size for tokens of any length up to 251 bytes', async () => {
        const sizes = new Set<number>();
        for (const length of [1, 2, 17, 251]) {
            const { opened } = await exchange();
            const { sealer } = opened;
            sizes.add(
                Buffer.concat([sealer.head(200, {}), sealer.body(Buffer.alloc(length, 'w')), sealer.end()]).length,
            );
        }
        expect([...sizes]).toEqual([32 + 3 * (4 + 256 + 16)]);
    });

    it('is refused when a chunk is altered, left out, repeated, or swapped with another', async () => {
        const tampering: ((frames: Buffer[]) => Buffer[])[] = [
            ([head, one, two, three, end]) => {
                const altered = Buffer.from(two);
                altered[20] ^= 1;
                return [head, one, altered, three, end];
            },
            ([head, one, , three, end]) => [head, one, three, end],
            ([head, one, two, three, end]) => [head, one, one, two, three, end],
            ([head, one, two, three, end]) => [head, two, one, three, end],
            ([head, one, , , end]) => [head, one, end],
            ([head, one, two, three, end]) => [head, one, two, three, end, end],
            ([head, one, two, three, end]) => [head, one, two, three, end, Buffer.alloc(1)],
        ];
        for (const tamper of tampering) {
            const { opener, nonce, frames } = await framedAnswer();
            expect(() => opener.push(Buffer.concat([nonce, ...tamper(frames)]))).toThrow(
                expect.objectContaining({ code: 'altered' }),
            );
        }
    });

    it('that was cut is seen at its end, wherever it was cut', async () => {
        const { frames, nonce } = await framedAnswer();
        const stream = Buffer.concat([nonce, ...frames]);
        for (const length of [0, 31, 32, 40, 32 + 276, stream.length - 276, stream.length - 1]) {
            const { opener, frames: own, nonce: ownNonce } = await framedAnswer();
            opener.push(Buffer.concat([ownNonce, ...own]).subarray(0, length));
            expect(() => opener.finish()).toThrow(expect.objectContaining({ code: 'truncated' }));
        }
    });

    it('of another request does not open', async () => {
        const first = await framedAnswer();
        const second = await framedAnswer();
        expect(() => first.opener.push(Buffer.concat([second.nonce, ...second.frames]))).toThrow(
            expect.objectContaining({ code: 'altered' }),
        );
    });

    it('with a chunk longer than allowed is refused by its length, before it is held', async () => {
        const { opener, nonce } = await framedAnswer();
        for (const length of [0, 16, 255 + 16, 65_536 + 256 + 16, 0xffff_ffff]) {
            const frame = Buffer.alloc(4);
            frame.writeUInt32BE(length);
            const fresh = (await framedAnswer()).opener;
            expect(() => fresh.push(Buffer.concat([nonce, frame]))).toThrow(
                expect.objectContaining({ code: 'malformed' }),
            );
        }
        expect(opener.push(nonce)).toEqual([]);
    });

    it('whose sender breaks the format is refused, though it seals properly', async () => {
        const answer = { enc: new Uint8Array(32).fill(4), secret: new Uint8Array(32).fill(5) };
        const nonce = Buffer.alloc(32, 6);
        const keys = answerKeys(answer, nonce);
        const forge = (counter: number, plaintext: Buffer, mark = '') =>
            packFrame(sealAesGcm(keys.key, chunkNonce(keys.nonce, counter), Buffer.from(mark), plaintext));
        const chunk = (kind: number, payload: string, fill = 0, claimed = payload.length) => {
            const bytes = Buffer.alloc(256, 0);
            bytes[0] = kind;
            bytes.writeUInt32BE(claimed, 1);
            bytes.write(payload, 5);
            bytes.fill(fill, 5 + payload.length);
            return bytes;
        };
        const head = forge(0, chunk(0, '{"status":200,"headers":{}}'));
        const attempts: [string, Buffer[]][] = [
            ['begins with exactly one head', [forge(0, chunk(1, 'body first'))]],
            ['begins with exactly one head', [head, forge(1, chunk(0, '{"status":200,"headers":{}}'))]],
            ['200 to 599', [forge(0, chunk(0, '{"status":"200","headers":{}}'))]],
            ['200 to 599', [forge(0, chunk(0, '{"status":200,"headers":{"a":1}}'))]],
            ['is not JSON', [forge(0, chunk(0, '{'))]],
            ['kind 0 to 3, got 4', [head, forge(1, chunk(4, ''))]],
            ['padding', [head, forge(1, chunk(1, 'text', 1))]],
            ['says that it holds', [head, forge(1, chunk(1, 'text', 0, 1000))]],
            ['sealed as final', [head, forge(1, chunk(3, ''))]],
            ['sealed as final', [head, forge(1, chunk(1, 'text'), 'final')]],
            ['is empty', [head, forge(1, chunk(3, 'text'), 'final')]],
        ];
        for (const [message, frames] of attempts) {
            const opener = new AnswerOpener(answer);
            expect(() => opener.push(Buffer.concat([nonce, ...frames]))).toThrow(message);
        }
    });

    it('cannot be sealed out of order', async () => {
        const { opened } = await exchange();
        expect(() => opened.sealer.body(Buffer.from('x'))).toThrow('starts with its head');
        opened.sealer.head(200, {});
        expect(() => opened.sealer.head(200, {})).toThrow('comes once');
        opened.sealer.end();
        expect(() => opened.sealer.body(Buffer.from('x'))).toThrow('nothing after its end');
    });

    it('matches the vector: a fixed exchange gives the bytes that were computed independently', async () => {
        expect(await fixedBytes()).toEqual(ExpectedBytes);
    });
});
