import { isAcceptableEd25519Key } from '@ton-compute/contracts';
import { Cell } from '@ton/core';
import { ed25519Signer, ed25519Verifier } from './node-crypto';

/**
 * Signatures over payloads, as `signPayload` and `verifyPayload` of the contracts package make and check them, but with
 * the platform's own Ed25519: about 0.1 ms where the portable one takes ten.
 */

/** @param secretKey 64 bytes as @ton/crypto has them, or the 32-byte seed. */
export function createSigner(secretKey: Buffer): (payload: Cell) => Buffer {
    if (secretKey.length !== 64 && secretKey.length !== 32) {
        throw new RangeError(`A secret key has 64 bytes, or 32 as a seed; got ${secretKey.length}.`);
    }
    const sign = ed25519Signer(secretKey.subarray(0, 32));
    return (payload) => sign(payload.hash());
}

/**
 * @param publicKey 32 bytes.
 * @throws RangeError for a key of small order or not canonically encoded: anyone could sign for it.
 */
export function createVerifier(publicKey: Buffer): (payload: Cell, signature: Buffer) => boolean {
    if (!isAcceptableEd25519Key(publicKey)) {
        throw new RangeError(
            'The public key is of small order or not canonically encoded: nothing signed by it counts.',
        );
    }
    const verify = ed25519Verifier(publicKey);
    return (payload, signature) => signature.length === 64 && verify(payload.hash(), signature);
}
