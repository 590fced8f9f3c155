import { KeyObject } from 'node:crypto';
import { Address } from '@ton/core';
import { bigIntToHash, Prices, receiptPayload, SignedReceipt, SignedVoucher, SigningDomain } from '@ton-compute/contracts';
import { nextTranscript, SessionAccount } from '@ton-compute/protocol';

import { EscrowSnapshot } from '../chain/escrow';
import { importPublicKey, SigningKey } from '../keys/ed25519';
import { SessionId, SessionRecord } from '../ledger/sessions';
import {
    allowanceOf,
    AttestationMargin,
    claimableOf,
    EscrowFunds,
    receiptReach,
    Shortfall,
    shortfallOf,
} from '../money/allowance';
import { Tab } from '../money/tab';
import { VoucherHasher } from '../money/voucher-hash';

/** Seconds after a request or a voucher for which a client of an open session may sign what it used. */
const SigningTime = 30;

/** One life of an escrow as the worker lives it: the last reading of the chain, and the money on top of it. */
export class Session {
    readonly id: SessionId;
    readonly domain: SigningDomain;
    readonly sessionKey: KeyObject;
    readonly voucherHasher: VoucherHasher;
    readonly tab: Tab;
    /** Requests that run now. */
    inFlight = 0;
    /** Milliseconds of `performance.now()` at the last request or voucher. */
    lastUsed = performance.now();
    /** Milliseconds of `performance.now()` at the last reading of the chain. */
    readAtMs = performance.now();
    /** Fires when the escrow is gone: whatever runs for it will never be paid. */
    readonly ended = new AbortController();

    private voucher: SignedVoucher | null;
    private exact: SignedVoucher | null;
    private newestReceipt: SignedReceipt | null;
    private sequence: number;
    private transcript: Buffer;
    private readonly waiting = new Set<() => void>();

    /**
     * @param now unix seconds by the chain's clock.
     * @param globalId of the network.
     */
    constructor(
        private latest: EscrowSnapshot,
        record: SessionRecord,
        globalId: number,
        private readonly now: () => number,
    ) {
        this.id = record.id;
        this.domain = { globalId, contract: latest.address, openedLt: latest.openedLt };
        this.sessionKey = importPublicKey(latest.sessionKey);
        this.voucherHasher = new VoucherHasher(this.domain);
        this.voucher = record.voucher;
        this.exact = record.exact;
        this.newestReceipt = record.receipt;
        this.sequence = record.receipt?.sequence ?? 0;
        this.transcript = record.transcript;
        this.tab = new Tab(
            record.spent,
            this.prices,
            (amount) => shortfallOf(this.funds, this.cumulative, this.now(), amount),
            () => this.announce(),
        );
    }

    get address(): Address {
        return this.latest.address;
    }

    get snapshot(): EscrowSnapshot {
        return this.latest;
    }

    get prices(): Prices {
        return this.latest.agreement.offer.prices;
    }

    /** nanoTON of the highest voucher. */
    get cumulative(): bigint {
        return this.voucher?.cumulative ?? 0n;
    }

    get highestVoucher(): SignedVoucher | null {
        return this.voucher;
    }

    /** The lowest voucher that covers what was used: what was signed ahead in vain is the client's. */
    get claimVoucher(): SignedVoucher | null {
        return this.exact !== null && this.exact.cumulative >= this.tab.amount ? this.exact : this.voucher;
    }

    /** @returns whether a voucher below the highest is a better one to claim with. */
    prefersExact({ cumulative }: SignedVoucher): boolean {
        return cumulative >= this.tab.amount && cumulative < (this.claimVoucher?.cumulative ?? 0n);
    }

    /** A voucher for exactly what was used counts from here on. */
    settleFor(voucher: SignedVoucher): void {
        this.exact = voucher;
    }

    get receipt(): SignedReceipt | null {
        return this.newestReceipt;
    }

    get funds(): EscrowFunds {
        const { claimed, balance, reserve, attestedUntil, receiptClaimUsed, agreement } = this.latest;
        const { creditWindow } = agreement;
        return { claimed, balance, reserve, attestedUntil, receiptClaimUsed, creditWindow };
    }

    /** How far the spent amount may grow now, cumulative nanoTON. */
    get allowance(): bigint {
        return allowanceOf(this.funds, this.cumulative, this.now());
    }

    /** @returns what is missing for what was used already, or null: an engine may have used more than was reserved. */
    shortfall(): Shortfall | null {
        return shortfallOf(this.funds, this.cumulative, this.now(), this.tab.amount);
    }

    /** nanoTON that a claim would bring now. */
    get due(): bigint {
        return this.dueUpTo((this.mustClaimReceipt ? this.receiptReach : null) ?? this.claimVoucher?.cumulative ?? 0n);
    }

    /** nanoTON that a claim would bring together with a receipt-only claim, whether it is time for that or not. */
    get dueInAll(): bigint {
        return this.dueUpTo(this.receiptReach ?? this.claimVoucher?.cumulative ?? 0n);
    }

    private dueUpTo(reach: bigint): bigint {
        const agreed = reach - this.latest.claimed;
        const claimable = claimableOf(this.funds);
        const due = agreed < claimable ? agreed : claimable;
        return due > 0n ? due : 0n;
    }

    /** What a receipt-only claim would reach, cumulative nanoTON; null while vouchers cover what was used. */
    get receiptReach(): bigint | null {
        return receiptReach(this.funds, this.newestReceipt?.amount ?? 0n, this.cumulative, this.now());
    }

    /**
     * Whether the time has come to claim by the receipt, which works only once: the client closes without having signed
     * what it used, or the snapshot of the attestation, on which such a claim rests, is about to expire.
     */
    get mustClaimReceipt(): boolean {
        const { status, attestedUntil } = this.latest;
        const expiring = this.now() + AttestationMargin >= attestedUntil;
        // A client that is about to sign gets the time for it.
        const pressing = status === 'closing' || (expiring && performance.now() - this.lastUsed >= SigningTime * 1000);
        return pressing && this.inFlight === 0 && this.receiptReach !== null;
    }

    /** Unix seconds by which a claim must have arrived; null while there is no hurry. */
    get claimDeadline(): number | null {
        const { status, deadline, attestedUntil } = this.latest;
        const ends = [...(status === 'closing' ? [deadline] : []), ...(this.mustClaimReceipt ? [attestedUntil] : [])];
        return ends.length === 0 ? null : Math.min(...ends);
    }

    /** The session's account as docs/wire.md shows it. */
    get account(): SessionAccount {
        return {
            session: this.address,
            cumulative: this.cumulative,
            spent: this.tab.amount,
            claimable: claimableOf(this.funds),
            claimed: this.latest.claimed,
            allowance: this.allowance,
            running: this.inFlight,
            receipt: this.newestReceipt,
        };
    }

    /** Takes over a newer reading of the same life of the escrow. */
    update(snapshot: EscrowSnapshot): void {
        const before = this.allowance;
        this.latest = snapshot;
        this.readAtMs = performance.now();
        if (this.allowance > before) {
            this.announce();
        }
    }

    /** A voucher counts from here on. Call it only once the voucher is durable. */
    raise(voucher: SignedVoucher): void {
        if (voucher.cumulative > this.cumulative) {
            this.voucher = voucher;
            this.announce();
        }
    }

    /**
     * Writes and signs the next receipt. It must be durable before it leaves.
     * @param exchange hashes of a request and its answer, when one has just ended.
     */
    issueReceipt(key: SigningKey, exchange: { requestHash: Buffer; answerHash: Buffer } | null): SignedReceipt {
        if (exchange !== null) {
            this.transcript = nextTranscript(this.transcript, exchange.requestHash, exchange.answerHash);
        }
        this.sequence += 1;
        const receipt = {
            sequence: this.sequence,
            tokens: this.tab.spent,
            amount: this.tab.amount,
            transcriptHash: BigInt('0x' + this.transcript.toString('hex')),
        };
        return { ...receipt, signature: key.sign(receiptPayload(this.domain, receipt).hash()) };
    }

    /** A receipt counts from here on. Call it only once the receipt is durable. */
    publish(receipt: SignedReceipt): void {
        if (this.newestReceipt === null || receipt.sequence > this.newestReceipt.sequence) {
            this.newestReceipt = receipt;
        }
    }

    /** Sequence of the last receipt that was signed, as far as is remembered. */
    get lastSequence(): number {
        return this.sequence;
    }

    /** Goes on after a receipt of our own that was forgotten. Call it only once the receipt is durable. */
    recall(receipt: SignedReceipt): void {
        if (receipt.sequence > this.sequence) {
            this.sequence = receipt.sequence;
            this.transcript = bigIntToHash(receipt.transcriptHash);
            this.tab.recall(receipt.tokens);
            this.publish(receipt);
        }
    }

    /** Hash of the transcript so far, 32 bytes. */
    get transcriptHash(): Buffer {
        return this.transcript;
    }

    /** The escrow is gone or was opened anew. */
    end(): void {
        this.ended.abort();
        this.announce();
    }

    /**
     * Waits until more may be used than before: a higher voucher, a top-up, or what another request gave back.
     * @returns false when nothing came within `seconds`, or the signal fired.
     */
    whenAllowanceMayHaveGrown(seconds: number, signal: AbortSignal): Promise<boolean> {
        return new Promise((resolve) => {
            const finish = (grown: boolean) => {
                clearTimeout(timer);
                this.waiting.delete(wake);
                signal.removeEventListener('abort', stop);
                resolve(grown);
            };
            const wake = () => finish(true);
            const stop = () => finish(false);
            const timer = setTimeout(stop, seconds * 1000);
            this.waiting.add(wake);
            signal.addEventListener('abort', stop, { once: true });
            if (signal.aborted) {
                stop();
            }
        });
    }

    private announce(): void {
        for (const wake of [...this.waiting]) {
            wake();
        }
    }
}
