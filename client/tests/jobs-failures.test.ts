import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Address, toNano } from '@ton/core';
import { DeclineReason, JobEscrow, jobDeployment } from '@ton-compute/contracts';
import { bundleRoot, packBundle, sealContent, unpackBundle } from '@ton-compute/protocol';
import { S3Store } from '@ton-compute/storage';
import { Client, ClientError, Job, JobOptions } from '../src';
import { FolderJobStore } from '../src/jobs/folder-store';
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

/** What the wallet may lose to gas, forwarding and rent, nanoTON. */
const Fees = toNano('0.05');

const create = (changes: Partial<JobOptions> = {}) => client.jobs.create(network.options({ listed: false, ...changes }));

async function refusal(promise: Promise<unknown>): Promise<ClientError> {
    const error: unknown = await promise.then(
        () => new Error('Nothing was thrown.'),
        (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ClientError);
    return error as ClientError;
}

async function awarded(job: Job, provider: JobProvider = first): Promise<void> {
    await provider.bid(job.address, toNano('1'));
    await job.award();
}

describe('money that comes back', () => {
    it('reward and bond, when nobody delivers in time', async () => {
        const before = await network.balance();
        const job = await create({ deliverySeconds: 60 });
        await awarded(job);
        const early = await refusal(job.expire());
        expect(early).toMatchObject({ code: 'too_early', details: { time: (await job.status()).deliveryDeadline } });
        expect(await refusal(job.cancel())).toMatchObject({ code: 'job_state', details: { state: 'awarded' } });
        await network.devnet.increaseTime(70);
        const ending = await job.wait();
        expect(ending).toMatchObject({ outcome: 'failed', paid: 0n });
        expect(ending.provider!.equals(first.address)).toBe(true);
        const { bond } = await job.status();
        expect(await network.balance()).toBeGreaterThan(before + bond - Fees);
        const error = await refusal(job.result());
        expect(error).toMatchObject({ code: 'job_failed', details: { bond } });
        expect(error.message).toMatch(/did not deliver .* in time\. What was locked came back .* bond of 0\.1 TON/);
    });

    it('everything, when the job is cancelled, and the bidder gets its bond', async () => {
        const before = await network.balance();
        const job = await create();
        await first.bid(job.address, toNano('1'));
        await job.cancel();
        expect(await job.status()).toMatchObject({ state: 'cancelled', ending: { provider: null } });
        expect(await network.balance()).toBeGreaterThan(before - Fees);
        expect(await refusal(job.result())).toMatchObject({ code: 'job_cancelled' });
        expect(await refusal(job.cancel())).toMatchObject({ code: 'job_state', details: { state: 'cancelled' } });
        expect(await refusal(job.award())).toMatchObject({ code: 'job_state' });
    });

    it('everything, when nobody bids: the job is cancelled before its deadline', async () => {
        const before = await network.balance();
        const running = client.jobs.run(network.options({ awardSeconds: 60, listed: false }));
        const settled = refusal(running);
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        await network.devnet.increaseTime(50);
        const error = await settled;
        expect(error.code).toBe('no_bids');
        expect(error.message).toMatch(/^Nobody bid for job .* at up to 2 TON in time\. .* It was cancelled: everything came back/);
        expect(await network.balance()).toBeGreaterThan(before - Fees);
    });

    it('everything, when it was not awarded in time and anyone says so', async () => {
        const job = await create({ awardSeconds: 60 });
        await first.bid(job.address, toNano('1'));
        expect(await refusal(job.expire())).toMatchObject({ code: 'too_early' });
        await network.devnet.increaseTime(70);
        expect(await job.wait()).toMatchObject({ outcome: 'not_taken', provider: null });
        expect(await refusal(job.result())).toMatchObject({ code: 'job_not_taken' });
    });

    it('everything, when the worker declines, with its reason', async () => {
        const before = await network.balance();
        const job = await create();
        await awarded(job);
        await first.decline(job.address, DeclineReason.InputMissing);
        expect(await job.wait()).toMatchObject({ outcome: 'declined', declineReason: 1, paid: 0n, outputRoot: null });
        const error = await refusal(job.result());
        expect(error).toMatchObject({ code: 'job_declined', details: { reason: 1 } });
        expect(error.message).toContain('gave job');
        expect(error.message).toContain('the store did not have the input, or had another. Nobody was paid');
        expect(await network.balance()).toBeGreaterThan(before - Fees);
    });
});

describe('the award', () => {
    it('goes to the better bid that arrived while the first was being awarded', async () => {
        const job = await create();
        await first.bid(job.address, toNano('1'));
        // The second bid arrives after the client has looked and before its message does.
        const send = wallet().send.bind(wallet());
        wallet().send = async (...args: Parameters<typeof send>) => {
            wallet().send = send;
            await second.bid(job.address, toNano('0.5'));
            return send(...args);
        };
        const bid = await job.award();
        expect(bid).toMatchObject({ amount: toNano('0.5') });
        expect(bid.provider.equals(second.address)).toBe(true);
        await second.serve(job.address);
        expect(await job.wait()).toMatchObject({ outcome: 'delivered', paid: toNano('0.5') });
    });

    it('refuses a bidder with another image, says so, and takes the next acceptable one', async () => {
        // Two images are accepted by no term of the contract, so the client itself has to look.
        const policy = { allowTestRoot: true, measurements: [second.measurement, 'ab'.repeat(32)] };
        const job = await create({ policy });
        await first.bid(job.address, toNano('1'));
        const error = await refusal(job.award({ keepWaiting: false }));
        expect(error.code).toBe('bids_refused');
        expect(error.message).toContain(`it runs image ${first.measurement}, which is not on the policy's list. Nothing was awarded`);
        expect((await job.status()).state).toBe('bidding');
        const waiting = job.award();
        await second.bid(job.address, toNano('0.9'));
        expect((await waiting).provider.equals(second.address)).toBe(true);
    });

    it('takes no test root unless told, and no direct provider that is not acceptable: nothing is spent', async () => {
        const before = await network.balance();
        const careful = await network.client({ policy: {}, storeName: 'careful' });
        const open = await refusal(careful.jobs.create(network.options()));
        expect(open.code).toBe('no_provider');
        expect(open.message).toMatch(/TEST ROOT, which proves nothing about hardware\. Nothing was spent/);
        const direct = await refusal(careful.jobs.create(network.options({ provider: first.address })));
        expect(direct).toMatchObject({ code: 'provider_refused' });
        const image = { allowTestRoot: true, measurements: ['ab'.repeat(32)] };
        expect(await refusal(create({ provider: first.address, policy: image }))).toMatchObject({ code: 'provider_refused' });
        expect(await network.balance()).toBe(before);
        expect(await careful.jobs.list()).toEqual([]);
    });
});

describe('the output', () => {
    const objects = () => join(network.folder, 'objects');

    /** A delivered job, and the file of its output. */
    async function delivered(): Promise<{ job: Job; file: string }> {
        const job = await create();
        await awarded(job);
        await first.serve(job.address);
        await job.wait();
        const record = (await new FolderJobStore(join(network.folder, 'sessions')).load(job.address))!;
        return { job, file: join(objects(), record.outputName) };
    }

    it('is refused when it is not what the worker signed', async () => {
        const { job, file } = await delivered();
        const good = await readFile(file);
        const bundle = unpackBundle(good);
        const swapped = packBundle({ instructions: null, items: [bundle.items[1], bundle.items[0], bundle.items[2]] });
        for (const bad of [Buffer.from(good.map((byte, index) => (index === good.length - 1 ? byte ^ 1 : byte))), swapped, good.subarray(1), good.subarray(0, 100), Buffer.alloc(0)]) {
            await writeFile(file, bad);
            const error = await refusal(job.result());
            expect(error.code).toBe('output_altered');
            expect(error.message).toMatch(/is not what the worker signed: .* nothing of it was used/);
        }
        await writeFile(file, Buffer.alloc(2_000_000));
        expect((await refusal(job.result())).message).toContain("more than this job's answers can have");
        await writeFile(file, good);
        expect((await job.result()).items).toHaveLength(3);
    });

    it('is refused when the worker signed what is no result of this job', async () => {
        const job = await create();
        await awarded(job);
        const { instructions } = await first.open(job.address);
        const bundle = { instructions: null, items: [0, 1, 2].map((index) => sealContent(Buffer.alloc(32, 1), 'output', index, Buffer.from('{}'))) };
        await writeFile(new URL(instructions.output.writeUrl), packBundle(bundle));
        await first.deliver(job.address, bundleRoot(bundle));
        await job.wait();
        const error = await refusal(job.result());
        expect(error).toMatchObject({ code: 'output_altered', details: { index: 0 } });
        expect(error.message).toContain('is what the worker signed, but no result of this job');
    });

    it('may be lost by the store, which is said', async () => {
        const { job, file } = await delivered();
        await rm(file);
        expect(await refusal(job.result())).toMatchObject({ code: 'output_missing' });
    });

    it('can be read by its URL after a restart, without the store', async () => {
        const { job } = await delivered();
        const later = await (await network.client()).jobs.resume(job.address);
        expect((await later.result()).items).toHaveLength(3);
    });
});

describe('an interruption', () => {
    it('between writing the record and posting: the job is posted when it is resumed', async () => {
        const before = await network.balance();
        const job = await interrupted('before');
        expect(await network.balance()).toBe(before);
        expect(await (await client.jobs.resume(job)).status()).toMatchObject({ state: 'new' });
        expect(await refusal((await client.jobs.resume(job)).cancel())).toMatchObject({ code: 'job_state', details: { state: 'new' } });
        await finishes(job);
    });

    it('between posting and award: the record has the key, and the job goes on', async () => {
        const job = await interrupted('after');
        expect((await client.jobs.list())[0]).toMatchObject({ state: 'new' });
        expect(await (await client.jobs.resume(job)).status()).toMatchObject({ state: 'bidding' });
        await finishes(job);
    });

    it('after the award and after the end: what the chain shows counts', async () => {
        const job = await create();
        await awarded(job);
        const resumed = await (await network.client()).jobs.resume(job.address);
        expect(await resumed.status()).toMatchObject({ state: 'awarded', bid: { amount: toNano('1') } });
        await first.serve(job.address);
        const ended = await (await network.client()).jobs.resume(job.address);
        expect(await ended.wait()).toMatchObject({ outcome: 'delivered' });
        expect((await ended.result()).failed).toBe(1);
    });

    it('by the caller ends the waiting, and the job stays', async () => {
        const job = await create();
        const reason = new Error('Interrupted.');
        await expect(job.wait({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
        expect((await job.status()).state).toBe('bidding');
        await job.cancel();
    });

    it('is not made worse by an escrow that somebody deploys again', async () => {
        const job = await create();
        const record = (await new FolderJobStore(join(network.folder, 'sessions')).load(job.address))!;
        await job.cancel();
        const { init } = await jobDeployment(record.terms);
        await network.devnet.wallets[7].sender(network.devnet.client()).send({ to: job.address, value: toNano('1'), init, bounce: false });
        await network.devnet.client().open(JobEscrow.JobEscrow.fromAddress(job.address)).getJobData();
        record.ending = null;
        await new FolderJobStore(join(network.folder, 'again')).save(record);
        const again = await (await network.client({ storeName: 'again' })).jobs.resume(job.address);
        expect(await again.wait()).toMatchObject({ outcome: 'cancelled' });
    });

    it('is not taken up with another wallet, which would pay for messages that the job refuses', async () => {
        const job = await create();
        const other = await network.client({ wallet: { mnemonic: network.devnet.wallets[1].mnemonic, version: 'v5r1' } });
        const resumed = await other.jobs.resume(job.address);
        for (const attempt of [() => resumed.cancel(), () => resumed.award()]) {
            const error = await refusal(attempt());
            expect([error.code, error.message]).toEqual(['invalid_option', expect.stringMatching(/belongs to the wallet .* and its version/)]);
        }
        await job.cancel();
    });

    it('leaves nothing of a job of another folder', async () => {
        expect(await refusal(client.jobs.resume(new Address(0, Buffer.alloc(32, 1))))).toMatchObject({ code: 'unknown_job' });
    });

    /** A job whose process died before, or right after, the wallet's message left. */
    async function interrupted(when: 'before' | 'after'): Promise<Address> {
        const send = wallet().send.bind(wallet());
        wallet().send = async (...args: Parameters<typeof send>) => {
            wallet().send = send;
            if (when === 'after') {
                await send(...args);
            }
            throw new Error('The process died.');
        };
        await expect(create()).rejects.toThrow('The process died.');
        return (await client.jobs.list())[0].job;
    }

    async function finishes(address: Address): Promise<void> {
        const later = await network.client();
        const job = await later.jobs.resume(address, { store: network.store });
        const finishing = later.jobs.finish(job);
        for (const end = Date.now() + 10_000; (await job.status()).state !== 'bidding' && Date.now() < end; ) {
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        await first.bid(address, toNano('1'));
        await first.serve(address);
        expect((await finishing).items).toHaveLength(3);
    }
});

describe('before anything is spent', () => {
    it('options are checked, each by its name', async () => {
        const wrong: [Partial<JobOptions>, RegExp][] = [
            [{ model: 'gpt' }, /^model: expected the SHA-256/],
            [{ task: 'draw' as 'chat' }, /^task: /],
            [{ items: [] }, /^items: expected 1 to 10000, got 0/],
            [{ items: new Array(10_001).fill('a') as string[] }, /^items: /],
            [{ items: [{ input: 'a' }] }, /^items\[0\]: expected a text, \{ prompt/],
            [{ task: 'embeddings', system: undefined, items: [{ prompt: 'a' }] }, /^items\[0\]: expected a text or \{ input/],
            [{ task: 'embeddings' }, /^system: /],
            [{ parameters: { max_tokens: 0 } }, /^parameters\.max_tokens: /],
            [{ parameters: { stream: true } }, /^parameters\.stream: /],
            [{ ceiling: 0n }, /^ceiling: /],
            [{ ceiling: 2 as unknown as bigint }, /^ceiling: /],
            [{ bond: 1n }, /^bond: expected at least 0\.1 TON for this ceiling/],
            [{ bidStep: 1n }, /^bidStep: expected at least 0\.02 TON/],
            [{ awardSeconds: 59 }, /^awardSeconds: /],
            [{ deliverySeconds: 2_592_001 }, /^deliverySeconds: /],
            [{ minimumWait: 600 }, /^minimumWait: /],
        ];
        const before = await network.balance();
        for (const [changes, message] of wrong) {
            const error = await refusal(create(changes));
            expect([error.code, error.message]).toEqual(['invalid_option', expect.stringMatching(message)]);
        }
        expect(await network.balance()).toBe(before);
    });

    it('the store must take the input, and its URLs must live long enough', async () => {
        const http = createServer((request, response) => request.resume().on('end', () => response.writeHead(403).end()));
        await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
        const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
        const s3 = { endpoint, region: 'us-east-1', bucket: 'jobs', accessKeyId: 'A', secretAccessKey: 'B' };
        const refused = await refusal(create({ store: new S3Store(s3) }));
        expect([refused.code, refused.message]).toEqual(['object_store', expect.stringMatching(/^The store did not keep the input: .*Check the keys/)]);
        const long = await refusal(create({ store: new S3Store(s3), deliverySeconds: 604_800 }));
        expect([long.code, long.message]).toEqual(['invalid_option', expect.stringMatching(/lives 1 to 604800 seconds.*Shorten the times/)]);
        const url = await refusal(create({ store: new S3Store({ ...s3, prefix: 'p'.repeat(300) }) }));
        expect([url.code, url.message]).toEqual(['invalid_option', expect.stringMatching(/the terms of a job hold 508/)]);
        await new Promise((resolve) => http.close(resolve));
    });

    it('the wallet must hold enough, and there must be one', async () => {
        const poor = await refusal(create({ ceiling: toNano('1000000') }));
        expect([poor.code, poor.message]).toEqual(['wallet_balance', expect.stringContaining('Nothing was sent')]);
        const none = await network.client({ wallet: undefined, storeName: 'none' });
        expect(await refusal(none.jobs.create(network.options()))).toMatchObject({ code: 'no_wallet' });
    });
});

/** The wallet of the client, to come between it and the chain. */
function wallet(): { send: (...args: unknown[]) => Promise<void> } {
    return (client as unknown as { wallet: ReturnType<typeof wallet> }).wallet;
}
