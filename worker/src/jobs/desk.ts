import { setTimeout as sleep } from 'node:timers/promises';
import { Address } from '@ton/core';
import { BidReturnReason, unpackJobTerms } from '@ton-compute/contracts';

import { JobSnapshot, readJob } from '../chain/job';
import { messageOf } from '../errors';
import { JobEnd, JobId, JobRecord } from '../ledger/jobs';
import { WireError } from '../wire-error';
import { Bidder } from './bidder';
import { endOf } from './end';
import { JobList } from './list';
import { JobOffice } from './office';
import { judge, JobLimits, JobSituation, Refusal } from './policy';
import { bondsOf, SituationReader } from './situation';
import { JobWork } from './work';

/** Jobs that are followed at once: each costs a look at the chain in every round. */
const MostFollowed = 200;
/** Announcements that are looked at at once, and in a minute: each costs calls to the chain's API. */
const MostAnnounced = 4;
const MostAnnouncedInMinute = 60;
/** Bids for one job: each one costs fees. */
const MostBids = 20;
/** Seconds after the award deadline before the worker itself ends a job that holds its bond. */
const ExpirePatience = 30;

export type DeskOptions = {
    office: JobOffice;
    list: JobList;
    situation: SituationReader;
    bidder: Bidder;
    work: JobWork;
    limits: JobLimits;
    /** Seconds between two rounds. */
    pollSeconds: number;
    onEnd: (end: JobEnd) => void;
};

/** What the owner sees of the jobs; amounts in nanoTON. */
export type JobsStatus = {
    following: number;
    /** Bonds that are out. */
    bonds: bigint;
    jobs: { job: string; state: string; amount: bigint; items: number; done: number; deliveryDeadline: number }[];
    ended: Partial<Record<JobEnd, number>>;
};

type Followed = { address: Address; bids: number };

/** Finds jobs, bids for them, and has those done that are awarded to this worker. */
export class JobDesk {
    private readonly followed = new Map<string, Followed>();
    private readonly working = new Map<string, Promise<void>>();
    /** Bids that are under way: an answer may take minutes, and an award must not wait for it. */
    private readonly bidding = new Map<string, Promise<void>>();
    private readonly ended: Partial<Record<JobEnd, number>> = {};
    private readonly stopping = new AbortController();
    private announcing = 0;
    /** When announcements of the last minute were looked at. */
    private looks: number[] = [];
    private running: Promise<void> = Promise.resolve();

    constructor(private readonly options: DeskOptions) {}

    /** Works in the background from here on, first on what an earlier run of the worker has left. */
    start(): void {
        for (const { id } of this.options.office.ledger.jobs.open()) {
            this.follow(id.job);
        }
        this.running = this.loop();
    }

    /** Gives up what runs; the next start takes it up. */
    async stop(): Promise<void> {
        this.stopping.abort();
        await this.running;
        await Promise.all([...this.working.values(), ...this.bidding.values()]);
    }

    /**
     * Looks at a job that somebody tells the worker about, and follows it if the worker would take it.
     * @throws {WireError} that says why not.
     */
    async announce(address: Address): Promise<void> {
        if (this.followed.has(address.toRawString())) {
            return;
        }
        const now = performance.now();
        this.looks = this.looks.filter((at) => now - at < 60_000);
        if (this.announcing >= MostAnnounced || this.followed.size >= MostFollowed || this.looks.length >= MostAnnouncedInMinute) {
            throw new WireError('overloaded', 'The worker looks at too many jobs at the moment.', {}, 10);
        }
        this.announcing += 1;
        this.looks.push(now);
        try {
            await this.requireTakeable(address);
            this.follow(address);
        } finally {
            this.announcing -= 1;
        }
    }

    get status(): JobsStatus {
        const { ledger } = this.options.office;
        const open = ledger.jobs.open();
        return {
            following: this.followed.size,
            bonds: bondsOf(open),
            jobs: open.map(({ id, state, amount, terms, deliveryDeadline }) => ({
                job: id.job.toString(),
                state,
                amount,
                items: unpackJobTerms(terms).itemCount,
                done: ledger.jobs.itemCount(id),
                deliveryDeadline,
            })),
            ended: { ...this.ended },
        };
    }

    /** Awarded jobs that are being worked on. */
    get busy(): number {
        return this.working.size;
    }

    private get signal(): AbortSignal {
        return this.stopping.signal;
    }

    private async requireTakeable(address: Address): Promise<void> {
        const { office, situation, limits } = this.options;
        const reading = await readJob(office.chain, address).catch((error: unknown) => {
            throw new WireError('chain_unavailable', `The job cannot be read from the chain: ${messageOf(error)}`, {}, 10);
        });
        if (reading === 'gone' || reading === 'foreign') {
            throw new WireError('not_found', 'At this address is no job of these contracts. Post it first, or check the network.', { param: 'job' });
        }
        if (reading.status === 'awarded' && reading.bid?.provider.equals(office.provider) === true) {
            return;
        }
        if (reading.status !== 'bidding') {
            const what = reading.status === 'new' ? 'The job is not posted yet.' : 'The job is awarded to another provider.';
            throw new WireError('invalid_request', what, { param: 'job' });
        }
        const verdict = judge(offerOf(reading), limits, await situation.read());
        if ('reason' in verdict) {
            throw refusalError(verdict);
        }
    }

    private follow(address: Address): void {
        const key = address.toRawString();
        if (!this.followed.has(key) && this.followed.size < MostFollowed) {
            this.followed.set(key, { address, bids: 0 });
        }
    }

    private async loop(): Promise<void> {
        const { office, pollSeconds } = this.options;
        while (!this.signal.aborted) {
            try {
                await this.round();
            } catch (error) {
                if (!this.signal.aborted) {
                    office.logger.warn({ reason: messageOf(error) }, 'Jobs could not be looked at; tried again.');
                }
            }
            await sleep(pollSeconds * 1000, undefined, { signal: this.signal }).catch(() => undefined);
        }
    }

    private async round(): Promise<void> {
        const { office, list, situation } = this.options;
        if (office.attester.attested) {
            (await list.news(this.signal)).forEach((address) => this.follow(address));
        }
        // Read once in a round, and again after each bid.
        let known: Promise<JobSituation> | null = null;
        const current = () => (known ??= situation.read());
        for (const job of this.inOrder()) {
            if (this.signal.aborted) {
                return;
            }
            try {
                if (await this.attend(job, current)) {
                    known = null;
                }
            } catch (error) {
                this.signal.throwIfAborted();
                known = null;
                office.logger.warn({ job: job.address.toString(), reason: messageOf(error) }, 'A job has to wait; tried again.');
            }
        }
    }

    /** Jobs that have our bond come first: theirs is the award that must not be missed. */
    private inOrder(): Followed[] {
        const own = new Set(this.options.office.ledger.jobs.open().map(({ id }) => id.job.toRawString()));
        const idle = [...this.followed].filter(([key]) => !this.working.has(key) && !this.bidding.has(key));
        return [...idle.filter(([key]) => own.has(key)), ...idle.filter(([key]) => !own.has(key))].map(([, job]) => job);
    }

    /** One look at a job, and what follows from it. @returns whether a bid was begun. */
    private async attend(job: Followed, situation: () => Promise<JobSituation>): Promise<boolean> {
        const { office } = this.options;
        const reading = await readJob(office.chain, job.address);
        const snapshot = typeof reading === 'string' ? null : reading;
        await this.closeOthers(job.address, snapshot?.openedLt ?? null);
        if (snapshot === null || snapshot.status === 'new') {
            this.unfollow(job);
            return false;
        }
        const ours = snapshot.bid?.provider.equals(office.provider) === true;
        const id: JobId = { job: job.address, openedLt: snapshot.openedLt };
        const record = office.ledger.jobs.find(id);
        if (snapshot.status === 'awarded') {
            await (ours ? this.begin(job, snapshot, record) : this.lose(job, record));
            return false;
        }
        if (ours) {
            await this.wait(job, snapshot, record);
            return false;
        }
        if (record !== null && isOut(record)) {
            await office.ledger.write(office.ledger.jobs.setState(id, 'outbid', office.chain.now()));
        }
        return this.consider(job, snapshot, await situation());
    }

    /** Earlier lives of a job, and jobs that are gone, are over. */
    private async closeOthers(address: Address, openedLt: bigint | null): Promise<void> {
        const { office } = this.options;
        for (const record of office.ledger.jobs.open()) {
            if (record.id.job.equals(address) && record.id.openedLt !== openedLt) {
                await this.end(record, await endOf(office, record));
            }
        }
    }

    /** Bids, if the policy says so. @returns whether it does. */
    private async consider(job: Followed, snapshot: JobSnapshot, situation: JobSituation): Promise<boolean> {
        const { office, limits, bidder } = this.options;
        const verdict = judge(offerOf(snapshot), limits, situation);
        if ('reason' in verdict) {
            office.logger.debug({ job: job.address.toString(), reason: verdict.reason }, 'The job is not bid for.');
        }
        if ('reason' in verdict || job.bids >= MostBids) {
            if (!('reason' in verdict) || verdict.kind !== 'busy') {
                await this.giveUp(job, snapshot);
            }
            return false;
        }
        job.bids += 1;
        await bidder.note(snapshot, verdict.bid);
        const key = job.address.toRawString();
        this.bidding.set(key, this.bid(snapshot, verdict.bid).finally(() => this.bidding.delete(key)));
        return true;
    }

    private async bid(snapshot: JobSnapshot, amount: bigint): Promise<void> {
        const { logger } = this.options.office;
        const job = snapshot.address.toString();
        try {
            const answer = await this.options.bidder.send(snapshot, amount, this.signal);
            if (answer.kind === 'accepted') {
                logger.info({ job, amount: amount.toString() }, 'The worker has bid for a job.');
            } else {
                const reason = answer.kind === 'bounced' ? 'the job refused it, or is gone' : BidReturnReason[answer.reason];
                logger.warn({ job, reason }, 'The bid for a job came back.');
            }
        } catch (error) {
            if (!this.signal.aborted) {
                logger.warn({ job, reason: messageOf(error) }, 'A bid did not arrive; the job is looked at again.');
            }
        }
    }

    /** The worker's bid is the best one: the client has to award. */
    private async wait(job: Followed, snapshot: JobSnapshot, record: JobRecord | null): Promise<void> {
        const { office, bidder } = this.options;
        const { chain, ledger } = office;
        if (record?.state !== 'leading' && record !== null) {
            await ledger.write(ledger.jobs.setState(record.id, 'leading', chain.now()));
        }
        if (chain.now() > snapshot.agreement.awardDeadline + ExpirePatience) {
            office.logger.info({ job: job.address.toString() }, 'A job was not awarded in time: it is ended, and the bond comes back.');
            await bidder.expire(snapshot, this.signal);
        }
    }

    /** The job is this worker's. */
    private async begin(job: Followed, snapshot: JobSnapshot, known: JobRecord | null): Promise<void> {
        const { office, work } = this.options;
        const { ledger, chain, logger } = office;
        const { openedLt, deliveryDeadline, listing, terms, agreement, bid, sealedKey } = snapshot;
        const id: JobId = { job: job.address, openedLt };
        if (known?.state === 'over') {
            return this.unfollow(job);
        }
        if (known === null) {
            // Bid for by the owner, or with a ledger that was lost.
            await ledger.write(ledger.jobs.putBid({ id, amount: bid?.amount ?? 0n, bond: agreement.bond, terms, listing }, chain.now()));
        }
        await ledger.write(ledger.jobs.putAward(id, deliveryDeadline, listing, chain.now()));
        const record = ledger.jobs.find(id);
        if (record === null) {
            return;
        }
        logger.info({ job: job.address.toString(), done: ledger.jobs.itemCount(id) }, 'A job is awarded to the worker.');
        const key = job.address.toRawString();
        const running = work
            .run(record, sealedKey, this.signal)
            .then((end) => this.end(record, end))
            .then(() => this.unfollow(job))
            .catch((error: unknown) => {
                if (!this.signal.aborted) {
                    logger.error({ job: job.address.toString(), reason: messageOf(error) }, 'A job could not be ended; tried again.');
                }
            })
            .finally(() => this.working.delete(key));
        this.working.set(key, running);
    }

    private async lose(job: Followed, record: JobRecord | null): Promise<void> {
        if (record !== null && record.state !== 'over') {
            await this.end(record, 'lost');
        }
        this.unfollow(job);
    }

    /** Nothing of ours is in the job, and nothing will be. */
    private async giveUp(job: Followed, { openedLt }: JobSnapshot): Promise<void> {
        return this.lose(job, this.options.office.ledger.jobs.find({ job: job.address, openedLt }));
    }

    private async end(record: JobRecord, end: JobEnd): Promise<void> {
        const { office, onEnd } = this.options;
        await office.ledger.write(...office.ledger.jobs.end(record.id, end, office.chain.now()));
        this.ended[end] = (this.ended[end] ?? 0) + 1;
        onEnd(end);
        office.logger.info({ job: record.id.job.toString(), end }, 'A job is over.');
    }

    private unfollow(job: Followed): void {
        this.followed.delete(job.address.toRawString());
    }
}

/** Whether the ledger believes that a bond is out. */
function isOut({ state }: JobRecord): boolean {
    return state === 'bidding' || state === 'leading';
}

function offerOf({ agreement, bid }: JobSnapshot) {
    return { agreement, best: bid?.amount ?? null };
}

function refusalError({ kind, reason }: Refusal): WireError {
    switch (kind) {
        case 'model':
            return new WireError('model_not_found', reason, { param: 'job' });
        case 'busy':
            return new WireError('overloaded', reason, {}, 60);
        case 'never':
            return new WireError('invalid_request', reason, { param: 'job' });
    }
}
