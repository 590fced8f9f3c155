import { createHash } from 'node:crypto';
import { p256 } from '@noble/curves/p256';
import { bytesToNumber, numberToBytes, P256Key } from '../p256';

/** A key pair of P-256 that the same seed and label give again. Worthless: whoever knows the seed has it. */
export type KeyPair = {
    secret: Buffer;
    publicKey: P256Key;
};

/** @returns 32 bytes that depend on seed and label only. */
export function derive(seed: string, label: string): Buffer {
    return createHash('sha256').update(`${seed}\0${label}`).digest();
}

const known = new Map<string, KeyPair>();

/** @returns the same pair for the same seed and label, always. */
export function keyPair(seed: string, label: string): KeyPair {
    const id = `${seed}\0${label}`;
    let pair = known.get(id);
    if (pair === undefined) {
        const secret = (bytesToNumber(derive(seed, label)) % (p256.CURVE.n - 1n)) + 1n;
        const { x, y } = p256.Point.BASE.multiply(secret).toAffine();
        pair = { secret: numberToBytes(secret), publicKey: { x, y } };
        known.set(id, pair);
    }
    return pair;
}

/** Deterministic ECDSA (RFC 6979) over SHA-256. @returns r and s, 64 bytes, and the same in DER. */
export function signWith(key: KeyPair, message: Buffer): { raw: Buffer; der: Buffer } {
    const digest = createHash('sha256').update(message).digest();
    const signature = p256.sign(digest, key.secret, { lowS: false, prehash: false });
    return { raw: Buffer.from(signature.toBytes('compact')), der: Buffer.from(signature.toBytes('der')) };
}
