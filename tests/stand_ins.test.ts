import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { encodeKey, SmallOrderEd25519 } from './support/weak_keys';

// What stands in for the slowest parts of libraries in all tests gives the results, and the errors, of what it replaces.

let originalNacl: typeof nacl;
// Not beside the other, which loads the stand-in for it.
jest.isolateModules(() => {
    originalNacl = require('../node_modules/tweetnacl/nacl-fast.js');
});

it('the originals are not those that the tests use', () => {
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
