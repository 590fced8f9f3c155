import { Address, Cell, Message, StateInit, toNano } from '@ton/core';
import { Blockchain, BlockchainSnapshot, BlockchainTransaction, internal } from '@ton/sandbox';
import { accountOf, bidValue, deliveryValue, JobEscrow, JobListing, JobOutcome, jobReserve, JobStatus, postJobValue } from '../../wrappers';
import { dataOf, pricesOf, sendAs } from '../support/chain';
import { Bidder, bidderOf, jobNetwork, TestAgreement, TestBidder, TestJob } from '../support/jobs';
import { TestNetwork } from '../support/network';
import { Flight, inEveryOrder, Mover } from '../session/interleave';
import { coinsOf, feesOf } from '../session/ledger';
import * as message from './messages';

const { ceiling: Ceiling, bond: Bond, bidStep: Step, awardDeadline: AwardDeadline } = TestAgreement;
const Value = toNano('0.1');
/** More than values and fees of a test, less than any bond; and more than a wallet pays to receive. */
const Little = toNano('0.11');
const Gas = toNano('0.001');

let network: TestNetwork;
let chain: Blockchain;
let bidders: Bidder[];
let job: TestJob;
let posted: BlockchainSnapshot;
let bid: BlockchainSnapshot;
let awarded: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    chain = network.chain;
    bidders = [bidderOf(network), await TestBidder.register(network, 'second'), await TestBidder.register(network, 'third')];
    job = await TestJob.posted(network);
    posted = chain.snapshot();
    await job.bid(Ceiling);
    bid = chain.snapshot();
    await job.award();
    awarded = chain.snapshot();
});

/** Messages in flight of which each step delivers one where order matters, and everything that follows up to the next such place. */
class Course implements Mover {
    private readonly next: string[];

    private constructor(private readonly flight: Flight, private readonly stops: Set<string>, to: Address) {
        this.next = [to.toString()];
    }

    /** @param stops where a step ends; the job is always one. */
    static async launch(sent: Message, stops: Address[] = []): Promise<Course> {
        return new Course(await Flight.launch(chain, sent), new Set([job.address, ...stops].map(String)), sent.info.dest as Address);
    }

    get landed(): boolean {
        return this.flight.landed;
    }

    async step(): Promise<BlockchainTransaction[]> {
        const transactions = [await this.deliver()];
        while (this.next.length > 0 && !this.stops.has(this.next[0])) {
            transactions.push(await this.deliver());
        }
        return transactions;
    }

    private async deliver(): Promise<BlockchainTransaction> {
        this.next.shift();
        const transaction = await this.flight.step();
        for (const { info } of transaction.outMessages.values()) {
            if (info.type === 'internal') {
                this.next.push(info.dest.toString());
            }
        }
        return transaction;
    }
}

const send = (from: Address, to: Address, body: Cell, value = Value, init?: StateInit, stops?: Address[]) =>
    Course.launch(internal({ from, to, value, body, stateInit: init }), stops);
/** As the getter tells it, without running it: these tests look a thousand times. */
const stateOf = async () => {
    const data = await dataOf(chain, job.address);
    return data && JobEscrow.loadJobState(data.beginParse());
};
/** A deadline passes. */
const clock = (time: number): Mover => ({
    get landed() { return chain.now! >= time; },
    async step() { chain.now = time; return []; },
});
const sendBid = async (bidder: Bidder, amount: bigint) => send(
    bidder.attester.address, bidder.address, message.relayBid((await stateOf())?.openedLt ?? 0n, amount, job.address), bidValue(pricesOf(chain), Bond));
/** A bid that Provider has relayed already. */
const relayedBid = async (bidder: Bidder, amount: bigint) => {
    const course = await sendBid(bidder, amount);
    await course.step();
    return course;
};
/** A delivery that Provider has relayed already; signed before, because signing takes longer than everything else. */
const relayedDelivery = async (delivery: Cell) => {
    const course = await send(bidders[0].attester.address, bidders[0].address, message.relayDelivery(job.address, delivery), deliveryValue(pricesOf(chain)));
    await course.step();
    return course;
};
const award = (bidder: Bidder, amount: bigint) => send(network.client.address, job.address, message.awardJob(bidder.address, amount));
/** With its listing, stopping at the registry too. */
const post = () => send(network.client.address, job.address, message.postJob(job.listing()),
    postJobValue(pricesOf(chain), Ceiling, job.listing()), job.deployment.init, [network.registry.address]);
const cancel = () => send(network.client.address, job.address, message.cancelJob());
const expire = () => send(network.stranger.address, job.address, message.expireJob());

/** Who has what, to be compared with a later moment. */
async function holdings() {
    const balances = async (accounts: Address[]) => Promise.all(accounts.map((account) => network.balance(account)));
    const [client, ...payers] = await balances([network.client.address, ...bidders.map(({ attester }) => attester.address)]);
    return { client, payers, settlements: await balances(bidders.map(({ settlement }) => settlement)) };
}

/** Every account that can hold a coin of these tests. */
const everyone = () => [job, network.client, network.stranger, ...bidders.flatMap(({ address, settlement, attester, owner }) => [
    { address }, { address: settlement }, attester, owner,
])].map(({ address }) => address);

/** How a job stands after an order: `gone`, or its status, with the bidder whose bid is the best. */
async function standing(): Promise<{ status: string; best: number; amount: bigint }> {
    const state = await stateOf();
    if (state === null) {
        return { status: 'gone', best: -1, amount: 0n };
    }
    const names = { [JobStatus.New]: 'new', [JobStatus.Bidding]: 'bidding', [JobStatus.Awarded]: 'awarded' };
    const status = names[Number(state.status) as 0 | 1 | 2];
    if (state.bid.remainingBits === 0) {
        return { status, best: -1, amount: 0n };
    }
    const { provider, amount } = JobEscrow.loadBid(state.bid);
    return { status, best: bidders.findIndex(({ address }) => accountOf(address) === provider), amount };
}

/**
 * What must be true after every order: each bond that was put up is in the job, with its payer, or the client's because
 * the provider failed, and in one of these places only; the reward likewise; and the job covers what it owes.
 * @param bonds which bidders' bonds were in the job before, or on their way to it.
 */
async function expectSound(order: string, before: Awaited<ReturnType<typeof holdings>>, bonds: number[], failed: boolean): Promise<string> {
    const { status, best, amount } = await standing();
    const now = await holdings();
    const balance = await job.balance();
    for (const [index] of bidders.entries()) {
        const got = now.payers[index] - before.payers[index];
        const inJob = status !== 'gone' && best === index;
        const back = bonds.includes(index) && !inJob && !failed ? Bond : 0n;
        expect([order, index, status, got > back - Gas && got < back + Little]).toEqual([order, index, status, true]);
    }
    if (status === 'gone') {
        expect([order, balance]).toEqual([order, 0n]);
    } else {
        const owed = (status === 'awarded' ? amount : Ceiling) + (best >= 0 ? Bond : 0n) + jobReserve(pricesOf(chain));
        expect([order, status, balance >= owed && balance < owed + Little]).toEqual([order, status, true]);
    }
    return `${status} ${best}`;
}

/** Whether a job told its provider this outcome, and the provider counted it. */
const closedAs = (outcome: number) => (transactions: BlockchainTransaction[]) => transactions.some(({ inMessage, description }) => {
    const body = inMessage?.body;
    return body !== undefined && body.bits.length >= 40 && body.beginParse().preloadUint(32) === JobEscrow.JobEscrow.opcodes.JobClosed
        && Number(body.beginParse().skip(32).loadUint(8)) === outcome && description.type === 'generic' && !description.aborted;
});

/** Runs movers in every order; no coin is made or lost in any. @returns how many there were, and how they ended. */
async function everyOrder(
    from: BlockchainSnapshot, depart: () => Promise<Mover[]>, bonds: number[],
    check: (order: string, transactions: BlockchainTransaction[], before: Awaited<ReturnType<typeof holdings>>) => Promise<void> = async () => {},
) {
    await chain.loadFrom(from);
    const before = await holdings();
    const ends: Record<string, number> = {};
    const sums = new Set<bigint>();
    const orders = await inEveryOrder(chain, depart, async ({ order, transactions }) => {
        const lost = closedAs(JobOutcome.Failed)(transactions);
        const end = await expectSound(order, before, bonds, lost) + (lost ? ' failed' : '');
        ends[end] = (ends[end] ?? 0) + 1;
        await check(order, transactions, before);
        sums.add(await coinsOf(chain, everyone()) + feesOf(transactions));
    });
    expect(sums.size).toBe(1); // what was there and what came in, whatever the order
    return { orders: orders.length, ends };
}

describe('threat: message reordering between contracts: the orders of a job\'s messages', () => {
    it('two bids, from sending to arrival: the lower is the best in the end, and the other bond is back', async () => {
        // Each stops at the job only after Provider has relayed it: two steps.
        const depart = async () => [await sendBid(bidders[0], Ceiling), await sendBid(bidders[1], Ceiling - Step)];
        expect(await everyOrder(posted, depart, [0, 1])).toEqual({ orders: 6, ends: { 'bidding 1': 6 } });
    });

    it('three bids, each a step below the one before: the lowest is the best, whichever came first', async () => {
        const depart = () => Promise.all(bidders.map((bidder, index) => relayedBid(bidder, Ceiling - BigInt(index) * Step)));
        expect(await everyOrder(posted, depart, [0, 1, 2])).toEqual({ orders: 6, ends: { 'bidding 2': 6 } });
    });

    it('three equal bids: whichever arrives first is the best', async () => {
        const { orders, ends } = await everyOrder(posted, () => Promise.all(bidders.map((bidder) => relayedBid(bidder, Ceiling))), [0, 1, 2]);
        expect(orders).toBe(6);
        expect(ends).toEqual({ 'bidding 0': 2, 'bidding 1': 2, 'bidding 2': 2 });
    });

    it.each([
        ['a cancellation and the award deadline', () => [cancel(), clock(AwardDeadline)]],
        ['an expiry and the award deadline', () => [expire(), clock(AwardDeadline)]],
        ['an expiry and a cancellation after it', () => [cancel(), expire()]],
    ])('a better bid, an award of the old one, %s: awarded, or gone, or still open for bids', async (_, others) => {
        const depart = async () => [
            await relayedBid(bidders[1], Ceiling - Step), await award(bidders[0], Ceiling), ...(await Promise.all(others())),
        ];
        const { orders, ends } = await everyOrder(bid, depart, [0, 1]);
        expect(orders).toBe(24);
        // Never awarded to the second bidder, whose bid the client has not seen.
        expect(Object.keys(ends)).not.toContain('awarded 1');
        expect(Object.keys(ends)).toContain('awarded 0');
    });

    it('two awards, of either bid, and a better bid: the client never awards what it did not name', async () => {
        const depart = async () => [
            await relayedBid(bidders[1], Ceiling - Step), await award(bidders[0], Ceiling), await award(bidders[1], Ceiling - Step),
        ];
        const { orders, ends } = await everyOrder(bid, depart, [0, 1]);
        expect([orders, Object.keys(ends).sort()]).toEqual([6, ['awarded 0', 'awarded 1', 'bidding 1']]);
    });

    it.each([
        ['a second one that declines, the delivery deadline and an expiry', (declined: Cell, deadline: number) => [relayedDelivery(declined), clock(deadline), expire()], ['gone -1', 'gone -1 failed']],
        ['a cancellation, the delivery deadline and an expiry', (_: Cell, deadline: number) => [cancel(), clock(deadline), expire()], ['gone -1', 'gone -1 failed']],
    ] as const)('a delivery, %s: the reward is in one place', async (_, others, possible) => {
        await chain.loadFrom(awarded);
        const deadline = Number((await stateOf())!.deliveryDeadline);
        const { Delivered, Declined, Failed } = JobOutcome;
        const [delivered, declined] = await Promise.all([Delivered, Declined].map((outcome) => job.delivery({ delivery: { outcome } })));
        const depart = async () => [await relayedDelivery(delivered), ...(await Promise.all(others(declined, deadline)))];
        const due = { [Delivered]: [Ceiling, 0n], [Declined]: [0n, Ceiling], [Failed]: [0n, Ceiling + Bond] };
        const { orders, ends } = await everyOrder(awarded, depart, [0], async (order, transactions, before) => {
            const now = await holdings();
            const ended = [Delivered, Declined, Failed].filter((outcome) => closedAs(outcome)(transactions));
            const [paid, back] = ended.length === 0 ? [0n, 0n] : due[ended[0]];
            const near = (amount: bigint, exact: bigint) => amount > exact - Gas && amount < exact + 2n * Little;
            expect([order, ended.length]).toEqual([order, (await stateOf()) === null ? 1 : 0]);
            expect([order, near(now.settlements[0] - before.settlements[0], paid), near(now.client - before.client, back)]).toEqual([order, true, true]);
        });
        expect(orders).toBe(24);
        expect(Object.keys(ends)).toEqual(expect.arrayContaining([...possible]));
        expect(Object.keys(ends).filter((end) => ![...possible, 'awarded 0'].includes(end as never))).toEqual([]);
    });

    it('a posting with its listing, a bid and a cancellation: what comes too late for the job is the client\'s', async () => {
        await chain.loadFrom(posted);
        await job.cancel();
        const empty = chain.snapshot();
        const depart = async () => {
            const posting = await post();
            await posting.step();
            return [posting, await relayedBid(bidders[0], Ceiling), await cancel()];
        };
        await chain.loadFrom(empty);
        const before = await holdings();
        const late = new Set<boolean>();
        const orders = await inEveryOrder(chain, depart, async ({ order }) => {
            // JobListed does not bounce: where it finds nobody its change waits for the client.
            late.add(await job.balance() > 0n);
            expect([order, await job.exists()]).toEqual([order, false]);
            await sendAs(chain, network.client.address, job.address, Value, message.cancelJob(), { init: job.deployment.init });
            await expectSound(order, before, [0], false);
            expect([order, (await holdings()).client - before.client > Ceiling]).toEqual([order, true]);
        });
        expect([orders.length >= 12, late]).toEqual([true, new Set([true, false])]);
    });

    it('a cancelled life\'s listing that arrives in the next life is not taken for its own', async () => {
        await chain.loadFrom(posted);
        await job.cancel();
        const empty = chain.snapshot();
        await chain.loadFrom(empty);
        const found = new Set<string>();
        const orders = await inEveryOrder(chain, async () => {
            const first = await post();
            await first.step();
            await (await cancel()).step();
            const second = await post();
            await second.step();
            return [first, second];
        }, async ({ order }) => {
            const { status, listing: mine, openedLt } = await job.data();
            expect([order, status]).toEqual([order, BigInt(JobStatus.Bidding)]);
            const accounts = await Promise.all([0n, 1n].map((index) => network.registry.getListingAddress(index)));
            const index = accounts.findIndex((account) => accountOf(account) === mine);
            expect([order, index >= 0, openedLt > 0n]).toEqual([order, true, true]);
            found.add(`listing ${index}`);
            const [ended] = await Promise.all([chain.openContract(JobListing.JobListing.fromAddress(accounts[index])).getListingData()]);
            expect([order, ended.job]).toEqual([order, accountOf(job.address)]);
            expect(await job.balance()).toBeGreaterThan(Ceiling);
        });
        expect(orders.length).toBeGreaterThanOrEqual(6);
        expect(found.size).toBe(2);
    });

    it('coins that anyone sends between all of these belong to whoever the job\'s rest belongs to', async () => {
        await chain.loadFrom(awarded);
        const delivery = await job.delivery();
        const depart = async () => [await relayedDelivery(delivery), await send(network.stranger.address, job.address, Cell.EMPTY)];
        await inEveryOrder(chain, depart, async ({ order }) => {
            expect([order, await job.exists(), await job.balance()]).toEqual([order, false, 0n]);
        });
        await sendAs(chain, network.stranger.address, job.address, Value);
        expect(await job.balance()).toBeGreaterThan(Ceiling + Bond);
    });
});
