import { Chain } from '../chain/chain';
import { JobEnding, JobOnChain, readJob, readJobEnding, readListedEnding } from '../chain/job';
import { ClientError } from '../errors';
import { sameBid } from './award';
import { JobRecord } from './record';
import { JobStore } from './store';

/** What a look at the chain found; both null, or a live job in state new: it is not posted. */
export type Found = { live: JobOnChain | null; ending: JobEnding | null };

/**
 * Reads a job, and notes in its record what is new.
 * @throws ClientError `chain_error` when the API contradicts what is known.
 */
export async function observe(chain: Chain, record: JobRecord, records: JobStore): Promise<Found> {
    if (record.ending !== null) {
        return { live: null, ending: record.ending };
    }
    const live = await readJob(chain, record.job);
    // Anyone can deploy the escrow again, also after its end: a new one says nothing, its history does.
    if (live !== null && live.state !== 'new') {
        await noteLive(record, live, records);
        return { live, ending: null };
    }
    const ending = await readEnding(chain, record);
    if (ending === null) {
        if (record.openedLt !== 0n) {
            throw new ClientError(
                'chain_error',
                `Job ${record.job.toString()} has ended, but the chain's API shows neither its history nor its listing. ` +
                    'Ask again later, or use an API that keeps history.',
            );
        }
        return { live, ending: null };
    }
    if (ending.outcome === 'delivered' && ending.paid === 0n && record.award !== null) {
        ending.paid = record.award.amount;
    }
    // A listing tells no output root: the history may be there later, or elsewhere.
    if (ending.outcome !== 'delivered' || ending.outputRoot !== null) {
        record.ending = ending;
        await records.save(record);
    }
    return { live: null, ending };
}

async function noteLive(record: JobRecord, live: JobOnChain, records: JobStore): Promise<void> {
    if (!live.terms.hash().equals(record.terms.hash())) {
        throw new ClientError(
            'chain_error',
            `The chain's API shows other terms for ${record.job.toString()} than its address proves. Do not trust this API.`,
        );
    }
    const listingIsNew = live.listing !== null && record.listing === null;
    const won = live.state === 'awarded' ? live.bid : null;
    const awardIsNew = won !== null && (record.award === null || !sameBid(record.award, won));
    if (live.openedLt !== record.openedLt || listingIsNew || awardIsNew) {
        record.openedLt = live.openedLt;
        record.listing = live.listing ?? record.listing;
        record.award = won ?? record.award;
        await records.save(record);
    }
}

async function readEnding(chain: Chain, { job, globalId, listing }: JobRecord): Promise<JobEnding | null> {
    return (await readJobEnding(chain, job, globalId)) ?? (listing === null ? null : readListedEnding(chain, listing));
}
