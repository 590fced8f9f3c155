import { Address } from '@ton/core';
import { Prices, TcbStatusName } from '@ton-compute/contracts';
import { TierName } from '../policy';
import { RootKind } from '../trust';

// What can be read of the market. Amounts are nanoTON, times unix seconds, hashes 64 hexadecimal digits.

/** The whole view at one time. */
export type MarketView = {
    network: NetworkView;
    registry: RegistryView;
    /** By number. */
    providers: ProviderView[];
    /** Providers that could not be read, or were not what their address proves. */
    unreadableProviders: Unreadable[];
    /** Models that are offered or asked for: most settled volume first. */
    models: ModelView[];
    /** The newest jobs of the public list, newest first. Jobs that were not listed are not seen. */
    jobs: JobView[];
    unreadableJobs: Unreadable[];
    totals: MarketTotals;
};

export type NetworkView = {
    /** -239 mainnet, -3 testnet; a local network may have any. */
    globalId: number;
    /** The chain's time of this view. */
    readAt: number;
};

export type RegistryView = {
    address: Address;
    /** How many were ever registered and listed; more than are shown when the view was limited. */
    providerCount: number;
    jobCount: number;
    /** Protocol fee in hundredths of a percent. */
    feeBasisPoints: number;
    /** What a provider leaves while it is registered, and what it pays once. */
    registrationDeposit: bigint;
    registrationFee: bigint;
    /** What a line in the list of jobs costs, without chain fees. */
    listingFee: bigint;
    verifier: Address | null;
    /** What attestations rest on: `test` proves nothing about hardware; null: there is no verifier, or none that is known. */
    root: RootKind | null;
};

/** One entry that could not be shown. */
export type Unreadable = {
    /** Number in the registry. */
    index: number;
    address: Address;
    reason: string;
};

export type ProviderView = {
    /** Number in the registry. */
    index: number;
    address: Address;
    owner: Address;
    status: 'new' | 'active' | 'retired';
    /** URL of the worker without a trailing slash; null when the owner wrote something else. Jobs work without it. */
    endpoint: string | null;
    /** Why there is none, with the owner's text: a stranger's words, to be escaped wherever they are shown. */
    endpointProblem: string | null;
    /** `tdx` while the record holds. */
    tier: TierName;
    /** End of the attestation record; null: there is none. */
    attestedUntil: number | null;
    /** Null without a record. */
    tcbStatus: TcbStatusName | string | null;
    /** Image that the machine ran when it was attested, and which machine it was; null without a record. */
    measurement: string | null;
    machineId: string | null;
    /** How many OTHER active providers have a record of the same machine; null without a record. */
    sharing: number | null;
    /** Everything that sessions and jobs paid so far, before the protocol fee. */
    volume: bigint;
    /** Sessions that ended. Open ones cannot be counted: nothing on the chain numbers them. */
    sessions: number;
    jobsDelivered: number;
    /** Awarded and not answered for in time. */
    jobsFailed: number;
    /** Given back because the client's content could not be had. */
    jobsDeclined: number;
    /** Protocol fee that the settlement remitted. */
    feesRemitted: bigint;
    /** Seconds of tier tdx so far. */
    attestedSeconds: number;
    reputation: ReputationView;
    /** Time of the registration; null when the API's history does not reach back to it, or was not asked for. */
    registeredAt: number | null;
    /** Null: neither time is known. */
    earnings: EarningsView | null;
    /** Volume per attested hour, whatever else is known; null without attested time. */
    perAttestedHour: bigint | null;
    /** Hashes of the models that it offers, each once. */
    models: string[];
    /** What its worker says of itself; null unless workers were asked. Never checked by a contract. */
    claims: WorkerClaims | null;
};

/** The score (`scoreOf`) and its factors: score = fees x reliability x time. */
export type ReputationView = {
    score: bigint;
    fees: bigint;
    /** 0 to 1: lowered by jobs that failed, and a little by declined ones. */
    reliability: number;
    /** 0.5 to 1: full after 30 days of tier tdx. */
    time: number;
};

/** What a provider earned per hour: its volume divided by the time in which it was earned. */
export type EarningsView = {
    perHour: bigint;
    /** What was divided by; never less than an hour, so that nothing is extrapolated from minutes. */
    seconds: number;
    /** `registered`: all time since the registration, also while it was off; `attested`: seconds of tier tdx. */
    basis: 'registered' | 'attested';
};

/** What a worker answered. Its own words: no contract knows them. */
export type WorkerClaims =
    | {
          answered: true;
          /** Milliseconds until it answered. */
          latency: number;
          /** Of its own health. */
          health: string | null;
          /** Requests that it can run, runs, and lets wait. */
          slots: number | null;
          running: number | null;
          waiting: number | null;
          /** running / slots, 0 to 1. */
          busy: number | null;
          /** Names that it gives models, by hash, and how many tokens of context they have. */
          models: { model: string; name: string; contextLength: number }[];
      }
    | { answered: false; reason: string };

export type OfferView = {
    /** Hash of the offer. */
    id: string;
    model: string;
    /** Number of the provider in the registry. */
    provider: number;
    /** Per 1,000,000 tokens. */
    prices: Prices;
    /** Per 1,000,000 tokens, three quarters of them prompt and one quarter completion. */
    referencePrice: bigint;
    minDeposit: bigint;
    maxCreditWindow: bigint;
};

/** Null-safe summary of amounts. */
export type Spread = { least: bigint; median: bigint; highest: bigint };

export type ModelView = {
    /** SHA-256 of the weights file. */
    model: string;
    /** Active providers that offer it. */
    providers: number;
    /** Of active providers, cheapest first. */
    offers: OfferView[];
    /** Per 1,000,000 tokens, of all offers; null without offers. */
    prices: Record<keyof Prices, Spread> | null;
    /**
     * Volume of the providers that offer it now. Contracts do not count by model: that of a provider with several models
     * is split evenly among them, and what it offered earlier is not known.
     */
    settledVolume: bigint;
    /** How many of these providers offer several models, so that their part is split. */
    splitProviders: number;
    /** Per hour, of the providers whose time is known; null without any. */
    earningsPerHour: Spread | null;
    /** How many providers that rests on, and how many of them are split. */
    earningProviders: number;
    earningSplitProviders: number;
    jobs: JobFigures;
};

/** How jobs stand. `bidding`: open; `expired`: nobody was awarded it in time; `overdue`: awarded, not delivered in time. */
export const JobStates = [
    'bidding',
    'expired',
    'awarded',
    'overdue',
    'delivered',
    'declined',
    'failed',
    'not_taken',
    'cancelled',
    'unknown',
] as const;
export type JobState = (typeof JobStates)[number];

export type JobView = {
    /** Number in the public list. */
    index: number;
    listing: Address;
    /** The JobEscrow; gone when the job is over. */
    job: Address;
    client: Address;
    /** `unknown`: it ended, and its line of the list was not told how. */
    state: JobState;
    model: string;
    /** `chat`, `embeddings`, or the number of a task that this release does not know. */
    task: string;
    items: number;
    /** Most tokens of all items together, as the client counted them. */
    promptTokens: number;
    completionTokens: number;
    /** Bytes of the sealed input. */
    inputBytes: number;
    /** The most that the client pays, and that per 1,000,000 tokens; null without tokens. */
    ceiling: bigint;
    ceilingPerMillion: bigint | null;
    bond: bigint;
    /** Image that is asked for; null: any. */
    measurement: string | null;
    /** Bids and the award count before this time. */
    awardDeadline: number;
    /** Seconds from the award to the end of the time for delivery. */
    deliveryTime: number;
    /** Of an awarded job. */
    deliveryDeadline: number | null;
    /** Of a job that has not ended: the best bid so far, or the one that was awarded; null: there is none. */
    bestBid: bigint | null;
    /** Who made the best bid, or was awarded the job; null: nobody. */
    provider: Address | null;
    /** Of a delivered job: what was paid, and that per 1,000,000 tokens of the client's bounds; null otherwise. */
    paid: bigint | null;
    paidPerMillion: bigint | null;
};

/** Jobs of one model, of those that were read. */
export type JobFigures = {
    count: number;
    byState: Record<JobState, number>;
    /** Ended or past the award deadline without an award: demand that nobody served. */
    notTaken: number;
    /** The ceilings of those, and their median per 1,000,000 tokens: what was offered for it in vain. */
    notTakenCeiling: bigint;
    notTakenPerMillion: bigint | null;
    /**
     * How many of those are known to have had a bid that the client did not award. Once a job's escrow is gone, its line
     * of the list no longer tells, so there may be more.
     */
    notTakenWithBid: number;
    paid: bigint;
    /** Per 1,000,000 tokens of the client's bounds, of delivered jobs; null without any. */
    paidPerMillion: Spread | null;
};

export type MarketTotals = {
    active: number;
    retired: number;
    attested: number;
    offers: number;
    /** Of all providers that were read, also those that offer nothing now. */
    volume: bigint;
    sessions: number;
    feesRemitted: bigint;
    jobs: JobFigures;
};
