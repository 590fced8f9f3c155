import { JobOutcome } from '@ton-compute/contracts';

import { readListing } from '../chain/job';
import { JobEnd, JobRecord } from '../ledger/jobs';
import { aboutBid, isEmpty } from './messages';
import { JobOffice } from './office';

/** Transactions of the gas wallet that are looked through. */
const Page = 50;
/** Why a bond came back (BidReturnReason): outbid. */
const Outbid = 1;

/** How a job ended whose account is gone: by what it sent to the gas wallet, else by its line in the public list. */
export async function endOf(office: JobOffice, record: JobRecord): Promise<JobEnd> {
    return (await byWallet(office, record)) ?? (await byListing(office, record)) ?? 'unknown';
}

async function byWallet({ chain, wallet }: JobOffice, { id, statement }: JobRecord): Promise<JobEnd | null> {
    for (const { lt, inMessage } of await chain.transactions(wallet.address, Page)) {
        if (lt <= id.openedLt || inMessage?.info.type !== 'internal' || !inMessage.info.src.equals(id.job)) {
            continue;
        }
        if (isEmpty(inMessage.body)) {
            return statement?.outcome === JobOutcome.Declined ? 'declined' : 'delivered';
        }
        const answer = aboutBid(inMessage.body, id.openedLt);
        if (answer?.kind === 'returned') {
            return answer.reason === Outbid ? 'lost' : 'closed';
        }
    }
    return null;
}

async function byListing({ chain, provider }: JobOffice, { listing }: JobRecord): Promise<JobEnd | null> {
    const listed = listing === null ? null : await readListing(chain, listing);
    switch (listed?.outcome) {
        case JobOutcome.Delivered:
        case JobOutcome.Declined:
        case JobOutcome.Failed: {
            const ours: JobEnd = { [JobOutcome.Delivered]: 'delivered', [JobOutcome.Declined]: 'declined', [JobOutcome.Failed]: 'failed' }[
                listed.outcome
            ] as JobEnd;
            return listed.provider?.equals(provider) === true ? ours : 'lost';
        }
        case JobOutcome.NotTaken:
        case JobOutcome.Cancelled:
            return 'closed';
        default:
            return null;
    }
}
