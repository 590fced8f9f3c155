import { createHash } from 'node:crypto';
import { p256 } from '@noble/curves/p256';
import { beginCell, Cell } from '@ton/core';
import { AttestationError } from './errors';

/** A public key of P-256, affine. */
export type P256Key = { x: bigint; y: bigint };

/**
 * What makes it cheap for a contract to check an ECDSA signature over more than 127 bytes (docs/attestation-cells.md):
 * instead of verifying `(r, s)` over e with key Q it verifies the same `(r, s)` over a constant with key Q + A.
 */
export type P256Hint = {
    /** (e - E0) / r modulo the order of the group. */
    k: bigint;
    /** x of A = kG. */
    ax: bigint;
    /** Slope of the line through Q and A. */
    slope: bigint;
};

const { Point } = p256;

/** SHA-256 of the byte 0: what the signature is checked over after the change of key. */
export const ReferenceDigest = digestNumber(Buffer.from([0]));

/** @returns the number that ECDSA signs: SHA-256, big-endian. */
export function digestNumber(signed: Uint8Array): bigint {
    return bytesToNumber(createHash('sha256').update(signed).digest());
}

export function bytesToNumber(bytes: Uint8Array): bigint {
    return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

/** @returns 32 bytes, big-endian. */
export function numberToBytes(value: bigint): Buffer {
    return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

/** @param bytes x and y, 32 bytes each. @throws AttestationError unless it is a point of the curve. */
export function keyFromBytes(bytes: Uint8Array): P256Key {
    try {
        const point = Point.fromHex(Buffer.concat([Buffer.from([4]), bytes]).toString('hex'));
        point.assertValidity();
        return { x: point.x, y: point.y };
    } catch (error) {
        throw new AttestationError(
            'bad_signature',
            `${Buffer.from(bytes).toString('hex')} is no public key of P-256. Expected x and y of a point of the curve.`,
            { cause: error },
        );
    }
}

/** @returns x and y, 32 bytes each. */
export function keyToBytes(key: P256Key): Buffer {
    return Buffer.concat([numberToBytes(key.x), numberToBytes(key.y)]);
}

export function sameKey(a: P256Key, b: P256Key): boolean {
    return a.x === b.x && a.y === b.y;
}

/**
 * The hint for one signature. It exists whether or not the signature is good: the contract finds that out.
 * @param digest `digestNumber` of what is signed.
 * @param r first half of the signature.
 * @param key of whoever is said to have signed.
 * @throws AttestationError for the few values for which there is no hint; a genuine signature is not among them.
 */
export function p256Hint(digest: bigint, r: bigint, key: P256Key): P256Hint {
    const { Fn, Fp } = Point;
    const factor = Fn.create(r);
    if (factor === 0n) {
        throw noHint();
    }
    const k = Fn.div(Fn.create(digest - ReferenceDigest), factor);
    if (k === 0n) {
        throw noHint();
    }
    const a = Point.BASE.multiply(k).toAffine();
    if (a.x === key.x) {
        throw noHint();
    }
    return { k, ax: a.x, slope: Fp.div(Fp.create(a.y - key.y), Fp.create(a.x - key.x)) };
}

function noHint(): AttestationError {
    return new AttestationError(
        'bad_signature',
        'There is no hint for this signature: r is 0, or it was made for this very case. Expected a genuine signature.',
    );
}

/**
 * `r:uint256 s:uint256` with the hint, `k:uint256 ax:uint256 slope:uint256`, in its reference.
 * @param signed the bytes that are signed.
 * @param signature r and s, 32 bytes each.
 * @param signer public key of whoever is said to have signed.
 */
export function signatureCell(signed: Uint8Array, signature: Uint8Array, signer: P256Key): Cell {
    if (signature.length !== 64) {
        throw new AttestationError(
            'bad_signature',
            `A signature has 64 bytes, r and s, and this one ${signature.length}. Convert it from DER first.`,
        );
    }
    const hint = p256Hint(digestNumber(signed), bytesToNumber(signature.subarray(0, 32)), signer);
    const hintCell = beginCell().storeUint(hint.k, 256).storeUint(hint.ax, 256).storeUint(hint.slope, 256).endCell();
    return beginCell().storeBuffer(Buffer.from(signature)).storeRef(hintCell).endCell();
}
