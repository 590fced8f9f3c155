import '@ton/test-utils';
import { Address, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, SandboxContract } from '@ton/sandbox';
import { accountOf, Errors, JobListing, JobOutcome, listingDeployment } from '../../wrappers';
import { operation, sendAs } from '../support/chain';
import { JobErrors, jobNetwork, TestAgreement, TestJob } from '../support/jobs';
import { TestNetwork } from '../support/network';
import { attempt, refused } from '../session/outcome';
import { withoutLastBit, withoutReferences } from '../job/cells';
import * as message from '../job/messages';

const { ceiling: Ceiling } = TestAgreement;

let network: TestNetwork;
let job: TestJob;
let listing: SandboxContract<JobListing.JobListing>;
let start: BlockchainSnapshot;
let listed: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    job = await TestJob.create(network);
    start = network.chain.snapshot();
    await job.post({ listed: true });
    listed = network.chain.snapshot();
    const { address, init } = await listingDeployment(network.registry.address, 0n);
    listing = network.chain.openContract(new JobListing.JobListing(address, init));
});
beforeEach(() => network.chain.loadFrom(listed));

const send = (body: Cell, from: Address, to = listing.address) => attempt(network.chain, from, to, body, toNano('0.1'));
const everybody = () => [network.stranger, network.client, network.owner, network.provider, network.settlement, network.governance].map(({ address }) => address);
const outcome = async () => {
    const { outcome, paid, provider } = await listing.getListingData();
    return { outcome: Number(outcome), paid, provider };
};

describe('A listing', () => {
    it('tells which job it is, in which list, on what terms, and that it has not ended', async () => {
        const data = await listing.getListingData();
        expect(data).toMatchObject({
            registry: accountOf(network.registry.address), index: 0n, job: accountOf(job.address), outcome: 0n, paid: 0n, provider: 0n,
        });
        expect(data.terms).toEqualCell(job.terms);
        expect((await job.data()).listing).toBe(accountOf(listing.address));
    });

    it('is filled by its registry only', async () => {
        await network.chain.loadFrom(start);
        await network.stranger.send({ to: listing.address, value: toNano('0.1'), init: listing.init!, bounce: false });
        for (const from of [...everybody(), job.address]) {
            expect(await send(message.initialiseListing(job.address, job.terms), from)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await send(message.initialiseListing(job.address, job.terms), new Address(-1, network.registry.address.hash)))
            .toEqual(refused(Errors.NotBasechain));
        expect((await send(message.initialiseListing(job.address, job.terms), network.registry.address)).exitCode).toBe(0);
    });

    it('is filled once', async () => {
        for (const from of [network.registry.address, network.stranger.address]) {
            expect(await send(message.initialiseListing(network.stranger.address, Cell.EMPTY), from)).toEqual(refused(JobErrors.ListingInitialised));
        }
    });

    it('that a stranger deployed before is filled like any other', async () => {
        await network.chain.loadFrom(start);
        await network.stranger.send({ to: listing.address, value: toNano('0.1'), init: listing.init!, bounce: false });
        expect(await send(message.listingOutcome(1n, 5n, 5n), job.address)).toEqual(refused(JobErrors.ListingInitialised));
        await expect(listing.getListingData()).rejects.toThrow(String(JobErrors.ListingInitialised));
        await job.post({ listed: true });
        expect((await listing.getListingData()).job).toBe(accountOf(job.address));
        expect((await job.data()).listing).toBe(accountOf(listing.address));
    });

    it('hears how the job ended from the job itself, and from nobody else', async () => {
        for (const from of [...everybody(), network.registry.address, new Address(0, Buffer.alloc(32))]) {
            expect(await send(message.listingOutcome(1n, 5n, 5n), from)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await send(message.listingOutcome(1n, 5n, 5n), new Address(-1, job.address.hash))).toEqual(refused(Errors.NotBasechain));
        expect((await send(message.listingOutcome(1n, 5n, 5n), job.address)).exitCode).toBe(0);
        expect(await outcome()).toEqual({ outcome: 1, paid: 5n, provider: 5n });
    });

    it('that is malformed or unknown is refused', async () => {
        const bodies = [withoutLastBit(message.listingOutcome(1n, 5n, 5n)), withoutReferences(message.initialiseListing(job.address, job.terms))];
        expect(await send(bodies[0], job.address)).toEqual(refused(Errors.CellUnderflow));
        expect(await send(bodies[1], network.registry.address)).toMatchObject({ unchanged: true, returned: true });
        for (const code of [1, 0x5edd0003, 0x5e99000a, 0xffffffff]) {
            expect(await send(operation(code), job.address)).toEqual(refused(Errors.InvalidIncomingMessage));
        }
    });

    it('takes coins for its rent from anyone', async () => {
        const before = await network.balance(listing.address);
        expect((await send(Cell.EMPTY, network.stranger.address)).exitCode).toBe(0);
        expect(await network.balance(listing.address)).toBeGreaterThan(before + toNano('0.099'));
    });

    it('outlives a year', async () => {
        network.chain.now! += 365 * 86_400 - 10;
        expect((await sendAs(network.chain, network.stranger.address, listing.address, 1_000_000n)).transactions).toHaveTransaction({ on: listing.address, success: true });
        expect((await listing.getListingData()).job).toBe(accountOf(job.address));
    });
});

describe('How a job ended is in its listing', () => {
    it.each([
        ['delivered', JobOutcome.Delivered, Ceiling, true, async () => { await job.bid(Ceiling); await job.award(); await job.deliver(); }],
        ['declined', JobOutcome.Declined, 0n, true, async () => {
            await job.bid(Ceiling); await job.award(); await job.deliver({ delivery: { outcome: JobOutcome.Declined } });
        }],
        ['failed', JobOutcome.Failed, 0n, true, async () => {
            await job.bid(Ceiling); await job.award(); network.chain.now! += job.agreement.deliveryTime; await job.expire();
        }],
        ['not taken', JobOutcome.NotTaken, 0n, false, async () => { await job.bid(Ceiling); network.chain.now = job.agreement.awardDeadline; await job.expire(); }],
        ['cancelled', JobOutcome.Cancelled, 0n, false, async () => { await job.bid(Ceiling); await job.cancel(); }],
    ] as const)('%s', async (_, ended, paid, provider, end) => {
        await end();
        expect(await job.exists()).toBe(false);
        expect(await outcome()).toEqual({ outcome: ended, paid, provider: provider ? accountOf(network.provider.address) : 0n });
        expect((await listing.getListingData()).terms).toEqualCell(job.terms);
    });

    it('and stays there when the same terms are posted again: the next life has a listing of its own, or none', async () => {
        await job.cancel();
        await job.post();
        expect((await job.data()).listing).toBe(0n);
        await job.bid(Ceiling);
        await job.award();
        await job.deliver();
        expect((await outcome()).outcome).toBe(JobOutcome.Cancelled);
        await job.post({ listed: true });
        const next = await network.registry.getListingAddress(1n);
        expect((await job.data()).listing).toBe(accountOf(next));
        await job.cancel();
        expect((await network.chain.openContract(JobListing.JobListing.fromAddress(next)).getListingData()).outcome).toBe(BigInt(JobOutcome.Cancelled));
    });

    it('threat: a listing that is gone, or that somebody made up, never holds up a job: the coins go where they belong', async () => {
        const own = { registry: network.stranger.address, providerCodeHash: job.agreement.market.providerCodeHash, providerCodeDepth: job.agreement.market.providerCodeDepth };
        for (const account of [0n, accountOf(network.stranger.address), accountOf(job.address), 2n ** 256n - 1n]) {
            const mine = await TestJob.posted(network, { market: own, provider: network.provider.address, salt: account & 0xffffn });
            await sendAs(network.chain, network.stranger.address, mine.address, toNano('0.1'), message.jobListed((await mine.data()).openedLt, account));
            expect((await mine.data()).listing).toBe(account);
            await mine.bid(Ceiling);
            await mine.award();
            const result = await mine.deliver();
            expect(result.transactions).toHaveTransaction({ from: mine.address, to: network.settlement.address, value: Ceiling });
            expect([await mine.exists(), await mine.balance()]).toEqual([false, 0n]);
        }
    });
});
