import { Address } from '@ton/core';
import { generateEncryptionKeyPair, openRequest, SealingContext } from '@ton-compute/protocol';
import { Sealer } from '../src/session/sealer';

const context: SealingContext = {
    globalId: -3,
    provider: new Address(0, Buffer.alloc(32, 1)),
    escrow: new Address(0, Buffer.alloc(32, 2)),
    model: Buffer.alloc(32, 3),
};
const target = { method: 'POST', path: '/v1/embeddings', body: Buffer.from('{}') };

it('what was prepared seals one request, and the next one is sealed anew', async () => {
    const keyPair = await generateEncryptionKeyPair();
    const sealer = new Sealer(context);
    sealer.prepare(keyPair.publicKey);
    const sealed = [];
    for (let index = 0; index < 3; index += 1) {
        sealed.push((await (await sealer.next(keyPair.publicKey))(target)).bytes);
    }
    const opened = await Promise.all(sealed.map((bytes) => openRequest({ ...target, context, keyPair, bytes })));
    expect(opened.map(({ body }) => Buffer.from(body).toString())).toEqual(['{}', '{}', '{}']);
    expect(new Set(opened.map(({ enc }) => Buffer.from(enc).toString('hex'))).size).toBe(3);
});

it('what was prepared for a key that the chain no longer shows is thrown away', async () => {
    const [before, after] = [await generateEncryptionKeyPair(), await generateEncryptionKeyPair()];
    const sealer = new Sealer(context);
    sealer.prepare(before.publicKey);
    const { bytes } = await (await sealer.next(after.publicKey))(target);
    await expect(openRequest({ ...target, context, keyPair: after, bytes })).resolves.toBeDefined();
    await expect(openRequest({ ...target, context, keyPair: before, bytes })).rejects.toMatchObject({ code: 'cannot_open' });
});

it('a key of small order is refused to whoever asks, not when it is prepared', async () => {
    const sealer = new Sealer(context);
    sealer.prepare(Buffer.alloc(32));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(sealer.next(Buffer.alloc(32))).rejects.toMatchObject({ code: 'bad_key' });
});
