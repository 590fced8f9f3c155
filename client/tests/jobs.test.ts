import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { JobEscrow, JobListing, JobOutcome, unpackJobTerms } from '@ton-compute/contracts';
import { startS3 } from '../../storage/tests/support/s3';
import { Client, JobStatusReport, S3Store } from '../src';
import { JobNetwork } from './support/job-network';
import { JobProvider } from './support/job-provider';

let network: JobNetwork;
let client: Client;
let first: JobProvider;
let second: JobProvider;

beforeAll(async () => {
    network = await JobNetwork.start();
    client = await network.client();
    [first, second] = network.providers;
}, 120_000);
afterAll(() => network?.stop());

const escrow = (address: Parameters<typeof JobEscrow.JobEscrow.fromAddress>[0]) =>
    network.devnet.client().open(JobEscrow.JobEscrow.fromAddress(address)).getJobData();

/** What the wallet may lose to gas, forwarding and rent, nanoTON. */
const Fees = toNano('0.05');

describe('a job', () => {
    it('is posted, bid for, awarded to the best bid, delivered, paid, and read', async () => {
        const before = await network.balance();
        const job = await client.jobs.create(network.options({ minimumWait: 3 }));
        const status = await job.status();
        expect(status).toMatchObject({ state: 'bidding', items: 3, ceiling: toNano('2'), bond: toNano('0.1'), bid: null, ending: null });
        expect(status.listing).not.toBeNull();
        expect(await job.bids()).toBeNull();
        const progress: JobStatusReport[] = [];
        const waiting = job.wait({ onProgress: (news) => progress.push(news) });
        await first.bid(job.address, toNano('1.5'));
        await second.bid(job.address, toNano('1'));
        await second.serve(job.address);
        const ending = await waiting;
        expect(ending).toMatchObject({ outcome: 'delivered', paid: toNano('1'), declineReason: null });
        expect(ending.provider!.equals(second.address)).toBe(true);
        const states = progress.map(({ state }) => state);
        expect([states[0], states[states.length - 1]]).toEqual(['bidding', 'delivered']);

        const result = await job.result();
        expect(result.items).toEqual([
            { status: 'ok', content: 'S: ONE', finishReason: 'stop', promptTokens: 3, completionTokens: 3 },
            { status: 'error', code: 'context_exceeded', message: 'The prompt is too long.' },
            { status: 'ok', content: expect.stringContaining('THREE') as string, finishReason: 'stop', promptTokens: 35, completionTokens: 3 },
        ]);
        expect(result).toMatchObject({ usage: { promptTokens: 38, completionTokens: 6 }, failed: 1, paid: toNano('1') });
        // The reward, the listing's fee and rent, and fees of the network; the rest came back.
        expect(before - (await network.balance())).toBeLessThan(toNano('1') + toNano('0.02') + Fees);
        const listing = await network.devnet.client().open(JobListing.JobListing.fromAddress(status.listing!)).getListingData();
        expect(listing).toMatchObject({ outcome: BigInt(JobOutcome.Delivered), paid: toNano('1') });
        expect(await job.status()).toMatchObject({ state: 'delivered', secondsLeft: null });
    });

    it('for one provider is a direct job, which needs one bid and is not listed; the worker is told of it', async () => {
        const told = first.told.length;
        const running = client.jobs.run(network.options({ provider: first.address, task: 'embeddings', items: ['a', 'bcd'], system: undefined, parameters: {} }));
        const address = await posted();
        await until(() => first.told.length > told);
        expect(first.told[told]).toBe(`POST /jobs {"job":"${address.toRawString()}"}`);
        expect(second.told.join()).not.toContain(address.toRawString());
        await second.bid(address, toNano('0.1'));
        expect((await escrow(address)).provider).toBe(0n);
        await first.bid(address, toNano('0.5'));
        await first.serve(address);
        const result = await running;
        expect(result.items).toEqual([
            { status: 'ok', embedding: [1, 0.5], promptTokens: 1 },
            { status: 'ok', embedding: [3, 0.5], promptTokens: 3 },
        ]);
        expect(result.usage).toEqual({ promptTokens: 4, completionTokens: 0 });
        expect((await (await client.jobs.resume(address)).status()).listing).toBeNull();
    });

    it('says in its terms what bidders calculate from', async () => {
        const job = await client.jobs.create(network.options({ parameters: { max_tokens: 7 }, policy: { allowTestRoot: true, measurements: [first.measurement] } }));
        const terms = unpackJobTerms((await escrow(job.address)).terms);
        expect(terms.measurement?.toString('hex')).toBe(first.measurement);
        expect(terms.acceptedTcbStatuses).toBe(1);
        expect(terms.specification).toMatchObject({ task: 1, completionTokens: 21n });
        expect(terms.specification.promptTokens).toBeGreaterThan(100n);
        expect(terms.specification.inputUrl).toMatch(/^file:\/\/\//);
        await job.cancel();
    });

    it('works through an S3-compatible store, with presigned URLs', async () => {
        const service = await startS3(join(network.folder, 's3'));
        try {
            const store = new S3Store({ endpoint: service.url, region: 'us-east-1', bucket: 'jobs', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' });
            const job = await client.jobs.create(network.options({ store, listed: false }));
            await first.bid(job.address, toNano('1'));
            await job.award();
            await first.serve(job.address);
            await job.wait();
            expect((await job.result()).items).toHaveLength(3);
            expect((await (await client.jobs.resume(job.address)).result()).items).toHaveLength(3);
        } finally {
            await service.stop();
        }
    });

    it('has a record that only its owner reads, and its content shows no text', async () => {
        const job = await client.jobs.create(network.options({ items: ['a secret prompt'] }));
        const folder = join(network.folder, 'sessions', 'jobs');
        const file = join(folder, `${job.address.hash.toString('hex')}.json`);
        expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
        for (const name of await readdir(join(network.folder, 'objects'))) {
            expect((await readFile(join(network.folder, 'objects', name))).toString('latin1')).not.toContain('secret');
        }
        expect(await readFile(file, 'utf8')).not.toContain('secret prompt');
        expect((await client.jobs.list())[0]).toMatchObject({ state: 'posted', items: 1, task: 'chat' });
        await job.cancel();
        expect((await client.jobs.list())[0].state).toBe('cancelled');
    });
});

/** @returns the address of the newest job, once it is posted. */
async function posted() {
    const known = new Set((await client.jobs.list()).map(({ job }) => job.toRawString()));
    let found: Awaited<ReturnType<typeof client.jobs.list>>[number] | undefined;
    await until(async () => {
        found = (await client.jobs.list()).find(({ job, state }) => !known.has(job.toRawString()) && state === 'posted');
        return found !== undefined;
    });
    return found!.job;
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 20_000; !(await done()); await new Promise((resolve) => setTimeout(resolve, 50))) {
        if (Date.now() > end) {
            throw new Error('It did not happen.');
        }
    }
}
