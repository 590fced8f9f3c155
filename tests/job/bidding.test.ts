import '@ton/test-utils';
import { Address, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, internal } from '@ton/sandbox';
import { accountOf, bidValue, Errors, JobStatus, providerDeployment } from '../../wrappers';
import { exitCodeOf, gasFeesOf, forwardFeesOf, pricesOf, sendAs, dataOf, transactionOf, tryAs } from '../support/chain';
import {
    attestForJobs, bidAnswers, Bidder, bidderOf, JobErrors, jobNetwork, messagesOf, Returned, TestAgreement, TestBidder, TestJob, TestRecord,
} from '../support/jobs';
import { EncryptionKey, Start, testKey, TestNetwork } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';
import { retire, setAttester, setKeys } from '../provider/messages';
import { attempt, refused } from '../session/outcome';
import { Flight } from '../session/interleave';
import { allCoins, feesOf } from '../session/ledger';
import * as message from './messages';

const { ceiling: Ceiling, bond: Bond, bidStep: Step } = TestAgreement;

let network: TestNetwork;
let first: Bidder;
let second: Bidder;
let job: TestJob;
let posted: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    first = bidderOf(network);
    second = await TestBidder.register(network, 'second');
    job = await TestJob.posted(network);
    posted = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(posted));

const answers = async (result: Promise<Parameters<typeof bidAnswers>[0]>) => bidAnswers(await result, job.address);
/** What became of the bid itself: 0, or why it came back. */
const reasonOf = async (result: Promise<Parameters<typeof bidAnswers>[0]>) => (await answers(result)).at(-1)?.reason;
const best = async () => {
    const { provider, amount, payer, settlement } = await job.data();
    return { provider, amount, payer, settlement };
};
const bidOf = (bidder: Bidder, amount: bigint, payer = bidder.attester) => ({
    provider: accountOf(bidder.address), amount, payer: accountOf(payer.address), settlement: accountOf(bidder.settlement),
});
/** A RelayedBid in the name of any account. */
const relay = (from: Address, body: Cell, value = bidValue(pricesOf(network.chain), Bond)) => attempt(network.chain, from, job.address, body, value);

describe('A bid', () => {
    it('becomes the best one: with its provider, its payer and where the reward will go; the change comes back at once', async () => {
        const held = await job.balance();
        const result = await job.bid(Ceiling);
        expect(await best()).toEqual(bidOf(first, Ceiling));
        expect((await job.data()).status).toBe(BigInt(JobStatus.Bidding));
        expect(await job.balance()).toBe(held + Bond);
        const { openedLt } = await job.data();
        const [relayed, taken] = [first.address, job.address].map((address) => transactionOf(result, address));
        const change = bidValue(pricesOf(network.chain), Bond) - Bond
            - [relayed, taken].reduce((fees, transaction) => fees + gasFeesOf(transaction) + forwardFeesOf(transaction), 0n);
        expect(bidAnswers(result, job.address)).toEqual([
            { to: network.attester.address.toString(), reason: 0, openedLt, value: change, bounce: false },
        ]);
    });

    it('may be relayed by the owner too: then the bond is the owner\'s', async () => {
        const result = await job.bid(Ceiling, { from: network.owner });
        expect(await best()).toEqual(bidOf(first, Ceiling, network.owner));
        expect(bidAnswers(result, job.address)).toMatchObject([{ to: network.owner.address.toString(), reason: 0 }]);
    });

    it('that is the best so far is outbid by one that is a step lower: its bond goes back, exactly, and cannot bounce', async () => {
        await job.bid(Ceiling, { from: network.owner });
        const held = await job.balance();
        const result = await job.bid(Ceiling - Step, second.hand);
        expect(bidAnswers(result, job.address)).toMatchObject([
            { to: network.owner.address.toString(), reason: Returned.Outbid, value: Bond, bounce: false, openedLt: (await job.data()).openedLt },
            { to: second.attester.address.toString(), reason: 0 },
        ]);
        expect(await best()).toEqual(bidOf(second, Ceiling - Step));
        expect(await job.balance()).toBe(held);
    });

    it.each([
        ['above the ceiling', async () => job.bid(Ceiling + 1n)],
        ['equal to the best: the earlier is better', async () => { await job.bid(toNano('1')); return job.bid(toNano('1'), second.hand); }],
        ['one nanoTON less than a step lower', async () => { await job.bid(toNano('1')); return job.bid(toNano('1') - Step + 1n, second.hand); }],
        ['of 2^64 - 1', async () => job.bid(2n ** 64n - 1n)],
        ['of 0 when a bid of less than a step is there', async () => { await job.bid(Step - 1n); return job.bid(0n, second.hand); }],
    ])('%s comes back with its whole bond, and the best one stays', async (_, bid) => {
        const result = await bid();
        const before = await best();
        const [answer] = bidAnswers(result, job.address);
        expect(answer).toMatchObject({ reason: Returned.TooHigh, bounce: false });
        expect(answer.value).toBeGreaterThanOrEqual(Bond);
        expect(await best()).toEqual(before);
    });

    it('of nothing is a bid', async () => {
        expect(await reasonOf(job.bid(0n))).toBe(0);
        expect(await best()).toEqual(bidOf(first, 0n));
        expect(await reasonOf(job.bid(0n, second.hand))).toBe(Returned.TooHigh);
    });

    it('may be lowered by the provider itself, whose bond then changes hands between its payers', async () => {
        await job.bid(Ceiling);
        expect(await answers(job.bid(Ceiling - Step, { from: network.owner }))).toMatchObject([
            { to: network.attester.address.toString(), reason: Returned.Outbid, value: Bond }, { to: network.owner.address.toString(), reason: 0 },
        ]);
    });

    it('counts until the last second before the award deadline, and comes back from then on', async () => {
        network.chain.now = job.agreement.awardDeadline - 1;
        expect(await reasonOf(job.bid(Ceiling))).toBe(0);
        network.chain.now = job.agreement.awardDeadline;
        const late = await answers(job.bid(Ceiling - Step, second.hand));
        expect(late).toMatchObject([{ to: second.attester.address.toString(), reason: Returned.Late }]);
        expect(late[0].value).toBeGreaterThanOrEqual(Bond);
        expect(await best()).toEqual(bidOf(first, Ceiling));
    });

    it('for a job that is awarded comes back', async () => {
        await job.bid(Ceiling);
        await job.award();
        expect(await reasonOf(job.bid(toNano('1'), second.hand))).toBe(Returned.Late);
        expect(await best()).toEqual(bidOf(first, Ceiling));
    });

    it('for another life of the job comes back', async () => {
        const { openedLt } = await job.data();
        for (const other of [0n, openedLt - 1n, openedLt + 1n]) {
            expect(await reasonOf(job.bid(Ceiling, { openedLt: other }))).toBe(Returned.Late);
        }
        await job.cancel();
        await job.post();
        expect(await reasonOf(job.bid(Ceiling, { openedLt }))).toBe(Returned.Late);
        expect(await reasonOf(job.bid(Ceiling))).toBe(0);
    });

    it('for a job that is not there comes back from the empty account, to owner or attester, whoever sent it', async () => {
        const nowhere = await TestJob.create(network, { salt: 77n });
        for (const from of [network.owner, network.attester]) {
            const result = await nowhere.bid(Ceiling, { from });
            expect(result.transactions).toHaveTransaction({ from: first.address, to: from.address, value: (value) => value! > Bond });
            expect(await network.balance(nowhere.address)).toBe(0n);
        }
    });
});

describe('The provider that bids', () => {
    it.each([
        ['TCB status', { tcbStatus: 1 }, Returned.TcbStatus],
        ['TCB status that no mask can hold', { tcbStatus: 255 }, Returned.TcbStatus],
        ['measurement', { measurement: TestRecord.measurement + 1n }, Returned.Measurement],
        ['measurement of 0', { measurement: 0n }, Returned.Measurement],
    ])('with another %s than the terms demand gets its bond back', async (_, record, reason) => {
        await attestForJobs(network, record);
        const [answer] = await answers(job.bid(Ceiling));
        expect(answer).toMatchObject({ reason, to: network.attester.address.toString() });
        expect(answer.value).toBeGreaterThanOrEqual(Bond);
        expect((await best()).provider).toBe(0n);
    });

    it('may run any image, at any of several statuses, when the terms say so', async () => {
        const open = await TestJob.posted(network, { measurement: null, acceptedTcbStatuses: 0b10000101, salt: 5n });
        const found: Record<number, unknown> = {};
        let amount = Ceiling;
        for (const tcbStatus of [0, 1, 2, 6, 7, 8, 200]) {
            await attestForJobs(network, { tcbStatus, measurement: BigInt(tcbStatus) });
            found[tcbStatus] = bidAnswers(await open.bid(amount), open.address).at(-1)?.reason;
            amount -= Step;
        }
        const no = Returned.TcbStatus;
        expect(found).toEqual({ 0: 0, 1: no, 2: 0, 6: no, 7: 0, 8: no, 200: no });
    });

    it('has a record that holds: at its expiry, or without one, the bid is refused by Provider and bounces whole', async () => {
        const refusal = async (from = network.attester) => attempt(
            network.chain, from.address, first.address, message.relayBid((await job.data()).openedLt, Ceiling, job.address), toNano('0.5'));
        await attestForJobs(network, { expiry: Start + 100 });
        network.chain.now = Start + 99;
        expect(await refusal()).toMatchObject({ exitCode: 0 });
        network.chain.now = Start + 100;
        expect(await refusal()).toMatchObject({ exitCode: JobErrors.NoRecord });
        await attestForJobs(network, { expiry: 0 });
        expect(await refusal()).toEqual(refused(JobErrors.NoRecord));
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), setKeys(testKey('x').publicKey, EncryptionKey));
        expect(await refusal()).toEqual(refused(JobErrors.NoRecord));
    });

    it('has not retired', async () => {
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), retire());
        const body = message.relayBid((await job.data()).openedLt, Ceiling, job.address);
        for (const { address } of [network.owner, network.attester]) {
            expect(await attempt(network.chain, address, first.address, body, toNano('0.5'))).toEqual(refused(JobErrors.NoRecord));
        }
    });

    it('relays for its owner and its attester, and for nobody else', async () => {
        const { openedLt } = await job.data();
        const bodies = [message.relayBid(openedLt, Ceiling, job.address), message.relayDelivery(job.address, await job.delivery())];
        const send = (from: Address, body: Cell) => attempt(network.chain, from, first.address, body, toNano('0.5'));
        for (const body of bodies) {
            for (const { address } of [network.stranger, network.client, second.owner, second.attester, network.verifier, network.registry, job]) {
                expect(await send(address, body)).toEqual(refused(Errors.AccessDenied));
            }
            expect(await send(new Address(-1, network.owner.address.hash), body)).toEqual(refused(Errors.NotBasechain));
        }
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), setAttester(0n));
        expect(await send(network.attester.address, bodies[0])).toEqual(refused(Errors.AccessDenied));
        expect((await send(network.owner.address, bodies[0])).exitCode).toBe(0);
    });

    it('relays nothing before it is initialised', async () => {
        const { address, init } = await providerDeployment(network.registry.address, 9n);
        await network.stranger.send({ to: address, value: toNano('0.1'), init, bounce: false });
        expect(await attempt(network.chain, network.owner.address, address, message.relayBid(1n, 1n, job.address), toNano('0.5')))
            .toMatchObject({ returned: true, unchanged: true, exitCode: Errors.CellUnderflow });
    });
});

describe('threat: unauthenticated sender: a bid', () => {
    const openedLt = async () => (await job.data()).openedLt;

    it('comes from a provider of the market by its number, and from no other account', async () => {
        const body = message.relayedBid(await openedLt(), Ceiling, network.stranger.address);
        const others = [network.stranger, network.owner, network.attester, network.client, network.registry, network.settlement, second];
        for (const { address } of others) {
            expect(await relay(address, body)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await relay(new Address(-1, first.address.hash), body)).toEqual(refused(Errors.NotBasechain));
    });

    it('comes with the sender\'s own number', async () => {
        for (const index of [1n, 2n, 2n ** 64n - 1n]) {
            expect(await relay(first.address, message.relayedBid(await openedLt(), Ceiling, network.stranger.address, { index })))
                .toEqual(refused(Errors.AccessDenied));
        }
        expect((await relay(second.address, message.relayedBid(await openedLt(), Ceiling, network.stranger.address, { index: 1n }))).exitCode).toBe(0);
    });

    it('a provider of another network, numbered the same, is none of the market', async () => {
        const elsewhere = await providerDeployment(network.stranger.address, 0n);
        expect(await relay(elsewhere.address, message.relayedBid(await openedLt(), Ceiling, network.stranger.address))).toEqual(refused(Errors.AccessDenied));
    });

    it('a market with another code has other providers', async () => {
        const { market } = job.agreement;
        for (const other of [{ ...market, providerCodeHash: Buffer.alloc(32, 1) }, { ...market, providerCodeDepth: market.providerCodeDepth + 1 }]) {
            const changed = await TestJob.posted(network, { market: other });
            const result = await changed.bid(Ceiling);
            expect(exitCodeOf(transactionOf(result, changed.address))).toBe(Errors.AccessDenied);
            expect(result.transactions).toHaveTransaction({ from: first.address, to: network.attester.address, value: (value) => value! > Bond });
        }
    });

    it('a direct job takes bids from the one provider that it names, whatever number a message says', async () => {
        const direct = await TestJob.posted(network, { provider: second.address });
        for (const index of [0n, 1n]) {
            const body = message.relayedBid((await direct.data()).openedLt, Ceiling, network.stranger.address, { index });
            const value = bidValue(pricesOf(network.chain), Bond);
            expect(await attempt(network.chain, first.address, direct.address, body, value)).toEqual(refused(Errors.AccessDenied));
            expect(await tryAs(network.chain, second.address, direct.address, value, body).then(exitCodeOf)).toBe(0);
        }
        const result = await direct.bid(Ceiling);
        expect(result.transactions).toHaveTransaction({ from: first.address, to: network.attester.address, value: (value) => value! > Bond });
        expect(bidAnswers(await direct.bid(Ceiling, second.hand), direct.address)).toMatchObject([{ reason: 0 }]);
    });
});

describe('A bid or delivery that Provider gets back', () => {
    it('goes to the attester when the attester sent it, and to the owner when there is none any more', async () => {
        const nowhere = await TestJob.create(network, { salt: 78n });
        const flight = await Flight.launch(network.chain, internal({
            from: network.attester.address, to: first.address, value: toNano('0.5'), body: message.relayBid(5n, Ceiling, nowhere.address),
        }));
        await flight.step();
        // The attester's bid is on its way when the owner names nobody.
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), setAttester(0n));
        const owner = await network.balance(network.owner.address);
        await flight.land();
        expect(await network.balance(network.owner.address)).toBeGreaterThan(owner + toNano('0.49'));
    });

    it('costs Provider nothing: its balance and data are what they were', async () => {
        const nowhere = await TestJob.create(network, { salt: 79n });
        for (const send of [() => nowhere.bid(Ceiling), () => nowhere.deliver({ openedLt: 1n })]) {
            const [balance, data] = [await network.balance(first.address), await dataOf(network.chain, first.address)];
            await send();
            expect(await network.balance(first.address)).toBe(balance);
            expect(await dataOf(network.chain, first.address)).toEqualCell(data!);
        }
    });

    it('comes back from contracts that know no such message: a provider, a settlement, a registry, a session', async () => {
        const session = await network.openSession(toNano('1'));
        for (const { address } of [first, network.settlement, network.registry, session]) {
            const before = await dataOf(network.chain, address);
            for (const body of [message.relayBid(1n, 1n, address), message.relayDelivery(address, Cell.EMPTY)]) {
                const result = await sendAs(network.chain, network.attester.address, first.address, toNano('0.5'), body);
                expect(result.transactions).toHaveTransaction({ from: first.address, to: network.attester.address, value: (value) => value! > toNano('0.48') });
            }
            expect(await dataOf(network.chain, address)).toEqualCell(before!);
        }
    });
});

describe.each<PriceSet>(['old', '2026'])('The value of a bid at the prices of %s', (prices) => {
    let job: TestJob;
    beforeEach(async () => {
        network.chain.setConfig(chainConfig(prices));
        job = await TestJob.posted(network, { salt: 50n });
    });

    const least = () => bidValue(pricesOf(network.chain), Bond);

    it('is enough for the first bid and for the bids after it, whoever sends them', async () => {
        expect(bidAnswers(await job.bid(Ceiling, { value: least() }), job.address)).toMatchObject([{ reason: 0 }]);
        expect(bidAnswers(await job.bid(Ceiling - Step, { value: least(), ...second.hand }), job.address)).toMatchObject([{ reason: Returned.Outbid, value: Bond }, { reason: 0 }]);
        expect(bidAnswers(await job.bid(Ceiling - 2n * Step, { value: least(), from: network.owner }), job.address)).toMatchObject([{ reason: Returned.Outbid, value: Bond }, { reason: 0 }]);
    });

    it('may be less by what bids do not use; where it is too little the bid comes back, to the nanoTON at which it does not', async () => {
        await job.bid(Ceiling, second.hand);
        const { openedLt } = await job.data();
        const body = message.relayedBid(openedLt, Ceiling - Step, network.attester.address);
        const taken = async (value: bigint) => {
            const transaction = await tryAs(network.chain, first.address, job.address, value, body);
            expect(exitCodeOf(transaction)).toBe(0);
            const answer = bidAnswers({ transactions: [transaction] }, job.address).at(-1)!;
            return answer.reason === 0 ? true : expect(answer.reason).toBe(Returned.Bond);
        };
        let [low, high] = [Bond, least()];
        while (high - low > 1n) {
            const middle = (low + high) / 2n;
            if (await taken(middle)) { high = middle; } else { low = middle; }
        }
        expect(high).toBeGreaterThan(Bond);
        const held = await job.balance();
        const result = await sendAs(network.chain, first.address, job.address, high, body);
        expect(bidAnswers(result, job.address)).toMatchObject([{ reason: Returned.Outbid, value: Bond }, { reason: 0 }]);
        expect(await job.balance()).toBe(held);
    });

    it('threat: Compute succeeded, action failed: with any value a bond is with its payer or in the job, and the job keeps its coins', async () => {
        await job.bid(Ceiling, second.hand);
        const state = network.chain.snapshot();
        const held = await job.balance();
        const values = Array.from({ length: 12 }, (_, index) => (toNano('0.0002') << BigInt(index)))
            .concat([Bond, Bond + 100_000n, Bond + 1_000_000n, least() - 1n, least(), least() + toNano('1')]);
        for (const value of values) {
            await network.chain.loadFrom(state);
            const body = message.relayBid((await job.data()).openedLt, Ceiling - Step, job.address);
            const provider = await network.balance(first.address);
            const all = allCoins(network.chain);
            const { transactions } = await sendAs(network.chain, network.attester.address, first.address, value, body);
            expect(allCoins(network.chain)).toBe(all + value - feesOf(transactions));
            const accepted = (await job.data()).provider === accountOf(first.address);
            const bonds = messagesOf({ transactions }, job.address).filter(({ to }) => to === second.attester.address.toString());
            expect([value, accepted, bonds.map(({ value }) => value)]).toEqual([value, value >= least() || accepted, accepted ? [Bond] : []]);
            // A value that does not even pay for the answer stays where it came to; of the bonds and the ceiling nothing is used.
            for (const kept of [(await job.balance()) - held, (await network.balance(first.address)) - provider]) {
                expect([value, kept >= 0n && kept < toNano('0.02')]).toEqual([value, true]);
            }
        }
    });
});

describe('A job for nothing', () => {
    it('takes a bid of nothing, and what it holds grows by the bond', async () => {
        const free = await TestJob.posted(network, { ceiling: 0n, salt: 60n, bidStep: 1n, bond: toNano('0.05') });
        const held = await free.balance();
        expect(bidAnswers(await free.bid(0n), free.address)).toMatchObject([{ reason: 0 }]);
        expect(await free.balance()).toBe(held + toNano('0.05'));
    });
});
