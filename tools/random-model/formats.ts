/** How weights of one type lie in a file: in blocks, each written over random bytes that are there already. */
export type WeightFormat = {
    /** Number of the type in ggml. */
    readonly type: number;
    /** Weights of one block. */
    readonly blockWeights: number;
    readonly blockBytes: number;
    /** Makes random bytes a block of weights around 0 with the standard deviation `sigma`. */
    shape(block: DataView, offset: number, sigma: number): void;
    /** Sets the first weight of a block to 0, or to about 1.5 sigma with the given sign. */
    setFirst(block: DataView, offset: number, sigma: number, sign: -1 | 0 | 1): void;
};

/** Standard deviations of what random bits mean before they are scaled. */
const Int8Deviation = 256 / Math.sqrt(12);
const Int4Deviation = 16 / Math.sqrt(12);
/** Of numbers from 1 to 2 with a random sign. */
const MantissaDeviation = Math.sqrt(7 / 3);

export const Formats = {
    /** A scale (half precision) and 32 signed bytes. */
    q8_0: {
        type: 8,
        blockWeights: 32,
        blockBytes: 34,
        shape: (block, offset, sigma) => block.setUint16(offset, half(sigma / Int8Deviation), true),
        setFirst: (block, offset, _sigma, sign) => block.setInt8(offset + 2, 111 * sign),
    },
    /** A scale and 32 nibbles, from which 8 is taken; the first weight is in the low nibble of the first byte. */
    q4_0: {
        type: 2,
        blockWeights: 32,
        blockBytes: 18,
        shape: (block, offset, sigma) => block.setUint16(offset, half(sigma / Int4Deviation), true),
        setFirst: (block, offset, _sigma, sign) =>
            block.setUint8(offset + 2, (block.getUint8(offset + 2) & 0xf0) | (8 + 7 * sign)),
    },
    /** Half precision. Sign and mantissa are random, the exponent is what comes nearest to the deviation. */
    f16: {
        type: 1,
        blockWeights: 1,
        blockBytes: 2,
        shape: (block, offset, sigma) => {
            if (sigma === 0) return block.setUint16(offset, 0, true);
            const exponent = Math.max(1, 15 + Math.round(Math.log2(sigma / MantissaDeviation)));
            block.setUint16(offset, (block.getUint16(offset, true) & 0x83ff) | (exponent << 10), true);
        },
        setFirst: (block, offset, sigma, sign) => block.setUint16(offset, half(1.5 * sigma * sign), true),
    },
} as const satisfies Record<string, WeightFormat>;

export type FormatName = keyof typeof Formats;

/** @returns the bits of the half-precision number that is nearest; what is too small becomes 0. */
export function half(value: number): number {
    const sign = value < 0 ? 0x8000 : 0;
    const size = Math.abs(value);
    if (size < 2 ** -24) return sign;
    const exponent = Math.max(-14, Math.floor(Math.log2(size)));
    const mantissa = Math.round((size / 2 ** exponent) * 1024);
    // Below 2^-14 there is no leading one; a mantissa that was rounded up carries into the exponent by itself.
    return sign | (size < 2 ** -14 ? mantissa : ((exponent + 15) << 10) + (mantissa - 1024));
}
