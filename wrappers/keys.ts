/**
 * Public keys that must never be stored. A low-order Ed25519 key accepts a signature that anyone can write down; a
 * low-order X25519 key gives the same shared secret to everyone; a non-canonical encoding gives one key two names.
 * The contracts apply the same rules in contracts/common/keys.tact.
 */

const FieldPrime = 2n ** 255n - 19n;
const SignBit = 2n ** 255n;

/** y coordinates of the eight points of small order on edwards25519 (RFC 8032, section 5.1; two of order 8 are ±y). */
const LowOrderEd25519 = new Set([
    0n,
    1n,
    FieldPrime - 1n,
    littleEndian('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    littleEndian('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
]);

/** u coordinates of the points of small order on curve25519 and its twist, below the prime (RFC 7748, section 6.1). */
const LowOrderX25519 = new Set([
    0n,
    1n,
    FieldPrime - 1n,
    littleEndian('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
    littleEndian('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'),
]);

function littleEndian(hex: string): bigint {
    return BigInt('0x' + Buffer.from(hex, 'hex').reverse().toString('hex'));
}

function decode(key: Buffer): bigint {
    if (key.length !== 32) {
        throw new RangeError(`A public key has 32 bytes, got ${key.length}.`);
    }
    return littleEndian(key.toString('hex'));
}

/** @param key 32 bytes as on the wire. @returns whether the contracts accept it as a signing key. */
export function isAcceptableEd25519Key(key: Buffer): boolean {
    const y = decode(key) & (SignBit - 1n);
    return y < FieldPrime && !LowOrderEd25519.has(y);
}

/** @param key 32 bytes as on the wire. @returns whether the contracts accept it as an encryption key. */
export function isAcceptableX25519Key(key: Buffer): boolean {
    const u = decode(key);
    return u < FieldPrime && !LowOrderX25519.has(u);
}
