import { beginCell } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import { signPayload, verifyPayload } from '@ton-compute/contracts';
import { createSigner, createVerifier } from '../src';

const keys = keyPairFromSeed(Buffer.alloc(32, 4));
const payload = beginCell().storeUint(1, 32).endCell();
const other = beginCell().storeUint(2, 32).endCell();

describe('signatures', () => {
    it('are the same bytes that the contracts package makes', () => {
        const signature = createSigner(keys.secretKey)(payload);
        expect(signature).toEqual(signPayload(payload, keys.secretKey));
        expect(createSigner(keys.secretKey.subarray(0, 32))(payload)).toEqual(signature);
        expect(verifyPayload(payload, signature, keys.publicKey)).toBe(true);
    });

    it('count only for their payload, their key and at full length', () => {
        const verify = createVerifier(keys.publicKey);
        const signature = createSigner(keys.secretKey)(payload);
        const altered = Buffer.from(signature);
        altered[0] ^= 1;
        expect(verify(payload, signature)).toBe(true);
        expect(verify(other, signature)).toBe(false);
        expect(verify(payload, altered)).toBe(false);
        expect(verify(payload, signature.subarray(1))).toBe(false);
        expect(createVerifier(keyPairFromSeed(Buffer.alloc(32, 5)).publicKey)(payload, signature)).toBe(false);
    });

    it('of a key of small order never count', () => {
        const identity = Buffer.alloc(32);
        identity[0] = 1;
        expect(() => createVerifier(identity)).toThrow('small order');
        expect(() => createSigner(Buffer.alloc(31))).toThrow('got 31');
    });
});
