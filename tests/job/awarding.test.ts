import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { accountOf, awardJobValue, Errors, JobStatus } from '../../wrappers';
import { forwardFeesOf, gasFeesOf, pricesOf, sendAs, transactionOf } from '../support/chain';
import { Bidder, bidderOf, JobErrors, jobNetwork, messagesOf, SealedKey, TestAgreement, TestBidder, TestJob } from '../support/jobs';
import { TestNetwork } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';
import { attempt, refused } from '../session/outcome';
import { asLibrary, withBit, withoutLastBit, withReference } from './cells';
import * as message from './messages';

const { ceiling: Ceiling, bond: Bond, bidStep: Step } = TestAgreement;
const Amount = toNano('1.5');

let network: TestNetwork;
let first: Bidder;
let second: Bidder;
let job: TestJob;
let bid: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    first = bidderOf(network);
    second = await TestBidder.register(network, 'second');
    job = await TestJob.posted(network);
    await job.bid(Amount);
    bid = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(bid));

const award = (body = message.awardJob(first.address, Amount), from = network.client.address, value = toNano('0.1')) =>
    attempt(network.chain, from, job.address, body, value);

describe('An award', () => {
    it('makes the best bid the provider\'s job: with the time for the delivery and the sealed key', async () => {
        network.chain.now! += 100;
        const before = await job.data();
        await job.award();
        expect(await job.data()).toMatchObject({
            ...before, status: BigInt(JobStatus.Awarded), deliveryDeadline: BigInt(network.chain.now! + job.agreement.deliveryTime),
            sealedKey: expect.anything(), terms: expect.anything(),
        });
        expect((await job.data()).sealedKey).toEqualCell(SealedKey);
    });

    it('gives back at once what the bid is below the ceiling, with what is left of the value', async () => {
        const held = await job.balance();
        const result = await job.award({ value: toNano('0.1') });
        const [change] = messagesOf(result, job.address);
        const fees = gasFeesOf(transactionOf(result, job.address)) + forwardFeesOf(transactionOf(result, job.address));
        expect(change).toMatchObject({ to: network.client.address.toString(), bounce: false });
        expect(change.value).toBeGreaterThanOrEqual(Ceiling - Amount + toNano('0.1') - fees);
        expect(await job.balance()).toBe(held + toNano('0.1') - change.value - fees);
        expect(await job.balance()).toBeGreaterThanOrEqual(Amount + Bond + (await job.data()).reserve);
    });

    it('of a bid at the ceiling keeps everything that delivery and reserve need, and stands when there is nothing to send back', async () => {
        const { chain } = network;
        const dear = await TestJob.posted(network, { salt: 1n });
        await dear.bid(Ceiling);
        chain.now! += 3_000;
        await dear.award({ value: awardJobValue(pricesOf(chain)) });
        expect((await dear.data()).status).toBe(BigInt(JobStatus.Awarded));
        expect(await dear.balance()).toBeGreaterThanOrEqual(Ceiling + Bond);
        await dear.deliver();
        expect([await dear.exists(), await dear.balance()]).toEqual([false, 0n]);
    });

    it('comes from the client, and from nobody else', async () => {
        for (const { address } of [network.stranger, first.owner, first.attester, first, network.registry, network.settlement]) {
            expect(await award(undefined, address)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await award(undefined, new Address(-1, network.client.address.hash))).toEqual(refused(Errors.NotBasechain));
    });

    it('names provider and amount of the best bid: any other is refused', async () => {
        for (const [provider, amount] of [[second.address, Amount], [first.address, Amount - 1n], [first.address, Amount + 1n], [first.owner.address, Amount]] as const) {
            expect(await award(message.awardJob(provider, amount))).toEqual(refused(JobErrors.OtherBid));
        }
        expect((await award()).exitCode).toBe(0);
    });

    it('threat: message reordering: a better bid that came first is never awarded unseen', async () => {
        await job.bid(Amount - Step, second.hand);
        expect(await award()).toEqual(refused(JobErrors.OtherBid));
        await job.bid(Amount - 2n * Step);
        expect(await award()).toEqual(refused(JobErrors.OtherBid));
        expect((await award(message.awardJob(first.address, Amount - 2n * Step))).exitCode).toBe(0);
    });

    it('of a job without a bid is refused, also in the name of nobody and nothing', async () => {
        job = await TestJob.posted(network, { salt: 2n });
        for (const provider of [first.address, new Address(0, Buffer.alloc(32))]) {
            expect(await award(message.awardJob(provider, 0n))).toEqual(refused(JobErrors.OtherBid));
        }
        job = await TestJob.create(network);
    });

    it('counts until the last second before the award deadline', async () => {
        network.chain.now = job.agreement.awardDeadline;
        expect(await award()).toMatchObject({ exitCode: JobErrors.NotBidding });
        await network.chain.loadFrom(bid);
        network.chain.now = job.agreement.awardDeadline - 1;
        expect(await award()).toMatchObject({ exitCode: 0 });
    });

    it('is given once', async () => {
        await job.award();
        expect(await award()).toEqual(refused(JobErrors.NotBidding));
    });

    it('takes nothing that came in from others: it goes to the client', async () => {
        await sendAs(network.chain, network.stranger.address, job.address, toNano('3'));
        const result = await job.award();
        expect(messagesOf(result, job.address)[0].value).toBeGreaterThan(toNano('3') + Ceiling - Amount);
    });

    it('threat: rent: a job that was posted with its least value can pay everything after a month without an award', async () => {
        const slow = await TestJob.posted(network, { salt: 4n, awardDeadline: network.chain.now! + 2_592_000, deliveryTime: 2_592_000 });
        await slow.bid(Ceiling);
        network.chain.now! += 2_592_000 - 1;
        await slow.award({ value: awardJobValue(pricesOf(network.chain)) });
        expect((await slow.data()).status).toBe(BigInt(JobStatus.Awarded));
        network.chain.now! += 2_592_000;
        const { transactions } = await slow.expire();
        expect(messagesOf({ transactions }, slow.address).find(({ to }) => to === network.client.address.toString())!.value)
            .toBeGreaterThanOrEqual(Ceiling + Bond);
    });
});

describe('The key of the content', () => {
    it('has 80 bytes and nothing else', async () => {
        const tree = beginCell().storeBuffer(Buffer.alloc(80)).storeRef(beginCell().storeRef(Cell.EMPTY).endCell()).endCell();
        for (const key of [Cell.EMPTY, withoutLastBit(SealedKey), withBit(SealedKey), withReference(SealedKey), tree, job.terms]) {
            expect(await award(message.awardJob(first.address, Amount, key))).toEqual(refused(Errors.Malformed));
        }
    });

    it('that is a library cell without its library is refused', async () => {
        expect(await award(message.awardJob(first.address, Amount, asLibrary(SealedKey)))).toEqual(refused(Errors.CellUnderflow));
    });
});

describe.each<PriceSet>(['old', '2026'])('The value of an award at the prices of %s', (prices) => {
    it('one nanoTON less is refused; the least one pays for it, and the client has the difference', async () => {
        network.chain.setConfig(chainConfig(prices));
        job = await TestJob.posted(network, { salt: 3n });
        await job.bid(Amount);
        const least = awardJobValue(pricesOf(network.chain));
        expect(await award(undefined, undefined, least - 1n)).toEqual(refused(Errors.ValueTooLow));
        const result = await job.award({ value: least });
        expect((await job.data()).status).toBe(BigInt(JobStatus.Awarded));
        expect(messagesOf(result, job.address)[0].value).toBeGreaterThanOrEqual(Ceiling - Amount);
        expect((await job.data()).provider).toBe(accountOf(first.address));
        job = await TestJob.create(network);
    });
});
