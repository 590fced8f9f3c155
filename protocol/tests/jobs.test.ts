import { createHash, randomBytes } from 'node:crypto';
import { Address } from '@ton/core';
import fc from 'fast-check';

import {
    bundleRoot,
    ContentKeyBytes,
    encryptionKeyPairFromSecret,
    generateEncryptionKeyPair,
    instructionsHash,
    JobInstructions,
    JobItemResult,
    merkleLeaf,
    merkleProof,
    merkleRoot,
    newContentKey,
    openContent,
    openContentKey,
    packBundle,
    packJson,
    parseInstructions,
    parseItem,
    parseItemResult,
    sealContent,
    sealContentKey,
    SealingError,
    unpackBundle,
    verifyMerkleProof,
    WireFormatError,
} from '../src';

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const item = fc.uint8Array({ maxLength: 12 });
const items = fc.array(item, { minLength: 1, maxLength: 40 });

/** RFC 6962, section 2.1, word for word. */
function naiveRoot(list: readonly Uint8Array[]): Buffer {
    if (list.length === 1) {
        return sha256(Buffer.of(0), list[0]);
    }
    let split = 1;
    while (split * 2 < list.length) {
        split *= 2;
    }
    return sha256(Buffer.of(1), naiveRoot(list.slice(0, split)), naiveRoot(list.slice(split)));
}

/** The same section's audit path. */
function naivePath(list: readonly Uint8Array[], index: number): Buffer[] {
    if (list.length === 1) {
        return [];
    }
    let split = 1;
    while (split * 2 < list.length) {
        split *= 2;
    }
    return index < split
        ? [...naivePath(list.slice(0, split), index), naiveRoot(list.slice(split))]
        : [...naivePath(list.slice(split), index - split), naiveRoot(list.slice(0, split))];
}

describe('A Merkle root', () => {
    it('is that of RFC 6962', () => {
        fc.assert(fc.property(items, (list) => merkleRoot(list.map(merkleLeaf)).equals(naiveRoot(list))));
        for (const count of [63, 64, 65, 1000]) {
            const list = Array.from({ length: count }, (_, index) => Buffer.from(`${index}`));
            expect(merkleRoot(list.map(merkleLeaf))).toEqual(naiveRoot(list));
        }
    });

    it('needs a leaf, and cannot be had by passing off nodes as items', () => {
        expect(() => merkleRoot([])).toThrow(RangeError);
        const [a, b] = [merkleLeaf(Buffer.from('a')), merkleLeaf(Buffer.from('b'))];
        expect(merkleRoot([merkleLeaf(Buffer.concat([a, b]))])).not.toEqual(merkleRoot([a, b]));
        expect(merkleRoot([a])).toEqual(a);
    });

    it('changes with any change of the list', () => {
        fc.assert(
            fc.property(items, items, (a, b) => {
                const same = a.length === b.length && a.every((each, index) => Buffer.from(each).equals(b[index]));
                return naiveRoot(a).equals(naiveRoot(b)) === same && merkleRoot(a.map(merkleLeaf)).equals(merkleRoot(b.map(merkleLeaf))) === same;
            }),
        );
    });
});

describe('A Merkle proof', () => {
    const placed = items.chain((list) => fc.tuple(fc.constant(list), fc.nat(list.length - 1)));

    it('is the audit path of RFC 6962, and holds', () => {
        fc.assert(
            fc.property(placed, ([list, index]) => {
                const leaves = list.map(merkleLeaf);
                const path = merkleProof(leaves, index);
                expect(path).toEqual(naivePath(list, index));
                return verifyMerkleProof({ root: merkleRoot(leaves), leaf: leaves[index], index, count: list.length, path });
            }),
        );
        expect(merkleProof(Array.from({ length: 10_000 }, () => Buffer.alloc(32)), 0)).toHaveLength(14);
    });

    it('holds for nothing else', () => {
        fc.assert(
            fc.property(placed, fc.nat(), fc.nat(255), ([list, index], where, bit) => {
                const leaves = list.map((each, number) => merkleLeaf(Buffer.concat([Buffer.of(number), each])));
                const count = list.length;
                const good = { root: merkleRoot(leaves), leaf: leaves[index], index, count, path: merkleProof(leaves, index) };
                const flip = (bytes: Buffer) => {
                    const other = Buffer.from(bytes);
                    other[bit >> 3] ^= 1 << (bit & 7);
                    return other;
                };
                const bad = [
                    { ...good, root: flip(good.root) },
                    { ...good, leaf: flip(good.leaf) },
                    { ...good, path: [...good.path, good.root] },
                    { ...good, index: -1 },
                    { ...good, index: count },
                    { ...good, index: 0.5 },
                    { ...good, count: 0 },
                    ...(count > 1 ? [{ ...good, index: (index + 1) % count }] : []),
                    ...good.path.map((_, at) => ({ ...good, path: good.path.filter((__, other) => other !== at) })),
                    ...good.path.slice(0, 1).map(() => {
                        const at = where % good.path.length;
                        return { ...good, path: good.path.map((each, number) => (number === at ? flip(each) : each)) };
                    }),
                ];
                return bad.every((proof) => !verifyMerkleProof(proof));
            }),
        );
    });

    it('is given only for leaves that are there', () => {
        for (const index of [-1, 2, 0.5, NaN]) {
            expect(() => merkleProof([Buffer.alloc(32), Buffer.alloc(32)], index)).toThrow(RangeError);
        }
    });
});

describe('Sealed content', () => {
    const key = newContentKey();

    it('opens under its key, part and place only', () => {
        const sealed = sealContent(key, 'input', 3, Buffer.from('text'));
        expect(openContent(key, 'input', 3, sealed).toString()).toBe('text');
        const refusals = [
            () => openContent(key, 'input', 2, sealed),
            () => openContent(key, 'output', 3, sealed),
            () => openContent(key, 'instructions', 3, sealed),
            () => openContent(newContentKey(), 'input', 3, sealed),
            () => openContent(key, 'input', 3, Buffer.alloc(27)),
            () => openContent(key, 'input', 3, Buffer.alloc(0)),
        ];
        refusals.forEach((open) => expect(open).toThrow(SealingError));
    });

    it('cannot be altered', () => {
        const sealed = sealContent(key, 'output', 0, Buffer.from('text'));
        fc.assert(
            fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
                const other = Buffer.from(sealed);
                other[bit >> 3] ^= 1 << (bit & 7);
                expect(() => openContent(key, 'output', 0, other)).toThrow(/does not open under its key/);
            }),
        );
    });

    it('holds any bytes, and tells little of their length', () => {
        fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(9999), (bytes, index) => openContent(key, 'input', index, sealContent(key, 'input', index, bytes)).equals(bytes)));
        expect(sealContent(key, 'input', 0, Buffer.alloc(1)).length).toBe(sealContent(key, 'input', 0, Buffer.alloc(100)).length);
        expect(sealContent(key, 'input', 0, Buffer.alloc(1))).not.toEqual(sealContent(key, 'input', 0, Buffer.alloc(1)));
    });

    it('has keys that nobody has had before', () => {
        expect(newContentKey()).toHaveLength(ContentKeyBytes);
        expect(newContentKey()).not.toEqual(newContentKey());
    });
});

describe('A bundle', () => {
    const bundles = fc.record({ instructions: fc.option(fc.uint8Array({ minLength: 1, maxLength: 20 })), list: items });

    it('is unpacked as it was packed', () => {
        fc.assert(
            fc.property(bundles, ({ instructions, list }) => {
                const bundle = { instructions: instructions === null ? null : Buffer.from(instructions), items: list.map((each) => Buffer.from(each)) };
                const unpacked = unpackBundle(packBundle(bundle));
                expect(unpacked).toEqual(bundle);
                return bundleRoot(unpacked).equals(naiveRoot(list));
            }),
        );
    });

    it('is refused or another one when bytes are changed, cut off or added, and never fails otherwise', () => {
        fc.assert(
            fc.property(bundles, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ instructions, list }, where, change) => {
                const packed = packBundle({ instructions: instructions === null ? null : Buffer.from(instructions), items: list.map((each) => Buffer.from(each)) });
                const other = Buffer.from(packed);
                other[where % packed.length] ^= change;
                for (const bytes of [other, packed.subarray(0, where % packed.length), Buffer.concat([packed, Buffer.of(change)])]) {
                    try {
                        expect(packBundle(unpackBundle(bytes))).toEqual(Buffer.from(bytes));
                        expect(bytes).toBe(other);
                    } catch (error) {
                        expect(error).toMatchObject({ name: 'SealingError', code: 'malformed' });
                    }
                }
            }),
        );
    });

    it('has 1 to 10,000 items', () => {
        const header = (count: number) => {
            const bytes = Buffer.alloc(12);
            bytes.write('TCJ1');
            bytes.writeUInt32BE(count, 4);
            return bytes;
        };
        for (const count of [0, 10_001, 0xffffffff]) {
            expect(() => unpackBundle(header(count))).toThrow(`it claims ${count} items, expected 1 to 10000`);
        }
        expect(() => unpackBundle(header(1))).toThrow('it ends after 1 of 2 parts');
        expect(() => unpackBundle(Buffer.from('TCJ2'.padEnd(40, '\0')))).toThrow('it does not begin with TCJ1');
        expect(unpackBundle(packBundle({ instructions: null, items: Array.from({ length: 10_000 }, () => Buffer.of(1)) })).items).toHaveLength(10_000);
    });

    it('names its instructions by their hash', () => {
        expect(instructionsHash(Buffer.from('x'))).toEqual(sha256(Buffer.from('x')));
    });
});

describe('A content key', () => {
    const context = { globalId: -3, job: new Address(0, Buffer.alloc(32, 7)), openedLt: 12_345n };

    it('opens for its provider, network, job and life only', async () => {
        const pair = await generateEncryptionKeyPair();
        const key = newContentKey();
        const sealed = await sealContentKey(pair.publicKey, context, key);
        expect(sealed).toHaveLength(80);
        expect(await openContentKey(pair, context, sealed)).toEqual(key);
        const others = [
            { ...context, globalId: -239 },
            { ...context, openedLt: 12_346n },
            { ...context, job: new Address(0, Buffer.alloc(32, 8)) },
        ];
        for (const other of others) {
            await expect(openContentKey(pair, other, sealed)).rejects.toMatchObject({ code: 'cannot_open' });
        }
        await expect(openContentKey(await generateEncryptionKeyPair(), context, sealed)).rejects.toMatchObject({ code: 'cannot_open' });
        for (const bytes of [sealed.subarray(1), Buffer.concat([sealed, Buffer.of(0)]), Buffer.alloc(80), Buffer.alloc(0)]) {
            await expect(openContentKey(pair, context, bytes)).rejects.toMatchObject({ code: 'cannot_open' });
        }
        for (const at of [0, 31, 32, 63, 64, 79]) {
            const altered = Buffer.from(sealed);
            altered[at] ^= 1;
            await expect(openContentKey(pair, context, altered)).rejects.toMatchObject({ code: 'cannot_open' });
        }
    });

    it('is not sealed to a key of small order, of another length, or not canonical', async () => {
        const one = Buffer.alloc(32);
        one[0] = 1;
        const orderEight = Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex');
        const minusOne = Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex');
        const modulus = Buffer.from(`ed${'ff'.repeat(30)}7f`, 'hex');
        for (const bad of [Buffer.alloc(32), one, orderEight, minusOne, modulus, Buffer.alloc(32, 255), Buffer.alloc(31, 9), Buffer.alloc(0)]) {
            await expect(sealContentKey(bad, context, newContentKey())).rejects.toMatchObject({ code: 'bad_key' });
        }
    });

    it('of small order in an award opens nothing', async () => {
        const pair = await encryptionKeyPairFromSecret(randomBytes(32));
        await expect(openContentKey(pair, context, Buffer.concat([Buffer.alloc(32), Buffer.alloc(48, 1)]))).rejects.toMatchObject({ code: 'cannot_open' });
    });

    it('has 32 bytes', async () => {
        const { publicKey } = await generateEncryptionKeyPair();
        await expect(sealContentKey(publicKey, context, Buffer.alloc(31))).rejects.toMatchObject({ code: 'misuse' });
    });
});

describe('Instructions', () => {
    const instructions: JobInstructions = {
        version: 1,
        task: 'chat',
        system: 'Be brief.',
        parameters: { max_tokens: 5, temperature: 0 },
        output: { writeUrl: 'file:///store/out', readUrl: 'file:///store/out' },
    };
    const changed = (change: object) => Buffer.from(JSON.stringify({ ...instructions, ...change }));

    it('are read as they were written', () => {
        expect(parseInstructions(packJson(instructions))).toEqual(instructions);
        const embeddings = { ...instructions, task: 'embeddings', parameters: {} } as const;
        expect(parseInstructions(packJson(embeddings))).toEqual(embeddings);
    });

    it.each<[string, object]>([
        ['version', { version: 2 }],
        ['task', { task: 'video' }],
        ['system', { system: undefined }],
        ['parameters', { parameters: [] }],
        ['parameters.max_tokens', { parameters: {} }],
        ['parameters.max_tokens', { parameters: { max_tokens: 0 } }],
        ['parameters.max_tokens', { parameters: { max_tokens: 1.5 } }],
        ['output', { output: null }],
        ['output.writeUrl', { output: { readUrl: 'a' } }],
        ['output.readUrl', { output: { writeUrl: 'a', readUrl: 5 } }],
    ])('are refused for their %s', (field, change) => {
        expect(() => parseInstructions(changed(change))).toThrow(expect.objectContaining({ name: 'WireFormatError', field: `instructions.${field}` }));
    });

    it.each(['', '{', '[]', 'null', '"text"', '{"text'])('are refused when they are no JSON object: %j', (text) => {
        expect(() => parseInstructions(Buffer.from(text))).toThrow(WireFormatError);
    });
});

describe('An item', () => {
    it('is read by its task', () => {
        expect(parseItem('chat', packJson({ prompt: 'a' }))).toEqual({ prompt: 'a' });
        expect(parseItem('chat', packJson({ messages: [{ role: 'user', content: 'a' }] }))).toEqual({ messages: [{ role: 'user', content: 'a' }] });
        expect(parseItem('embeddings', packJson({ input: 'a' }))).toEqual({ input: 'a' });
        for (const text of ['{"input":"a"}', '{"prompt":5}', '{"messages":"a"}', '[]', '{']) {
            expect(() => parseItem('chat', Buffer.from(text))).toThrow(WireFormatError);
        }
        expect(() => parseItem('embeddings', Buffer.from('{"prompt":"a"}'))).toThrow(WireFormatError);
    });

    it('has a result that is read as it was written', () => {
        const results: JobItemResult[] = [
            { status: 'ok', content: 'a', finishReason: 'stop', promptTokens: 1, completionTokens: 2 },
            { status: 'ok', embedding: [0.5, -1], promptTokens: 3 },
            { status: 'error', code: 'invalid_request', message: 'm' },
        ];
        results.forEach((result) => expect(parseItemResult(packJson(result))).toEqual(result));
        for (const bad of [
            { status: 'maybe' },
            { status: 'error', code: 5, message: 'm' },
            { status: 'ok', embedding: ['a'], promptTokens: 1 },
            { status: 'ok', embedding: [1], promptTokens: -1 },
            { status: 'ok', content: 'a', finishReason: 'stop', promptTokens: 1.5, completionTokens: 2 },
            { status: 'ok', content: 'a', finishReason: 'stop', promptTokens: 1 },
        ]) {
            expect(() => parseItemResult(Buffer.from(JSON.stringify(bad)))).toThrow(WireFormatError);
        }
    });
});
