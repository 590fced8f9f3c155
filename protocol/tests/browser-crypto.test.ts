import { randomBytes } from 'node:crypto';
import { keyPairFromSeed } from '@ton/crypto';
import * as portable from '../src/browser-crypto';
import * as native from '../src/node-crypto';

const sizes = [0, 1, 15, 16, 17, 251, 5_000];
const key = randomBytes(32);
const nonce = randomBytes(12);
const aad = Buffer.from('final');

/** Order of the base point of Ed25519 (RFC 8032), little-endian: a signature's second half is below it. */
const order = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');

/** @returns the sum of two numbers of 32 bytes, little-endian. */
function sum(a: Buffer, b: Buffer): Buffer {
    let carry = 0;
    return Buffer.from(a.map((byte, index) => {
        carry = byte + b[index] + (carry >> 8);
        return carry & 0xff;
    }));
}

describe('the primitives for browsers', () => {
    it('have the names of those for Node, and no others', () => {
        expect(Object.keys(portable).sort()).toEqual(Object.keys(native).sort());
    });

    it('hash, derive and seal to the same bytes, for any size', () => {
        for (const size of sizes) {
            const bytes = randomBytes(size);
            expect(portable.sha256(bytes, aad)).toEqual(native.sha256(bytes, aad));
            const [one, other] = [portable.createSha256(), native.createSha256()];
            for (const hash of [one, other]) {
                hash.update(bytes);
                hash.update(aad);
            }
            expect(one.digest()).toEqual(other.digest());
            expect(portable.hkdfSha256(key, bytes, 'key', 44)).toEqual(native.hkdfSha256(key, bytes, 'key', 44));
            for (const additional of [aad, Buffer.alloc(0)]) {
                const sealed = Buffer.concat(portable.sealAesGcm(key, nonce, additional, bytes));
                expect(sealed).toEqual(Buffer.concat(native.sealAesGcm(key, nonce, additional, bytes)));
                expect(portable.openAesGcm(key, nonce, additional, sealed)).toEqual(bytes);
            }
        }
        expect(portable.secureRandom(32)).toHaveLength(32);
        expect(portable.secureRandom(32)).not.toEqual(portable.secureRandom(32));
    });

    it('open nothing that was altered, cut, or sealed with other data', () => {
        const sealed = Buffer.concat(native.sealAesGcm(key, nonce, aad, Buffer.from('text')));
        for (const position of [0, 3, 4, sealed.length - 1]) {
            const altered = Buffer.from(sealed);
            altered[position] ^= 1;
            expect(portable.openAesGcm(key, nonce, aad, altered)).toBeNull();
        }
        for (const cut of [sealed.subarray(1), sealed.subarray(0, 15), Buffer.alloc(0)]) {
            expect(portable.openAesGcm(key, nonce, aad, cut)).toBeNull();
        }
        expect(portable.openAesGcm(key, nonce, Buffer.alloc(0), sealed)).toBeNull();
    });

    it('sign as Node does, and refuse what Node refuses', () => {
        const seed = randomBytes(32);
        const message = randomBytes(32);
        const signature = portable.ed25519Signer(seed)(message);
        expect(signature).toEqual(native.ed25519Signer(seed)(message));
        const { publicKey } = keyPairFromSeed(seed);
        const shifted = Buffer.concat([signature.subarray(0, 32), sum(signature.subarray(32), order)]);
        const altered = Buffer.from(signature);
        altered[40] ^= 1;
        for (const { ed25519Verifier } of [portable, native]) {
            const verify = ed25519Verifier(publicKey);
            expect(verify(message, signature)).toBe(true);
            expect(verify(message, altered)).toBe(false);
            expect(verify(message, shifted)).toBe(false);
            expect(verify(randomBytes(32), signature)).toBe(false);
        }
    });
});
