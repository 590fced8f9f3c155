import { writeSync } from 'node:fs';
import { silentLogger } from '../../src/log';
import { Ledger } from '../../src/session/ledger';
import { FolderSessionStore } from '../../src/session/folder-store';
import { now, openRecord, receiptOf } from './session';

/**
 * Signs vouchers as fast as it can and prints each one when it may leave, until somebody kills it. Printing is
 * synchronous: a line that was read had left before the kill.
 */
async function main(): Promise<void> {
    const store = new FolderSessionStore(process.argv[2]);
    const fresh = await openRecord();
    const record = (await store.load(fresh.escrow)) ?? fresh;
    const ledger = new Ledger(
        record,
        1n << 60n,
        { save: (next) => store.save(next), now: () => now, log: silentLogger },
    );
    record.spendingCap = 1n << 60n;
    writeSync(1, `resumed ${ledger.signed}\n`);
    const usage = ledger.begin({
        promptTokens: 1n << 40n,
        completionLimit: null,
        invisibleTokens: 0n,
        streams: true,
        generates: true,
    });
    for (let sequence = (record.receipt?.sequence ?? 0) + 1; ; sequence += 1) {
        ledger.addReceipt(receiptOf(record, sequence, { prompt: BigInt(sequence) * 400n }), usage);
        const voucher = await ledger.raiseToTarget();
        writeSync(1, `voucher ${voucher!.cumulative}\n`);
    }
}

void main();
