/** 2^255 - 19. */
export const FieldPrime = 2n ** 255n - 19n;

/** A field element, or any number below 2^255, as a key on the wire: little-endian, with the top bit as given. */
export function encodeKey(value: bigint, topBit: 0 | 1 = 0): Buffer {
    const bytes = Buffer.from((value | (BigInt(topBit) << 255n)).toString(16).padStart(64, '0'), 'hex');
    return Buffer.from(bytes.reverse());
}

function decode(hex: string): bigint {
    return BigInt('0x' + Buffer.from(hex, 'hex').reverse().toString('hex'));
}

/** y coordinates of the points of small order on edwards25519 by their order (RFC 8032, section 5.1). */
const SmallOrderY: [string, bigint][] = [
    ['order 1', 1n],
    ['order 2', FieldPrime - 1n],
    ['order 4', 0n],
    ['order 8', decode('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')],
    ['order 8, negated', decode('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')],
];

/** u coordinates of the points of small order on curve25519 and its twist (RFC 7748, section 6.1). */
const SmallOrderU: [string, bigint][] = [
    ['order 4', 0n],
    ['order 1', 1n],
    ['order 2 of the twist', FieldPrime - 1n],
    ['order 8', decode('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800')],
    ['order 8, the other', decode('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157')],
];

export type NamedKey = readonly [name: string, key: Buffer];

/** All encodings of points of small order: with both signs, and those of y that exceed the prime and mean the same. */
export const SmallOrderEd25519: NamedKey[] = SmallOrderY.flatMap(([name, y]) =>
    [y, y + FieldPrime].filter((value) => value < 2n ** 255n).flatMap((value) =>
        ([0, 1] as const).map((sign) => [`${name}${value >= FieldPrime ? ', not canonical' : ''}${sign ? ', sign bit' : ''}`, encodeKey(value, sign)] as const)));

/** As above for X25519, whose top bit is ignored by implementations. */
export const SmallOrderX25519: NamedKey[] = SmallOrderU.flatMap(([name, u]) =>
    [u, u + FieldPrime].filter((value) => value < 2n ** 255n).flatMap((value) =>
        ([0, 1] as const).map((top) => [`${name}${value >= FieldPrime ? ', not canonical' : ''}${top ? ', top bit' : ''}`, encodeKey(value, top)] as const)));

/** Every encoding that is not below the prime, with both top bits: second names of other keys. */
export const NotCanonical: NamedKey[] = Array.from({ length: 19 }, (_, i) => FieldPrime + BigInt(i)).flatMap((value) =>
    ([0, 1] as const).map((top) => [`p + ${value - FieldPrime}${top ? ', top bit' : ''}`, encodeKey(value, top)] as const));
