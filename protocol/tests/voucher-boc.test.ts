import { createHash } from 'node:crypto';
import { beginCell, Cell } from '@ton/core';
import { packSignedVoucher, SignedVoucher, unpackSignedVoucher } from '@ton-compute/contracts';
import { decodeVoucher } from '../src';
import { readVoucherBoc } from '../src/voucher-boc';

/** Bytes that are the same in every run. */
function bytesOf(seed: string): Buffer {
    return createHash('sha512').update(seed).digest();
}

function voucherOf(cumulative: bigint): SignedVoucher {
    const seed = cumulative.toString();
    const receiptHash = BigInt(`0x${bytesOf(`hash ${seed}`).toString('hex', 0, 32)}`);
    return { cumulative, receiptHash, signature: bytesOf(`signature ${seed}`) };
}

/** What @ton/core makes of it; null when it is refused. */
function byLibrary(boc: Buffer): SignedVoucher | null {
    try {
        const roots = Cell.fromBoc(boc);
        return roots.length === 1 ? unpackSignedVoucher(roots[0]) : null;
    } catch {
        return null;
    }
}

function decoded(boc: Buffer): SignedVoucher | null {
    try {
        return decodeVoucher(boc.toString('base64'));
    } catch {
        return null;
    }
}

/** The smallest and largest amount of each length. */
const amounts = Array.from({ length: 16 }, (_, bytes) => 1n << BigInt(8 * bytes)).flatMap((edge) => [edge - 1n, edge % (1n << 120n)]);

it('reads vouchers of every length as the library does', () => {
    for (const amount of amounts) {
        const voucher = voucherOf(amount);
        const boc = packSignedVoucher(voucher).toBoc();
        expect(readVoucherBoc(boc)).toEqual(voucher);
        expect(byLibrary(boc)).toEqual(voucher);
    }
});

it('agrees with the library about every changed byte: nothing is accepted that it refuses', () => {
    const boc = packSignedVoucher(voucherOf(1_000_000n)).toBoc();
    for (let index = 0; index < boc.length; index += 1) {
        for (let value = 0; value < 256; value += 17) {
            const changed = Buffer.from(boc);
            changed[index] = value;
            expect([index, value, decoded(changed)]).toEqual([index, value, byLibrary(changed)]);
        }
    }
});

it('agrees with it about changed bytes whose checksum is right again', () => {
    const boc = packSignedVoucher(voucherOf(1_000_000n)).toBoc();
    for (let index = 0; index < boc.length - 4; index += 1) {
        const changed = Buffer.from(boc);
        changed[index] ^= 0x10;
        repair(changed);
        expect([index, decoded(changed)]).toEqual([index, byLibrary(changed)]);
    }
});

it('leaves other forms of the same voucher to the library', () => {
    const voucher = voucherOf(5n);
    for (const boc of [
        packSignedVoucher(voucher).toBoc({ crc32: false }),
        packSignedVoucher(voucher).toBoc({ idx: true }),
    ]) {
        expect(readVoucherBoc(boc)).toBeNull();
        expect(decodeVoucher(boc.toString('base64'))).toEqual(voucher);
    }
    const long = beginCell().storeUint(2, 4).storeUint(5, 16).storeUint(voucher.receiptHash, 256).storeBuffer(voucher.signature);
    expect(decodeVoucher(long.endCell().toBoc().toString('base64'))).toEqual(voucher);
});

it('refuses what is cut or has bytes behind it', () => {
    const boc = packSignedVoucher(voucherOf(5n)).toBoc();
    for (let length = 0; length < boc.length; length += 1) {
        expect([length, readVoucherBoc(boc.subarray(0, length))]).toEqual([length, null]);
    }
    expect(readVoucherBoc(Buffer.concat([boc, Buffer.alloc(1)]))).toBeNull();
});

/** Writes the checksum anew, bit by bit. */
function repair(boc: Buffer): void {
    let crc = 0xffffffff;
    for (const byte of boc.subarray(0, boc.length - 4)) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) {
            crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
        }
    }
    boc.writeUInt32LE(~crc >>> 0, boc.length - 4);
}
