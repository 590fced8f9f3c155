import { toNano } from '@ton/core';
import { SignedReceipt } from '@ton-compute/contracts';
import { ReceiptError } from '@ton-compute/protocol';

import { Answer } from '../../worker/tests/support/client';
import { pick, Random } from './random';
import { Witness } from './witness';

/** nanoTON that are signed ahead for a request: more than any of these can cost. */
export const Headroom = toNano('0.3');
/** nanoTON ahead of the use where the voucher has to be raised in mid-answer: some tokens of it. */
const TightHeadroom = toNano('0.012');

/** Short and long answers that the shipped model knows. */
const Questions = [
    'What is a GPU?',
    'Write a polite message to Lena to ask for the budget by Friday.',
    'Summarize this chat:\nAnna: The review is moved to Friday at 3 pm.\nTom: I will bring the slides on Monday.',
];

/** Refusals that the load provokes. */
const ExpectedCodes = new Set(['insufficient_voucher', 'overloaded']);

/** What runs at a moment. */
export class Activity {
    /** Requests that were sent and have not begun to be answered. */
    asking = 0;
    /** Answers that are arriving. */
    answering = 0;
    /** Vouchers on their way. */
    paying = 0;
}

/** A client of one session, which asks and pays without a pause until the worker is gone. */
export class LoadClient {
    constructor(
        readonly witness: Witness,
        private readonly random: Random,
        private readonly activity: Activity,
        private readonly onFault: (fault: string) => void,
    ) {}

    /** @param gone whether the worker was killed: from then on no answer is the rule. */
    async run(gone: () => boolean): Promise<void> {
        while (!gone()) {
            try {
                await this.step();
            } catch (error) {
                // Contradictions count at any time; anything else is what a kill does to a connection.
                if (error instanceof ReceiptError || !gone()) {
                    this.onFault(describe(error));
                    return;
                }
            }
        }
    }

    private step(): Promise<void> {
        const choice = this.random();
        if (choice < 0.1) {
            return this.pay(this.spent + Headroom);
        }
        if (choice < 0.2) {
            return this.embed();
        }
        return choice < 0.5 ? this.askTightly() : this.ask();
    }

    private get spent(): bigint {
        return this.witness.newest?.amount ?? 0n;
    }

    /** Signs so much, unless more was signed already. @returns what has been signed in all, nanoTON. */
    private sign(cumulative: bigint): bigint {
        this.witness.signed = cumulative > this.witness.signed ? cumulative : this.witness.signed;
        return this.witness.signed;
    }

    private async pay(cumulative: bigint): Promise<void> {
        const amount = this.sign(cumulative);
        this.activity.paying += 1;
        try {
            const response = await this.witness.client.pay(amount);
            // The status line is the acknowledgement; the rest may be cut.
            if (response.status === 200) {
                this.witness.held(amount);
            } else {
                this.onFault(`A voucher was answered with ${response.status}.`);
            }
            await response.arrayBuffer();
        } finally {
            this.activity.paying -= 1;
        }
    }

    /** Pays ahead for the whole answer. */
    private ask(): Promise<void> {
        const stream = this.random() < 0.6;
        return this.chat({ stream, max_tokens: 40 }, this.sign(this.spent + Headroom));
    }

    /** Pays while the answer streams: the worker waits for each next voucher. */
    private askTightly(): Promise<void> {
        const ahead = this.witness.signed > this.spent + TightHeadroom;
        const paid = ahead ? this.witness.signed : this.sign(this.spent + TightHeadroom);
        return this.chat({ stream: true, max_tokens: 40 }, paid, async (receipt) => {
            if (receipt.amount + TightHeadroom > this.witness.signed) {
                await this.pay(receipt.amount + TightHeadroom);
            }
        });
    }

    private chat(
        fields: Record<string, unknown>,
        paid: bigint,
        onReceipt: (receipt: SignedReceipt) => Promise<void> = async () => undefined,
    ): Promise<void> {
        const messages = [{ role: 'user', content: pick(this.random, Questions) }];
        const body = JSON.stringify({ model: 'tiny-chat', messages, temperature: 0, ...fields });
        return this.send('/v1/chat/completions', body, paid, onReceipt);
    }

    private embed(): Promise<void> {
        const body = JSON.stringify({ model: 'tiny-chat', input: pick(this.random, Questions) });
        return this.send('/v1/embeddings', body, this.sign(this.spent + Headroom), async () => undefined);
    }

    private async send(
        path: string,
        body: string,
        paid: bigint,
        onReceipt: (receipt: SignedReceipt) => Promise<void>,
    ): Promise<void> {
        const { witness, activity } = this;
        const receipts: SignedReceipt[] = [];
        let begun = false;
        let complete = false;
        activity.asking += 1;
        try {
            const answer = await witness.client.call(path, body, {
                sealed: this.random() < 0.7,
                pay: paid,
                onBegun: (status, request) => {
                    begun = true;
                    activity.asking -= 1;
                    activity.answering += 1;
                    if (status === 200) {
                        witness.begun(request, paid);
                    }
                },
                onReceipt: async (receipt) => {
                    receipts.push(receipt);
                    witness.receipt(receipt);
                    await onReceipt(receipt);
                },
            });
            complete = this.judge(answer, receipts, body);
        } finally {
            activity[begun ? 'answering' : 'asking'] -= 1;
            if (!complete) {
                witness.cut(receipts);
            }
        }
    }

    /** @returns whether it is a complete answer. */
    private judge(answer: Answer, streamed: readonly SignedReceipt[], request: string): boolean {
        if (answer.status !== 200) {
            const { code } = (JSON.parse(answer.text) as { error: { code: string } }).error;
            if (!ExpectedCodes.has(code)) {
                this.onFault(`A request was refused with ${answer.status} ${code}.`);
            }
            return false;
        }
        answer.receipts.filter((receipt) => !streamed.includes(receipt)).forEach((receipt) => this.witness.receipt(receipt));
        this.witness.complete(answer.receipts, request, answer.text);
        return true;
    }
}

/** @returns the kind and message of an error, with its cause: those of fetch tell nothing without it. */
function describe(error: unknown): string {
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
    return error instanceof Error ? `${error.name}: ${error.message}${cause}` : String(error);
}
