import { Address, beginCell, Cell } from '@ton/core';
import { JobAgreement, jobDeployment, JobEscrow } from '@ton-compute/contracts';
import { ObjectStore } from '@ton-compute/storage';
import { Chain } from '../chain/chain';
import { endingValue, postingValues, readChainPrices } from '../chain/fees';
import { Bid, JobEnding, JobOnChain, readJobRegistry } from '../chain/job';
import { Wallet } from '../chain/wallet';
import { ClientError } from '../errors';
import { announceJob } from './announce';
import { awardBid, judgeBidder } from './award';
import { JobContext, requireWallet } from './context';
import { noOutput, notAwarded, wrongState } from './failures';
import { Found, observe } from './observe';
import { awardMargin, WaitOptions } from './options';
import { JobRecord, jobAgreementOf } from './record';
import { fetchResult, JobResult } from './result';
import { JobStatusReport } from './status';

/** How an award is decided. */
export type AwardOptions = {
    /** Seconds for which bids are collected, from the creation on; what the job was created with when omitted. */
    minimumWait?: number;
    /** Whether to wait for better bids while the best bidder is not acceptable; true when omitted. */
    keepWaiting?: boolean;
    /** Called when there is another best bid. */
    onProgress?: (status: JobStatusReport) => void;
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
        const wallet = this.ownWallet('post');
        const chain = context.chain.with(signal);
        const found = await this.look(chain);
        if (found.ending !== null) {
            throw wrongState(this.address, found.ending.outcome, 'posted again; create another one');
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
        const hint = 'If the job refused it, its value has come back to the wallet';
        // It may be over before it is seen.
        await this.until(chain, 'posting', hint, ({ live, ending }) => ending !== null || (live !== null && live.state !== 'new'));
        this.announce(signal);
    }

    /**
     * Waits until bids were collected, examines the best bidder as a session's provider is examined, seals the content
     * key to its attested key and awards exactly that bid; again when a better one arrived meanwhile.
     * @returns the bid that won.
     * @throws ClientError `no_bids`, `bids_refused`: nothing was awarded; wait for other bids if there is time, or cancel.
     */
    async award({ minimumWait = this.record.minimumWait, keepWaiting = true, onProgress, signal }: AwardOptions = {}): Promise<Bid> {
        const { context, record, agreement } = this;
        this.ownWallet('award');
        const chain = context.chain.with(signal);
        const last = agreement.awardDeadline - awardMargin(agreement.awardDeadline - record.createdAt);
        const begin = Math.min(record.createdAt + minimumWait, last - 1);
        const refusals = new Map<string, string>();
        const tell = teller(onProgress);
        let judged = { key: '', until: 0 };
        for (let round = 0; ; round += 1) {
            const found = await this.look(chain);
            const { live, ending } = found;
            tell(this.report(chain, found));
            if (ending !== null && ending.provider !== null && record.award !== null) {
                return record.award; // awarded, and over before anybody looked
            }
            if (live === null || live.state === 'new') {
                throw wrongState(this.address, ending?.outcome ?? 'new', 'awarded');
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
                const facts = { job: this.address.toString(), bidder: bid.provider.toString(), reason: provider };
                context.log.warn(facts, 'The best bidder is not acceptable');
                if (!keepWaiting) {
                    throw notAwarded(this.address, agreement, refusals);
                }
            }
            if (now >= last) {
                throw notAwarded(this.address, agreement, refusals);
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
        const tell = teller(onProgress);
        for (let round = 0; ; round += 1) {
            const found = await this.look(chain);
            if (tell(this.report(chain, found))) {
                round = 0;
            }
            if (found.ending !== null) {
                return found.ending;
            }
            if (autoAward && (await this.advance(chain, found.live, { minimumWait, onProgress: tell, signal }))) {
                continue;
            }
            await chain.pause(pauseOf(round));
        }
    }

    /** Does what is due. @returns whether something was done, or the job has ended meanwhile. */
    private async advance(chain: Chain, live: JobOnChain | null, options: AwardOptions): Promise<boolean> {
        const { signal } = options;
        const now = chain.now();
        try {
            if (live === null || live.state === 'new') {
                await this.post(signal);
            } else if (live.state === 'bidding' && now < this.agreement.awardDeadline) {
                await this.award(options);
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
            throw wrongState(this.address, live?.state ?? 'new', 'read: it has not ended');
        }
        if (ending.outcome !== 'delivered') {
            throw noOutput(this.address, this.agreement, ending);
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
        const chain = this.context.chain.with(signal);
        const { live, ending } = await this.look(chain);
        if (ending !== null || live?.state === 'awarded') {
            throw wrongState(this.address, ending?.outcome ?? 'awarded', 'cancelled');
        }
        if (live === null || live.state === 'new') {
            throw new ClientError(
                'job_state',
                `Job ${this.address.toString()} is not posted: nothing is locked, there is nothing to cancel.`,
                { state: 'new' },
            );
        }
        this.ownWallet('cancel');
        const body = beginCell().store(JobEscrow.storeCancelJob({ $$type: 'CancelJob', queryId: 0n })).endCell();
        await this.end(chain, body, 'cancellation');
    }

    /**
     * Brings about the default of a deadline that has passed: what was locked comes back; after an award the bond too.
     * @throws ClientError `too_early`; `details.time` says until when.
     */
    async expire(signal?: AbortSignal): Promise<void> {
        const chain = this.context.chain.with(signal);
        const { live, ending } = await this.look(chain);
        if (ending !== null || live === null || live.state === 'new') {
            throw wrongState(this.address, ending?.outcome ?? 'new', 'expired');
        }
        const deadline = deadlineOf(live);
        if (chain.now() < deadline) {
            throw new ClientError(
                'too_early',
                `The ${live.state === 'awarded' ? 'delivery' : 'award'} deadline of job ${this.address.toString()} is ` +
                    `${new Date(deadline * 1000).toISOString()}.` +
                    (live.state === 'bidding' ? ' Until the award `cancel` brings everything back.' : ''),
                { time: deadline },
            );
        }
        const body = beginCell().store(JobEscrow.storeExpireJob({ $$type: 'ExpireJob', queryId: 0n })).endCell();
        await this.end(chain, body, 'expiry');
    }

    /** Posting, award and cancellation count from the wallet only that the terms name. */
    private ownWallet(purpose: string): Wallet {
        const wallet = requireWallet(this.context, purpose);
        const { client } = this.agreement;
        if (!wallet.address.equals(client)) {
            throw new ClientError(
                'invalid_option',
                `Job ${this.address.toString()} belongs to the wallet ${client.toString()}, this client has ` +
                    `${wallet.address.toString()}. Use the wallet, and its version, that the job was created with.`,
            );
        }
        return wallet;
    }

    private async end(chain: Chain, body: Cell, what: string): Promise<void> {
        const value = endingValue(await readChainPrices(chain));
        await requireWallet(this.context, 'end').send(chain, { to: this.address, value, body, bounce: true });
        // A delivery or an award may come first: then the job refuses, and what it shows is the truth.
        const { ending } = await this.until(chain, what, 'If the job refused it, look at its status', (found) => {
            return found.ending !== null || (what === 'cancellation' && found.live?.state === 'awarded');
        });
        if (ending === null) {
            throw wrongState(this.address, 'awarded', 'cancelled');
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

    private look(chain: Chain): Promise<Found> {
        return observe(chain, this.record, this.context.records);
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
            bid: live?.bid ?? (ending?.provider != null && record.award?.provider.equals(ending.provider) ? record.award : null),
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
        announceJob(context, record, agreement.provider, signal).then(
            (told) => context.log.info({ job: record.job.toString(), told }, 'Workers were told of the job'),
            () => undefined,
        );
    }
}

function deadlineOf({ state, deliveryDeadline, agreement }: JobOnChain): number {
    return state === 'awarded' ? deliveryDeadline : agreement.awardDeadline;
}

function pauseOf(round: number): number {
    return round < ShortPauses ? ShortPause : LongPause;
}

/** @returns a function that passes on what is new and says whether something was. */
function teller(onProgress?: (status: JobStatusReport) => void): (status: JobStatusReport) => boolean {
    let shown = '';
    return (status) => {
        const news = `${status.state} ${status.bid?.provider.toRawString()} ${status.bid?.amount}`;
        const isNew = news !== shown;
        shown = news;
        if (isNew) {
            onProgress?.(status);
        }
        return isNew;
    };
}
