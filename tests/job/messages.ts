import { Address, beginCell, Cell } from '@ton/core';
import { accountOf, JobEscrow, JobListing, Provider, ProviderRegistry } from '../../wrappers';
import { SealedKey, TestRecord } from '../support/jobs';

// Bodies of every message that a JobEscrow receives, and of those that other contracts receive about jobs.

export const postJob = (listing = 0n): Cell =>
    beginCell().store(JobEscrow.storePostJob({ $$type: 'PostJob', queryId: 0n, listing })).endCell();

export const jobListed = (openedLt: bigint, listing = 5n): Cell =>
    beginCell().store(JobEscrow.storeJobListed({ $$type: 'JobListed', openedLt, listing })).endCell();

/** As Provider sends it, from number 0 with the record that a test provider has. */
export const relayedBid = (openedLt: bigint, amount: bigint, payer: Address, changes: Partial<JobEscrow.RelayedBid> = {}): Cell =>
    beginCell().store(JobEscrow.storeRelayedBid({
        $$type: 'RelayedBid', fromOwner: false, openedLt, index: 0n, amount, tcbStatus: BigInt(TestRecord.tcbStatus),
        measurement: TestRecord.measurement, payer: accountOf(payer), settlement: 1n, ...changes,
    })).endCell();

export const awardJob = (provider: Address, amount: bigint, sealedKey = SealedKey): Cell =>
    beginCell().store(JobEscrow.storeAwardJob({ $$type: 'AwardJob', queryId: 0n, provider: accountOf(provider), amount, sealedKey })).endCell();

export const cancelJob = (): Cell =>
    beginCell().store(JobEscrow.storeCancelJob({ $$type: 'CancelJob', queryId: 0n })).endCell();

export const expireJob = (): Cell =>
    beginCell().store(JobEscrow.storeExpireJob({ $$type: 'ExpireJob', queryId: 0n })).endCell();

/** As Provider sends it, with the record that a test provider has. */
export const relayedDelivery = (workerKey: bigint, delivery: Cell, changes: Partial<JobEscrow.RelayedDelivery> = {}): Cell =>
    beginCell().store(JobEscrow.storeRelayedDelivery({
        $$type: 'RelayedDelivery', tcbStatus: BigInt(TestRecord.tcbStatus), measurement: TestRecord.measurement, workerKey, delivery, ...changes,
    })).endCell();

export const relayBid = (openedLt: bigint, amount: bigint, job: Address): Cell =>
    beginCell().store(Provider.storeRelayBid({ $$type: 'RelayBid', openedLt, amount, job: accountOf(job) })).endCell();

export const relayDelivery = (job: Address, delivery: Cell): Cell =>
    beginCell().store(Provider.storeRelayDelivery({ $$type: 'RelayDelivery', job: accountOf(job), delivery })).endCell();

export const jobClosed = (outcome: bigint, paid: bigint, terms: Cell): Cell =>
    beginCell().store(Provider.storeJobClosed({ $$type: 'JobClosed', outcome, paid, terms })).endCell();

export const feesRemitted = (amount: bigint): Cell =>
    beginCell().store(Provider.storeFeesRemitted({ $$type: 'FeesRemitted', amount })).endCell();

export const listJob = (openedLt: bigint, terms: Cell): Cell =>
    beginCell().store(ProviderRegistry.storeListJob({ $$type: 'ListJob', openedLt, terms })).endCell();

export const initialiseListing = (job: Address, terms: Cell): Cell =>
    beginCell().store(JobListing.storeInitialiseListing({ $$type: 'InitialiseListing', job: accountOf(job), terms })).endCell();

export const listingOutcome = (outcome: bigint, paid: bigint, provider: bigint): Cell =>
    beginCell().store(JobListing.storeListingOutcome({ $$type: 'ListingOutcome', outcome, paid, provider })).endCell();
