import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, toNano } from '@ton/core';
import { measurementOf, parseQuote } from '@ton-compute/attestation';
import { TestAuthority, TestPlatform, TestQuoteSource, UpToDateSvns } from '@ton-compute/attestation/testing';
import { bigIntToHash, Provider, reportDataOf, Tier, verifierDeployment } from '@ton-compute/contracts';

import { FileKeys, startWorker, Worker, WorkerConfigInput, WorkerParts } from '../src';
import { requireMemory } from '../src/attestation/source';
import { createLogger } from '../src/logger';
import { TestNetwork } from './support/network';
import { addCollateral, clockOf, deployVerifier, setAttester } from './support/verifier';

const Seed = 'worker test';
const Question = 'What is a GPU?';
const Day = 86_400;

let network: TestNetwork;
let authority: TestAuthority;
let verifier: Address;
let evidence: string;

beforeAll(async () => {
    network = await TestNetwork.create(async (devnet) => {
        authority = new TestAuthority({ seed: Seed, now: await clockOf(devnet) });
        verifier = await deployVerifier(devnet, authority.rootKey);
        return verifier;
    });
    evidence = join(network.directory, 'gpu-evidence.bin');
    writeFileSync(evidence, 'what the guest found out about its GPU');
});
afterAll(() => network.close());

const test = { source: 'test' as const, allowTestRoot: true, testSeed: Seed };

function config(attestation: WorkerConfigInput['attestation'] = {}, data: WorkerConfigInput['data'] = {}): WorkerConfigInput {
    return {
        provider: { id: network.provider.toRawString(), tier: 'tdx', plain: true },
        attestation: { ...test, ...attestation },
        data,
    };
}

function start(attestation: WorkerConfigInput['attestation'] = {}, parts: WorkerParts = {}): Promise<Worker> {
    return network.startWorker(config(attestation), parts);
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 20_000; !(await condition()); await sleep(30)) {
        if (performance.now() > end) {
            throw new Error('It did not become true within 20 s.');
        }
    }
}

const attestationOf = (worker: Worker) => worker.stats().attestation!;
const attested = (worker: Worker) => until(() => attestationOf(worker).state === 'attested');
const failed = (worker: Worker, reason: RegExp) => until(() => reason.test(attestationOf(worker).lastError ?? ''));
const record = () => network.client.open(Provider.Provider.fromAddress(network.provider)).getProviderData();

/** A machine as the test authority makes it, without changes up to date. */
function machine(change: (platform: TestPlatform) => TestQuoteSource = (platform) => new TestQuoteSource(platform)) {
    return change(new TestAuthority({ seed: Seed }).platform());
}

async function refusal(changes: WorkerConfigInput): Promise<string> {
    const started = startWorker(network.config(changes), { logger: createLogger('silent', 'json') });
    return started.then(
        async (worker) => {
            await worker.close();
            throw new Error('The worker has started.');
        },
        (error: Error) => error.message,
    );
}

describe('A worker of tier tdx does not start', () => {
    it("with a verifier that has another root than Intel's, unless that is allowed", async () => {
        const message = await refusal(config({ source: 'tdx', allowTestRoot: false }));
        expect(message).toMatch(/^TEST ROOT: .* proves NOTHING about hardware here\. Expected the verifier of Intel's root, EQ/);
        expect(message).toContain((await verifierDeployment()).address.toString());
    });

    it('with a test authority that is not the one of the verifier', async () => {
        expect(await refusal(config({ testSeed: 'another' }))).toMatch(/trusts another root than the test authority/);
    });

    it('with an engine that is not in its own process', async () => {
        const remote = { models: [], close: async () => undefined } as unknown as WorkerParts['engine'];
        const started = startWorker(network.config(config()), { logger: createLogger('silent', 'json'), engine: remote });
        await expect(started).rejects.toThrow(/^Tier 'tdx' needs the embedded engine, or a server in the same guest/);
    });

    it.each([
        ['http://10.0.0.7:8000/v1', /a quote says nothing about a server elsewhere/],
        ['http://localhost:8000/v1', /name it by its loopback address/],
        ['http://127.0.0.1:8000/v1', /the worker has to hash the weights itself\. Set model\.path/],
    ])('with the inference server %s', async (url, reason) => {
        const served = { ...config(), upstream: { url }, model: { path: null, weightsHash: 'ab'.repeat(32) } };
        const started = startWorker(network.config(served), { logger: createLogger('silent', 'json') });
        await expect(started).rejects.toThrow(reason);
    });

    it('with keys on a disk, when its guest is a real one', async () => {
        await expect(requireMemory(__dirname)).rejects.toThrow(/is on a disk, which the host can read and change\. Set data\.keys/);
        await requireMemory('/dev/shm');
    });
});

describe('Attestation', () => {
    let worker: Worker;
    beforeAll(async () => {
        worker = await start({ gpuEvidence: evidence });
    });
    afterAll(() => worker.close());

    const gasWallet = () => Address.parse(attestationOf(worker).gasWallet);

    it('does not hold up a worker that nobody has named as attester, and says who must do what', async () => {
        await failed(worker, /takes quotes from its owner only, not from this worker's gas wallet/);
        expect(attestationOf(worker).lastError).toMatch(
            new RegExp(`npx blueprint run updateProvider provider=.* attester=${attestationOf(worker).gasWallet}$`),
        );
        expect(worker.stats()).toMatchObject({ tier: 'open', status: 'degraded' });
        const health = (await (await fetch(`${worker.url}/health`)).json()) as Record<string, unknown>;
        expect(health).toMatchObject({ tier: 'open', attested_until: 0, root: 'test' });
        expect(health.warning).toMatch(/^TEST ROOT/);
        expect((await fetch(`${worker.url}/attestation`)).status).toBe(404);
        const client = await network.openSession();
        client.url = worker.url;
        expect((await client.chat(Question, { max_tokens: 1 }, { pay: toNano('1') })).status).toBe(200);
    });

    it('waits for coins in its gas wallet, and for collateral', async () => {
        await setAttester(network, gasWallet());
        await failed(worker, /The gas wallet .* holds 0 TON and needs 0\.\d+\. Send it coins/);
        await network.devnet.faucet(gasWallet(), toNano('2'));
        await failed(worker, /The verifier has no valid root-crl, pck-ca, .* for processor model F0F0F0000000\. Add it/);
        expect(attestationOf(worker).failures).toBeGreaterThan(2);
    });

    it('then registers the machine, and the chain shows the record', async () => {
        await addCollateral(network.devnet, verifier, authority);
        await attested(worker);
        const data = await record();
        const status = attestationOf(worker);
        expect(Number(data.tier)).toBe(Tier.Tdx);
        expect(status).toMatchObject({
            state: 'attested',
            root: 'test',
            attestedUntil: Number(data.attestedUntil),
            tcbStatus: 'UpToDate',
            measurement: bigIntToHash(data.measurement).toString('hex'),
            lastError: null,
        });
        expect(bigIntToHash(data.workerKey)).toEqual(network.keys.worker.publicKey);
        const metrics = await (await fetch(`${worker.url}/metrics`)).text();
        expect(metrics).toContain(`ton_compute_attested_until_seconds ${data.attestedUntil}`);
        expect(metrics).toContain('ton_compute_attestations_total{result="accepted"} 1');
    });

    it('shows evidence that anyone can check against the chain', async () => {
        const shown = (await (await fetch(`${worker.url}/attestation`)).json()) as Record<string, string> & {
            context: Record<string, string>;
            attested_until: number;
        };
        const data = await record();
        const bytes = (hex: string) => Buffer.from(hex, 'hex');
        const quote = parseQuote(Buffer.from(shown.quote, 'base64'));
        const context = {
            encryptionKey: bytes(shown.context.encryption_key),
            evidenceHash: bytes(shown.context.evidence_hash),
            nonce: BigInt(`0x${shown.context.nonce}`),
        };
        const expected = reportDataOf(network.provider, -3, { workerKey: bigIntToHash(data.workerKey), ...context });
        expect(quote.body.reportData).toEqual(expected);
        expect(shown.report_data).toBe(expected.toString('hex'));
        expect(measurementOf(quote)).toEqual(bigIntToHash(data.measurement));
        expect(context.encryptionKey).toEqual(bigIntToHash(data.encryptionKey));
        const gpu = createHash('sha256').update(Buffer.from(shown.evidence, 'base64')).digest();
        expect([gpu, context.evidenceHash]).toEqual([bigIntToHash(data.evidenceHash), gpu]);
        expect(shown).toMatchObject({ root: 'test', attested_until: Number(data.attestedUntil) });
        expect(Address.parse(shown.verifier).equals(verifier)).toBe(true);
        expect(Address.parse(shown.provider).equals(network.provider)).toBe(true);
    });

    it('is not repeated by a new process while the record lasts', async () => {
        const { attestedUntil } = attestationOf(worker);
        await worker.close();
        worker = await start({ gpuEvidence: evidence });
        await attested(worker);
        expect(attestationOf(worker)).toMatchObject({ attempts: 0, attestedUntil });
        expect((await fetch(`${worker.url}/attestation`)).status).toBe(200);
    });

    it('is renewed before it ends', async () => {
        const { attestedUntil } = attestationOf(worker);
        await network.devnet.setTime(attestedUntil - Day + 60);
        await until(() => attestationOf(worker).attestedUntil > attestedUntil && attestationOf(worker).state === 'attested');
        expect(attestationOf(worker)).toMatchObject({ attempts: 1, failures: 0, state: 'attested' });
    });

    it('is made anew for other keys after a reboot', async () => {
        await worker.close();
        const directory = mkdtempSync(join(tmpdir(), 'worker-reboot-'));
        const keys = new FileKeys(directory);
        worker = await start({ gpuEvidence: evidence }, { keys });
        await attested(worker);
        const data = await record();
        expect(bigIntToHash(data.workerKey)).toEqual((await keys.load()).worker.publicKey);
        expect((await network.settlementData()).workerKey).toBe(data.workerKey);
        expect(attestationOf(worker)).toMatchObject({ attempts: 1, failures: 0 });
        rmSync(directory, { recursive: true });
    });

    it('tells why a quote was rejected: a machine whose firmware is too old', async () => {
        await worker.close();
        const old = machine((platform) => new TestQuoteSource(platform, { td: { teeTcbSvn: Buffer.from([0, 0, ...UpToDateSvns.tee.slice(2)]) } }));
        worker = await start({ gpuEvidence: evidence }, { quotes: old });
        await failed(worker, /The quote was rejected\. /);
        expect(attestationOf(worker).lastError).toMatch(/TCB|level/);
        expect(worker.stats().tier).toBe('open');
    });
});
