import '@ton/test-utils';
import { Address, beginCell, Cell, Dictionary, toNano } from '@ton/core';
import { BlockchainSnapshot, SendMessageResult } from '@ton/sandbox';
import { Errors, JobStatus, leastBidStep, leastBond, MaxAwardTime, MaxDeliveryTime, MaxStoreUrl, MinDeliveryTime, postJobValue } from '../../wrappers';
import { actionCodeOf, exitCodeOf, pricesOf, sendAs, transactionOf } from '../support/chain';
import { bidAnswers, JobErrors, jobNetwork, Returned, TestAgreement, TestJob } from '../support/jobs';
import { Start, TestNetwork } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';
import { attempt, refused } from '../session/outcome';
import { asLibrary, wideTree, withBit, withInstead, withoutLastBit, withoutReferences, withReference } from './cells';
import * as message from './messages';

const Ceiling = TestAgreement.ceiling;
const Plenty = toNano('200');

let network: TestNetwork;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    ready = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(ready));

const least = (ceiling = Ceiling) => postJobValue(pricesOf(network.chain), ceiling, 0n);
const post = (job: TestJob, value = least(job.agreement.ceiling), from = network.client.address, body = message.postJob()) =>
    attempt(network.chain, from, job.address, body, value, job.deployment.init);
const postTerms = async (change: (terms: Cell) => Cell) => {
    const { agreement, terms } = await TestJob.create(network);
    return post(await TestJob.ofTerms(network, agreement, change(terms)), Plenty);
};

describe('A job', () => {
    it('is posted by its client: open for bids, with nothing decided, and the ceiling in it', async () => {
        const job = await TestJob.create(network);
        const result = await job.post();
        const { lt } = transactionOf(result, job.address);
        expect(await job.data()).toMatchObject({
            status: BigInt(JobStatus.Bidding), openedLt: lt, deliveryDeadline: 0n, listing: 0n, provider: 0n, amount: 0n, payer: 0n,
            settlement: 0n, sealedKey: null,
        });
        expect((await job.data()).terms).toEqualCell(job.terms);
        expect(await job.balance()).toBeGreaterThan(Ceiling + (await job.data()).reserve);
        expect(await job.contract.getRunway()).toBeGreaterThan(0n);
    });

    it.each<PriceSet>(['old', '2026'])('needs its least value, to the nanoTON, at the prices of %s', async (prices) => {
        network.chain.setConfig(chainConfig(prices));
        for (const ceiling of [0n, Ceiling]) {
            const job = await TestJob.create(network, { ceiling });
            expect(await post(job, least(ceiling) - 1n)).toEqual(refused(Errors.ValueTooLow));
            expect(await post(job, least(ceiling))).toMatchObject({ exitCode: 0 });
        }
    });

    it('is posted once', async () => {
        const job = await TestJob.posted(network);
        const { openedLt } = await job.data();
        expect(await post(job)).toEqual(refused(JobErrors.AlreadyPosted));
        expect((await job.data()).openedLt).toBe(openedLt);
        await job.bid(Ceiling);
        await job.award();
        expect(await post(job)).toEqual(refused(JobErrors.AlreadyPosted));
    });

    it('is posted by nobody but its client', async () => {
        const { stranger, owner, provider, registry, settlement, client } = network;
        for (const { address } of [stranger, owner, provider, registry, settlement]) {
            expect(await post(await TestJob.create(network), least(), address)).toEqual(refused(Errors.AccessDenied));
        }
        const job = await TestJob.create(network);
        expect(await post(job, least(), new Address(-1, client.address.hash))).toEqual(refused(Errors.NotBasechain));
    });
});

describe('The terms of a job that may be posted', () => {
    const outcomeWith = async (changes: Parameters<typeof TestJob.create>[1]) => (await post(await TestJob.create(network, changes), Plenty)).exitCode;

    it.each([
        ['award deadline: in a second', { awardDeadline: Start + 1 }, 0],
        ['award deadline: now', { awardDeadline: Start }, JobErrors.BadDeadline],
        ['award deadline: in 30 days', { awardDeadline: Start + MaxAwardTime }, 0],
        ['award deadline: a second later than that', { awardDeadline: Start + MaxAwardTime + 1 }, JobErrors.BadDeadline],
        ['award deadline: 0', { awardDeadline: 0 }, JobErrors.BadDeadline],
        ['award deadline: the last second that its field holds', { awardDeadline: 0xffffffff }, JobErrors.BadDeadline],
        ['delivery time: a minute', { deliveryTime: MinDeliveryTime }, 0],
        ['delivery time: a second less', { deliveryTime: MinDeliveryTime - 1 }, JobErrors.BadDeadline],
        ['delivery time: 30 days', { deliveryTime: MaxDeliveryTime }, 0],
        ['delivery time: a second more', { deliveryTime: MaxDeliveryTime + 1 }, JobErrors.BadDeadline],
        ['bond of a cheap job: 0.05 coins', { ceiling: toNano('0.5'), bond: toNano('0.05') }, 0],
        ['bond of a cheap job: less', { ceiling: toNano('0.5'), bond: toNano('0.05') - 1n }, JobErrors.BondTooLow],
        ['bond of a job for nothing: none', { ceiling: 0n, bond: 0n }, JobErrors.BondTooLow],
        ['bond of a dear job: 5 %', { ceiling: toNano('100'), bond: toNano('5'), bidStep: toNano('1') }, 0],
        ['bond of a dear job: less', { ceiling: toNano('100'), bond: toNano('5') - 1n, bidStep: toNano('1') }, JobErrors.BondTooLow],
        ['bond of an odd ceiling: 5 % rounded down', { ceiling: toNano('2') + 1n, bond: toNano('0.1'), bidStep: toNano('1') }, JobErrors.BondTooLow],
        ['step: 1 %', { bidStep: Ceiling / 100n }, 0],
        ['step: less', { bidStep: Ceiling / 100n - 1n }, JobErrors.StepTooLow],
        ['step of a job for nothing: 0', { ceiling: 0n, bidStep: 0n }, JobErrors.StepTooLow],
        ['step of a job for nothing: 1 nanoTON', { ceiling: 0n, bidStep: 1n }, 0],
        ['step above the ceiling', { bidStep: 2n * Ceiling }, 0],
    ])('%s', async (_, changes, exitCode) => {
        expect(await outcomeWith(changes)).toBe(exitCode);
    });

    it('are, for any ceiling, those that leastBond and leastBidStep tell', async () => {
        for (const ceiling of [0n, 1n, 99n, 101n, 999_999_999n, 1_000_000_001n, toNano('33.333333333')]) {
            const [bond, bidStep] = [leastBond(ceiling), leastBidStep(ceiling)];
            expect(await outcomeWith({ ceiling, bond, bidStep })).toBe(0);
            expect(await outcomeWith({ ceiling, bond: bond - 1n, bidStep })).toBe(JobErrors.BondTooLow);
            expect(await outcomeWith({ ceiling, bond, bidStep: bidStep - 1n })).toBe(JobErrors.StepTooLow);
        }
    });

    it('have the size that the reserve covers: the longest URL is accepted, a cell more is refused', async () => {
        const longest = { ...TestAgreement.specification, inputUrl: 'u'.repeat(MaxStoreUrl) };
        const { agreement, terms } = await TestJob.create(network, { specification: longest });
        expect((await post(await TestJob.ofTerms(network, agreement, terms))).exitCode).toBe(0);
        const [work] = terms.refs;
        const longer = withInstead(terms, 0, withInstead(work, 0, withInstead(work.refs[0], 0, withReference(work.refs[0].refs[0]))));
        expect(await post(await TestJob.ofTerms(network, agreement, longer))).toEqual(refused(JobErrors.TermsTooLarge));
    });

    it('threat: a tree of thousands of cells in the terms costs its sender only', async () => {
        expect(await postTerms((terms) => withInstead(terms, 0, withInstead(terms.refs[0], 0, wideTree(2_000))))).toEqual(refused(JobErrors.TermsTooLarge));
    });

    it('threat: malformed cell: terms, or a client, that cannot be read are refused', async () => {
        const cutWork = beginCell().storeUint(0, 255).endCell();
        const changes: ((terms: Cell) => Cell)[] = [
            withoutLastBit, withoutReferences, () => Cell.EMPTY, (terms) => withInstead(terms, 0, withReference(cutWork)), withBit, withReference,
        ];
        for (const change of changes) {
            expect(await postTerms(change)).toEqual(refused(Errors.CellUnderflow));
        }
        for (const work of [cutWork, Cell.EMPTY]) {
            expect(await postTerms((terms) => withInstead(terms, 0, work))).toEqual(refused(Errors.Malformed));
        }
    });
});

describe('threat: library cells: what the virtual machine reads through them goes away with the library', () => {
    const publish = (...cells: Cell[]) => {
        const libraries = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
        [Cell.EMPTY, ...cells].forEach((cell) => libraries.set(cell.hash(), cell)); // never none: the sandbox would keep the last ones
        network.chain.libs = beginCell().storeDictDirect(libraries).endCell();
    };
    const shapes: [string, (terms: Cell) => Cell, (terms: Cell) => Cell][] = [
        ['the terms', asLibrary, (terms) => terms],
        ['the work, with the client in it', (terms) => withInstead(terms, 0, asLibrary(terms.refs[0])), (terms) => terms.refs[0]],
    ];

    it.each(shapes)('%s behind one: the job is refused, so that its client can never make it unreadable', async (_, change, published) => {
        const { agreement, terms } = await TestJob.create(network);
        const job = await TestJob.ofTerms(network, agreement, change(terms));
        publish(published(terms));
        expect(await post(job)).toMatchObject({ exitCode: Errors.Malformed, unchanged: true });
        publish();
    });

    it('the market behind one: without it nobody can bid, but a bond that is there comes back, and so does the ceiling', async () => {
        const { agreement, terms } = await TestJob.create(network);
        const job = await TestJob.ofTerms(network, agreement, withInstead(terms, 1, asLibrary(terms.refs[1])));
        publish(terms.refs[1]);
        expect((await post(job)).exitCode).toBe(0);
        expect(bidAnswers(await job.bid(Ceiling), job.address)).toMatchObject([{ reason: 0 }]);
        publish();
        const bounced = await job.bid(Ceiling - agreement.bidStep);
        expect(exitCodeOf(transactionOf(bounced, job.address))).toBe(Errors.CellUnderflow);
        expect(bounced.transactions).toHaveTransaction({
            from: network.provider.address, to: network.attester.address, value: (value) => value! > agreement.bond,
        });
        network.chain.now = agreement.awardDeadline;
        const expired = await job.expire();
        expect(bidAnswers(expired, job.address)).toMatchObject([{ reason: Returned.Closed, value: agreement.bond }]);
        expect(expired.transactions).toHaveTransaction({ from: job.address, to: network.client.address, value: (value) => value! >= Ceiling });
        expect([await job.exists(), await job.balance()]).toEqual([false, 0n]);
    });
});

describe('A job that is deployed and not posted', () => {
    let job: TestJob;
    const deploy = async (value = toNano('0.3')) => {
        job = await TestJob.create(network);
        await network.stranger.send({ to: job.address, value, init: job.deployment.init, bounce: false });
    };
    beforeEach(() => deploy());

    it('is no obstacle: anybody may deploy it, the client posts it, and the coins that were there count', async () => {
        expect(await job.data()).toMatchObject({ status: BigInt(JobStatus.New), openedLt: 0n });
        const there = await job.balance();
        expect(await post(job, least() - there - 1n)).toEqual(refused(Errors.ValueTooLow));
        expect(await post(job, least() - there)).toMatchObject({ exitCode: 0 });
        expect((await job.data()).status).toBe(BigInt(JobStatus.Bidding));
    });

    it('is emptied by its client, who gets all of it, and by nobody else', async () => {
        for (const { address } of [network.stranger, network.owner, network.provider, network.registry]) {
            expect(await attempt(network.chain, address, job.address, message.cancelJob(), toNano('0.1'))).toEqual(refused(Errors.AccessDenied));
        }
        const result = await job.cancel();
        expect(result.transactions).toHaveTransaction({ from: job.address, to: network.client.address, value: (value) => value! > toNano('0.34') });
        expect([await job.exists(), await job.balance()]).toEqual([false, 0n]);
    });

    it('takes no bid, award, delivery, or listing, and has no deadline', async () => {
        const send = (from: Address, body: Cell) => attempt(network.chain, from, job.address, body, toNano('0.5'));
        const { client, provider, registry, stranger, attester } = network;
        expect(await send(client.address, message.awardJob(provider.address, 0n))).toEqual(refused(JobErrors.NotBidding));
        expect(await send(stranger.address, message.expireJob())).toEqual(refused(JobErrors.NotBidding));
        expect(await send(registry.address, message.jobListed(0n))).toEqual(refused(JobErrors.OtherJobLife));
        expect(await send(provider.address, message.relayedDelivery(0n, await job.delivery()))).toEqual(refused(JobErrors.NotAwarded));
        expect(bidAnswers(await job.bid(Ceiling, { openedLt: 0n }), job.address)).toMatchObject([{ to: attester.address.toString(), reason: Returned.Late }]);
        network.chain.now! += 10 * MaxAwardTime;
        expect(await send(stranger.address, message.expireJob())).toMatchObject({ exitCode: JobErrors.NotBidding });
    });

    it('threat: left in debt for rent by a stranger, a year ago: the client posts it all the same', async () => {
        await network.chain.loadFrom(ready);
        job = await TestJob.create(network, { awardDeadline: Start + 31_536_000 + 3_600 });
        await network.stranger.send({ to: job.address, value: toNano('0.001'), init: job.deployment.init, bounce: false });
        network.chain.now! += 31_536_000;
        await sendAs(network.chain, network.stranger.address, job.address, 1n, Cell.EMPTY, { bounce: false });
        expect(await post(job, least() + toNano('0.02'))).toMatchObject({ exitCode: 0 });
        expect((await job.data()).status).toBe(BigInt(JobStatus.Bidding));
        expect(await job.balance()).toBeGreaterThanOrEqual(Ceiling + (await job.data()).reserve);
    });
});

describe('threat: Compute succeeded, action failed: an amount for the listing that cannot even pay its way', () => {
    it('posts nothing, and the client takes its coins out of the account again', async () => {
        const job = await TestJob.create(network);
        const result = await job.contract.send(network.client.getSender(), { value: least() + 1n }, { $$type: 'PostJob', queryId: 0n, listing: 1n });
        expect(actionCodeOf(transactionOf(result as SendMessageResult, job.address))).not.toBe(0);
        const state = await network.exists(job.address);
        const cancelled = await sendAs(network.chain, network.client.address, job.address, toNano('0.05'), message.cancelJob(), { init: job.deployment.init });
        expect([state, await job.exists(), await job.balance()]).toEqual([state, false, 0n]);
        expect(cancelled.transactions).toHaveTransaction({ from: job.address, to: network.client.address, value: (value) => value! > least() });
    });
});
