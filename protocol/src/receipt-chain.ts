import { Cell } from '@ton/core';
import {
    amountOf,
    bigIntToHash,
    Prices,
    Receipt,
    receiptPayload,
    SignedReceipt,
    SigningDomain,
    Tokens,
} from '@ton-compute/contracts';
import { createVerifier } from './signatures';
import { EmptyTranscript, nextTranscript } from './transcript';

/** Why a receipt, genuine or not, is no basis for payment. */
export type ReceiptErrorCode =
    /** Not signed by the session's worker key for this network, escrow and opening. */
    | 'bad_signature'
    /** Two different receipts with one sequence: the worker contradicts itself. */
    | 'conflicting_sequence'
    /** Tokens or amount are smaller than in an earlier receipt, or larger than in a later one. */
    | 'not_monotonic'
    /** The amount is not what tokens and prices give. */
    | 'wrong_amount'
    /** The transcript hash is not the one of what was asked and answered. */
    | 'wrong_transcript';

export class ReceiptError extends Error {
    override readonly name = 'ReceiptError';

    constructor(
        readonly code: ReceiptErrorCode,
        /** The receipt that was refused. */
        readonly receipt: SignedReceipt,
        message: string,
    ) {
        super(message);
    }
}

/** What the client knows of a finished request: the hashes of the plaintext bodies, 32 bytes each. */
export type Exchange = { requestHash: Buffer; answerHash: Buffer };

/**
 * What is known of a receipt's transcript hash. `pending`: the receipt before it, or the end of its answer, has not
 * arrived yet. `unverifiable`: the receipt before it never arrived, or the exchange that it closed is not known.
 */
export type TranscriptStatus = 'verified' | 'pending' | 'unverifiable';

type Meaning =
    /** Still streaming: whether this receipt is the last of its answer is not known yet. */
    | { kind: 'undecided' }
    /** Given while the answer streamed: repeats the transcript hash. */
    | { kind: 'interim' }
    /** The last of a complete answer. */
    | { kind: 'final'; exchange: Exchange }
    /** The last of an answer that was cut, or came from elsewhere: what it covers is not known. */
    | { kind: 'unknown' };

type Entry = { receipt: SignedReceipt; meaning: Meaning; status: TranscriptStatus };

/** Receipts that are kept to compare later ones with. */
const Window = 512;

const Classes = ['prompt', 'cached', 'completion', 'reasoning'] as const satisfies readonly (keyof Tokens)[];

/**
 * Checks the receipts of one session. Several requests run at once, so receipts arrive in another order than that of
 * their sequence; some never arrive. Every receipt that `add` returns from is a sound statement of use: genuine,
 * unique, growing with the sequence, and priced right. Its transcript hash is checked as soon as its neighbour is
 * there.
 */
export class ReceiptChain {
    /** In the order of the sequence. */
    private entries: Entry[] = [];
    /** The last receipt that was dropped from the window, or restored. */
    private floor: Receipt | null = null;
    private readonly isWorkers: (payload: Cell, signature: Buffer) => boolean;

    /**
     * @param domain of the SessionEscrow.
     * @param workerKey 32 bytes, from the escrow's snapshot.
     * @param prices of the session's terms.
     * @param restored the newest receipt of an earlier run, already checked; earlier ones are then not accepted.
     */
    constructor(
        private readonly domain: SigningDomain,
        workerKey: Buffer,
        private readonly prices: Prices,
        restored: SignedReceipt | null = null,
    ) {
        this.isWorkers = createVerifier(workerKey);
        if (restored !== null) {
            this.entries.push({ receipt: restored, meaning: { kind: 'unknown' }, status: 'unverifiable' });
        }
    }

    /** The receipt with the highest sequence: cumulative tokens and amount of the session so far. */
    get newest(): SignedReceipt | null {
        return this.entries.at(-1)?.receipt ?? null;
    }

    /**
     * Checks a receipt and takes it into the chain.
     * @returns `new`; `duplicate` for one that is known already; `stale` for one older than all that are kept.
     * @throws ReceiptError when it is not sound; the chain is then as before.
     */
    add(receipt: SignedReceipt): 'new' | 'duplicate' | 'stale' {
        this.requireGenuine(receipt);
        const index = this.position(receipt.sequence);
        const known = this.entries[index];
        if (known?.receipt.sequence === receipt.sequence) {
            if (sameStatement(known.receipt, receipt)) {
                return 'duplicate';
            }
            throw new ReceiptError(
                'conflicting_sequence',
                receipt,
                `The worker signed two different receipts with sequence ${receipt.sequence}.`,
            );
        }
        const before = index > 0 ? this.entries[index - 1].receipt : this.floor;
        if (before !== null && before.sequence >= receipt.sequence) {
            return 'stale';
        }
        if (before !== null) {
            requireGrowth(before, receipt, receipt);
        }
        if (known !== undefined) {
            requireGrowth(receipt, known.receipt, receipt);
        }
        this.entries.splice(index, 0, { receipt, meaning: { kind: 'undecided' }, status: 'pending' });
        if (this.entries.length > Window) {
            this.floor = this.entries.shift()!.receipt;
        }
        return 'new';
    }

    /** The receipt was followed by another one of the same answer, so the transcript hash must repeat. */
    markInterim(sequence: number): TranscriptStatus {
        return this.decide(sequence, { kind: 'interim' });
    }

    /**
     * The receipt was the last of an answer that arrived complete.
     * @throws ReceiptError `wrong_transcript` when it does not follow from the receipt before it and this exchange.
     */
    markFinal(sequence: number, exchange: Exchange): TranscriptStatus {
        return this.decide(sequence, { kind: 'final', exchange });
    }

    /** The answer was cut after this receipt, or the receipt was fetched: what it covers is not known. */
    markUnknown(sequence: number): TranscriptStatus {
        return this.decide(sequence, { kind: 'unknown' });
    }

    /** @returns what is known of the transcript hash of a receipt; null for one that is not kept. */
    transcriptStatus(sequence: number): TranscriptStatus | null {
        return this.find(sequence)?.status ?? null;
    }

    private requireGenuine(receipt: SignedReceipt): void {
        if (!this.isWorkers(receiptPayload(this.domain, receipt), receipt.signature)) {
            throw new ReceiptError(
                'bad_signature',
                receipt,
                `Receipt ${receipt.sequence} is not signed by the session's worker key for this session.`,
            );
        }
        const amount = amountOf(receipt.tokens, this.prices);
        if (receipt.amount !== amount) {
            throw new ReceiptError(
                'wrong_amount',
                receipt,
                `Receipt ${receipt.sequence} asks for ${receipt.amount} nanoTON; its tokens cost ${amount}.`,
            );
        }
    }

    /** @returns index of the first entry with this sequence or a later one. */
    private position(sequence: number): number {
        let low = 0;
        let high = this.entries.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.entries[middle].receipt.sequence < sequence) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private find(sequence: number): Entry | undefined {
        const entry = this.entries[this.position(sequence)];
        return entry?.receipt.sequence === sequence ? entry : undefined;
    }

    private decide(sequence: number, meaning: Meaning): TranscriptStatus {
        const entry = this.find(sequence);
        if (entry === undefined) {
            return 'unverifiable';
        }
        if (entry.meaning.kind === 'undecided') {
            entry.meaning = meaning;
        }
        this.checkAt(this.position(sequence));
        return entry.status;
    }

    /** A receipt is checked when its meaning is decided, and again when that of the receipt before it is. */
    private checkAt(index: number): void {
        this.check(index);
        if (index + 1 < this.entries.length) {
            this.check(index + 1);
        }
    }

    private check(index: number): void {
        const entry = this.entries[index];
        if (entry.status !== 'pending' || entry.meaning.kind === 'undecided') {
            return;
        }
        if (entry.meaning.kind === 'unknown') {
            entry.status = 'unverifiable';
            return;
        }
        const previous = this.previousTranscript(index);
        if (previous === null) {
            return;
        }
        const expected =
            entry.meaning.kind === 'interim'
                ? previous
                : nextTranscript(previous, entry.meaning.exchange.requestHash, entry.meaning.exchange.answerHash);
        if (!bigIntToHash(entry.receipt.transcriptHash).equals(expected)) {
            entry.status = 'unverifiable';
            throw new ReceiptError(
                'wrong_transcript',
                entry.receipt,
                `Receipt ${entry.receipt.sequence} does not cover what was asked and answered: expected transcript ` +
                    `hash ${expected.toString('hex')}.`,
            );
        }
        entry.status = 'verified';
    }

    /** @returns the transcript hash just before entry `index`, or null while it is not known. */
    private previousTranscript(index: number): Buffer | null {
        const { sequence } = this.entries[index].receipt;
        if (sequence === 1) {
            return EmptyTranscript;
        }
        const before = index > 0 ? this.entries[index - 1].receipt : this.floor;
        return before?.sequence === sequence - 1 ? bigIntToHash(before.transcriptHash) : null;
    }
}

function sameStatement(a: Receipt, b: Receipt): boolean {
    return (
        a.amount === b.amount &&
        a.transcriptHash === b.transcriptHash &&
        Classes.every((name) => a.tokens[name] === b.tokens[name])
    );
}

function requireGrowth(earlier: Receipt, later: Receipt, refused: SignedReceipt): void {
    const shrinking = Classes.find((name) => earlier.tokens[name] > later.tokens[name]);
    if (shrinking !== undefined || earlier.amount > later.amount) {
        const what = shrinking ?? 'amount';
        throw new ReceiptError(
            'not_monotonic',
            refused,
            `Receipts count everything so far, but from ${earlier.sequence} to ${later.sequence} the ${what} shrinks.`,
        );
    }
}
