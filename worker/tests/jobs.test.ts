import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Address, beginCell, toNano } from '@ton/core';
import { TestAuthority } from '@ton-compute/attestation/testing';
import {
    accountOf,
    JobListing,
    JobOutcome,
    listingDeployment,
    packOffer,
    packRegistration,
    Provider,
    ProviderRegistry,
    RewardSettlement,
} from '@ton-compute/contracts';
import { packJson } from '@ton-compute/protocol';

import { FileKeys, Worker, WorkerConfigInput } from '../src';
import { GasWallet, Outgoing } from '../src/attestation/gas-wallet';
import { prompts, TestInput, TestJob, until } from './support/jobs';
import { TestNetwork } from './support/network';
import { TestOffer } from './support/offers';
import { addCollateral, clockOf, deployVerifier, setAttester } from './support/verifier';

const Seed = 'jobs test';

let network: TestNetwork;
let worker: Worker;
let store: string;

beforeAll(async () => {
    let authority!: TestAuthority;
    let verifier!: Address;
    network = await TestNetwork.create(async (devnet) => {
        authority = new TestAuthority({ seed: Seed, now: await clockOf(devnet) });
        verifier = await deployVerifier(devnet, authority.rootKey);
        return verifier;
    });
    store = realpathSync(mkdtempSync(join(tmpdir(), 'worker-jobs-')));
    await addCollateral(network.devnet, verifier, authority);
    await start();
    const wallet = Address.parse(worker.stats().attestation!.gasWallet);
    await network.devnet.faucet(wallet, toNano('20'));
    await setAttester(network, wallet);
    await attested();
});
afterAll(async () => {
    await network.close();
    rmSync(store, { recursive: true, force: true });
    rmSync(`${store}-second`, { recursive: true, force: true });
});

async function start(jobs: WorkerConfigInput['jobs'] = {}): Promise<void> {
    await worker?.close();
    worker = await network.startWorker({
        provider: { id: network.provider.toRawString(), tier: 'tdx', plain: true },
        attestation: { source: 'test', allowTestRoot: true, testSeed: Seed },
        jobs: { ...jobsConfig(), ...jobs },
    });
}

const jobsConfig = () => ({ stores: [pathToFileURL(`${store}/`).href], pollSeconds: 0.2, bidMarginSeconds: 5, startSpeed: 1000 });

const attested = () => until(() => worker.stats().attestation?.state === 'attested');
const input = (items: Buffer[], instructions = {}) => new TestInput(store, { items, instructions });
const record = () => network.client.open(Provider.Provider.fromAddress(network.provider)).getProviderData();
const earnings = () => network.client.open(RewardSettlement.RewardSettlement.fromAddress(network.settlement)).getEarnings();
const ended = (end: string) => (worker.stats().jobs!.ended as Record<string, number>)[end] ?? 0;

/** A worker of another provider in the same registry, attested, on the same chain. */
async function secondWorker(jobs: WorkerConfigInput['jobs']): Promise<Worker> {
    const directory = `${store}-second`;
    const keys = await new FileKeys(directory).load();
    const registry = network.client.open(ProviderRegistry.ProviderRegistry.fromAddress(network.registry));
    const verifier = Address.parse(worker.stats().attestation!.verifier);
    const registration = packRegistration({
        workerKey: keys.worker.publicKey,
        encryptionKey: keys.encryption.publicKey,
        dailyCap: 0n,
        verifier,
        endpoint: 'http://127.0.0.1:8081',
    });
    const owner = network.sender(network.owner);
    await registry.send(owner, { value: toNano('6') }, { $$type: 'RegisterProvider', queryId: 0n, registration });
    const id = await registry.getProviderAddress(1n);
    const provider = network.client.open(Provider.Provider.fromAddress(id));
    await provider.send(owner, { value: toNano('0.1') }, { $$type: 'UpdateOffers', queryId: 0n, remove: null, add: packOffer(TestOffer) });
    const rival = await network.startWorker({
        provider: { id: id.toRawString(), tier: 'tdx', plain: true },
        attestation: { source: 'test', allowTestRoot: true, testSeed: Seed },
        jobs: { ...jobsConfig(), ...jobs },
        data: { directory },
    });
    const wallet = Address.parse(rival.stats().attestation!.gasWallet);
    await network.devnet.faucet(wallet, toNano('20'));
    await provider.send(owner, { value: toNano('0.1') }, { $$type: 'SetAttester', queryId: 0n, attester: accountOf(wallet) });
    await until(() => rival.stats().attestation?.state === 'attested');
    return rival;
}

/** Posts, waits for the bid, awards. */
async function awarded(job: TestJob, sealedKey?: Parameters<TestJob['award']>[0]): Promise<TestJob> {
    await job.post(false);
    expect((await job.announce(worker.url)).status).toBe(202);
    await until(() => job.hasBid());
    await job.award(sealedKey);
    return job;
}

describe('A listed job', () => {
    it('is bid for, awarded, done, delivered and paid', async () => {
        const before = { earnings: await earnings(), delivered: (await record()).jobsDelivered };
        const job = await (await TestJob.create(network, input(prompts('What is a GPU?', 'What is TON?')))).post(true);
        await until(() => job.hasBid());
        const { amount, payer } = await job.data();
        expect(amount).toBeLessThan(toNano('0.2'));
        expect(payer).toBe(BigInt(`0x${Address.parse(worker.stats().attestation!.gasWallet).hash.toString('hex')}`));
        await until(() => worker.stats().jobs!.jobs.some(({ state }) => state === 'leading'));
        expect(worker.stats().jobs).toMatchObject({ bonds: toNano('0.1') });
        await job.award();
        await until(() => job.gone());
        await until(() => ended('delivered') === 1);
        const results = job.input.results();
        expect(results).toMatchObject([{ status: 'ok' }, { status: 'ok' }]);
        // Less what the settlement pays for the message.
        expect((await earnings()) - before.earnings).toBeGreaterThan((amount * 95n) / 100n);
        expect((await record()).jobsDelivered).toBe(before.delivered + 1n);
        const listing = await listingDeployment(network.registry, 0n);
        const listed = await network.client.open(JobListing.JobListing.fromAddress(listing.address)).getListingData();
        expect([listed.outcome, listed.paid]).toEqual([BigInt(JobOutcome.Delivered), amount]);
        expect(worker.stats().jobs).toMatchObject({ bonds: 0n, jobs: [] });
        const metrics = await (await fetch(`${worker.url}/metrics`)).text();
        expect(metrics).toContain('ton_compute_jobs_total{outcome="delivered"} 1');
        expect(metrics).toContain('ton_compute_job_items_total{status="ok"} 2');
    });
});

describe('An announced job', () => {
    it('gives an error for an item that cannot be done, and does the others', async () => {
        const long = packJson({ prompt: 'What is a GPU? '.repeat(60) });
        const job = await awarded(
            await TestJob.create(network, input([...prompts('What is a GPU?'), Buffer.from('{"prompt":'), long])),
        );
        await until(() => job.gone());
        expect(job.input.results()).toMatchObject([
            { status: 'ok' },
            { status: 'error', code: 'invalid_request' },
            { status: 'error', code: 'context_length_exceeded' },
        ]);
    });

    it('is declined when its key does not open', async () => {
        const { jobsDeclined } = await record();
        const wrong = beginCell().storeBuffer(Buffer.alloc(80, 5)).endCell();
        const job = await awarded(await TestJob.create(network, input(prompts('What is a GPU?'))), wrong);
        await until(() => job.gone());
        expect((await record()).jobsDeclined).toBe(jobsDeclined + 1n);
        await until(() => ended('declined') === 1);
    });

    it('is declined when the store has another input', async () => {
        const { jobsDeclined } = await record();
        const other = input(prompts('What is a GPU?'));
        const bytes = Buffer.from(other.bytes);
        bytes[bytes.length - 1] ^= 1;
        writeFileSync(other.path('in'), bytes);
        const job = await awarded(await TestJob.create(network, other));
        await until(() => job.gone());
        expect((await record()).jobsDeclined).toBe(jobsDeclined + 1n);
    });

    it('waits for a store that refuses its output', async () => {
        const folder = join(store, 'later');
        const output = pathToFileURL(join(folder, 'result')).href;
        const job = await awarded(
            await TestJob.create(network, input(prompts('What is a GPU?'), { output: { writeUrl: output, readUrl: output } })),
        );
        await until(() => worker.stats().jobs!.jobs.some(({ done, items }) => done === items));
        expect(await job.gone()).toBe(false);
        mkdirSync(folder);
        await until(() => job.gone());
        expect(statSync(join(folder, 'result')).size).toBeGreaterThan(0);
    });

    it('is refused with a reason', async () => {
        const refusal = async (job: Promise<TestJob>) => {
            const response = await (await job).announce(worker.url);
            return [response.status, ((await response.json()) as { error: { message: string } }).error.message];
        };
        const posted = async (changes: Parameters<typeof TestJob.create>[2]) =>
            (await TestJob.create(network, input(prompts('What is a GPU?')), changes)).post(false);
        expect(await refusal(TestJob.create(network, input(prompts('-'))))).toEqual([404, expect.stringMatching(/^At this address is no job of these contracts/)]);
        expect(await refusal(posted({ model: Buffer.alloc(32, 1) }))).toEqual([404, 'The model of the job is not served here.']);
        expect(await refusal(posted({ provider: network.registry }))).toEqual([400, 'The job is for another provider.']);
        const text = await fetch(`${worker.url}/jobs`, { method: 'POST', body: '{"job":"nonsense"}' });
        expect(text.status).toBe(400);
    });
});

describe('A worker that stops in the middle', () => {
    it('goes on where it was, and delivers once', async () => {
        const { jobsDelivered } = await record();
        await start({ parallel: 1 });
        await attested();
        const items = Array.from({ length: 12 }, (_, index) => `What is a GPU? ${index}`);
        const job = await awarded(await TestJob.create(network, input(prompts(...items), { parameters: { max_tokens: 8, temperature: 0 } })));
        await until(() => worker.stats().jobs!.jobs.some(({ done }) => done >= 1));
        await worker.close();
        expect(await job.gone()).toBe(false);
        await start({ parallel: 1 });
        const done = worker.stats().jobs!.jobs[0].done;
        expect(done).toBeGreaterThanOrEqual(1);
        await until(() => job.gone());
        expect(job.input.results()).toHaveLength(12);
        const metrics = await (await fetch(`${worker.url}/metrics`)).text();
        expect(metrics).toContain(`ton_compute_job_items_total{status="ok"} ${12 - done}`);
        expect((await record()).jobsDelivered).toBe(jobsDelivered + 1n);
    });
});

describe('A worker that is killed around the delivery', () => {
    const hang = (signal: AbortSignal) =>
        new Promise<never>((_, reject) => {
            const stop = () => reject(signal.reason as Error);
            signal.addEventListener('abort', stop, { once: true });
            if (signal.aborted) {
                stop();
            }
        });
    const isDelivery = ({ body }: Outgoing) => body.beginParse().preloadUint(32) === Provider.Provider.opcodes.RelayDelivery;
    const exchange = GasWallet.prototype.exchange;
    afterEach(() => {
        GasWallet.prototype.exchange = exchange;
    });

    it.each([
        ['before it was sent, sends it', false],
        ['after it was sent, does not send it again', true],
    ])('%s', async (_name, sent) => {
        const { jobsDelivered } = await record();
        let deliveries = 0;
        const wrapped = (before: boolean) =>
            async function (this: GasWallet, ...[message, match, signal]: Parameters<GasWallet['exchange']>) {
                if (!isDelivery(message)) {
                    return exchange.call(this, message, match, signal);
                }
                deliveries += 1;
                const answer = before && !sent ? null : await exchange.call(this, message, match, signal);
                return before ? hang(signal) : answer;
            } as GasWallet['exchange'];
        GasWallet.prototype.exchange = wrapped(true);
        const job = await awarded(await TestJob.create(network, input(prompts('What is a GPU?'))));
        await until(async () => deliveries === 1 && (await job.gone()) === sent);
        const output = job.input.output();
        await worker.close();
        GasWallet.prototype.exchange = wrapped(false);
        await start();
        await until(() => ended('delivered') === 1);
        expect(await job.gone()).toBe(true);
        expect(deliveries).toBe(sent ? 1 : 2);
        expect(job.input.output()).toEqual(output);
        expect((await record()).jobsDelivered).toBe(jobsDelivered + 1n);
    });
});

describe('An auction', () => {
    it('goes to the worker that asks for less, and the bond of the other one comes back', async () => {
        const rival = await secondWorker({ leastPriceShare: 0.5 });
        const terms = input(prompts('What is a GPU?'));
        // 0.2 TON by the offer; the worker goes down to 0.16.
        const specification = { ...terms.terms().specification, completionTokens: 200_000n };
        const job = await (await TestJob.create(network, terms, { specification })).post(false);
        const lost = ended('lost');
        expect((await job.announce(worker.url)).status).toBe(202);
        await until(() => job.hasBid());
        expect((await job.data()).amount).toBe(toNano('0.20004'));
        expect((await job.announce(rival.url)).status).toBe(202);
        await until(() => ended('lost') === lost + 1);
        expect(worker.stats().jobs).toMatchObject({ bonds: 0n, jobs: [] });
        await until(() => rival.stats().jobs!.jobs.some(({ state }) => state === 'leading'));
        const { amount } = await job.data();
        expect(amount).toBeLessThan(toNano('0.17'));
        expect(amount).toBeGreaterThan(toNano('0.14'));
        await rival.close();
    });

    it('that its client forgets is ended by the worker, and the bond comes back', async () => {
        const job = await (await TestJob.create(network, input(prompts('What is a GPU?')))).post(false);
        await job.announce(worker.url);
        await until(() => worker.stats().jobs!.jobs.some(({ state }) => state === 'leading'));
        await network.devnet.setTime(job.agreement.awardDeadline + 120);
        await until(() => job.gone());
        await until(() => ended('closed') === 1);
        expect(worker.stats().jobs).toMatchObject({ bonds: 0n, jobs: [] });
    });
});

describe('A worker without stores', () => {
    it('says that it takes no jobs', async () => {
        await start({ stores: [] });
        const job = await (await TestJob.create(network, input(prompts('What is a GPU?')))).post(false);
        const response = await job.announce(worker.url);
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ error: { code: 'not_found', message: expect.stringMatching(/^This worker takes no jobs/) } });
        expect(worker.stats().jobs).toBeNull();
    });
});
