import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Address } from '@ton/core';
import fc from 'fast-check';
import { NoTokens, SignedReceipt, SignedVoucher } from '@ton-compute/contracts';

import { StartError } from '../src/errors';
import { Ledger } from '../src/ledger/ledger';
import { transpile } from './support/transpile';

const escrow = new Address(0, Buffer.alloc(32, 7));
const id = { escrow, openedLt: 12_345_678_901_234n };
const voucher = (cumulative: bigint): SignedVoucher => ({
    cumulative,
    receiptHash: 5n,
    signature: Buffer.alloc(64, 9),
});
const receipt = (sequence: number): SignedReceipt => ({
    sequence,
    tokens: { ...NoTokens, completion: BigInt(sequence * 10) },
    amount: BigInt(sequence),
    transcriptHash: BigInt(sequence) << 200n,
    signature: Buffer.alloc(64, 1),
});

describe('Ledger', () => {
    let directory: string;
    let ledger: Ledger;
    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), 'worker-ledger-'));
        ledger = Ledger.open(join(directory, 'ledger.sqlite'));
    });
    afterEach(async () => {
        await ledger.close();
        rmSync(directory, { recursive: true });
    });

    /** What a restart finds. */
    async function reopen(): Promise<Ledger> {
        await ledger.close();
        ledger = Ledger.open(join(directory, 'ledger.sqlite'));
        return ledger;
    }

    it('finds a session after a restart as it was left', async () => {
        await ledger.write(ledger.sessions.add(id, 3n));
        await ledger.change(ledger.sessions.raiseVoucher(id, voucher(2n ** 119n), 1000));
        await ledger.write(ledger.sessions.putExact(id, voucher(7n)));
        await ledger.write(ledger.sessions.putReceipt(id, receipt(4)));
        await ledger.write(ledger.sessions.putSpent(id, { ...NoTokens, completion: 55n }));
        const { id: found, ...rest } = (await reopen()).sessions.find(id) ?? { id: null };
        expect([found?.escrow.toRawString(), found?.openedLt]).toEqual([escrow.toRawString(), id.openedLt]);
        expect(rest).toEqual({
            voucher: voucher(2n ** 119n),
            exact: voucher(7n),
            receipt: receipt(4),
            spent: { ...NoTokens, completion: 55n },
            transcript: Buffer.from((4n << 200n).toString(16).padStart(64, '0'), 'hex'),
            claimed: 3n,
            unclaimedSince: 1000,
        });
    });

    it('keeps the highest voucher and the last receipt, in whatever order they are written', async () => {
        let lives = 0n;
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.bigInt({ min: 1n, max: 2n ** 120n - 1n }), { minLength: 1, maxLength: 12 }),
                fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 12 }),
                async (amounts, sequences) => {
                    const life = { escrow, openedLt: (lives += 1n) };
                    await ledger.write(ledger.sessions.add(life, 0n));
                    await Promise.all([
                        ...amounts.map((sum) => ledger.change(ledger.sessions.raiseVoucher(life, voucher(sum), 1))),
                        ...sequences.map((sequence) =>
                            ledger.write(ledger.sessions.putReceipt(life, receipt(sequence))),
                        ),
                    ]);
                    const found = ledger.sessions.find(life);
                    expect(found?.voucher?.cumulative).toBe(amounts.reduce((a, b) => (a > b ? a : b)));
                    expect(found?.receipt?.sequence).toBe(Math.max(...sequences));
                },
            ),
            { numRuns: 25 },
        );
    });

    it('never takes use back', async () => {
        await ledger.write(ledger.sessions.add(id, 0n));
        await ledger.write(ledger.sessions.putSpent(id, { ...NoTokens, prompt: 9n, completion: 30n }));
        await ledger.write(ledger.sessions.putSpent(id, { ...NoTokens, prompt: 4n, completion: 31n }));
        await ledger.write(ledger.sessions.putReceipt(id, receipt(2)));
        expect(ledger.sessions.find(id)?.spent).toEqual({ ...NoTokens, prompt: 9n, completion: 31n });
    });

    it('knows nothing of another life of the same escrow', async () => {
        await ledger.write(ledger.sessions.add(id, 0n));
        await ledger.change(ledger.sessions.raiseVoucher(id, voucher(10n), 1));
        const next = { escrow, openedLt: id.openedLt + 1n };
        expect(ledger.sessions.find(next)).toBeNull();
        await ledger.write(ledger.sessions.add(next, 0n));
        expect(ledger.sessions.find(next)).toMatchObject({ voucher: null, receipt: null, spent: NoTokens });
    });

    it('lists what is unclaimed until it is claimed or the session is over, and dates the rest anew', async () => {
        await ledger.write(ledger.sessions.add(id, 0n));
        expect(ledger.sessions.unclaimed()).toEqual([]);
        await ledger.change(ledger.sessions.raiseVoucher(id, voucher(10n), 100));
        await ledger.change(ledger.sessions.raiseVoucher(id, voucher(20n), 200));
        expect(ledger.sessions.unclaimed()).toMatchObject([{ unclaimedSince: 100 }]);
        await ledger.write(ledger.sessions.putClaimed(id, 15n, 300));
        expect(ledger.sessions.unclaimed()).toMatchObject([{ claimed: 15n, unclaimedSince: 300 }]);
        await ledger.write(ledger.sessions.putClaimed(id, 20n, 400));
        expect(ledger.sessions.unclaimed()).toEqual([]);
        expect(ledger.sessions.find(id)?.unclaimedSince).toBeNull();
        await ledger.change(ledger.sessions.raiseVoucher(id, voucher(21n), 500));
        await ledger.write(ledger.sessions.close(id));
        expect(ledger.sessions.unclaimed()).toEqual([]);
    });

    it('accepts a replay key once, also when it comes twice in the same moment, until it expires', async () => {
        const add = () => ledger.change(ledger.replays.add('key', 1000));
        expect((await Promise.all([add(), add(), add()])).filter(Boolean)).toHaveLength(1);
        await reopen();
        expect(await add()).toBe(false);
        expect(await ledger.write(ledger.replays.forget(1000, 10))).toMatchObject([{ changes: 0 }]);
        expect(await ledger.write(ledger.replays.forget(1001, 10))).toMatchObject([{ changes: 1 }]);
        expect(await ledger.change(ledger.replays.add('key', 2000))).toBe(true);
    });

    it('writes all of a transaction or nothing of it, and goes on after a failure', async () => {
        await ledger.write(ledger.sessions.add(id, 0n));
        const failing = { sql: 'INSERT INTO nowhere VALUES (?)', parameters: [1] };
        await expect(ledger.write(ledger.sessions.raiseVoucher(id, voucher(10n), 1), failing)).rejects.toThrow(
            /^The ledger cannot be written: .*nowhere/,
        );
        expect(ledger.sessions.find(id)?.voucher).toBeNull();
        expect(await ledger.change(ledger.sessions.raiseVoucher(id, voucher(10n), 1))).toBe(true);
        await ledger.close();
        await expect(ledger.write(ledger.sessions.close(id))).rejects.toThrow('The ledger is closed.');
    });

    it('refuses a second process, and says what to do', () => {
        expect(() => Ledger.open(join(directory, 'ledger.sqlite'))).toThrow(StartError);
        expect(() => Ledger.open(join(directory, 'ledger.sqlite'))).toThrow(/Another worker uses the ledger/);
    });

    /** WORKER_LEDGER_KILLS=1000 for the figure of the design. */
    const kills = Number(process.env.WORKER_LEDGER_KILLS ?? 30);

    it(`loses nothing that was acknowledged when its process is killed ${kills} times at any point`, async () => {
        const build = transpile();
        const writer = join(build, 'worker', 'tests', 'support', 'ledger-writer.js');
        try {
            // Starting a process takes most of the time: one starts while the other writes.
            await Promise.all(
                [0, 1].map((half) => killRepeatedly(writer, join(directory, `${half}.sqlite`), kills / 2)),
            );
        } finally {
            rmSync(build, { recursive: true });
        }
    }, 600_000);
});

/** Kills writers to one ledger one after the other; after each, what it had acknowledged must be there. */
async function killRepeatedly(writer: string, path: string, kills: number): Promise<void> {
    let highest = 0n;
    let sequence = 0;
    for (let round = 0; round < kills; round += 1) {
        const acknowledged = await writeUntilKilled(writer, path, Math.random() * 25);
        highest = acknowledged.voucher ?? highest;
        sequence = acknowledged.receipt ?? sequence;
        const survivor = Ledger.open(path);
        const found = survivor.sessions.find(id);
        await survivor.close();
        expect(found?.voucher?.cumulative ?? 0n).toBeGreaterThanOrEqual(highest);
        expect(found?.receipt?.sequence ?? 0).toBeGreaterThanOrEqual(sequence);
        // What is there is whole: a receipt and the use that it states belong together.
        expect(found?.spent.completion ?? 0n).toBe(BigInt((found?.receipt?.sequence ?? 0) * 10));
    }
    expect(highest).toBeGreaterThan(0n);
    expect(sequence).toBeGreaterThan(0);
}

/** Runs a writer that prints what was acknowledged, and kills it after `delay` milliseconds of writing. */
async function writeUntilKilled(
    writer: string,
    path: string,
    delay: number,
): Promise<{ voucher?: bigint; receipt?: number }> {
    const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const last: { voucher?: bigint; receipt?: number } = {};
    let started = false;
    for await (const line of createInterface({ input: child.stdout })) {
        if (!started) {
            started = true;
            setTimeout(() => child.kill('SIGKILL'), delay);
        }
        const [kind, value] = line.split(' ');
        if (kind === 'voucher') {
            last.voucher = BigInt(value);
        } else if (kind === 'receipt') {
            last.receipt = Number(value);
        }
    }
    await exited;
    return last;
}
