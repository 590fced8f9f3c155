import { hashToBigInt, receiptPayload, verifyPayload, voucherPayload } from '@ton-compute/contracts';
import { EmptyTranscript, nextTranscript } from '@ton-compute/protocol';
import { keyPairFromSeed } from '@ton/crypto';
import { silentLogger } from '../src/log';
import { Estimate } from '../src/session/estimate';
import { Ledger } from '../src/session/ledger';
import { recordFromText, recordToText, SessionRecord } from '../src/session/record';
import { hashOf, now, openRecord, receiptOf, sessionSeed } from './support/session';

const estimate: Estimate = {
    promptTokens: 100n,
    completionLimit: null,
    invisibleTokens: 16n,
    streams: true,
    generates: true,
};

type Saved = { records: SessionRecord[]; fail: boolean };

async function ledgerOf(
    change: Partial<SessionRecord> = {},
    { creditWindow = 0n, depositLimit = 10_000_000n } = {},
): Promise<{ ledger: Ledger; record: SessionRecord; saved: Saved }> {
    const record = await openRecord(change, creditWindow);
    const saved: Saved = { records: [], fail: false };
    const ledger = new Ledger(record, depositLimit, {
        save: async (next) => {
            if (saved.fail) {
                throw new Error('disk full');
            }
            saved.records.push(recordFromText(recordToText(next)));
        },
        now: () => now,
        log: silentLogger,
    });
    return { ledger, record, saved };
}

describe('what is signed', () => {
    it('is a headroom for each running request where there is no credit', async () => {
        const { ledger, record } = await ledgerOf();
        expect(ledger.target).toBe(0n);
        ledger.begin(estimate);
        ledger.begin(estimate);
        const voucher = (await ledger.raiseToTarget())!;
        expect(voucher.cumulative).toBe(800n);
        const domain = { globalId: -3, contract: record.escrow, openedLt: 99n };
        const { publicKey } = keyPairFromSeed(sessionSeed);
        expect(verifyPayload(voucherPayload(domain, voucher), voucher.signature, publicKey)).toBe(true);
    });

    it('is only what was used where credit covers the headroom', async () => {
        const { ledger } = await ledgerOf({ attestedUntil: now + 3600 }, { creditWindow: 500n });
        const usage = ledger.begin(estimate);
        expect(await ledger.raiseToTarget()).toBeNull();
        ledger.addReceipt(receiptOf(ledger.record, 1, { prompt: 50n }), usage);
        expect((await ledger.raiseToTarget())!.cumulative).toBe(50n);
    });

    it('is a headroom again when the attestation, and with it the credit, is about to end', async () => {
        const { ledger } = await ledgerOf({ attestedUntil: now + 899 }, { creditWindow: 500n });
        ledger.begin(estimate);
        expect((await ledger.raiseToTarget())!.cumulative).toBe(400n);
    });

    it('grows when half of the headroom is used, and names the receipt that it pays', async () => {
        const { ledger, record } = await ledgerOf();
        const usage = ledger.begin(estimate);
        await ledger.raiseToTarget();
        ledger.addReceipt(receiptOf(record, 1, { prompt: 100n }), usage);
        expect((await ledger.raiseToTarget())!.cumulative).toBe(400n);
        usage.textBytes = 100n;
        const receipt = receiptOf(record, 2, { prompt: 100n, completion: 60n });
        ledger.addReceipt(receipt, usage);
        const voucher = (await ledger.raiseToTarget())!;
        expect(voucher.cumulative).toBe(280n + 400n);
        const domain = { globalId: -3, contract: record.escrow, openedLt: 99n };
        expect(voucher.receiptHash).toBe(hashToBigInt(receiptPayload(domain, receipt).hash()));
    });

    it('is never above the spending cap or the deposit', async () => {
        const capped = await ledgerOf({ spendingCap: 300n });
        capped.ledger.begin(estimate);
        expect((await capped.ledger.raiseToTarget())!.cumulative).toBe(300n);
        const poor = await ledgerOf({}, { depositLimit: 200n });
        poor.ledger.begin(estimate);
        expect((await poor.ledger.raiseToTarget())!.cumulative).toBe(200n);
    });

    it('is on the disk before it leaves, and nothing leaves when the disk fails', async () => {
        const { ledger, saved } = await ledgerOf();
        ledger.begin(estimate);
        const voucher = await ledger.raiseToTarget();
        expect(saved.records.at(-1)!.voucher).toEqual(voucher);
        saved.fail = true;
        ledger.begin(estimate);
        ledger.begin(estimate);
        await expect(ledger.raiseToTarget()).rejects.toThrow('disk full');
        expect(ledger.voucher).toEqual(voucher);
    });

    it('never shrinks, also after a restart and with many requests at once', async () => {
        const { ledger, record, saved } = await ledgerOf();
        const usages = Array.from({ length: 20 }, () => ledger.begin(estimate));
        const vouchers = await Promise.all(usages.map(() => ledger.raiseToTarget()));
        usages.forEach((usage) => ledger.refused(usage));
        expect(new Set(vouchers.map((voucher) => voucher!.cumulative))).toEqual(new Set([8_000n]));
        expect((await ledger.raiseToTarget())!.cumulative).toBe(8_000n);
        const restarted = await ledgerOf(saved.records.at(-1)!);
        restarted.ledger.begin(estimate);
        expect((await restarted.ledger.raiseToTarget())!.cumulative).toBe(8_000n);
        expect(record.vouchers).toBe(1);
    });
});

describe('the voucher of the next request', () => {
    /** One request of 100 prompt tokens has been answered. */
    async function answered(change: Partial<SessionRecord> = {}) {
        const parts = await ledgerOf(change);
        const { ledger, record, saved } = parts;
        const usage = ledger.begin(estimate);
        await ledger.raiseToTarget();
        usage.textBytes = 200n;
        ledger.addReceipt(receiptOf(record, 1, { prompt: 100n, completion: 60n }), usage);
        await ledger.end(usage, null, null);
        return { ...parts, writes: saved.records.length };
    }

    it('is on the disk with the end of the answer before it, and leaves without another write', async () => {
        const { ledger, saved, writes } = await answered();
        expect(ledger.voucher!.cumulative).toBe(400n);
        expect(saved.records.at(-1)!.voucher!.cumulative).toBe(280n + 400n);
        ledger.begin(estimate);
        const voucher = await ledger.raiseToTarget();
        expect(voucher).toEqual(saved.records.at(-1)!.voucher);
        expect(saved.records).toHaveLength(writes);
        expect(ledger.record.vouchers).toBe(2);
    });

    it('is nothing that is owed or shown while there is no such request', async () => {
        const { ledger } = await answered();
        expect(ledger.target).toBe(400n);
        expect((await ledger.raiseToTarget())!.cumulative).toBe(400n);
        expect(ledger.exactVoucher()!.cumulative).toBe(280n);
    });

    it('stays on the disk whatever else is written before it leaves', async () => {
        const { ledger, saved } = await answered();
        await ledger.setExpiry(now + 60);
        ledger.begin(estimate);
        const voucher = await ledger.raiseToTarget();
        await ledger.setSpendingCap(500_000n);
        expect(saved.records.slice(-2).map((record) => record.voucher)).toEqual([voucher, voucher]);
    });

    it('counts as signed after a crash: nobody knows whether it left', async () => {
        const { ledger, saved } = await answered();
        ledger.begin(estimate);
        const left = await ledger.raiseToTarget();
        const restarted = await ledgerOf(saved.records.at(-1)!);
        expect(restarted.ledger.signed).toBe(left!.cumulative);
    });

    it('is not used when the cap no longer allows it, or more is needed: then exactly that is written first', async () => {
        const capped = await answered();
        await capped.ledger.setSpendingCap(500n);
        capped.ledger.begin(estimate);
        expect((await capped.ledger.raiseToTarget())!.cumulative).toBe(500n);
        expect(capped.saved.records.at(-1)!.voucher!.cumulative).toBe(500n);
        const busy = await answered();
        busy.ledger.begin(estimate);
        busy.ledger.begin(estimate);
        expect((await busy.ledger.raiseToTarget())!.cumulative).toBe(280n + 800n);
        expect(busy.saved.records.at(-1)!.voucher!.cumulative).toBe(280n + 800n);
    });

    it('is not there when the disk refused it', async () => {
        const { ledger, saved } = await ledgerOf();
        const usage = ledger.begin(estimate);
        await ledger.raiseToTarget();
        ledger.addReceipt(receiptOf(ledger.record, 1, { prompt: 100n }), usage);
        usage.textBytes = 200n;
        ledger.addReceipt(receiptOf(ledger.record, 2, { prompt: 100n, completion: 60n }), usage);
        saved.fail = true;
        await expect(ledger.end(usage, null, null)).rejects.toThrow('disk full');
        ledger.begin(estimate);
        await expect(ledger.raiseToTarget()).rejects.toThrow('disk full');
        saved.fail = false;
        expect((await ledger.raiseToTarget())!.cumulative).toBe(680n);
        expect(saved.records.at(-1)!.voucher!.cumulative).toBe(680n);
    });

    it('is not made for a worker that cheated', async () => {
        const { ledger, saved } = await ledgerOf();
        const usage = ledger.begin(estimate);
        await ledger.raiseToTarget();
        expect(() => ledger.addReceipt(receiptOf(ledger.record, 1, { completion: 5_000n }), usage)).toThrow();
        await ledger.end(usage, null, null);
        expect(saved.records.at(-1)!.voucher!.cumulative).toBe(400n);
    });
});

describe('what a worker requires before it starts', () => {
    it('is signed when the request can cost that much', async () => {
        const { ledger } = await ledgerOf({ headroom: 1n });
        ledger.begin({ ...estimate, completionLimit: 10n });
        // 100 prompt tokens at 1, 10 generated ones at 3.
        expect((await ledger.raiseToRequired(130n))!.cumulative).toBe(130n);
    });

    it('is refused when the request cannot cost that much, and nothing is signed', async () => {
        const { ledger } = await ledgerOf({ headroom: 1n });
        ledger.begin({ ...estimate, completionLimit: 10n });
        await expect(ledger.raiseToRequired(131n)).rejects.toMatchObject({ code: 'price_unexpected' });
        expect(ledger.signed).toBe(0n);
    });

    it('is refused above the spending cap and above the deposit, each by its name', async () => {
        const capped = await ledgerOf({ spendingCap: 99n });
        capped.ledger.begin(estimate);
        await expect(capped.ledger.raiseToRequired(100n)).rejects.toMatchObject({ code: 'spending_cap' });
        const poor = await ledgerOf({}, { depositLimit: 99n });
        poor.ledger.begin(estimate);
        await expect(poor.ledger.raiseToRequired(100n)).rejects.toMatchObject({ code: 'deposit_exhausted' });
        expect(capped.ledger.signed + poor.ledger.signed).toBe(0n);
    });
});

describe('a worker that overcharges', () => {
    it('is stopped at the first receipt that nothing explains; nothing is signed afterwards', async () => {
        const { ledger, record, saved } = await ledgerOf();
        const usage = ledger.begin(estimate);
        await ledger.raiseToTarget();
        usage.textBytes = 10n;
        const receipt = receiptOf(record, 1, { prompt: 100n, completion: 27n });
        expect(() => ledger.addReceipt(receipt, usage)).toThrow(expect.objectContaining({ code: 'overcharged' }));
        expect(ledger.stopSignal.aborted).toBe(true);
        await expect(ledger.raiseToTarget()).rejects.toMatchObject({ code: 'overcharged' });
        await expect(ledger.raiseToSpent()).rejects.toMatchObject({ code: 'overcharged' });
        expect(() => ledger.requireUsable()).toThrow(expect.objectContaining({ code: 'session_stopped' }));
        expect(ledger.signed).toBe(400n);
        expect(ledger.spent).toBe(0n);
        expect(saved.records.at(-1)!.stopped).toMatchObject({
            code: 'overcharged',
            message: expect.stringContaining('claims 27 completion tokens'),
        });
    });

    it('stays stopped after a restart', async () => {
        const { ledger } = await ledgerOf({ stopped: { code: 'overcharged', message: 'It cheated.' } });
        expect(() => ledger.requireUsable()).toThrow('It cheated.');
    });

    it('is stopped for a forged receipt, a wrong amount and a contradiction', async () => {
        const stranger = keyPairFromSeed(Buffer.alloc(32, 77)).secretKey;
        const cases = [{ signer: stranger }, { amount: 11n }];
        for (const change of cases) {
            const { ledger, record } = await ledgerOf();
            const usage = ledger.begin(estimate);
            const receipt = receiptOf(record, 1, { prompt: 10n }, change);
            expect(() => ledger.addReceipt(receipt, usage)).toThrow(expect.objectContaining({ code: 'bad_receipt' }));
        }
        const { ledger, record } = await ledgerOf();
        const usage = ledger.begin(estimate);
        ledger.addReceipt(receiptOf(record, 1, { prompt: 10n }), usage);
        expect(() => ledger.addReceipt(receiptOf(record, 1, { prompt: 11n }), usage)).toThrow(
            expect.objectContaining({ code: 'bad_receipt' }),
        );
    });

    it('gets no voucher for text that is still on its way, and is stopped when it never comes', async () => {
        const { ledger, record } = await ledgerOf();
        const first = ledger.begin(estimate);
        const second = ledger.begin({ ...estimate, completionLimit: 100n });
        ledger.addReceipt(receiptOf(record, 1, { prompt: 200n, completion: 90n }), first);
        expect(ledger.spent).toBe(0n);
        const exchange = { requestHash: hashOf('r'), answerHash: hashOf('a') };
        await ledger.end(second, null, exchange);
        expect(ledger.record.stopped).toBeNull();
        await ledger.end(first, null, exchange);
        expect(ledger.record.stopped?.code).toBe('overcharged');
        expect(ledger.spent).toBe(0n);
    });

    it('gets its voucher when that text arrives', async () => {
        const { ledger, record } = await ledgerOf();
        const first = ledger.begin(estimate);
        const second = ledger.begin({ ...estimate, completionLimit: 100n });
        ledger.addReceipt(receiptOf(record, 1, { prompt: 200n, completion: 90n }), first);
        ledger.noteText(second, 100n);
        expect(ledger.spent).toBe(200n + 270n);
        expect(ledger.record.stopped).toBeNull();
    });
});

describe('the transcript', () => {
    const exchange = { requestHash: hashOf('request'), answerHash: hashOf('answer') };

    it('is counted as verified when the last receipt covers the answer', async () => {
        const { ledger, record } = await ledgerOf();
        const usage = ledger.begin(estimate);
        const transcript = nextTranscript(EmptyTranscript, exchange.requestHash, exchange.answerHash);
        ledger.addReceipt(receiptOf(record, 1, { prompt: 1n }, { transcript }), usage);
        await ledger.end(usage, 1, exchange);
        expect(record).toMatchObject({ requests: 1, verifiedTranscripts: 1, unverifiedTranscripts: 0, stopped: null });
    });

    it('of another answer ends the trust in this worker', async () => {
        const { ledger, record } = await ledgerOf();
        const usage = ledger.begin(estimate);
        ledger.addReceipt(receiptOf(record, 1, { prompt: 1n }, { transcript: hashOf('another') }), usage);
        await ledger.end(usage, 1, exchange);
        expect(record.stopped).toMatchObject({
            code: 'bad_receipt',
            message: expect.stringContaining('does not cover'),
        });
    });

    it('of an answer that was cut is not verifiable, which is no fault', async () => {
        const { ledger, record } = await ledgerOf();
        const usage = ledger.begin(estimate);
        ledger.addReceipt(receiptOf(record, 1, { prompt: 1n }), usage);
        await ledger.end(usage, 1, null);
        expect(record).toMatchObject({ requests: 0, unverifiedTranscripts: 1, stopped: null });
    });
});

describe('after a crash', () => {
    const account = (record: SessionRecord, receipt: ReturnType<typeof receiptOf>) => ({
        session: record.escrow,
        cumulative: 400n,
        spent: receipt.amount,
        claimable: 0n,
        claimed: 0n,
        allowance: 0n,
        receipt,
    });

    it('use that was signed for is taken over, and what follows is judged from there', async () => {
        const { ledger, record } = await ledgerOf();
        ledger.begin(estimate);
        await ledger.raiseToTarget();
        const restarted = await ledgerOf(ledger.record);
        await restarted.ledger.adopt(account(record, receiptOf(record, 4, { prompt: 100n, completion: 100n })));
        expect(restarted.ledger.spent).toBe(400n);
        expect(restarted.ledger.delivered).toBe(400n);
        const usage = restarted.ledger.begin(estimate);
        const next = receiptOf(record, 5, { prompt: 201n, completion: 100n });
        expect(() => restarted.ledger.addReceipt(next, usage)).toThrow(
            expect.objectContaining({ code: 'overcharged' }),
        );
    });

    it('use beyond what was signed and the credit window is not', async () => {
        const { ledger, record } = await ledgerOf({ attestedUntil: now + 3600 }, { creditWindow: 50n });
        await ledger.adopt(account(record, receiptOf(record, 1, { prompt: 50n })));
        expect(ledger.spent).toBe(50n);
        const other = await ledgerOf({ attestedUntil: now + 3600 }, { creditWindow: 50n });
        const greedy = account(other.record, receiptOf(other.record, 1, { prompt: 51n }));
        await expect(other.ledger.adopt(greedy)).rejects.toMatchObject({ code: 'overcharged' });
    });
});
