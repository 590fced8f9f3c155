import { Address, Cell, Transaction } from '@ton/core';
import {
    addressOf,
    bigIntToHash,
    deliveryPayload,
    JobAgreement,
    JobEscrow,
    JobListing,
    JobOutcome,
    JobStatus,
    ProviderRegistry,
    unpackJobTerms,
    verifyPayload,
} from '@ton-compute/contracts';
import { ClientError } from '../errors';
import { Chain } from './chain';
import { Received, received } from './transactions';

/** The best bid so far; after the award the one that won. */
export type Bid = {
    provider: Address;
    /** nanoTON that the provider asks for. */
    amount: bigint;
};

/** What the chain says of a job that has not ended. */
export type JobOnChain = {
    state: 'new' | 'bidding' | 'awarded';
    /** Logical time of the posting; 0 in state new. */
    openedLt: bigint;
    /** Unix seconds; 0 before the award. */
    deliveryDeadline: number;
    /** The entry in the registry's public list; null: none, or not yet. */
    listing: Address | null;
    bid: Bid | null;
    terms: Cell;
    agreement: JobAgreement;
};

/** How a job ended. */
export type OutcomeName = 'delivered' | 'declined' | 'failed' | 'not_taken' | 'cancelled';

/** The end of a job, as the chain shows it. */
export type JobEnding = {
    outcome: OutcomeName;
    /** Who was awarded the job; null: nobody. */
    provider: Address | null;
    /** nanoTON that the provider was paid; 0 unless delivered. */
    paid: bigint;
    /** Merkle root of the sealed outputs, signed by the worker; null unless delivered, or when only the listing tells. */
    outputRoot: Buffer | null;
    /** One of DeclineReason; null unless declined. */
    declineReason: number | null;
    /** Unix seconds; null when only the listing tells. */
    time: number | null;
};

const StateName = { [JobStatus.New]: 'new', [JobStatus.Bidding]: 'bidding', [JobStatus.Awarded]: 'awarded' } as const;

export const OutcomeNames: Readonly<Record<number, OutcomeName>> = {
    [JobOutcome.Delivered]: 'delivered',
    [JobOutcome.Declined]: 'declined',
    [JobOutcome.Failed]: 'failed',
    [JobOutcome.NotTaken]: 'not_taken',
    [JobOutcome.Cancelled]: 'cancelled',
};

/** @returns the job's state, or null when its account is not there: not posted yet, or ended. */
export async function readJob(chain: Chain, job: Address): Promise<JobOnChain | null> {
    const { status } = await chain.account(job);
    if (status !== 'active') {
        return null;
    }
    const data = await chain.open(JobEscrow.JobEscrow.fromAddress(job)).getJobData();
    return {
        state: StateName[Number(data.status) as keyof typeof StateName],
        openedLt: data.openedLt,
        deliveryDeadline: Number(data.deliveryDeadline),
        listing: data.listing === 0n ? null : addressOf(data.listing),
        bid: data.provider === 0n ? null : { provider: addressOf(data.provider), amount: data.amount },
        terms: data.terms,
        agreement: unpackJobTerms(data.terms),
    };
}

const PageSize = 50;
/** Strangers can send messages to an account that is gone; so many pages are looked through. */
const MaxPages = 20;

/**
 * Looks for the end of a job in its account's history.
 * @returns how its newest life ended, or null when the history does not tell.
 * @throws ClientError `chain_error` when the API shows a delivery that its worker did not sign.
 */
export async function readJobEnding(chain: Chain, job: Address, globalId: number): Promise<JobEnding | null> {
    let end: { transaction: Transaction; message: Received } | null = null;
    let award: Address | null = null;
    const { opcodes } = JobEscrow.JobEscrow;
    const endings: number[] = [opcodes.RelayedDelivery, opcodes.CancelJob, opcodes.ExpireJob];
    let last: Transaction | undefined;
    for (let page = 0; page < MaxPages; page += 1) {
        const transactions = await chain.transactions(job, PageSize, last);
        for (const transaction of transactions) {
            const message = received(transaction);
            if (message === null || message.bounced) {
                continue;
            }
            if (end === null && endings.includes(message.op)) {
                end = { transaction, message };
            } else if (message.op === opcodes.AwardJob) {
                award ??= addressOf(message.body.skip(64).loadUintBig(256));
            } else if (message.op === opcodes.PostJob) {
                // The posting's logical time is the job's openedLt, to which the delivery's signature is bound.
                return end === null ? null : endingOf(end.transaction, end.message, award, { globalId, contract: job, openedLt: transaction.lt });
            }
        }
        if (transactions.length < PageSize) {
            break;
        }
        last = transactions[transactions.length - 1];
    }
    return null;
}

function endingOf(
    transaction: Transaction,
    { op, body, from }: Received,
    award: Address | null,
    domain: { globalId: number; contract: Address; openedLt: bigint },
): JobEnding {
    const ending = { provider: award, paid: 0n, outputRoot: null, declineReason: null, time: transaction.now };
    switch (op) {
        case JobEscrow.JobEscrow.opcodes.CancelJob:
            return { ...ending, outcome: 'cancelled' };
        case JobEscrow.JobEscrow.opcodes.ExpireJob:
            return { ...ending, outcome: award === null ? 'not_taken' : 'failed' };
    }
    body.skip(8 + 256);
    const workerKey = body.loadBuffer(32);
    const delivery = body.loadRef().beginParse();
    const outcome = delivery.loadUint(8);
    const outputRoot = delivery.loadUintBig(256);
    if (!verifyPayload(deliveryPayload(domain, { outcome, outputRoot }), delivery.loadBuffer(64), workerKey)) {
        throw new ClientError(
            'chain_error',
            `The chain's API shows a delivery of ${domain.contract.toString()} that its worker did not sign. Do not trust this API.`,
        );
    }
    return outcome === JobOutcome.Delivered
        ? { ...ending, outcome: 'delivered', provider: from, paid: paidIn(transaction), outputRoot: bigIntToHash(outputRoot) }
        : { ...ending, outcome: 'declined', provider: from, declineReason: Number(outputRoot) };
}

/** @returns nanoTON, as the job told its provider. */
function paidIn(transaction: Transaction): bigint {
    for (const message of transaction.outMessages.values()) {
        const body = message.body.beginParse();
        if (body.remainingBits >= 44 && body.loadUint(32) === JobEscrow.JobEscrow.opcodes.JobClosed) {
            return body.skip(8).loadCoins();
        }
    }
    return 0n;
}

/** @returns what the public list says of a job's end, or null while it says nothing. */
export async function readListedEnding(chain: Chain, listing: Address): Promise<JobEnding | null> {
    if ((await chain.account(listing)).status !== 'active') {
        return null;
    }
    const data = await chain.open(JobListing.JobListing.fromAddress(listing)).getListingData();
    const outcome = OutcomeNames[Number(data.outcome)];
    if (outcome === undefined) {
        return null;
    }
    const provider = data.provider === 0n ? null : addressOf(data.provider);
    return { outcome, provider, paid: data.paid, outputRoot: null, declineReason: null, time: null };
}

/** @returns what jobs need to know of a registry. */
export async function readJobRegistry(chain: Chain, registry: Address): Promise<{ listingFee: bigint; verifier: Address | null }> {
    const { status } = await chain.account(registry);
    if (status !== 'active') {
        throw new ClientError(
            'wrong_network',
            `There is no registry at ${registry.toString()} (the account is ${status}). Check the address and the network.`,
        );
    }
    const data = await chain.open(ProviderRegistry.ProviderRegistry.fromAddress(registry)).getRegistryData();
    return { listingFee: data.listingFee, verifier: data.verifier === 0n ? null : addressOf(data.verifier) };
}
