import {
    amountOf,
    hashToBigInt,
    NoTokens,
    Prices,
    receiptPayload,
    SessionAgreement,
    SignedReceipt,
    SignedVoucher,
    SigningDomain,
    TokensPerPrice,
    voucherPayload,
} from '@ton-compute/contracts';
import { Cell } from '@ton/core';
import { createSigner, Exchange, ReceiptChain, ReceiptError, SessionAccount } from '@ton-compute/protocol';
import { formatCoins } from '../amounts';
import { ClientError } from '../errors';
import { Logger } from '../log';
import { Mutex } from '../mutex';
import { Estimate } from './estimate';
import { agreementOf, SessionRecord } from './record';
import { RequestUsage, UsageBounds } from './usage-bounds';

/** What the ledger needs of the outside. */
export type LedgerPorts = {
    /** Writes the record to the disk; only then may a voucher leave. */
    save(record: SessionRecord): Promise<void>;
    /** Unix seconds by the chain's clock. */
    now(): number;
    log: Logger;
};

/** Last receipts that are waited for at most: the neighbours of older ones never come. */
const PendingTranscripts = 64;
/** Workers give no credit in the last seconds of an attestation, when a claim could come too late. */
const AttestationMargin = 900;

/**
 * The money of one session: what was signed, what the worker says was used, and whether that can be true. All requests
 * of a session share one, because vouchers and receipts are cumulative. Nothing is ever signed beyond the spending cap,
 * the deposit, or what receipts and the requests under way explain.
 */
export class Ledger {
    private readonly agreement: SessionAgreement;
    private readonly domain: SigningDomain;
    private readonly receipts: ReceiptChain;
    private readonly bounds: UsageBounds;
    private readonly sign: (payload: Cell) => Buffer;
    private readonly mutex = new Mutex();
    private readonly stopper = new AbortController();
    /** Newest receipt that what was sent and received explains: the one that is paid. */
    private explained: SignedReceipt | null;
    /** A genuine receipt that is ahead of what arrived; judged again when more arrives. */
    private waiting: SignedReceipt | null = null;
    private deliveredAmount = 0n;
    /** Sequences of last receipts whose transcript hash cannot be verified yet. */
    private pending: number[] = [];
    /** On the disk already, and not given to anybody: what the next request will carry if nothing else happens. */
    private prepared: SignedVoucher | null = null;

    /**
     * @param record of an open session; the ledger keeps it up to date.
     * @param depositLimit the most that vouchers can draw from the escrow in all, nanoTON.
     */
    constructor(
        readonly record: SessionRecord,
        private depositLimit: bigint,
        private readonly ports: LedgerPorts,
    ) {
        if (record.workerKey === null || record.openedLt === 0n) {
            throw new ClientError('session_not_open', `Session ${record.escrow.toString()} was never seen open.`);
        }
        this.agreement = agreementOf(record);
        this.domain = { globalId: record.globalId, contract: record.escrow, openedLt: record.openedLt };
        this.receipts = new ReceiptChain(this.domain, record.workerKey, this.prices, record.receipt);
        this.bounds = new UsageBounds(record.receipt?.tokens ?? NoTokens);
        this.explained = record.receipt;
        this.sign = createSigner(record.sessionKey);
    }

    get prices(): Prices {
        return this.agreement.offer.prices;
    }

    /** Highest voucher signed, if any. */
    get voucher(): SignedVoucher | null {
        return this.record.voucher;
    }

    /** The highest voucher that the worker is known to have, nanoTON. */
    get delivered(): bigint {
        return this.deliveredAmount;
    }

    /** The worker has a voucher. @param cumulative nanoTON. */
    noteDelivered(cumulative: bigint): void {
        this.deliveredAmount = cumulative > this.deliveredAmount ? cumulative : this.deliveredAmount;
    }

    /** What was used by the newest receipt that is paid, nanoTON. */
    get spent(): bigint {
        return this.explained?.amount ?? 0n;
    }

    get newestReceipt(): SignedReceipt | null {
        return this.explained;
    }

    get runningRequests(): number {
        return this.bounds.runningCount;
    }

    /** Ends when the session is stopped. */
    get stopSignal(): AbortSignal {
        return this.stopper.signal;
    }

    /** What the worker grants beyond the last voucher now, nanoTON. */
    get credit(): bigint {
        const granted = this.ports.now() + AttestationMargin < this.record.attestedUntil;
        return granted ? this.agreement.creditWindow : 0n;
    }

    /** The most that may be signed in all, nanoTON. */
    get limit(): bigint {
        return this.record.spendingCap < this.depositLimit ? this.record.spendingCap : this.depositLimit;
    }

    /** @param limit as the chain says now, nanoTON. */
    setDepositLimit(limit: bigint): void {
        this.depositLimit = limit;
    }

    /** @param amount nanoTON. */
    setSpendingCap(amount: bigint): Promise<void> {
        return this.mutex.run(async () => {
            await this.save({ spendingCap: amount });
            this.record.spendingCap = amount;
        });
    }

    /** @param time unix seconds; 0 for no end. */
    setExpiry(time: number): Promise<void> {
        return this.mutex.run(async () => {
            await this.save({ expiresAt: time });
            this.record.expiresAt = time;
        });
    }

    /** The account is gone. */
    markClosed(): Promise<void> {
        return this.mutex.run(async () => {
            this.record.closed = true;
            await this.save();
        });
    }

    /**
     * @throws ClientError `session_stopped` when the worker cheated; `spending_cap` or `deposit_exhausted` when all is
     * used.
     */
    requireUsable(): void {
        const { stopped } = this.record;
        if (stopped !== null) {
            throw new ClientError(
                'session_stopped',
                `The session was stopped: ${stopped.message} Nothing more is signed in it. Close it to get the rest ` +
                    'back, ' +
                    'and choose another provider.',
                { reason: stopped.code },
            );
        }
        if (this.spent >= this.limit) {
            throw this.limitError(this.spent + 1n);
        }
    }

    /** A request is about to be sent. */
    begin(estimate: Estimate): RequestUsage {
        return this.bounds.begin(estimate);
    }

    refused(usage: RequestUsage): void {
        this.bounds.refused(usage);
    }

    /** More text of an answer arrived. @param bytes of generated text so far. */
    noteText(usage: RequestUsage, bytes: bigint): void {
        usage.textBytes = bytes;
        this.judgeWaiting(null);
    }

    /**
     * The answer is over.
     * @param last sequence of its last receipt, if it brought any.
     * @param exchange hashes of the bodies, when it arrived complete.
     */
    async end(usage: RequestUsage, last: number | null, exchange: Exchange | null): Promise<void> {
        this.bounds.ahead = this.tokensAhead;
        this.bounds.end(usage, exchange === null ? 'cut' : 'complete');
        this.judgeWaiting(null);
        if (exchange !== null) {
            this.record.requests += 1;
        }
        if (last !== null) {
            this.noteTranscript(last, exchange);
        }
        await this.mutex.run(() => this.saveAndPrepare());
    }

    /**
     * A receipt arrived.
     * @param bearer the answer that brought it; null when it was fetched.
     * @throws ClientError `bad_receipt` or `overcharged`; the session is stopped then.
     */
    addReceipt(receipt: SignedReceipt, bearer: RequestUsage | null): void {
        this.requireNotStopped();
        try {
            if (this.receipts.add(receipt) === 'stale') {
                return;
            }
        } catch (error) {
            throw error instanceof ReceiptError ? this.stop('bad_receipt', error.message) : error;
        }
        if (this.waiting === null || receipt.sequence > this.waiting.sequence) {
            this.waiting = receipt;
        }
        this.judgeWaiting(bearer);
        this.requireNotStopped();
    }

    /** A receipt was followed by another one of the same answer. */
    noteInterim(sequence: number): void {
        try {
            this.receipts.markInterim(sequence);
        } catch (error) {
            this.noteWrongTranscript(error);
        }
    }

    /**
     * Takes over what the worker says at the start of this process: answers of an earlier run whose end was not seen
     * are accepted as far as they were signed for or the credit window covers them. A session that was stopped is not
     * judged again: whoever it was handed over to has signed since.
     * @throws ClientError `overcharged` beyond that.
     */
    async adopt(account: SessionAccount): Promise<void> {
        if (this.record.stopped !== null) {
            return;
        }
        this.noteDelivered(account.cumulative < this.signed ? account.cumulative : this.signed);
        const { receipt } = account;
        if (receipt === null || receipt.sequence <= (this.explained?.sequence ?? 0)) {
            return;
        }
        const covered = this.signed + (this.record.attestedUntil > 0 ? this.agreement.creditWindow : 0n);
        if (receipt.amount > covered) {
            throw this.stop(
                'overcharged',
                `the worker claims ${formatCoins(receipt.amount)}, but ${formatCoins(covered)} is all that an ` +
                    'earlier run ' +
                    'can have used.',
            );
        }
        this.bounds.accept(receipt.tokens);
        this.addReceipt(receipt, null);
        this.receipts.markUnknown(receipt.sequence);
        await this.mutex.run(() => this.save());
    }

    /** The escrow knows a newer attestation. @param until unix seconds. */
    async setAttestedUntil(until: number): Promise<void> {
        await this.mutex.run(() => {
            this.record.attestedUntil = until;
            return this.save();
        });
    }

    /** The cumulative amount of the highest voucher, nanoTON. */
    get signed(): bigint {
        return this.record.voucher?.cumulative ?? 0n;
    }

    /**
     * What should be signed now: what was used, and a headroom for each running request as far as the worker grants no
     * credit for it. Nothing new while half of that is left. Never above the limit. nanoTON.
     */
    get target(): bigint {
        return this.targetWith(this.bounds.runningCount);
    }

    private targetWith(running: number): bigint {
        const needed = this.record.headroom * BigInt(running) - this.credit;
        const ahead = needed > 0n ? needed : 0n;
        if (this.signed >= this.spent + ahead / 2n) {
            return this.signed;
        }
        const wanted = this.spent + ahead;
        return wanted < this.limit ? wanted : this.limit;
    }

    /** Signs what should be signed now. @returns the highest voucher, if any. */
    raiseToTarget(): Promise<SignedVoucher | null> {
        return this.raise(() => this.target);
    }

    /**
     * Signs what the worker requires before it starts, if the requests under way explain it.
     * @param required cumulative nanoTON.
     * @throws ClientError `price_unexpected`, `spending_cap` or `deposit_exhausted`; nothing is signed then.
     */
    async raiseToRequired(required: bigint): Promise<SignedVoucher | null> {
        const ceiling = this.bounds.ceiling(this.prices);
        const lead = this.spent + this.record.headroom * BigInt(this.bounds.runningCount);
        const explained = ceiling > lead ? ceiling : lead;
        if (required > explained) {
            throw new ClientError(
                'price_unexpected',
                `The worker wants ${formatCoins(required)} signed in all before it starts; by the size of the ` +
                    'requests and ' +
                    `the session's prices at most ${formatCoins(explained)} can be needed. Nothing was signed.`,
                { required, explained },
            );
        }
        if (required > this.limit) {
            throw this.limitError(required);
        }
        return this.raise(() => (required > this.target ? required : this.target));
    }

    /** Signs exactly what was used. @returns the highest voucher, if any. */
    raiseToSpent(): Promise<SignedVoucher | null> {
        return this.raise(() => (this.spent < this.limit ? this.spent : this.limit));
    }

    /**
     * Signs exactly what was used, below what was signed ahead: an honest worker claims with the lowest voucher that
     * covers it, so what was paid ahead in vain stays in the deposit. Needs no record: it promises nothing new.
     * @returns null while requests run, or when there is nothing to take back.
     */
    exactVoucher(): SignedVoucher | null {
        if (this.runningRequests > 0 || this.spent === 0n || this.spent >= this.signed) {
            return null;
        }
        return this.signVoucher(this.spent);
    }

    /** Stops the session: nothing more is signed, running answers end. */
    stop(code: 'bad_receipt' | 'overcharged', reason: string): ClientError {
        const message = reason.charAt(0).toUpperCase() + reason.slice(1);
        if (this.record.stopped === null) {
            this.record.stopped = { code, message };
            this.ports.log.warn({ session: this.record.escrow.toString(), code }, message);
            this.mutex.run(() => this.save()).catch(() => undefined);
        }
        const error = new ClientError(
            code,
            `${message} The session was stopped: nothing more is signed. Signed so far: ${formatCoins(this.signed)}. ` +
                'Close it to get the rest back.',
            { signed: this.signed, spent: this.spent },
        );
        this.stopper.abort(error);
        return error;
    }

    /** What the worker can generate with what is signed and granted, beyond what is accounted for. */
    private get tokensAhead(): bigint {
        const { completion, reasoning } = this.prices;
        const cheapest = completion < reasoning ? completion : reasoning;
        const open = this.signed + this.credit - this.spent;
        return open > 0n && cheapest > 0n ? (open * TokensPerPrice) / cheapest : 0n;
    }

    /** One voucher at a time, each on the disk before it is returned. */
    private raise(goal: () => bigint): Promise<SignedVoucher | null> {
        return this.mutex.run(async () => {
            this.requireNotStopped();
            const cumulative = goal();
            if (cumulative <= this.signed) {
                return this.record.voucher;
            }
            const vouchers = this.record.vouchers + 1;
            if (this.prepared?.cumulative !== cumulative) {
                this.prepared = null;
                const voucher = this.signVoucher(cumulative);
                await this.save({ voucher, vouchers });
                this.record.voucher = voucher;
            } else {
                this.record.voucher = this.prepared;
                this.prepared = null;
            }
            this.record.vouchers = vouchers;
            return this.record.voucher;
        });
    }

    /**
     * Saves, and signs in the same write what the next request is going to need: then it need not wait for the disk.
     * Nobody is shown that voucher before there is such a request.
     */
    private async saveAndPrepare(): Promise<void> {
        const idle = this.bounds.runningCount === 0 && this.record.stopped === null;
        const wanted = idle ? this.targetWith(1) : 0n;
        this.prepared = wanted > this.signed ? this.signVoucher(wanted) : null;
        try {
            await this.save();
        } catch (error) {
            this.prepared = null;
            throw error;
        }
    }

    /** The store knows every voucher that may leave. */
    private save(change: Partial<SessionRecord> = {}): Promise<void> {
        return this.ports.save({ ...this.record, voucher: this.prepared ?? this.record.voucher, ...change });
    }

    private signVoucher(cumulative: bigint): SignedVoucher {
        const receiptHash =
            this.explained === null ? 0n : hashToBigInt(receiptPayload(this.domain, this.explained).hash());
        const voucher = { cumulative, receiptHash };
        return { ...voucher, signature: this.sign(voucherPayload(this.domain, voucher)) };
    }

    private requireNotStopped(): void {
        this.stopper.signal.throwIfAborted();
    }

    /** Compares the newest receipt with what arrived, as soon as that explains it. */
    private judgeWaiting(bearer: RequestUsage | null): void {
        const receipt = this.waiting;
        if (receipt === null || this.record.stopped !== null) {
            return;
        }
        this.bounds.ahead = this.tokensAhead;
        const verdict = this.bounds.judge(receipt.tokens, bearer);
        if (verdict.kind === 'overcharged') {
            this.waiting = null;
            this.stop(
                'overcharged',
                `receipt ${receipt.sequence} claims ${verdict.claimed} ${verdict.what} tokens since the session was ` +
                    'opened; ' +
                    `what was sent and received explains at most ${verdict.explained}.`,
            );
        } else if (verdict.kind === 'explained') {
            this.waiting = null;
            this.explained = receipt;
            this.record.receipt = receipt;
        }
    }

    private noteTranscript(sequence: number, exchange: Exchange | null): void {
        try {
            if (exchange === null) {
                this.receipts.markUnknown(sequence);
            } else {
                this.receipts.markFinal(sequence, exchange);
            }
            this.record.unverifiedTranscripts += 1;
            this.pending.push(sequence);
            this.recountTranscripts();
        } catch (error) {
            this.noteWrongTranscript(error);
        }
    }

    /** A transcript hash is verified when the receipt before it is here, which another answer may bring later. */
    private recountTranscripts(): void {
        const stillPending = this.pending.filter((sequence) => {
            const status = this.receipts.transcriptStatus(sequence);
            if (status === 'verified') {
                this.record.verifiedTranscripts += 1;
                this.record.unverifiedTranscripts -= 1;
            }
            return status === 'pending';
        });
        this.pending = stillPending.slice(-PendingTranscripts);
    }

    /**
     * The answer has arrived and its price is right, so it is not taken away; but this worker is not believed again.
     */
    private noteWrongTranscript(error: unknown): void {
        if (!(error instanceof ReceiptError)) {
            throw error;
        }
        this.stop('bad_receipt', error.message);
    }

    private limitError(required: bigint): ClientError {
        const { spendingCap } = this.record;
        return required > spendingCap
            ? new ClientError(
                  'spending_cap',
                  `The next tokens would bring the session to ${formatCoins(required)}; its spending cap is ` +
                      `${formatCoins(spendingCap)}. Nothing more was signed. Raise the cap, or open another session.`,
                  { required, spendingCap },
              )
            : new ClientError(
                  'deposit_exhausted',
                  `The next tokens would bring the session to ${formatCoins(required)}; its deposit pays ` +
                      `${formatCoins(this.depositLimit)} in all. Top it up, or open another session.`,
                  { required, depositLimit: this.depositLimit },
              );
    }
}

/** Tokens of prompt and of completion that are signed for ahead when nobody says otherwise. */
const HeadroomTokens = 1_000n;
/** With less than this ahead, an answer would wait for a voucher at every few tokens. */
const LeastHeadroomTokens = 32n;

/** @param wanted nanoTON; null for the default. @returns what is signed ahead of each request, nanoTON. */
export function headroomOf(prices: Prices, wanted: bigint | null): bigint {
    const worth = (tokens: bigint) => amountOf({ ...NoTokens, prompt: tokens, completion: tokens }, prices);
    const least = worth(LeastHeadroomTokens);
    return wanted === null ? worth(HeadroomTokens) : wanted > least ? wanted : least;
}
