import { Address } from '@ton/core';
import { Bid, JobEnding, OutcomeName } from '../chain/job';

/** How far a job is. Amounts in nanoTON, times in unix seconds. */
export type JobStatusReport = {
    /** The JobEscrow. */
    job: Address;
    /** `new`: prepared and not posted. After `awarded` comes how it ended. */
    state: 'new' | 'bidding' | 'awarded' | OutcomeName;
    items: number;
    ceiling: bigint;
    bond: bigint;
    /** The best bid so far; after the award the one that won. */
    bid: Bid | null;
    /** The only provider that may bid; null in an auction. */
    direct: Address | null;
    awardDeadline: number;
    /** Null before the award. */
    deliveryDeadline: number | null;
    /** Seconds until the deadline of the state, 0 when it has passed; null when the job has ended. */
    secondsLeft: number | null;
    /** The entry in the registry's public list; null: none, or not yet. */
    listing: Address | null;
    /** Null until the job has ended. */
    ending: JobEnding | null;
};

/** Why a worker declined, in words. */
export const DeclineText: Readonly<Record<number, string>> = {
    1: 'the store did not have the input, or had another',
    2: 'key, input or instructions could not be read',
    3: 'the store did not take the output',
};
