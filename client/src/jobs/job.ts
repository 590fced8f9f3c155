import { Address, beginCell, Cell } from '@ton/core';
import { JobAgreement, jobDeployment, JobEscrow } from '@ton-compute/contracts';
import { ObjectStore } from '@ton-compute/storage';
import { formatCoins } from '../amounts';
import { Chain } from '../chain/chain';
import { endingValue, postingValues, readChainPrices } from '../chain/fees';
import { Bid, JobEnding, JobOnChain, readJob, readJobEnding, readJobRegistry, readListedEnding } from '../chain/job';
import { ClientError } from '../errors';
import { announceJob } from './announce';
import { awardBid, judgeBidder } from './award';
import { JobContext, requireWallet } from './context';
import { awardMargin, WaitOptions } from './options';
import { JobRecord, jobAgreementOf } from './record';
import { fetchResult, JobResult } from './result';
import { DeclineText, JobStatusReport } from './status';

/** How an award is decided. */
export type AwardOptions = {
    /** Seconds for which bids are collected, from the creation on; what the job was created with when omitted. */
    minimumWait?: number;
    /** Whether to wait for better bids while the best bidder is not acceptable; true when omitted. */
    keepWaiting?: boolean;
    signal?: AbortSignal;
};

/** Seconds until a posting, a cancellation or an expiry must be seen. */
const ConfirmSeconds = 90;
/** Seconds between two looks at the chain: short at first, then longer. */
const ShortPause = 1;
const LongPause = 5;
const ShortPauses = 30;
/** A deadline has passed for certain when the chain's clock, as far as it is known, is so much later, seconds. */
const DeadlineMargin = 3;
/** How long a bidder's examination is good, seconds. */
const JudgementLife = 15;

/** One job of this client: posted, awarded, waited for, and its result. */
export class Job {
    private readonly agreement: JobAgreement;

    /** Use `client.jobs`. */
    constructor(
        private readonly context: JobContext,
        private readonly record: JobRecord,
        private readonly store: ObjectStore | null,
    ) {
        this.agreement = jobAgreementOf(record);
    }

    /** The JobEscrow. */
    get address(): Address {
        return this.record.job;
    }

    /** @returns how far the job is, from the chain. */
    async status(signal?: AbortSignal): Promise<JobStatusReport> {
        return this.report(this.context.chain.with(signal), await this.look(this.context.chain.with(signal)));
    }

    /** @returns the best bid so far, which is the only one that the job keeps; null: none. */
    async bids(signal?: AbortSignal): Promise<Bid | null> {
        return (await this.status(signal)).bid;
    }

    /**
     * Posts the job, if it is not posted: `client.jobs.create` does. Afterwards the ceiling is locked.
     * @throws ClientError `wallet_balance`, `not_confirmed`; `job_state` when it has ended or its award deadline has passed.
     */
    async post(signal?: AbortSignal): Promise<void> {
        const { context, record, agreement } = this;
        const wallet = requireWallet(context, 'post');
        const chain = context.chain.with(signal);
        const found = await this.look(chain);
        if (found.ending !== null) {
            throw this.wrongState(found.ending.outcome, 'posted again; create another one');
        }
        if (found.live !== null && found.live.state !== 'new') {
            return;
        }
        if (chain.now() >= agreement.awardDeadline) {
            throw new ClientError(
                'job_state',
                `The job ${this.address.toString()} was never posted, and its award deadline has passed. Nothing was spent: create another one.`,
                { state: 'new' },
            );
        }
        const fee = record.listed ? (await readJobRegistry(chain, record.registry)).listingFee : null;
        const { value, listing } = postingValues(await readChainPrices(chain), agreement.ceiling, fee);
        const body = beginCell().store(JobEscrow.storePostJob({ $$type: 'PostJob', queryId: 0n, listing })).endCell();
        const { init } = await jobDeployment(record.terms);
        context.log.info({ job: this.address.toString() }, 'The wallet posts the job');
        await wallet.send(chain, { to: this.address, value, body, init, bounce: true });
        await this.until(chain, 'posting', 'If the job refused it, its value has come back to the wallet', ({ live }) => live !== null && live.state !== 'new');
        this.announce(signal);
    }

    /**
     * Waits until bids were collected, examines the best bidder as a session's provider is examined, seals the content
     * key to its attested key and awards exactly that bid; again when a better one arrived meanwhile.
     * @returns the bid that won.
     * @throws ClientError `no_bids`, `bids_refused`: nothing was awarded; wait for other bids if there is time, or cancel.
     */
    async award({ minimumWait = this.record.minimumWait, keepWaiting = true, signal }: AwardOptions = {}): Promise<Bid> {
        const { context, record, agreement } = this;
        requireWallet(context, 'award');
        const chain = context.chain.with(signal);
        const last = agreement.awardDeadline - awardMargin(agreement.awardDeadline - record.createdAt);
        const begin = Math.min(record.createdAt + minimumWait, last - 1);
        const refusals = new Map<string, string>();
        let judged = { key: '', until: 0 };
        for (let round = 0; ; round += 1) {
            const { live, ending } = await this.look(chain);
            if (ending !== null && ending.provider !== null && record.award !== null) {
                return record.award; // awarded, and over before anybody looked
            }
            if (live === null || live.state === 'new') {
                throw this.wrongState(ending?.outcome ?? 'new', 'awarded');
            }
            if (live.state === 'awarded') {
                return live.bid!;
            }
            const now = chain.now();
            const { bid } = live;
            const key = bid === null ? '' : `${bid.provider.toRawString()} ${bid.amount}`;
            if (bid !== null && now >= begin && now < agreement.awardDeadline && (key !== judged.key || now >= judged.until)) {
                const provider = await judgeBidder(context, chain, record, bid);
                if (typeof provider !== 'string') {
                    // Whatever became of it shows in the next look: awarded, another bid, or the end.
                    await awardBid(context, chain, record, { ...live, bid }, provider);
                    continue;
                }
                judged = { key, until: now + JudgementLife };
                refusals.set(bid.provider.toString(), provider);
                context.log.warn({ job: this.address.toString(), bidder: bid.provider.toString(), reason: provider }, 'The best bidder is not acceptable');
                if (!keepWaiting) {
                    throw this.notAwarded(refusals);
                }
            }
            if (now >= last) {
                throw this.notAwarded(refusals);
            }
            await chain.pause(pauseOf(round));
        }
    }

    /**
     * Waits for the end of the job by looking at the chain. Posts, awards and ends it where that is due, unless
     * `autoAward` is false or there is no wallet.
     * @returns how it ended; `result` then gives the output.
     * @throws ClientError as `award` does.
     */
    async wait({ autoAward = this.context.wallet !== null, minimumWait, onProgress, signal }: WaitOptions = {}): Promise<JobEnding> {
        const chain = this.context.chain.with(signal);
        let shown = '';
        for (let round = 0; ; round += 1) {
            const found = await this.look(chain);
            const status = this.report(chain, found);
            const news = newsOf(status);
            if (news !== shown) {
                shown = news;
                round = 0;
                onProgress?.(status);
            }
            if (found.ending !== null) {
                return found.ending;
            }
            if (autoAward && (await this.advance(chain, found.live, minimumWait, signal))) {
                continue;
            }
            await chain.pause(pauseOf(round));
        }
    }

    /** Does what is due. @returns whether something was done, or the job has ended meanwhile. */
    private async advance(chain: Chain, live: JobOnChain | null, minimumWait: number | undefined, signal?: AbortSignal): Promise<boolean> {
        const now = chain.now();
        try {
            if (live === null || live.state === 'new') {
                await this.post(signal);
            } else if (live.state === 'bidding' && now < this.agreement.awardDeadline) {
                await this.award({ minimumWait, signal });
            } else if (now >= deadlineOf(live) + DeadlineMargin) {
                await this.expire(signal);
            } else {
                return false;
            }
        } catch (error) {
            // By a delivery, or by anyone's hand: then that is what counts.
            const overtaken = error instanceof ClientError && error.code === 'job_state' && (await this.look(chain)).ending !== null;
            if (!overtaken) {
                throw error;
            }
        }
        return true;
    }

    /**
     * Downloads the output and checks its Merkle root against what the worker signed, and each item.
     * @param store when the job was resumed without one; by the URL that was made for it when there is none.
     * @throws ClientError `job_state` while it runs; `job_declined`, `job_failed`, `job_not_taken`, `job_cancelled`;
     * `output_missing`, `output_altered`, `object_store`.
     */
    async result({ store = this.store, signal }: { store?: ObjectStore | null; signal?: AbortSignal } = {}): Promise<JobResult> {
        const { live, ending } = await this.look(this.context.chain.with(signal));
        if (ending === null) {
            throw this.wrongState(live?.state ?? 'new', 'read: it has not ended');
        }
        if (ending.outcome !== 'delivered') {
            throw this.failure(ending);
        }
        if (ending.outputRoot === null || ending.provider === null) {
            throw new ClientError(
                'chain_error',
                `Job ${this.address.toString()} was delivered, but the chain's API shows no history of it, so the output cannot be ` +
                    'checked. Use an API that keeps history.',
            );
        }
        const { provider, paid, outputRoot } = ending;
        return fetchResult(this.record, { provider, paid, outputRoot }, store, signal);
    }

    /**
     * Takes the job back before the award: everything comes back to the wallet, less network fees and the listing.
     * @throws ClientError `job_state` when it is awarded already or has ended.
     */
    async cancel(signal?: AbortSignal): Promise<void> {
        const { context } = this;
        const chain = context.chain.with(signal);
        const { live, ending } = await this.look(chain);
        if (ending !== null || live?.state === 'awarded') {
            throw this.wrongState(ending?.outcome ?? 'awarded', 'cancelled');
        }
        if (live === null || live.state === 'new') {
            throw new ClientError('job_state', `Job ${this.address.toString()} is not posted: nothing is locked, there is nothing to cancel.`, { state: 'new' });
        }
        await this.end(chain, beginCell().store(JobEscrow.storeCancelJob({ $$type: 'CancelJob', queryId: 0n })).endCell(), 'cancellation');
    }

    /**
     * Brings about the default of a deadline that has passed: what was locked comes back; after an award the bond too.
     * @throws ClientError `too_early`; `details.time` says until when.
     */
    async expire(signal?: AbortSignal): Promise<void> {
        const { context } = this;
        const chain = context.chain.with(signal);
        const { live, ending } = await this.look(chain);
        if (ending !== null || live === null || live.state === 'new') {
            throw this.wrongState(ending?.outcome ?? 'new', 'expired');
        }
        const deadline = deadlineOf(live);
        if (chain.now() < deadline) {
            throw new ClientError(
                'too_early',
                `The ${live.state === 'awarded' ? 'delivery' : 'award'} deadline of job ${this.address.toString()} is ` +
                    `${new Date(deadline * 1000).toISOString()}.` + (live.state === 'bidding' ? ' Until the award `cancel` brings everything back.' : ''),
                { time: deadline },
            );
        }
        await this.end(chain, beginCell().store(JobEscrow.storeExpireJob({ $$type: 'ExpireJob', queryId: 0n })).endCell(), 'expiry');
    }

    private async end(chain: Chain, body: Cell, what: string): Promise<void> {
        const value = endingValue(await readChainPrices(chain));
        await requireWallet(this.context, 'end').send(chain, { to: this.address, value, body, bounce: true });
        // A delivery or an award may come first: then the job refuses, and what it shows is the truth.
        const { ending } = await this.until(chain, what, 'If the job refused it, look at its status', (found) => {
            return found.ending !== null || (what === 'cancellation' && found.live?.state === 'awarded');
        });
        if (ending === null) {
            throw this.wrongState('awarded', 'cancelled');
        }
    }

    private async until(chain: Chain, what: string, hint: string, done: (found: Found) => boolean): Promise<Found> {
        for (let waited = 0; waited < ConfirmSeconds; waited += 1) {
            const found = await this.look(chain);
            if (done(found)) {
                return found;
            }
            await chain.pause(1);
        }
        throw new ClientError(
            'not_confirmed',
            `The ${what} of job ${this.address.toString()} was sent, but not seen within ${ConfirmSeconds} s. ${hint}.`,
        );
    }

    /** Reads the job, and notes in the record what is new. */
    private async look(chain: Chain): Promise<Found> {
        const { record, context } = this;
        if (record.ending !== null) {
            return { live: null, ending: record.ending };
        }
        const live = await readJob(chain, record.job);
        // Anyone can deploy the escrow again, also after its end: a new one says nothing, its history does.
        if (live !== null && live.state !== 'new') {
            if (!live.terms.hash().equals(record.terms.hash())) {
                throw new ClientError(
                    'chain_error',
                    `The chain's API shows other terms for ${record.job.toString()} than its address proves. Do not trust this API.`,
                );
            }
            const listingIsNew = live.listing !== null && record.listing === null;
            const awardIsOther = live.state === 'awarded' && (record.award === null || record.award.amount !== live.bid!.amount || !record.award.provider.equals(live.bid!.provider));
            if (live.openedLt !== record.openedLt || listingIsNew || awardIsOther) {
                record.openedLt = live.openedLt;
                record.listing = live.listing ?? record.listing;
                record.award = live.state === 'awarded' ? live.bid : record.award;
                await context.records.save(record);
            }
            return { live, ending: null };
        }
        const ending = (await readJobEnding(chain, record.job, record.globalId)) ?? (record.listing === null ? null : await readListedEnding(chain, record.listing));
        if (ending === null) {
            if (record.openedLt !== 0n) {
                throw new ClientError(
                    'chain_error',
                    `Job ${record.job.toString()} has ended, but the chain's API shows neither its history nor its listing. Ask again ` +
                        'later, or use an API that keeps history.',
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
            await context.records.save(record);
        }
        return { live: null, ending };
    }

    private report(chain: Chain, { live, ending }: Found): JobStatusReport {
        const { record, agreement } = this;
        const state = ending?.outcome ?? live?.state ?? 'new';
        const deadline = state === 'awarded' ? deadlineOf(live!) : agreement.awardDeadline;
        return {
            job: record.job,
            state,
            items: agreement.itemCount,
            ceiling: agreement.ceiling,
            bond: agreement.bond,
            bid: live === null ? (ending?.provider != null ? record.award : null) : live.bid,
            direct: agreement.provider,
            awardDeadline: agreement.awardDeadline,
            deliveryDeadline: live?.state === 'awarded' ? live.deliveryDeadline : null,
            secondsLeft: ending === null ? Math.max(0, deadline - chain.now()) : null,
            listing: live?.listing ?? record.listing,
            ending,
        };
    }

    private announce(signal?: AbortSignal): void {
        const { context, record, agreement } = this;
        // Not waited for: in a large registry it takes longer than the first bids.
        announceJob(context.chain.with(signal), record.registry, record.job, agreement.provider, record.policy, context.trust, context.log, signal).then(
            (told) => context.log.info({ job: record.job.toString(), told }, 'Workers were told of the job'),
            () => undefined,
        );
    }

    private notAwarded(refusals: ReadonlyMap<string, string>): ClientError {
        const { ceiling } = this.agreement;
        if (refusals.size === 0) {
            return new ClientError(
                'no_bids',
                `Nobody bid for job ${this.address.toString()} at up to ${formatCoins(ceiling)} in time. Nothing was awarded: \`cancel\` brings ` +
                    'everything back. Offer more, or more time, or look with `client.find` whether anybody serves the model.',
            );
        }
        const reasons = [...refusals].map(([bidder, reason]) => `${bidder}: ${reason}`).join('; ');
        return new ClientError(
            'bids_refused',
            `The best bidders for job ${this.address.toString()} are not acceptable. ${reasons}. Nothing was awarded: wait for better bids, ` +
                'or `cancel`, which brings everything back.',
        );
    }

    private failure({ outcome, provider, declineReason }: JobEnding): ClientError {
        const job = this.address.toString();
        const details = { job: this.address.toRawString(), provider: provider?.toRawString() ?? null };
        const { bond } = this.agreement;
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
                    `Provider ${provider?.toString()} did not deliver job ${job} in time. What was locked came back to the wallet, and its ` +
                        `bond of ${formatCoins(bond)} with it. Create the job anew.`,
                    { ...details, bond },
                );
            case 'not_taken':
                return new ClientError('job_not_taken', `Job ${job} was not awarded in time: what was locked came back to the wallet.`, details);
            default:
                return new ClientError('job_cancelled', `Job ${job} was cancelled before an award: what was locked came back to the wallet.`, details);
        }
    }

    private wrongState(state: string, what: string): ClientError {
        const text: Record<string, string> = { new: 'is not posted', bidding: 'still takes bids', awarded: 'is awarded' };
        return new ClientError('job_state', `Job ${this.address.toString()} ${text[state] ?? `has ended (${state})`} and cannot be ${what}.`, { state });
    }
}

/** What a look at the chain found; both null: the job is not posted. */
type Found = { live: JobOnChain | null; ending: JobEnding | null };

function deadlineOf({ state, deliveryDeadline, agreement }: JobOnChain): number {
    return state === 'awarded' ? deliveryDeadline : agreement.awardDeadline;
}

function pauseOf(round: number): number {
    return round < ShortPauses ? ShortPause : LongPause;
}

function newsOf({ state, bid }: JobStatusReport): string {
    return `${state} ${bid?.provider.toRawString()} ${bid?.amount}`;
}
