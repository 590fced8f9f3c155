import { createHash } from 'node:crypto';
import { SignedReceipt } from '@ton-compute/contracts';
import { ReceiptChain, SessionAccount } from '@ton-compute/protocol';

import { SentRequest, TestClient } from '../../worker/tests/support/client';

/** Requests that are kept to be sent again. */
const KeptRequests = 40;

/** What one client saw the worker acknowledge; whatever comes later must not contradict it. */
export class Witness {
    /** nanoTON of the highest voucher that was signed, whether it arrived or not. */
    signed = 0n;
    /** nanoTON of the highest voucher that the worker acknowledged. */
    acknowledged = 0n;
    /** Answers that arrived complete. */
    answers = 0;
    readonly accepted: SentRequest[] = [];
    private readonly chain: ReceiptChain;

    constructor(
        readonly client: TestClient,
        workerKey: Buffer,
    ) {
        this.chain = new ReceiptChain(client.signingDomain, workerKey, client.agreement.offer.prices);
    }

    get newest(): SignedReceipt | null {
        return this.chain.newest;
    }

    /** A request's answer has begun: its proof is used up, its voucher is held. @param paid nanoTON. */
    begun(request: SentRequest, paid: bigint): void {
        this.held(paid);
        this.accepted.push(request);
        if (this.accepted.length > KeptRequests) {
            this.accepted.shift();
        }
    }

    /** @param cumulative nanoTON of a voucher that the worker has acknowledged. */
    held(cumulative: bigint): void {
        this.acknowledged = cumulative > this.acknowledged ? cumulative : this.acknowledged;
    }

    /** @throws ReceiptError when it contradicts any that was seen before. */
    receipt(receipt: SignedReceipt): void {
        this.chain.add(receipt);
    }

    /** An answer is complete. @throws ReceiptError when its last receipt does not cover what was asked and answered. */
    complete(receipts: readonly SignedReceipt[], request: string, answer: string): void {
        this.answers += 1;
        receipts.slice(0, -1).forEach(({ sequence }) => this.chain.markInterim(sequence));
        const last = receipts.at(-1);
        if (last !== undefined) {
            this.chain.markFinal(last.sequence, { requestHash: sha256(request), answerHash: sha256(answer) });
        }
    }

    /** An answer was cut after these receipts. */
    cut(receipts: readonly SignedReceipt[]): void {
        receipts.forEach(({ sequence }) => this.chain.markUnknown(sequence));
    }

    /** Compares what the worker says of the session with what was acknowledged. @returns what contradicts it. */
    compare(account: SessionAccount): string[] {
        const faults: string[] = [];
        const expect = (fine: boolean, text: string) => void (fine || faults.push(text));
        const { cumulative, spent, receipt } = account;
        expect(cumulative >= this.acknowledged, `it holds a voucher of ${cumulative}, acknowledged were ${this.acknowledged}`);
        expect(cumulative <= this.signed, `it shows a voucher of ${cumulative}, signed were ${this.signed} at most`);
        expect(spent <= this.signed, `it has served ${spent}, signed were ${this.signed}`);
        const before = this.newest;
        expect(
            (receipt?.sequence ?? 0) >= (before?.sequence ?? 0),
            `its newest receipt is ${receipt?.sequence ?? 0}, ${before?.sequence ?? 0} was seen`,
        );
        expect(spent >= (before?.amount ?? 0n), `it says that ${spent} were used, its receipt said ${before?.amount ?? 0n}`);
        if (receipt !== null) {
            const known = receipt.sequence <= (before?.sequence ?? 0);
            this.receipt(receipt);
            if (!known) {
                this.chain.markUnknown(receipt.sequence);
            }
        }
        return faults;
    }
}

function sha256(text: string): Buffer {
    return createHash('sha256').update(text).digest();
}
