import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { DeclineReason, deliveryValue, Errors, hashToBigInt, JobOutcome, MaxStoreUrl, postJobValue } from '../../wrappers';
import { exitCodeOf, forwardFee, pricesOf, sendAs, transactionOf } from '../support/chain';
import {
    attestForJobs, Bidder, bidderOf, JobErrors, jobNetwork, messagesOf, TestAgreement, TestBidder, TestJob, TestRecord,
} from '../support/jobs';
import { EncryptionKey, Start, testKey, TestNetwork } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';
import { retire, setKeys } from '../provider/messages';
import { allCoins, feesOf } from '../session/ledger';
import { attempt, refused } from '../session/outcome';
import { full, wideTree, withBit, withInstead, withoutLastBit, withoutReferences, withReference } from './cells';
import * as message from './messages';

const { ceiling: Ceiling, bond: Bond } = TestAgreement;
const Amount = toNano('1.5');

let network: TestNetwork;
let first: Bidder;
let second: Bidder;
let job: TestJob;
let awarded: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    first = bidderOf(network);
    second = await TestBidder.register(network, 'second');
    job = await TestJob.posted(network);
    await job.bid(Amount);
    await job.award();
    awarded = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(awarded));

const key = () => hashToBigInt(network.workerKey.publicKey);
/** A RelayedDelivery in the name of any account. */
const relay = async (changes: { from?: Address; delivery?: Cell; fields?: Partial<Parameters<typeof message.relayedDelivery>[2]> } = {}) =>
    attempt(network.chain, changes.from ?? first.address, job.address,
        message.relayedDelivery(key(), changes.delivery ?? (await job.delivery()), changes.fields), toNano('0.1'));
const counters = async () => {
    const { jobsDelivered, jobsFailed, jobsDeclined, volume } = await network.provider.getProviderData();
    return { jobsDelivered, jobsFailed, jobsDeclined, volume };
};
/** What a job sent at its end, by receiver. */
const paid = (result: Parameters<typeof messagesOf>[0], to: Address, of = job) =>
    messagesOf(result, of.address).filter((sent) => sent.to === to.toString()).map(({ value }) => value);

describe('A delivery', () => {
    it('pays exactly what was bid to the provider\'s settlement, gives the bond back to its payer, and ends the account', async () => {
        const held = await job.balance();
        const result = await job.deliver();
        expect(paid(result, network.settlement.address)).toEqual([Amount]);
        const [back, ...more] = paid(result, network.attester.address);
        expect([back >= Bond, back < Bond + toNano('0.05'), more]).toEqual([true, true, []]);
        expect(paid(result, network.client.address)).toEqual([]);
        expect(messagesOf(result, job.address).every(({ bounce }) => !bounce)).toBe(true);
        expect([await job.exists(), await job.balance()]).toEqual([false, 0n]);
        expect(held).toBeGreaterThan(Amount + Bond);
    });

    it('is told to Provider, which counts it', async () => {
        await job.deliver();
        expect(await counters()).toEqual({ jobsDelivered: 1n, jobsFailed: 0n, jobsDeclined: 0n, volume: Amount });
    });

    it('that is a signed refusal gives the client the amount and the provider\'s payer its bond: nobody is paid', async () => {
        for (const reason of Object.values(DeclineReason)) {
            await network.chain.loadFrom(awarded);
            const result = await job.deliver({ delivery: { outcome: JobOutcome.Declined, outputRoot: BigInt(reason) } });
            expect(paid(result, network.settlement.address)).toEqual([]);
            expect(paid(result, network.client.address)).toEqual([Amount]);
            expect(paid(result, network.attester.address)[0]).toBeGreaterThanOrEqual(Bond);
            expect([await job.exists(), await job.balance()]).toEqual([false, 0n]);
            expect(await counters()).toEqual({ jobsDelivered: 0n, jobsFailed: 0n, jobsDeclined: 1n, volume: 0n });
        }
    });

    it('with any other signed outcome counts as a refusal: no number pays but the one for delivered', async () => {
        for (const outcome of [0, JobOutcome.Failed, JobOutcome.NotTaken, JobOutcome.Cancelled, 255]) {
            await network.chain.loadFrom(awarded);
            const result = await job.deliver({ delivery: { outcome } });
            expect(paid(result, network.settlement.address)).toEqual([]);
            expect(paid(result, network.client.address)).toEqual([Amount]);
            expect((await counters()).jobsDeclined).toBe(1n);
        }
    });

    it('may be relayed by the owner: the bond still goes to who put it up', async () => {
        const result = await job.deliver({ from: network.owner });
        expect(paid(result, network.settlement.address)).toEqual([Amount]);
        expect(paid(result, network.owner.address)).toEqual([]);
        expect(paid(result, network.attester.address)[0]).toBeGreaterThanOrEqual(Bond);
    });

    it('of a job for nothing pays nothing and gives the bond back', async () => {
        const free = await TestJob.awarded(network, { ceiling: 0n, bidStep: 1n, bond: toNano('0.05'), salt: 8n });
        const result = await free.deliver();
        expect(paid(result, network.settlement.address, free)).toEqual([0n]);
        expect(paid(result, network.attester.address, free)[0]).toBeGreaterThanOrEqual(toNano('0.05'));
        expect(await free.exists()).toBe(false);
    });

    it('counts until the last second before the delivery deadline', async () => {
        const { deliveryDeadline } = await job.data();
        network.chain.now = Number(deliveryDeadline);
        expect(await relay()).toMatchObject({ exitCode: JobErrors.NotAwarded });
        await network.chain.loadFrom(awarded);
        network.chain.now = Number(deliveryDeadline) - 1;
        expect(paid(await job.deliver(), network.settlement.address)).toEqual([Amount]);
    });

    it('before the award, to a job that is posted, is refused', async () => {
        job = await TestJob.posted(network, { salt: 2n });
        expect(await relay()).toEqual(refused(JobErrors.NotAwarded));
        await job.bid(Ceiling);
        expect(await relay()).toEqual(refused(JobErrors.NotAwarded));
        job = await TestJob.create(network);
    });

    it('comes from the provider that was awarded the job, and from no other account', async () => {
        const others = [second, network.client, network.stranger, network.owner, network.attester, network.settlement, network.registry];
        for (const { address } of others) {
            expect(await relay({ from: address })).toEqual(refused(Errors.AccessDenied));
        }
        expect(await relay({ from: new Address(-1, first.address.hash) })).toEqual(refused(Errors.NotBasechain));
    });

    it('that is refused comes back to the attester through Provider, and changes nothing', async () => {
        const held = await job.balance();
        const result = await job.deliver({ key: testKey('another').secretKey, value: toNano('0.5') });
        expect(exitCodeOf(transactionOf(result, job.address))).toBe(Errors.BadSignature);
        expect(result.transactions).toHaveTransaction({ from: network.provider.address, to: network.attester.address, value: (value) => value! > toNano('0.48') });
        expect(await job.balance()).toBe(held);
    });

    it('gives what came in from others to whoever put up the bond', async () => {
        await sendAs(network.chain, network.stranger.address, job.address, toNano('3'));
        const result = await job.deliver();
        expect(paid(result, network.settlement.address)).toEqual([Amount]);
        expect(paid(result, network.attester.address)[0]).toBeGreaterThan(Bond + toNano('2.99'));
    });
});

describe('What the provider is at the delivery', () => {
    it.each([
        ['status', { tcbStatus: 1 }], ['status beyond any mask', { tcbStatus: 200 }],
        ['measurement', { measurement: TestRecord.measurement ^ 1n }], ['measurement of 0', { measurement: 0n }],
    ])('another %s than at the bid: the delivery is refused, until it is again what the terms demand', async (_, record) => {
        await attestForJobs(network, record);
        const result = await job.deliver();
        expect(exitCodeOf(transactionOf(result, job.address))).toBe(JobErrors.RecordNotAccepted);
        expect(await relay({ fields: Object.fromEntries(Object.entries(record).map(([name, value]) => [name, BigInt(value)])) }))
            .toEqual(refused(JobErrors.RecordNotAccepted));
        await attestForJobs(network);
        expect(paid(await job.deliver(), network.settlement.address)).toEqual([Amount]);
    });

    it('an expired record: Provider refuses, and delivers once it is renewed', async () => {
        await attestForJobs(network, { expiry: Start + 500 });
        network.chain.now = Start + 500;
        const body = message.relayDelivery(job.address, await job.delivery());
        expect(await attempt(network.chain, network.attester.address, first.address, body, toNano('0.1'))).toMatchObject({ exitCode: JobErrors.NoRecord });
        await attestForJobs(network, { expiry: Start + 501 });
        expect(paid(await job.deliver(), network.settlement.address)).toEqual([Amount]);
    });

    it('a retirement: Provider refuses for ever, and the job is the client\'s after its deadline', async () => {
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), retire());
        const body = message.relayDelivery(job.address, await job.delivery());
        expect(await attempt(network.chain, network.owner.address, first.address, body, toNano('0.1'))).toEqual(refused(JobErrors.NoRecord));
        network.chain.now = Number((await job.data()).deliveryDeadline);
        const result = await job.expire();
        expect(paid(result, network.client.address)[0]).toBeGreaterThanOrEqual(Amount + Bond);
        expect((await counters()).jobsFailed).toBe(1n);
    });

    it('a new worker key: it signs, and the one before it does not any more', async () => {
        const next = testKey('next worker');
        const before = await job.delivery();
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), setKeys(next.publicKey, EncryptionKey));
        await attestForJobs(network);
        const old = await sendAs(network.chain, network.attester.address, first.address, toNano('0.1'), message.relayDelivery(job.address, before));
        expect(exitCodeOf(transactionOf(old, job.address))).toBe(Errors.BadSignature);
        expect(paid(await job.deliver({ key: next.secretKey }), network.settlement.address)).toEqual([Amount]);
    });

    it('keys that the owner set are not attested: until a quote attests them nothing is delivered', async () => {
        await sendAs(network.chain, network.owner.address, first.address, toNano('0.1'), setKeys(network.workerKey.publicKey, EncryptionKey));
        const body = message.relayDelivery(job.address, await job.delivery());
        for (const { address } of [network.owner, network.attester]) {
            expect(await attempt(network.chain, address, first.address, body, toNano('0.1'))).toEqual(refused(JobErrors.NoRecord));
        }
    });
});

describe('threat: malformed cell (delivery)', () => {
    it('a delivery is exactly outcome, root and signature', async () => {
        const delivery = await job.delivery();
        for (const cell of [Cell.EMPTY, withoutLastBit(delivery), withBit(delivery), withReference(delivery), job.terms]) {
            expect(await relay({ delivery: cell })).toEqual(refused(Errors.CellUnderflow));
        }
        expect(await relay({ delivery: beginCell().storeUint(1, 8 + 256).storeUint(0, 512).endCell() })).toEqual(refused(Errors.BadSignature));
    });

    it('threat: ballast: a delivery with a thousand cells below it costs its sender, not the job', async () => {
        const heavy = beginCell().storeSlice((await job.delivery()).beginParse()).storeRef(wideTree(1_000)).endCell();
        const held = await job.balance();
        const result = await sendAs(network.chain, network.attester.address, first.address, toNano('2'), message.relayDelivery(job.address, heavy));
        expect(exitCodeOf(transactionOf(result, job.address))).toBe(Errors.CellUnderflow);
        expect(await job.balance()).toBe(held);
        expect(paid(await job.deliver(), network.settlement.address)).toEqual([Amount]);
    });

    it('a body that stops before the delivery is refused', async () => {
        const body = message.relayedDelivery(key(), await job.delivery());
        for (const cell of [withoutLastBit(body), withoutReferences(body)]) {
            expect(await attempt(network.chain, first.address, job.address, cell, toNano('0.1'))).toEqual(refused(Errors.CellUnderflow));
        }
    });
});

describe.each<PriceSet>(['old', '2026'])('The value of a delivery at the prices of %s', (prices) => {
    /** The largest terms that may be posted, every cell full; a listed market is exactly a Market. */
    const largest = async (listed: boolean) => {
        const { agreement, terms } = await TestJob.create(network, {
            salt: 3n, specification: { ...TestAgreement.specification, inputUrl: 'u'.repeat(MaxStoreUrl) },
        });
        const [work, market] = terms.refs;
        const swollen = withInstead(withInstead(terms, 0, withInstead(full(work), 0, full(work.refs[0]))), 1, listed ? market : full(market));
        const large = await TestJob.ofTerms(network, agreement, swollen);
        const prices = pricesOf(network.chain);
        const listing = listed ? large.listing() + forwardFee(network.chain, 8n, 8n * 1_023n) : 0n;
        await sendAs(network.chain, network.client.address, large.address, postJobValue(prices, Ceiling, listing), message.postJob(listing), {
            init: large.deployment.init,
        });
        await large.bid(Ceiling);
        await large.award();
        expect((await large.data()).listing !== 0n).toBe(listed);
        return large;
    };

    beforeEach(() => network.chain.setConfig(chainConfig(prices)));

    it.each([true, false])('the least one is enough, with the largest terms (listed: %s): reward and bond arrive whole, Provider counts', async (listed) => {
        const large = await largest(listed);
        const result = await large.deliver({ value: deliveryValue(pricesOf(network.chain)) });
        expect(paid(result, network.settlement.address, large)).toEqual([Ceiling]);
        expect(paid(result, network.attester.address, large)[0]).toBeGreaterThanOrEqual(Bond);
        expect(await counters()).toMatchObject({ jobsDelivered: 1n, volume: Ceiling });
        expect(result.transactions.every(({ description }) => description.type === 'generic' && !description.aborted)).toBe(true);
    });

    it('and so it is after the longest life: two months of rent come out of the reserve', async () => {
        const { chain } = network;
        const long = await TestJob.posted(network, { salt: 4n, awardDeadline: chain.now! + 2_592_000, deliveryTime: 2_592_000 }, true);
        await attestForJobs(network, { expiry: chain.now! + 10_000_000 });
        chain.now! += 2_592_000 - 1;
        await long.bid(Ceiling);
        await long.award();
        chain.now! += 2_592_000 - 1;
        const result = await long.deliver();
        expect(paid(result, network.settlement.address, long)).toEqual([Ceiling]);
        expect(paid(result, network.attester.address, long)[0]).toBeGreaterThanOrEqual(Bond);
        expect(await counters()).toMatchObject({ jobsDelivered: 1n });
    });

    it('threat: Compute succeeded, action failed: any value brings the whole delivery about, or nothing', async () => {
        const plain = await TestJob.awarded(network, { salt: 5n });
        const state = network.chain.snapshot();
        const held = await plain.balance();
        for (let value = 200_000n; value < toNano('0.2'); value = value * 3n / 2n) {
            await network.chain.loadFrom(state);
            const all = allCoins(network.chain);
            const body = message.relayDelivery(plain.address, await plain.delivery());
            const result = await sendAs(network.chain, network.attester.address, first.address, value, body);
            expect(allCoins(network.chain)).toBe(all + value - feesOf(result.transactions));
            if (await plain.exists()) {
                expect([value, await plain.balance() >= held]).toEqual([value, true]);
            } else {
                expect(paid(result, network.settlement.address, plain)).toEqual([Ceiling]);
                expect(paid(result, network.attester.address, plain)[0]).toBeGreaterThanOrEqual(Bond);
                expect(await plain.balance()).toBe(0n);
            }
        }
        expect(await plain.exists()).toBe(false);
    });
});
