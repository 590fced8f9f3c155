import { Address, Cell } from '@ton/core';
import { addressOf, JobAgreement, jobDeployment, JobEscrow, JobListing, JobStatus, unpackJobTerms } from '@ton-compute/contracts';

import { Chain } from './chain';

/** A JobEscrow as the chain shows it, proven to be one; amounts in nanoTON, times in unix seconds. */
export type JobSnapshot = {
    address: Address;
    status: 'new' | 'bidding' | 'awarded';
    /** Names this life of the escrow. */
    openedLt: bigint;
    /** 0 before the award. */
    deliveryDeadline: number;
    /** Its entry in the registry's list, once the registry has answered. */
    listing: Address | null;
    /** The best bid. */
    bid: { provider: Address; amount: bigint; payer: Address } | null;
    /** The key of the content, after the award. */
    sealedKey: Cell | null;
    terms: Cell;
    agreement: JobAgreement;
};

/** 'gone': nothing is there; 'foreign': something that is not a job of these contracts. */
export type JobReading = JobSnapshot | 'gone' | 'foreign';

const Statuses: Readonly<Record<number, JobSnapshot['status']>> = {
    [JobStatus.New]: 'new',
    [JobStatus.Bidding]: 'bidding',
    [JobStatus.Awarded]: 'awarded',
};

/**
 * Reads a job. What it says is believed only if its code is JobEscrow's and its address recomputes from its terms.
 * @throws {ChainUnreachable}, {ChainError}
 */
export async function readJob(chain: Chain, address: Address): Promise<JobReading> {
    // The code first: a get-method of a foreign contract could say anything, or nothing.
    const { code } = await chain.account(address);
    if (code === null) {
        return 'gone';
    }
    if (!code.hash().equals(await jobCodeHash())) {
        return 'foreign';
    }
    const data = await readData(chain, address);
    if (data === null) {
        return 'gone';
    }
    const agreement = readTerms(data.terms);
    const status = Statuses[Number(data.status)];
    if (agreement === null || status === undefined || !(await jobDeployment(data.terms)).address.equals(address)) {
        return 'foreign';
    }
    return {
        address,
        status,
        openedLt: data.openedLt,
        deliveryDeadline: Number(data.deliveryDeadline),
        listing: data.listing === 0n ? null : addressOf(data.listing),
        bid:
            data.provider === 0n
                ? null
                : { provider: addressOf(data.provider), amount: data.amount, payer: addressOf(data.payer) },
        sealedKey: data.sealedKey,
        terms: data.terms,
        agreement,
    };
}

/** One line of a registry's list of jobs. */
export type ListedJob = {
    job: Address;
    /** JobOutcome; 0 while it is not over. */
    outcome: number;
    /** Who was awarded the job; null: nobody, or it is not over. */
    provider: Address | null;
};

/** @param address of a listing that the registry deployed. @returns null when it is not there (any more). */
export async function readListing(chain: Chain, address: Address): Promise<ListedJob | null> {
    const data = await getter(() => chain.open(JobListing.JobListing.fromAddress(address)).getListingData());
    return data === null
        ? null
        : {
              job: addressOf(data.job),
              outcome: Number(data.outcome),
              provider: data.provider === 0n ? null : addressOf(data.provider),
          };
}

function readData(chain: Chain, address: Address): Promise<JobEscrow.JobData | null> {
    return getter(() => chain.open(JobEscrow.JobEscrow.fromAddress(address)).getJobData());
}

/** @returns null when the account has no such get-method, because it is gone or another contract. */
async function getter<T>(call: () => Promise<T>): Promise<T | null> {
    try {
        return await call();
    } catch (error) {
        // TonClient has no class for it.
        if (error instanceof Error && /Unable to execute get method/.test(error.message)) {
            return null;
        }
        throw error;
    }
}

/** @returns null when a stranger deployed a job whose terms are none. */
function readTerms(terms: Cell): JobAgreement | null {
    try {
        return unpackJobTerms(terms);
    } catch {
        return null;
    }
}

let codeHash: Promise<Buffer> | undefined;

/** Hash of JobEscrow's code: the same for all jobs. */
function jobCodeHash(): Promise<Buffer> {
    codeHash ??= jobDeployment(Cell.EMPTY).then(({ init }) => init.code.hash());
    return codeHash;
}
