import { createHash } from 'node:crypto';
import { Address } from '@ton/core';
import fc from 'fast-check';
import { bigIntToHash, voucherPayload } from '@ton-compute/contracts';

import { VoucherHasher } from '../src/money/voucher-hash';

const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });

describe('VoucherHasher', () => {
    it('gives the hash of the voucher payload for every network, escrow, life and voucher', () => {
        fc.assert(
            fc.property(
                fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
                uint256,
                fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
                fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 120n - 1n }), fc.bigInt({ min: 0n, max: 70_000n })),
                uint256,
                (globalId, account, openedLt, cumulative, receiptHash) => {
                    const domain = { globalId, contract: new Address(0, bigIntToHash(account)), openedLt };
                    const voucher = { cumulative, receiptHash };
                    const hash = new VoucherHasher(domain).hash(voucher);
                    expect(hash.toString('hex')).toBe(voucherPayload(domain, voucher).hash().toString('hex'));
                },
            ),
            { numRuns: 300 },
        );
    });

    it('is right at the edges of the length of an amount', () => {
        const domain = { globalId: -3, contract: new Address(0, createHash('sha256').digest()), openedLt: 7n };
        for (const cumulative of [0n, 1n, 0xffn, 0x100n, 0xffffn, 0x10000n, 2n ** 64n, 2n ** 120n - 1n]) {
            const voucher = { cumulative, receiptHash: 0n };
            expect(new VoucherHasher(domain).hash(voucher)).toEqual(voucherPayload(domain, voucher).hash());
        }
    });
});
