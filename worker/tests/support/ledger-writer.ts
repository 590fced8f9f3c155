import { writeSync } from 'node:fs';
import { Address } from '@ton/core';
import { NoTokens } from '@ton-compute/contracts';

import { Ledger } from '../../src/ledger/ledger';

/**
 * Writes vouchers and receipts as fast as it can and prints each one once it is acknowledged, until somebody kills it.
 * Printing is synchronous, so a line that was read was acknowledged before the kill.
 */
const ledger = Ledger.open(process.argv[2]);
const id = { escrow: new Address(0, Buffer.alloc(32, 7)), openedLt: 12_345_678_901_234n };

async function main(): Promise<void> {
    await ledger.write(ledger.sessions.add(id, 0n));
    const record = ledger.sessions.find(id);
    let cumulative = record?.voucher?.cumulative ?? 0n;
    let sequence = record?.receipt?.sequence ?? 0;
    writeSync(1, 'ready 0\n');
    for (;;) {
        cumulative += 1n;
        sequence += 1;
        const voucher = { cumulative, receiptHash: 5n, signature: Buffer.alloc(64, 9) };
        const tokens = { ...NoTokens, completion: BigInt(sequence * 10) };
        const receipt = { sequence, tokens, amount: 1n, transcriptHash: 0n, signature: Buffer.alloc(64, 1) };
        await Promise.all([
            ledger
                .write(ledger.sessions.raiseVoucher(id, voucher, 1))
                .then(() => writeSync(1, `voucher ${voucher.cumulative}\n`)),
            ledger
                .write(ledger.sessions.putReceipt(id, receipt))
                .then(() => writeSync(1, `receipt ${receipt.sequence}\n`)),
        ]);
    }
}

void main();
