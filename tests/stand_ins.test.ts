import { beginCell, BitBuilder, BitReader, BitString, Builder, Cell } from '@ton/core';
import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { encodeKey, SmallOrderEd25519 } from './support/weak_keys';

// What stands in for the slowest parts of libraries in all tests gives the results, and the errors, of what it replaces.

type Library = typeof import('@ton/core');
let original: Library;
let originalNacl: typeof nacl;
jest.isolateModules(() => {
    original = require('../node_modules/@ton/core/dist/index.js');
});
// Not beside the other, which loads the stand-in for it.
jest.isolateModules(() => {
    originalNacl = require('../node_modules/tweetnacl/nacl-fast.js');
});

it('the originals are not those that the tests use', () => {
    expect(original.Cell).not.toBe(Cell);
    expect(original.Cell.prototype.toBoc).not.toBe(Cell.prototype.toBoc);
    expect(original.BitReader.prototype.loadUint).not.toBe(BitReader.prototype.loadUint);
    expect(originalNacl.sign.detached).not.toBe(nacl.sign.detached);
});

/** What a call gives, or the message with which it fails. */
function outcome<T>(call: () => T): T | string {
    try {
        return call();
    } catch (error) {
        return `throws ${(error as Error).message}`;
    }
}

describe('bits', () => {
    const number = fc.oneof(fc.bigInt({ min: -2n, max: 1n << 300n }), fc.bigInt({ min: 0n, max: 1n << 33n }), fc.maxSafeInteger(), fc.double());
    const width = fc.oneof(fc.integer({ min: -1, max: 70 }), fc.integer({ min: 0, max: 1030 }));

    it('numbers are written at any place in any width, or refused', () => {
        fc.assert(fc.property(fc.integer({ min: 0, max: 40 }), fc.array(fc.tuple(number, width), { maxLength: 6 }), (offset, numbers) => {
            const [found, expected] = [BitBuilder, original.BitBuilder].map((Class) => {
                const builder = new Class(400);
                const results: unknown[] = [offset > 0 && builder.writeUint(1, offset)];
                for (const [value, bits] of numbers) {
                    results.push(outcome(() => builder.writeUint(value, bits)), builder.length);
                }
                return { results, bits: builder.build().toString() };
            });
            expect(found).toEqual(expected);
        }), { numRuns: 400 });
    });

    it('numbers are read at any place in any width, or refused', () => {
        const bytes = fc.uint8Array({ minLength: 30, maxLength: 60 });
        fc.assert(fc.property(bytes, fc.nat(20), fc.nat(480), fc.array(width, { minLength: 1, maxLength: 5 }), (data, offset, length, widths) => {
            const [found, expected] = [{ BitReader, BitString }, original].map((classes) => {
                const whole = new classes.BitString(Buffer.from(data), 0, data.length * 8);
                const bits = outcome(() => whole.substring(offset, length));
                if (typeof bits === 'string') {
                    return bits;
                }
                const reader = new classes.BitReader(bits as never);
                return widths.map((width) => [
                    outcome(() => reader.preloadUint(width)), outcome(() => reader.preloadUintBig(width)),
                    outcome(() => reader.loadUint(width)), reader.offset,
                    outcome(() => reader.loadUintBig(width)), reader.offset,
                ]);
            });
            expect(found).toEqual(expected);
        }), { numRuns: 400 });
    });

    it('bits are copied from any place to any place, or refused', () => {
        fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(20), fc.nat(380), fc.nat(20), (data, from, length, to) => {
            const [found, expected] = [{ BitBuilder, BitString }, original].map((classes) => {
                const builder = new classes.BitBuilder(200);
                builder.writeUint(0, to);
                const bits = new classes.BitString(Buffer.from(data), from, length);
                return [outcome(() => builder.writeBits(bits as never)), builder.length <= 200 && builder.build().toString()];
            });
            expect(found).toEqual(expected);
        }), { numRuns: 400 });
    });
});

/** A tree in which cells come up more than once, some of them exotic, as the library builds it. */
type Plan = { bits: boolean[]; library: boolean; refs: number[] }[];
const plan: fc.Arbitrary<Plan> = fc.array(fc.record({
    bits: fc.oneof(fc.array(fc.boolean(), { maxLength: 40 }), fc.array(fc.boolean(), { minLength: 1000, maxLength: 1023 })),
    library: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
    refs: fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }),
}), { minLength: 1, maxLength: 300 });

function build({ beginCell: begin }: { beginCell(): Builder }, parts: Plan): Cell {
    const cells: Cell[] = [];
    for (const { bits, library, refs } of parts) {
        const builder = begin();
        if (library) {
            cells.push(builder.storeUint(2, 8).storeUint(bits.length, 256).endCell({ exotic: true }));
            continue;
        }
        bits.forEach((bit) => builder.storeBit(bit));
        // Of the youngest seven, so that trees are deep and come together again.
        const children = cells.slice(-7);
        refs.filter((ref) => ref < children.length).forEach((ref) => builder.storeRef(children[ref]));
        cells.push(builder.endCell());
    }
    return cells[cells.length - 1];
}

describe('bags of cells', () => {
    const options = [undefined, { crc32: false }, { idx: true }, { idx: true, crc32: false }];

    it('are written byte by byte as the library writes them', () => {
        fc.assert(fc.property(plan, (parts) => {
            const [found, expected] = [build({ beginCell }, parts), build(original, parts)];
            expect(found.hash()).toEqual(expected.hash());
            for (const each of options) {
                expect(found.toBoc(each).equals(expected.toBoc(each))).toBe(true);
            }
            // A caller may write into what it was given.
            found.toBoc().fill(0);
            expect(found.toBoc().equals(expected.toBoc())).toBe(true);
        }), { numRuns: 40 });
    });

    const tree = (cell: Cell): unknown => [cell.bits.toString(), cell.bits.length, cell.type, cell.hash().toString('hex'), cell.depth(), cell.refs.map((ref) => ref.hash().toString('hex'))];
    const all = (cell: Cell, seen = new Map<string, unknown>()): Map<string, unknown> => {
        if (!seen.has(cell.hash().toString('hex'))) {
            seen.set(cell.hash().toString('hex'), tree(cell));
            cell.refs.forEach((ref) => all(ref, seen));
        }
        return seen;
    };
    const read = ({ Cell: Class }: { Cell: typeof Cell }, bag: Buffer) => outcome(() => Class.fromBoc(bag).map((cell) => all(cell)));

    it('are read as the library reads them', () => {
        fc.assert(fc.property(plan, fc.constantFrom(...options), (parts, each) => {
            const bag = build(original, parts).toBoc(each);
            expect(read({ Cell }, bag)).toEqual(read(original, bag));
        }), { numRuns: 40 });
    });

    it('are read, or refused in the same words, when bytes are changed, missing or too many', () => {
        const change = fc.record({ at: fc.nat(400), by: fc.nat(255), cut: fc.integer({ min: -3, max: 5 }), crc32: fc.boolean() });
        fc.assert(fc.property(plan.map((parts) => parts.slice(0, 12)), fc.array(change, { minLength: 1, maxLength: 3 }), (parts, changes) => {
            let bag = build(original, parts).toBoc({ crc32: changes[0].crc32 });
            for (const { at, by, cut } of changes) {
                // Headers are short: every second change is one of theirs.
                bag[(at % 2 === 0 ? at % 16 : at) % bag.length] ^= by;
                bag = cut >= 0 && cut < bag.length && by % 3 === 0 ? bag.subarray(0, bag.length - cut) : Buffer.concat([bag, Buffer.alloc(by % 3 === 0 ? -cut : 0)]);
            }
            expect(read({ Cell }, bag)).toEqual(read(original, bag));
        }), { numRuns: 600 });
    });

    it('equal cells of two bags are one', () => {
        const cell = beginCell().storeUint(7, 9).storeRef(beginCell().storeUint(8, 70).endCell()).endCell();
        expect(Cell.fromBase64(cell.toBoc().toString('base64'))).toBe(Cell.fromBase64(cell.toBoc({ crc32: false }).toString('base64')));
    });
});

describe('Ed25519', () => {
    const seeds = Array.from({ length: 3 }, (_, i) => new Uint8Array(createHash('sha256').update(`seed ${i}`).digest()));
    const messages = [0, 1, 32, 300].map((length) => new Uint8Array(length).fill(length));

    it('keys and signatures are the same bytes', () => {
        for (const seed of seeds) {
            const pair = nacl.sign.keyPair.fromSeed(seed);
            expect(pair).toEqual(originalNacl.sign.keyPair.fromSeed(seed));
            for (const message of messages) {
                expect(nacl.sign.detached(message, pair.secretKey)).toEqual(originalNacl.sign.detached(message, pair.secretKey));
            }
        }
    });

    it('a secret key with the public half of another signs as it does there', () => {
        const secretKey = nacl.sign.keyPair.fromSeed(seeds[0]).secretKey;
        secretKey.set(nacl.sign.keyPair.fromSeed(seeds[1]).publicKey, 32);
        expect(nacl.sign.detached(messages[2], secretKey)).toEqual(originalNacl.sign.detached(messages[2], secretKey));
    });

    it('right, wrong, second and weak signatures have the same verdict', () => {
        const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(seeds[0]);
        const message = messages[2];
        const signature = nacl.sign.detached(message, secretKey);
        const order = 2n ** 252n + 27742317777372353535851937790883648493n;
        const s = BigInt('0x' + Buffer.from(signature.subarray(32)).reverse().toString('hex'));
        const second = Uint8Array.from([...signature.subarray(0, 32), ...encodeKey(s + order)]);
        const flipped = signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
        const weak = SmallOrderEd25519.flatMap(([, key]) => [SmallOrderEd25519[0][1], key].map((r) => [Uint8Array.from([...r, ...Buffer.alloc(32)]), new Uint8Array(key)]));
        const verdicts = [[signature, publicKey], [second, publicKey], [flipped, publicKey], [signature, nacl.sign.keyPair.fromSeed(seeds[1]).publicKey], ...weak]
            .map(([signed, key]) => [nacl.sign.detached.verify(message, signed, key), originalNacl.sign.detached.verify(message, signed, key)]);
        expect(verdicts.slice(0, 4).map(([found]) => found)).toEqual([true, true, false, false]);
        expect(verdicts.map(([found]) => found)).toEqual(verdicts.map(([, expected]) => expected));
    });

    it('what is no key, no signature and no message is refused in the same words', () => {
        const [short, text] = [new Uint8Array(3), 'text' as never];
        for (const [found, expected] of [nacl, originalNacl].map(({ sign }) => [
            () => sign.keyPair.fromSeed(short), () => sign.keyPair.fromSeed(text), () => sign.detached(messages[1], short), () => sign.detached(text, short),
            () => sign.detached.verify(messages[1], short, seeds[0]), () => sign.detached.verify(messages[1], new Uint8Array(64), short),
        ].map((call) => outcome<unknown>(call))).reduce<unknown[][]>((pairs, results) => results.map((result, i) => [...(pairs[i] ?? []), result]), [])) {
            expect(String(found)).toMatch(/^throws /);
            expect(found).toBe(expected);
        }
    });
});

describe('SHA-2', () => {
    type Sha = new (variant: string, format: string, options?: object) => { update(hex: string): unknown; getHash(format: string): string };
    const Native: Sha = require('jssha').default;
    const Original: Sha = require('../node_modules/jssha/dist/sha.js');

    it('hashes and codes of messages are the same', () => {
        expect(Native).not.toBe(Original);
        for (const length of [0, 1, 55, 64, 200]) {
            const hex = Buffer.alloc(length, length).toString('hex');
            for (const [variant, options] of [['SHA-256', {}], ['SHA-512', {}], ['SHA-512', { hmacKey: { value: '0a0b', format: 'HEX' } }]] as const) {
                const [found, expected] = [Native, Original].map((Class) => {
                    const sha = new Class(variant, 'HEX', options);
                    sha.update(hex);
                    return sha.getHash('HEX');
                });
                expect(found).toBe(expected);
            }
        }
        expect(new Native('SHA-256', 'HEX').getHash('HEX')).toBe(createHash('sha256').digest('hex'));
        expect(new Native('SHA-512', 'HEX', { hmacKey: { value: '0a', format: 'HEX' } }).getHash('HEX')).toBe(createHmac('sha512', Buffer.from('0a', 'hex')).digest('hex'));
    });
});
