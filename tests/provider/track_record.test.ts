import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { AttestationLifetime, Errors, JobOutcome, packTerms, providerDeployment } from '../../wrappers';
import { forwardFee, sendAs } from '../support/chain';
import { attestForJobs, jobNetwork, messagesOf, TestAgreement, TestBidder, TestJob } from '../support/jobs';
import { EncryptionKey, testKey, TestNetwork } from '../support/network';
import { rewriteProvider } from '../support/provider_state';
import { feesRemitted, jobClosed } from '../job/messages';
import { attempt, refused } from '../session/outcome';
import { retire, sessionClosed, setAttester, setKeys } from './messages';
import { askNonce, attestGuest, deliver, guest, verdictOn } from './quotes';

const { ceiling: Ceiling } = TestAgreement;
const Value = toNano('0.1');

let network: TestNetwork;
let job: TestJob;
let start: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    job = await TestJob.create(network);
    start = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(start));

const send = (body: Cell, from: Address, to = network.provider.address, value = Value) => attempt(network.chain, from, to, body, value);
const data = () => network.provider.getProviderData();
const counters = async () => {
    const { sessions, volume, jobsDelivered, jobsFailed, jobsDeclined, feesRemitted } = await data();
    return { sessions, volume, jobsDelivered, jobsFailed, jobsDeclined, feesRemitted };
};
const None = { sessions: 0n, volume: 0n, jobsDelivered: 0n, jobsFailed: 0n, jobsDeclined: 0n, feesRemitted: 0n };
const everybody = () => [
    network.stranger, network.owner, network.attester, network.client, network.registry, network.settlement, network.verifier, network.governance,
].map(({ address }) => address);

describe('threat: unauthenticated sender: a counter', () => {
    it('of jobs is moved by the job of the terms in the message, and by nobody else', async () => {
        const body = jobClosed(BigInt(JobOutcome.Delivered), toNano('9'), job.terms);
        const other = await TestJob.create(network, { salt: 1n });
        for (const from of [...everybody(), other.address]) {
            expect(await send(body, from)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await send(body, new Address(-1, job.address.hash))).toEqual(refused(Errors.NotBasechain));
        expect(await counters()).toEqual(None);
        expect((await send(body, job.address)).exitCode).toBe(0);
        expect(await counters()).toEqual({ ...None, jobsDelivered: 1n, volume: toNano('9') });
    });

    it('of jobs is not moved by an account with the job\'s code and other data than terms that nothing has happened on yet', async () => {
        const { init } = job.deployment;
        const state = beginCell().storeUint(1, 64).storeUint(2, 8).storeUint(0, 32).storeRef(job.terms).storeBit(false).endCell();
        const forged = new Address(0, beginCell().storeUint(0b00110, 5).storeRef(init.code!).storeRef(state).endCell().hash());
        expect(await send(jobClosed(1n, toNano('9'), job.terms), forged)).toEqual(refused(Errors.AccessDenied));
    });

    it('of sessions is moved by the session of the terms, with this provider\'s settlement, and by nobody else', async () => {
        const session = await network.escrow();
        const body = sessionClosed(toNano('3'), network.sessionKey.publicKey, packTerms(session.agreement));
        for (const from of [...everybody(), job.address]) {
            expect(await send(body, from)).toEqual(refused(Errors.AccessDenied));
        }
        const elsewhere = await network.escrow({}, network.stranger.address);
        expect(await send(body, elsewhere.address)).toEqual(refused(Errors.AccessDenied));
        expect((await send(body, session.address)).exitCode).toBe(0);
        expect(await counters()).toEqual({ ...None, sessions: 1n, volume: toNano('3') });
    });

    it('of fees is moved by the provider\'s own settlement, and by nobody else', async () => {
        const second = await TestBidder.register(network, 'second');
        const others = [network.stranger, network.owner, network.registry, network.treasury, network.governance, job].map(({ address }) => address);
        for (const from of [...others, second.settlement]) {
            expect(await send(feesRemitted(7n), from)).toEqual(refused(Errors.AccessDenied));
        }
        expect((await send(feesRemitted(7n), network.settlement.address)).exitCode).toBe(0);
        expect((await send(feesRemitted(8n), network.settlement.address)).exitCode).toBe(0);
        expect(await counters()).toEqual({ ...None, feesRemitted: 15n });
    });

    it('is there from the registration on: before it there is nothing to count in', async () => {
        const { address, init } = await providerDeployment(network.registry.address, 9n);
        await network.stranger.send({ to: address, value: Value, init, bounce: false });
        expect(await send(jobClosed(1n, 1n, job.terms), job.address, address)).toEqual(refused(Errors.Initialised));
        expect(await send(feesRemitted(1n), network.settlement.address, address)).toEqual(refused(Errors.Initialised));
    });
});

describe('What is counted of jobs', () => {
    it.each([
        [JobOutcome.Delivered, { jobsDelivered: 1n }], [JobOutcome.Failed, { jobsFailed: 1n }], [JobOutcome.Declined, { jobsDeclined: 1n }],
    ])('outcome %i', async (outcome, change) => {
        await send(jobClosed(BigInt(outcome), 0n, job.terms), job.address);
        expect(await counters()).toEqual({ ...None, ...change });
    });

    it('is what happened, over several jobs; a job that never began counts nowhere', async () => {
        const next = async (salt: bigint) => TestJob.awarded(network, { salt });
        await (await next(1n)).deliver();
        await (await next(2n)).deliver({ delivery: { outcome: JobOutcome.Declined } });
        const failed = await next(3n);
        const cancelled = await TestJob.posted(network, { salt: 4n });
        await cancelled.bid(Ceiling);
        await cancelled.cancel();
        network.chain.now! += 7_200;
        await failed.expire();
        expect(await counters()).toEqual({ ...None, jobsDelivered: 1n, jobsDeclined: 1n, jobsFailed: 1n, volume: Ceiling });
    });

    it('stays what it was through everything else that a provider does', async () => {
        await (await TestJob.awarded(network, { salt: 1n })).deliver();
        const before = await counters();
        const { owner } = network;
        await sendAs(network.chain, owner.address, network.provider.address, Value, setAttester(5n));
        await sendAs(network.chain, owner.address, network.provider.address, Value, setKeys(testKey('x').publicKey, EncryptionKey));
        await attestGuest(network);
        await sendAs(network.chain, owner.address, network.provider.address, Value, retire());
        expect(await counters()).toEqual(before);
    });
});

describe('Counting', () => {
    const full = { volume: 2n ** 64n - 1n, jobsDelivered: 2n ** 32n - 1n, jobsFailed: 2n ** 32n - 1n, jobsDeclined: 2n ** 16n - 1n, sessions: 2n ** 32n - 1n };

    it('that is full stops, and blocks nothing: jobs are paid, sessions end, the owner retires with its deposit', async () => {
        await rewriteProvider(network, { state: full });
        for (const outcome of [JobOutcome.Delivered, JobOutcome.Declined]) {
            const next = await TestJob.awarded(network, { salt: BigInt(outcome) });
            const result = await next.deliver({ delivery: { outcome } });
            expect(result.transactions).toHaveTransaction({
                from: next.address, to: outcome === JobOutcome.Delivered ? network.settlement.address : network.client.address, value: Ceiling,
            });
            expect(await next.exists()).toBe(false);
        }
        expect(await counters()).toEqual({ ...full, feesRemitted: 0n });
        const before = await network.balance(network.owner.address);
        await sendAs(network.chain, network.owner.address, network.provider.address, Value, retire());
        expect(await network.balance(network.owner.address)).toBeGreaterThan(before + toNano('0.9'));
    });

    it('of declined jobs that is full does not stop the others', async () => {
        await rewriteProvider(network, { state: { jobsDeclined: full.jobsDeclined } });
        await (await TestJob.awarded(network)).deliver();
        expect(await counters()).toMatchObject({ jobsDelivered: 1n, volume: Ceiling });
    });

    it('costs the provider nothing: what comes with a report pays for it', async () => {
        const ended = await TestJob.awarded(network);
        const before = await network.balance(network.provider.address);
        await ended.deliver();
        expect(await network.balance(network.provider.address)).toBeGreaterThanOrEqual(before);
    });

    it('goes on after the retirement', async () => {
        await sendAs(network.chain, network.owner.address, network.provider.address, Value, retire());
        await send(jobClosed(BigInt(JobOutcome.Failed), 0n, job.terms), job.address);
        await send(feesRemitted(5n), network.settlement.address);
        expect(await counters()).toEqual({ ...None, jobsFailed: 1n, feesRemitted: 5n });
    });
});

describe('The protocol fee that a provider brought in', () => {
    const distribute = () => network.settlement.send(network.stranger.getSender(), { value: toNano('0.3') }, { $$type: 'Distribute', queryId: 0n });
    const received = (result: Parameters<typeof messagesOf>[0]) => messagesOf(result, network.settlement.address)
        .filter(({ to }) => to === network.treasury.address.toString()).reduce((sum, { value }) => sum + value, 0n);

    it('is what the treasury got, and its way there', async () => {
        let remitted = 0n;
        for (const salt of [1n, 2n, 3n]) {
            await (await TestJob.awarded(network, { salt, ceiling: toNano('2') * salt, bond: toNano('0.5'), bidStep: toNano('1') })).deliver();
            const earnings = await network.settlement.getEarnings();
            const result = await distribute();
            const fee = (earnings * 250n) / 10_000n;
            remitted += received(result) + forwardFee(network.chain);
            expect(received(result)).toBeGreaterThan(fee - toNano('0.001'));
            expect((await data()).feesRemitted).toBe(remitted);
        }
    });

    it('counts too when a batch distributes', async () => {
        await (await TestJob.awarded(network)).deliver();
        const result = await network.sendBatch([], { distribute: true });
        expect(received(result)).toBeGreaterThan(0n);
        expect((await data()).feesRemitted).toBe(received(result) + forwardFee(network.chain));
    });

    it('is nothing where nothing could be carried', async () => {
        await sendAs(network.chain, network.stranger.address, network.settlement.address, 1_000_000n);
        await distribute(); // what came with the registration
        const before = (await data()).feesRemitted;
        await sendAs(network.chain, network.stranger.address, network.settlement.address, 500_000n);
        const result = await distribute();
        expect(received(result)).toBe(0n);
        expect((await data()).feesRemitted).toBe(before);
    });
});

describe('The seconds that a provider was attested', () => {
    const seconds = async () => Number((await data()).attestedSeconds);
    const renew = async (lifetime: number) => {
        await attestGuest(network, {}, { expiry: BigInt(network.chain.now! + lifetime) });
    };
    beforeEach(() => attestForJobs(network, { expiry: 0 }));

    it('grow with the clock while a record holds, and stand still when none does', async () => {
        expect(await seconds()).toBe(0);
        await renew(1_000);
        expect(await seconds()).toBe(0);
        network.chain.now! += 400;
        expect(await seconds()).toBe(400);
        network.chain.now! += 600;
        expect(await seconds()).toBe(1_000);
        network.chain.now! += 5_000;
        expect(await seconds()).toBe(1_000);
    });

    it('count no second twice, whether a renewal comes early, late, or with a shorter record', async () => {
        await renew(1_000);
        network.chain.now! += 400;
        await renew(1_000); // until 1,400
        network.chain.now! += 100;
        await renew(200); // until 700: the verifier says less now
        expect(await seconds()).toBe(500);
        network.chain.now! += 3_000;
        expect(await seconds()).toBe(700);
        await renew(100);
        network.chain.now! += 3_000;
        expect(await seconds()).toBe(800);
    });

    it('end with the record when the owner sets keys or retires', async () => {
        await renew(1_000);
        network.chain.now! += 300;
        await sendAs(network.chain, network.owner.address, network.provider.address, Value, setKeys(testKey('x').publicKey, EncryptionKey));
        network.chain.now! += 300;
        expect(await seconds()).toBe(300);
        await renew(1_000);
        network.chain.now! += 50;
        await sendAs(network.chain, network.owner.address, network.provider.address, Value, retire());
        network.chain.now! += 10_000;
        expect(await seconds()).toBe(350);
    });

    it('are those of the record, which is two days at most, whatever the verdict says', async () => {
        await renew(10 * AttestationLifetime);
        network.chain.now! += 10 * AttestationLifetime;
        expect(await seconds()).toBe(AttestationLifetime);
    });

    it('survive whatever does not touch the record: a nonce, another attester, a refused quote, an end of a job', async () => {
        await renew(1_000);
        network.chain.now! += 300;
        await askNonce(network);
        await sendAs(network.chain, network.owner.address, network.provider.address, Value, setAttester(6n));
        await deliver(network, verdictOn(network, guest(1n)));
        await send(jobClosed(1n, 1n, job.terms), job.address);
        await send(feesRemitted(1n), network.settlement.address);
        expect(await seconds()).toBe(300);
        network.chain.now! += 10_000;
        expect(await seconds()).toBe(1_000);
    });
});
