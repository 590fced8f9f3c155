import { Address, Cell, Transaction } from '@ton/core';

import { SettlementAccount, SettlementCosts } from './account';

/** Bits in front of the sequence in a batch's message: the signature. */
const SignatureBits = 512;
const SequenceBits = 32;

/** A payment of a distribution. 'count': what carries the amount of the fee to the provider, for its reputation. */
export type Payment = { to: Address; as: 'share' | 'protocol fee' | 'count'; /** nanoTON that left. */ amount: bigint };

/** What came of a withdrawal; amounts in nanoTON. */
export type Withdrawal = {
    outcome: 'nothing' | 'withdrawn' | 'unaffordable' | 'refused' | 'lost';
    /** One sentence for a person. */
    message: string;
    /** Earnings that were there before. */
    earnings: bigint;
    /** Empty also where the transaction could not be read. */
    payments: Payment[];
    /** What stays in the settlement, and why. */
    stays: {
        /** Rent of the contract for a long time. */
        reserve: bigint;
        /** Pays for batches; only the owner takes it out, with ReleaseFees. */
        feeFloat: bigint;
        /** What this withdrawal added to the float, as the owner's SetFeeLimits says; before its own cost. */
        refill: bigint;
        /** What the batch cost the float; null where it was not seen. */
        cost: bigint | null;
    };
};

/** @returns why nothing can be withdrawn now; null when it can. */
export function withdrawalObstacle(
    { earnings, canDistribute, feeFloat, capLeft, balance, reserve }: SettlementAccount,
    { base, distribute }: SettlementCosts,
): Pick<Withdrawal, 'outcome' | 'message'> | null {
    const cost = base + distribute;
    if (earnings === 0n) {
        return { outcome: 'nothing', message: "There are no earnings to withdraw. 'settle' claims what is due." };
    }
    if (!canDistribute) {
        const message =
            'The settlement does not know the protocol fee yet. Run: npx blueprint run settle action=syncFee, then again.';
        return { outcome: 'refused', message };
    }
    if (earnings <= cost) {
        const message = `The earnings, ${earnings} nanoTON, are not more than their distribution may cost, ${cost}.`;
        return { outcome: 'nothing', message };
    }
    const least = [feeFloat, capLeft, balance - reserve].reduce((a, b) => (b < a ? b : a));
    if (least < cost) {
        const message =
            `The distribution may cost ${cost} nanoTON; the fee float holds ${feeFloat}, today's cap leaves ${capLeft}. ` +
            'Send FundFees (npx blueprint run fundFees), wait for the next day (UTC), or distribute with any wallet: ' +
            'npx blueprint run withdraw.';
        return { outcome: 'unaffordable', message };
    }
    return null;
}

/** @returns the payments of the batch with this sequence, in the order in which they left; none if it is not there. */
export function paymentsOf(transactions: readonly Transaction[], sequence: number, provider: Address): Payment[] {
    const batch = transactions.find(({ inMessage }) => {
        return inMessage?.info.type === 'external-in' && sequenceOf(inMessage.body) === sequence;
    });
    const sent = (batch?.outMessages.values() ?? []).flatMap(({ info }) =>
        info.type === 'internal' ? [{ to: info.dest, amount: info.value.coins }] : [],
    );
    // The fee goes first, and only together with the message that counts it.
    const remitted = sent.some(({ to }) => to.equals(provider));
    return sent.map(({ to, amount }, index) => ({
        to,
        amount,
        as: remitted && index === 0 ? 'protocol fee' : remitted && index === 1 ? 'count' : 'share',
    }));
}

function sequenceOf(body: Cell): number | null {
    const slice = body.beginParse();
    return slice.remainingBits < SignatureBits + SequenceBits ? null : slice.skip(SignatureBits).loadUint(SequenceBits);
}
