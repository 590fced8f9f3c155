import { p256 } from '@noble/curves/p256';
import { Cell } from '@ton/core';
import { bytesToNumber, digestNumber, P256Key, ReferenceDigest } from '../../src';

const { Point } = p256;
const { Fn, Fp } = Point;
const B = p256.CURVE.b;

/** P256_CHKSIGNS: the digest of one byte, checked with a signature and a compressed key. */
function checkSigns(byte: number, r: bigint, s: bigint, x: bigint, y: bigint): boolean {
    const key = Buffer.from(`0${2n + (y & 1n)}${x.toString(16).padStart(64, '0')}`, 'hex');
    const signature = Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex');
    return p256.verify(signature, Buffer.from([byte]), key, { prehash: true });
}

/**
 * What the contracts do with a signature cell: the equations of contracts/attestation, with the opcodes of the TVM
 * replaced by a library.
 */
export function verifiesAfterRekeying(signed: Buffer, signature: Cell, key: P256Key): boolean {
    const rs = signature.beginParse();
    const [r, s] = [rs.loadUintBig(256), rs.loadUintBig(256)];
    const hint = rs.loadRef().beginParse();
    const [k, ax, slope] = [hint.loadUintBig(256), hint.loadUintBig(256), hint.loadUintBig(256)];
    hint.endParse();
    rs.endParse();
    if (ax >= Fp.ORDER || ax === key.x) {
        return false;
    }
    if (Fn.mul(Fn.create(k), Fn.create(r)) !== Fn.create(digestNumber(signed) - ReferenceDigest)) {
        return false;
    }
    const ay = Fp.create(slope * (ax - key.x) + key.y);
    if (Fp.sqr(ay) !== Fp.create(ax * ax * ax - 3n * ax + B)) {
        return false;
    }
    // Two signatures with the fixed nonce point G, which anyone can make, are good only if A = kG.
    const gx = Point.BASE.toAffine().x;
    const proves = (byte: number) =>
        checkSigns(byte, gx, Fn.create(gx * k + bytesToNumber(Buffer.from(digestOf(byte)))), ax, ay);
    if (!proves(0) || !proves(1)) {
        return false;
    }
    const x = Fp.create(slope * slope - key.x - ax);
    const y = Fp.create(slope * (key.x - x) - key.y);
    return checkSigns(0, r, s, x, y);
}

function digestOf(byte: number): Buffer {
    return Buffer.from(digestNumber(Buffer.from([byte])).toString(16).padStart(64, '0'), 'hex');
}
