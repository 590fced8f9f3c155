import { Address } from '@ton/core';
import { JobAgreement } from '@ton-compute/contracts';
import { formatCoins } from '../amounts';
import { JobEnding } from '../chain/job';
import { ClientError } from '../errors';
import { DeclineText } from './status';

const StateText: Readonly<Record<string, string>> = { new: 'is not posted', bidding: 'still takes bids', awarded: 'is awarded' };

/** @param what behind "and cannot be". */
export function wrongState(job: Address, state: string, what: string): ClientError {
    const is = StateText[state] ?? `has ended (${state})`;
    return new ClientError('job_state', `Job ${job.toString()} ${is} and cannot be ${what}.`, { state });
}

/** @param refusals why, by bidder; empty when nobody bid. */
export function notAwarded(job: Address, { ceiling }: JobAgreement, refusals: ReadonlyMap<string, string>): ClientError {
    if (refusals.size === 0) {
        return new ClientError(
            'no_bids',
            `Nobody bid for job ${job.toString()} at up to ${formatCoins(ceiling)} in time. Nothing was awarded: \`cancel\` ` +
                'brings everything back. Offer more, or more time, or look with `client.find` whether anybody serves the model.',
        );
    }
    const reasons = [...refusals].map(([bidder, reason]) => `${bidder}: ${reason}`).join('; ');
    return new ClientError(
        'bids_refused',
        `The best bidders for job ${job.toString()} are not acceptable. ${reasons}. Nothing was awarded: wait for better ` +
            'bids, or `cancel`, which brings everything back.',
    );
}

/** @returns why a job that has ended has no output, and where the money went. */
export function noOutput(address: Address, { bond }: JobAgreement, { outcome, provider, declineReason }: JobEnding): ClientError {
    const job = address.toString();
    const details = { job: address.toRawString(), provider: provider?.toRawString() ?? null };
    switch (outcome) {
        case 'declined': {
            const why = DeclineText[declineReason ?? 0] ?? `for a reason that this version does not know (${declineReason})`;
            return new ClientError(
                'job_declined',
                `Provider ${provider?.toString()} gave job ${job} back: ${why}. Nobody was paid, what was locked came back to the ` +
                    'wallet. Check that the store can be reached by workers, and create the job anew.',
                { ...details, reason: declineReason },
            );
        }
        case 'failed':
            return new ClientError(
                'job_failed',
                `Provider ${provider?.toString()} did not deliver job ${job} in time. What was locked came back to the wallet, ` +
                    `and its bond of ${formatCoins(bond)} with it. Create the job anew.`,
                { ...details, bond },
            );
        case 'not_taken':
            return new ClientError('job_not_taken', `Job ${job} was not awarded in time: what was locked came back to the wallet.`, details);
        default:
            return new ClientError(
                'job_cancelled',
                `Job ${job} was cancelled before an award: what was locked came back to the wallet.`,
                details,
            );
    }
}
