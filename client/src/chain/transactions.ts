import { Address, Slice, Transaction } from '@ton/core';

/** An internal message that an account took, and what its contract did not undo. */
export type Received = {
    op: number;
    /** Behind the operation. */
    body: Slice;
    from: Address;
    bounced: boolean;
};

/** @returns the internal message that this transaction acted on, or null when there is none or it failed. */
export function received(transaction: Transaction): Received | null {
    const message = transaction.inMessage;
    if (message?.info.type !== 'internal' || !succeeded(transaction)) {
        return null;
    }
    const body = message.body.beginParse();
    const { src: from, bounced } = message.info;
    if (bounced) {
        return { op: 0, body, from, bounced };
    }
    return body.remainingBits < 32 ? null : { op: body.loadUint(32), body, from, bounced };
}

function succeeded({ description }: Transaction): boolean {
    return (
        description.type === 'generic' &&
        description.computePhase.type === 'vm' &&
        description.computePhase.success &&
        description.actionPhase?.success === true
    );
}
