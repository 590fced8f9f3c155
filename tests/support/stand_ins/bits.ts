import type { BitBuilder, BitReader, BitString } from '@ton/core';

type Classes = { BitReader: typeof BitReader; BitBuilder: typeof BitBuilder };
type Reader = { _bits: { _data: Buffer; _offset: number; length: number }; _offset: number };
type Builder = { _buffer: Buffer; _length: number };

/** `bits` (1 to 32) from bit `at` of a buffer, most significant first. */
function readBits(data: Buffer, at: number, bits: number): number {
    let value = 0;
    for (let left = bits; left > 0;) {
        const free = 8 - (at & 7);
        const taken = Math.min(free, left);
        value = value * (1 << taken) + ((data[at >> 3] >> (free - taken)) & ((1 << taken) - 1));
        at += taken;
        left -= taken;
    }
    return value;
}

/** Writes `bits` (1 to 32) of a number at bit `at` of a buffer that is zero from there on. */
function writeBits(data: Buffer, at: number, value: number, bits: number): void {
    for (let left = bits; left > 0;) {
        const free = 8 - (at & 7);
        const taken = Math.min(free, left);
        data[at >> 3] |= ((value >>> (left - taken)) & ((1 << taken) - 1)) << (free - taken);
        at += taken;
        left -= taken;
    }
}

/**
 * Exchanges what reads and writes numbers bit by bit, with a bigint for each, for the same in bytes. Whatever is out of
 * bounds goes to the library's own function, which throws its own error.
 */
export function fastBits({ BitReader, BitBuilder }: Classes): void {
    const reader = BitReader.prototype as unknown as {
        _preloadUint(bits: number, offset: number): bigint;
        loadUint(bits: number): number;
        preloadUint(bits: number): number;
    };
    const slow = { ...Object.fromEntries(['_preloadUint', 'loadUint', 'preloadUint'].map((name) => [name, reader[name as 'loadUint']])) } as unknown as typeof reader;
    const holds = (bits: { length: number }, offset: number, count: number) => offset >= 0 && offset + count <= bits.length;

    reader._preloadUint = function (this: Reader, bits: number, offset: number): bigint {
        if (!Number.isInteger(bits) || bits <= 0 || !holds(this._bits, offset, bits)) {
            return slow._preloadUint.call(this, bits, offset);
        }
        let at = this._bits._offset + offset;
        let left = bits % 32 || 32;
        let value = BigInt(readBits(this._bits._data, at, left));
        for (at += left, left = bits - left; left > 0; at += 32, left -= 32) {
            value = (value << 32n) | BigInt(readBits(this._bits._data, at, 32));
        }
        return value;
    };
    reader.preloadUint = function (this: Reader, bits: number): number {
        return Number.isInteger(bits) && bits > 0 && bits <= 32 && holds(this._bits, this._offset, bits)
            ? readBits(this._bits._data, this._bits._offset + this._offset, bits)
            : slow.preloadUint.call(this, bits);
    };
    reader.loadUint = function (this: Reader, bits: number): number {
        if (!Number.isInteger(bits) || bits <= 0 || bits > 32 || !holds(this._bits, this._offset, bits)) {
            return slow.loadUint.call(this, bits);
        }
        const value = readBits(this._bits._data, this._bits._offset + this._offset, bits);
        this._offset += bits;
        return value;
    };

    const { writeUint, writeBits: writeBitString } = BitBuilder.prototype;
    BitBuilder.prototype.writeUint = function (this: BitBuilder, value: bigint | number, bits: number): void {
        const builder = this as unknown as Builder;
        const known = typeof value === 'bigint' || Number.isSafeInteger(value);
        if (!known || !Number.isInteger(bits) || bits <= 0 || bits > 1023 || value < 0 || builder._length + bits > builder._buffer.length * 8
            || (bits <= 32 ? value >= 2 ** bits : BigInt(value) >> BigInt(bits) !== 0n)) {
            return writeUint.call(this, value, bits);
        }
        if (bits <= 32) {
            writeBits(builder._buffer, builder._length, Number(value), bits);
        } else {
            for (let left = bits, number = BigInt(value), taken; left > 0; left -= taken) {
                taken = left % 32 || 32;
                writeBits(builder._buffer, builder._length + bits - left, Number((number >> BigInt(left - taken)) & 0xffffffffn), taken);
            }
        }
        builder._length += bits;
    };
    BitBuilder.prototype.writeBits = function (this: BitBuilder, src: BitString): void {
        const builder = this as unknown as Builder;
        const { _data, _offset } = src as unknown as Reader['_bits'];
        if (!Buffer.isBuffer(_data) || builder._length + src.length > builder._buffer.length * 8 || _offset + src.length > _data.length * 8) {
            return writeBitString.call(this, src);
        }
        const aligned = (builder._length & 7) === 0 && (_offset & 7) === 0;
        if (aligned) {
            _data.copy(builder._buffer, builder._length >> 3, _offset >> 3, (_offset + src.length) >> 3);
        }
        for (let at = aligned ? src.length & ~7 : 0; at < src.length; at += 32) {
            const taken = Math.min(32, src.length - at);
            writeBits(builder._buffer, builder._length + at, readBits(_data, _offset + at, taken), taken);
        }
        builder._length += src.length;
    };
}
