import { Address, Cell } from '@ton/core';
import {
    addressOf,
    accountOf,
    codeHashOf,
    JobAgreement,
    jobDeployment,
    JobEscrow,
    JobListing,
    JobOutcome,
    JobStatus,
    JobTask,
    listingDeployment,
    unpackJobTerms,
} from '@ton-compute/contracts';
import { Chain } from '../chain/chain';
import { ClientError } from '../errors';
import { perMillion } from './statistics';
import { JobState, JobView } from './types';

/** What the list and, while it is there, the escrow say of a job. */
type Standing = Pick<JobView, 'state' | 'deliveryDeadline' | 'bestBid' | 'provider' | 'paid'>;

type Listing = { job: Address; terms: Cell; outcome: number; paid: bigint; provider: Address | null };

const OutcomeState: Readonly<Record<number, JobState>> = {
    [JobOutcome.Delivered]: 'delivered',
    [JobOutcome.Declined]: 'declined',
    [JobOutcome.Failed]: 'failed',
    [JobOutcome.NotTaken]: 'not_taken',
    [JobOutcome.Cancelled]: 'cancelled',
};
const TaskName: Readonly<Record<number, string>> = { [JobTask.Chat]: 'chat', [JobTask.Embeddings]: 'embeddings' };

/**
 * Reads one line of the public list and, unless it tells the end, its job. The line's address is recomputed from registry
 * and number, the job's from its terms, and both codes are compared: an API cannot show another job than was listed.
 * @throws ClientError when something is odd.
 */
export async function readJob(chain: Chain, registry: Address, index: number): Promise<JobView> {
    const { address, init } = await listingDeployment(registry, BigInt(index));
    const listing = await readListing(chain, registry, index, address, init.code);
    const agreement = await checkTerms(registry, listing);
    const standing = await standingOf(chain, listing, address, () =>
        readListing(chain, registry, index, address, init.code),
    );
    const { promptTokens, completionTokens, inputBytes, task } = agreement.specification;
    const tokens = promptTokens + completionTokens;
    return {
        index,
        listing: address,
        job: listing.job,
        client: agreement.client,
        model: agreement.model.toString('hex'),
        task: TaskName[task] ?? task.toString(),
        items: agreement.itemCount,
        promptTokens: Number(promptTokens),
        completionTokens: Number(completionTokens),
        inputBytes: Number(inputBytes),
        ceiling: agreement.ceiling,
        ceilingPerMillion: perMillion(agreement.ceiling, tokens),
        bond: agreement.bond,
        measurement: agreement.measurement?.toString('hex') ?? null,
        awardDeadline: agreement.awardDeadline,
        deliveryTime: agreement.deliveryTime,
        ...standing,
        paidPerMillion: standing.paid === null ? null : perMillion(standing.paid, tokens),
    };
}

async function readListing(
    chain: Chain,
    registry: Address,
    index: number,
    address: Address,
    code: Cell,
): Promise<Listing> {
    const account = await chain.account(address);
    if (account.status !== 'active' || account.code === null) {
        throw odd(`its line of the list is ${account.status}: a line's rent is paid for a year only`);
    }
    if (!account.code.hash().equals(code.hash())) {
        throw odd('the code of its line is not the known one');
    }
    const data = await chain.open(JobListing.JobListing.fromAddress(address)).getListingData();
    if (data.registry !== accountOf(registry) || data.index !== BigInt(index)) {
        throw odd('its line names another registry or number than its address proves');
    }
    return {
        job: addressOf(data.job),
        terms: data.terms,
        outcome: Number(data.outcome),
        paid: data.paid,
        provider: data.provider === 0n ? null : addressOf(data.provider),
    };
}

/** @returns the terms. @throws ClientError unless the job's address proves them and they belong to this market. */
async function checkTerms(registry: Address, { job, terms }: Listing): Promise<JobAgreement> {
    if (!(await jobDeployment(terms)).address.equals(job)) {
        throw odd('its terms are not those that its address proves');
    }
    let agreement: JobAgreement;
    try {
        agreement = unpackJobTerms(terms);
    } catch {
        throw odd('its terms or its specification cannot be read');
    }
    const { market } = agreement;
    if (!market.registry.equals(registry) || !market.providerCodeHash.equals(await codeHashOf('Provider'))) {
        throw odd('it is for the providers of another market');
    }
    return agreement;
}

/** @param again reads the line again: the job may have ended in between. */
async function standingOf(
    chain: Chain,
    listing: Listing,
    address: Address,
    again: () => Promise<Listing>,
): Promise<Standing> {
    if (listing.outcome !== JobOutcome.None) {
        return ended(listing);
    }
    const account = await chain.account(listing.job);
    if (account.status !== 'active') {
        return ended(await again());
    }
    // The address proves code and terms of a deployment; an API that shows others lies.
    if (account.code === null || !account.code.hash().equals(await codeHashOf('JobEscrow'))) {
        throw odd('the code of its escrow is not the known one');
    }
    const data = await chain.open(JobEscrow.JobEscrow.fromAddress(listing.job)).getJobData();
    if (!data.terms.hash().equals(listing.terms.hash())) {
        throw odd('its escrow has other terms than its address proves');
    }
    if (data.status === BigInt(JobStatus.New) || data.listing !== accountOf(address)) {
        // Another life of the same escrow: it does not report to this line, so nobody will ever tell how this one ended.
        return ended(await again());
    }
    const awarded = data.status === BigInt(JobStatus.Awarded);
    const deadline = awarded ? Number(data.deliveryDeadline) : awardDeadlineOf(listing);
    const passed = chain.now() >= deadline;
    const hasBid = data.provider !== 0n;
    return {
        state: awarded ? (passed ? 'overdue' : 'awarded') : passed ? 'expired' : 'bidding',
        deliveryDeadline: awarded ? deadline : null,
        bestBid: hasBid ? data.amount : null,
        provider: hasBid ? addressOf(data.provider) : null,
        paid: null,
    };
}

function awardDeadlineOf({ terms }: Listing): number {
    return unpackJobTerms(terms).awardDeadline;
}

/** @returns what the line tells of the end; telling it is best effort, so it may say nothing. */
function ended({ outcome, paid, provider }: Listing): Standing {
    return {
        state: OutcomeState[outcome] ?? 'unknown',
        deliveryDeadline: null,
        bestBid: null,
        provider,
        paid: outcome === JobOutcome.Delivered ? paid : null,
    };
}

function odd(reason: string): ClientError {
    return new ClientError('chain_error', `The job cannot be shown: ${reason}.`);
}
