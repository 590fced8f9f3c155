import '@ton/test-utils';
import { Address, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, expireJobValue } from '../../wrappers';
import { dataOf, pricesOf, sendAs } from '../support/chain';
import { bidAnswers, Bidder, JobErrors, jobNetwork, messagesOf, Returned, TestAgreement, TestBidder, TestJob } from '../support/jobs';
import { TestNetwork } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';
import { allCoins, feesOf } from '../session/ledger';
import { attempt, refused } from '../session/outcome';
import * as message from './messages';

const { ceiling: Ceiling, bond: Bond, bidStep: Step, awardDeadline: AwardDeadline } = TestAgreement;
const Amount = toNano('1.5');

let network: TestNetwork;
let second: Bidder;
let job: TestJob;
let posted: BlockchainSnapshot;
let bid: BlockchainSnapshot;
let awarded: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    second = await TestBidder.register(network, 'second');
    job = await TestJob.posted(network);
    posted = network.chain.snapshot();
    await job.bid(Amount);
    bid = network.chain.snapshot();
    await job.award();
    awarded = network.chain.snapshot();
});

const at = (state: BlockchainSnapshot) => network.chain.loadFrom(state);
const send = (body: Cell, from: Address = network.stranger.address, value = toNano('0.1')) =>
    attempt(network.chain, from, job.address, body, value);
const toClient = (result: Parameters<typeof messagesOf>[0]) =>
    messagesOf(result, job.address).filter(({ to }) => to === network.client.address.toString()).map(({ value }) => value);
const gone = async () => [await job.exists(), await job.balance()];

describe('A job that the client takes back', () => {
    it('before any bid is gone, and the client has its ceiling and everything that was not used', async () => {
        await at(posted);
        const held = await job.balance();
        const result = await job.cancel();
        const [back] = toClient(result);
        expect([back > held, back < held + toNano('0.05')]).toEqual([true, true]);
        expect(await gone()).toEqual([false, 0n]);
    });

    it('after a bid gives the bond back to its payer, exactly, and the ceiling to the client', async () => {
        await at(bid);
        const { openedLt } = await job.data();
        const result = await job.cancel();
        expect(bidAnswers(result, job.address)).toEqual([
            { to: network.attester.address.toString(), reason: Returned.Closed, value: Bond, openedLt, bounce: false },
        ]);
        expect(toClient(result)[0]).toBeGreaterThan(Ceiling);
        expect(await gone()).toEqual([false, 0n]);
    });

    it('after the award deadline, while nobody has expired it, too', async () => {
        await at(bid);
        network.chain.now = AwardDeadline + 10_000;
        expect(bidAnswers(await job.cancel(), job.address)).toMatchObject([{ reason: Returned.Closed, value: Bond }]);
        expect(await gone()).toEqual([false, 0n]);
    });

    it('is awarded already: that is refused', async () => {
        await at(awarded);
        expect(await send(message.cancelJob(), network.client.address)).toEqual(refused(JobErrors.NotBidding));
    });

    it('belongs to the client, whatever its state: nobody else cancels it', async () => {
        for (const state of [posted, bid, awarded]) {
            await at(state);
            for (const { address } of [network.stranger, network.owner, network.attester, network.provider, network.registry]) {
                expect(await send(message.cancelJob(), address)).toEqual(refused(Errors.AccessDenied));
            }
            expect(await send(message.cancelJob(), new Address(-1, network.client.address.hash))).toEqual(refused(Errors.NotBasechain));
        }
    });

    it('tells no provider of it: it was awarded to none', async () => {
        await at(bid);
        const before = await dataOf(network.chain, network.provider.address);
        await job.cancel();
        expect(await dataOf(network.chain, network.provider.address)).toEqualCell(before!);
    });
});

describe('A job that is not awarded in time', () => {
    it('is expired by anyone from the award deadline on: ceiling to the client, bond to its payer', async () => {
        for (const { address } of [network.stranger, network.attester, network.client]) {
            await at(bid);
            network.chain.now = AwardDeadline;
            const result = await sendAs(network.chain, address, job.address, expireJobValue(pricesOf(network.chain)), message.expireJob());
            expect(bidAnswers(result, job.address)).toMatchObject([{ to: network.attester.address.toString(), reason: Returned.Closed, value: Bond }]);
            expect(toClient(result)[0]).toBeGreaterThan(Ceiling);
            expect(await gone()).toEqual([false, 0n]);
        }
    });

    it('is not expired a second before', async () => {
        for (const state of [posted, bid]) {
            await at(state);
            network.chain.now = AwardDeadline - 1;
            expect(await send(message.expireJob())).toMatchObject({ exitCode: JobErrors.DeadlineAhead });
            expect(await job.exists()).toBe(true);
        }
    });

    it('and had no bid gives everything to the client', async () => {
        await at(posted);
        network.chain.now = AwardDeadline;
        const held = await job.balance();
        const result = await job.expire();
        expect(messagesOf(result, job.address)).toHaveLength(1);
        expect(toClient(result)[0]).toBeGreaterThan(held - toNano('0.01'));
        expect(await gone()).toEqual([false, 0n]);
    });

    it('moves no counter', async () => {
        await at(bid);
        network.chain.now = AwardDeadline;
        const before = await dataOf(network.chain, network.provider.address);
        await job.expire();
        expect(await dataOf(network.chain, network.provider.address)).toEqualCell(before!);
    });
});

describe('A job that is awarded and not answered for', () => {
    const deadline = async () => Number((await job.data()).deliveryDeadline);

    it('is expired by anyone from the delivery deadline on: reward and bond to the client, a failure to the provider', async () => {
        for (const { address } of [network.stranger, network.client, network.attester]) {
            await at(awarded);
            network.chain.now = await deadline();
            const result = await sendAs(network.chain, address, job.address, expireJobValue(pricesOf(network.chain)), message.expireJob());
            expect(toClient(result)[0]).toBeGreaterThanOrEqual(Amount + Bond);
            expect(bidAnswers(result, job.address)).toEqual([]);
            expect(await network.provider.getProviderData()).toMatchObject({ jobsFailed: 1n, jobsDelivered: 0n, jobsDeclined: 0n, volume: 0n });
            expect(await gone()).toEqual([false, 0n]);
        }
    });

    it('is not expired a second before, nor at the award deadline', async () => {
        await at(awarded);
        network.chain.now = AwardDeadline;
        expect((await send(message.expireJob())).exitCode).toBe(JobErrors.DeadlineAhead);
        network.chain.now = (await deadline()) - 1;
        expect((await send(message.expireJob())).exitCode).toBe(JobErrors.DeadlineAhead);
        expect(await job.exists()).toBe(true);
    });

    it('threat: rent: is worth its reward and bond to the client half a year later, whoever woke it up', async () => {
        await at(awarded);
        network.chain.now! += 100 * 86_400;
        expect(toClient(await job.expire())[0]).toBeGreaterThanOrEqual(Amount + Bond);
    });
});

describe.each<PriceSet>(['old', '2026'])('What ending a job costs at the prices of %s', (prices) => {
    let begun: BlockchainSnapshot;

    beforeAll(async () => {
        await at(posted);
        network.chain.setConfig(chainConfig(prices));
        job = await TestJob.posted(network, { salt: 9n }, true);
        await job.bid(Ceiling);
        await job.bid(Ceiling - Step, second.hand);
        begun = network.chain.snapshot();
    });
    afterAll(async () => { job = await TestJob.create(network); });

    it('an expiry: one nanoTON less than the least value is refused, the least one pays for everything', async () => {
        await at(begun);
        network.chain.now = AwardDeadline;
        const least = expireJobValue(pricesOf(network.chain));
        expect(await send(message.expireJob(), undefined, least - 1n)).toMatchObject({ exitCode: Errors.ValueTooLow });
        const result = await job.expire({ value: least });
        expect(bidAnswers(result, job.address)).toMatchObject([{ to: second.attester.address.toString(), value: Bond }]);
        expect(toClient(result)[0]).toBeGreaterThanOrEqual(Ceiling);
        expect(await gone()).toEqual([false, 0n]);

        await at(begun);
        await job.award();
        network.chain.now! += job.agreement.deliveryTime;
        expect(await send(message.expireJob(), undefined, least - 1n)).toMatchObject({ exitCode: Errors.ValueTooLow });
        expect(toClient(await job.expire({ value: least }))[0]).toBeGreaterThanOrEqual(Ceiling - Step + Bond);
        expect((await second.contract.getProviderData()).jobsFailed).toBe(1n);
        expect(await gone()).toEqual([false, 0n]);
    });

    it('threat: Compute succeeded, action failed: a cancellation with any value does all of it or nothing', async () => {
        for (let value = 50_000n; value < toNano('0.05'); value *= 2n) {
            await at(begun);
            const held = await job.balance();
            const all = allCoins(network.chain);
            const result = await sendAs(network.chain, network.client.address, job.address, value, message.cancelJob());
            expect(allCoins(network.chain)).toBe(all + value - feesOf(result.transactions));
            if (await job.exists()) {
                expect([value, await job.balance() >= held]).toEqual([value, true]);
            } else {
                expect(bidAnswers(result, job.address)).toMatchObject([{ to: second.attester.address.toString(), value: Bond }]);
                expect(toClient(result)[0]).toBeGreaterThanOrEqual(Ceiling);
            }
        }
        expect(await gone()).toEqual([false, 0n]);
    });
});

describe('Coins that arrive after the end', () => {
    it('belong to the client: it deploys the account again and takes them out', async () => {
        await at(posted);
        job = await TestJob.create(network);
        await job.cancel();
        await sendAs(network.chain, network.registry.address, job.address, toNano('0.4'), message.jobListed(1n), { bounce: false });
        expect(await gone()).toEqual([false, toNano('0.4')]);
        const result = await sendAs(network.chain, network.client.address, job.address, toNano('0.05'), message.cancelJob(), { init: job.deployment.init });
        expect(toClient(result)[0]).toBeGreaterThan(toNano('0.44'));
        expect(await gone()).toEqual([false, 0n]);
        expect(bidAnswers(result, job.address)).toEqual([]);
    });
});
