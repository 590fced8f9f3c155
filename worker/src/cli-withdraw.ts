import { ton } from './doctor/text';
import { Withdrawal } from './settlement/withdrawal';

/** A withdrawal as it comes out of JSON: amounts and addresses are texts. */
export type WithdrawalJson = Pick<Withdrawal, 'outcome' | 'message'> & {
    earnings: string;
    payments: { to: string; as: Withdrawal['payments'][number]['as']; amount: string }[];
    stays: { reserve: string; feeFloat: string; refill: string; cost: string | null };
};

const Meanings: Record<Withdrawal['payments'][number]['as'], string> = {
    share: 'share of a beneficiary',
    'protocol fee': 'protocol fee, to the treasury',
    count: 'to the provider contract, which counts the fee',
};

/** @returns what went to whom, what stayed and why, as lines for a person. */
export function describeWithdrawal({ message, earnings, payments, stays, outcome }: WithdrawalJson): string[] {
    const amount = (text: string) => ton(BigInt(text)).padStart(22);
    const lines = [message, `${amount(earnings)}  earnings before`];
    if (outcome === 'withdrawn' && payments.length === 0) {
        lines.push('The API did not show the transaction; look at the settlement in an explorer.');
    }
    for (const { to, as, amount: sent } of payments) {
        lines.push(`${amount(sent)}  ${Meanings[as]}: ${to}`);
    }
    lines.push(`${amount(stays.reserve)}  stay as reserve: the rent of the contract`);
    lines.push(`${amount(stays.feeFloat)}  stay in the fee float, which pays for batches (the owner takes it out with ReleaseFees)`);
    if (stays.cost !== null) {
        lines.push(`${amount(stays.refill)}  of them came from these earnings, as the owner set with SetFeeLimits`);
        lines.push(`${amount(stays.cost)}  were taken out of the float for this batch`);
    }
    return lines;
}
