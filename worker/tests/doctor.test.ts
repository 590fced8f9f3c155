import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { packEndpoint, packOffer, packRegistration, Provider, ProviderRegistry } from '@ton-compute/contracts';

import { FileKeys, publicKeysOf, WorkerConfigInput } from '../src';
import { parseConfig } from '../src/config/load';
import { CheckGroup, examine, Finding } from '../src/doctor';
import { checkChain } from '../src/doctor/chain';
import { checkData } from '../src/doctor/data';
import { Facts } from '../src/doctor/doctor';
import { checkEndpoint } from '../src/doctor/endpoint';
import { claimsPaid, earningsBound, leastWorthwhile } from '../src/doctor/figures';
import { checkMarket } from '../src/doctor/market';
import { checkProvider } from '../src/doctor/provider';
import { checkSettlement } from '../src/doctor/settlement';
import { planBatch } from '../src/settlement/plan';
import { TinyModel, TinyModelHash } from './engine/tiny-model';
import { TestNetwork } from './support/network';
import { TestOffer } from './support/offers';
import { SelfSigned } from './support/self-signed';
import { transpile } from './support/transpile';

let network: TestNetwork;
let build: string;
let folder: string;
/** Free when it was looked for; where the provider's endpoint leads. */
let port: number;

beforeAll(async () => {
    build = transpile();
    network = await TestNetwork.create();
    folder = mkdtempSync(join(tmpdir(), 'worker-doctor-'));
    const server = createServer();
    port = await listenLocally(server);
    await new Promise((resolve) => server.close(resolve));
    await network.client.open(Provider.Provider.fromAddress(network.provider)).send(
        network.sender(network.owner),
        { value: toNano('0.1') },
        { $$type: 'SetEndpoint', queryId: 0n, endpoint: packEndpoint(`http://127.0.0.1:${port}`) },
    );
});
afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true });
    rmSync(build, { recursive: true });
});

async function listenLocally(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
}

/** Runs groups on what is known, and returns the findings by the name of their check. */
async function findings(facts: Facts, ...groups: CheckGroup['run'][]): Promise<Record<string, Finding>> {
    const examination = {
        sources: {},
        quick: false,
        signal: new AbortController().signal,
        progress: () => undefined,
        facts,
    };
    const found = await examine(groups.map((run) => ({ title: run.name, run })), examination, () => undefined);
    return Object.fromEntries(found.map((finding) => [finding.check, finding]));
}

function factsOf(changes: WorkerConfigInput = {}): Facts {
    return { config: parseConfig(network.config(changes)), registered: true };
}

describe('Figures', () => {
    it.each([
        [{ base: 1_000n, item: 2_000n, distribute: 0n }, 500n],
        [{ base: 890_000n, item: 2_387_000n, distribute: 700_000n }, 500n],
        [{ base: 1_000_000n, item: 10n, distribute: 0n }, 10_000n],
        [{ base: 7n, item: 3n, distribute: 0n }, 7n],
    ])('the least worthwhile amount is the least that the settler claims alone', (costs, maxCostBasisPoints) => {
        const chosen = (due: bigint) => {
            const policy = { claimAbove: 0n, maxAge: 0, maxCostBasisPoints };
            const candidate = { session: 'one', due, since: 0, deadline: null };
            return planBatch([candidate], policy, { ...costs, budget: 10n ** 12n }, 0).chosen.length;
        };
        const least = leastWorthwhile(costs, maxCostBasisPoints);
        expect([chosen(least - 1n), chosen(least)]).toEqual([0, 1]);
    });

    it('claims that a float pays, and the bound of earnings', () => {
        const costs = { base: 10n, item: 5n, distribute: 0n };
        expect(claimsPaid(costs, 14n, 50)).toEqual({ single: 0n, batched: 0n });
        expect(claimsPaid(costs, 290n, 50)).toEqual({ single: 19n, batched: 54n });
        const speed = { single: 100, all: 250, slots: 4, firstToken: 0.1 };
        expect(earningsBound({ ...TestOffer.prices, completion: toNano('2') }, speed)).toBe(toNano('1.8'));
    });
});

describe('The data directory', () => {
    it('is neither made nor changed', async () => {
        const missing = join(folder, 'not', 'there');
        const found = await findings(factsOf({ data: { directory: missing } }), checkData);
        expect(found['data directory']).toMatchObject({ status: 'ok', found: `${missing} is made at the first start` });
        expect(found.keys).toMatchObject({ status: 'problem', next: expect.stringMatching(/ keys; or restore/) });
        expect(readdirSync(folder)).not.toContain('not');
    });

    it('must not be open to others, nor hold keys that they can read', async () => {
        const directory = join(folder, 'open');
        mkdirSync(directory);
        chmodSync(directory, 0o755);
        const keys = new FileKeys(directory);
        await keys.load();
        chmodSync(keys.path, 0o644);
        const found = await findings(factsOf({ data: { directory } }), checkData);
        expect(found['data directory']).toMatchObject({ status: 'warning', next: `chmod 700 ${directory}` });
        expect(found.keys).toMatchObject({ status: 'problem', found: expect.stringContaining(`Run: chmod 600 ${keys.path}`) });
    });

    it('tells of the worker that runs with it', async () => {
        const worker = await network.startWorker();
        const facts = factsOf();
        const found = await findings(facts, checkData);
        expect(found['running worker']).toMatchObject({ status: 'ok', found: expect.stringContaining("says 'ok'") });
        expect(facts.running).toBeDefined();
        await worker.close();
    });
});

describe('The chain and the provider', () => {
    it('a clock that goes wrong is told from one that agrees', async () => {
        expect((await findings(factsOf(), checkChain)).clock).toMatchObject({ status: 'ok' });
        const before = await network.devnet.snapshot();
        await network.devnet.increaseTime(3600);
        expect((await findings(factsOf(), checkChain)).clock).toMatchObject({
            status: 'warning',
            found: expect.stringMatching(/^3[56]\d\d s behind the chain$/),
        });
        await network.devnet.restore(before);
    });

    it('an API that does not answer is a problem, and stops only what needs it', async () => {
        const facts = factsOf({ network: { endpoint: 'http://127.0.0.1:59999/api/v2/jsonRPC' } });
        const found = await findings(facts, checkChain, checkProvider, checkSettlement);
        expect(found.chain).toMatchObject({ status: 'problem', found: expect.stringContaining('ECONNREFUSED') });
        expect([found.provider.status, found.settlement.status]).toEqual(['skipped', 'skipped']);
    });

    it('the price is compared with others who offer the same weights', async () => {
        const facts = { ...factsOf(), weights: { hash: TinyModelHash, bytes: 1 } };
        const alone = await findings(facts, checkChain, checkProvider, checkMarket);
        expect(alone.price).toMatchObject({ status: 'ok', found: expect.stringMatching(/^nobody else offers/) });
        const prices = { ...TestOffer.prices, prompt: toNano('0.01'), completion: toNano('0.2') };
        await registerRival(prices);
        expect((await findings(facts, checkChain, checkProvider, checkMarket)).price).toMatchObject({
            status: 'warning',
            found: expect.stringMatching(/^prompt [\d.]+ TON \(others: least 0\.01 TON, median 0\.01 TON\), .*of 1 other offers$/),
        });
    });
});

/** Registers a second provider that offers the same weights for less. */
async function registerRival(prices: typeof TestOffer.prices): Promise<void> {
    const rival = network.devnet.wallets[3];
    const registry = network.client.open(ProviderRegistry.ProviderRegistry.fromAddress(network.registry));
    const keys = await new FileKeys(join(folder, 'rival')).load();
    const registration = packRegistration({
        workerKey: keys.worker.publicKey,
        encryptionKey: keys.encryption.publicKey,
        dailyCap: toNano('1'),
        verifier: null,
        endpoint: 'http://127.0.0.1:9',
    });
    const value = toNano('3');
    await registry.send(network.sender(rival), { value }, { $$type: 'RegisterProvider', queryId: 0n, registration });
    await network.client
        .open(Provider.Provider.fromAddress(await registry.getProviderAddress(1n)))
        .send(
            network.sender(rival),
            { value: toNano('0.1') },
            { $$type: 'UpdateOffers', queryId: 0n, remove: null, add: packOffer({ ...TestOffer, prices }) },
        );
}

describe('The public endpoint', () => {
    const servers: Server[] = [];
    afterEach(() => {
        servers.splice(0).forEach((server) => {
            server.closeAllConnections();
            server.close();
        });
    });

    async function reach(publicEndpoint: string): Promise<Record<string, Finding>> {
        return findings(factsOf({ listen: { host: '127.0.0.1', port }, provider: { publicEndpoint } }), checkEndpoint);
    }

    async function serve(server: Server): Promise<number> {
        servers.push(server);
        return listenLocally(server);
    }

    /** A proxy in front of the worker's port that passes an answer on when it is complete. */
    function bufferingProxy(): Server {
        return createServer(async (request, response) => {
            const answer = await fetch(`http://127.0.0.1:${port}${request.url}`);
            response.writeHead(answer.status).end(await answer.text());
        });
    }

    it('streams when it leads straight here', async () => {
        const found = await reach(`http://127.0.0.1:${port}`);
        expect([found.port.status, found['public endpoint'].status]).toEqual(['ok', 'ok']);
        expect(found.reachable).toMatchObject({ status: 'ok', found: expect.stringContaining('streams') });
    });

    it.each<[string, () => Server, string, RegExp]>([
        ['behind a proxy that buffers', bufferingProxy, 'http', /held back until it is complete/],
        ['where something else answers', () => createServer((_, response) => response.end('hello')), 'http', /something else/],
        ['with a certificate of its own', () => createSecureServer(SelfSigned), 'https', /CERT/],
    ])('is a problem %s', async (_name, server, protocol, message) => {
        const found = await reach(`${protocol}://localhost:${await serve(server())}`);
        const { status, found: text } = found.reachable ?? found.certificate;
        expect([status, text]).toEqual(['problem', expect.stringMatching(message)]);
    });

    it('is a problem when its name leads nowhere, or into a home network', async () => {
        expect((await reach('https://worker.invalid'))['public endpoint']).toMatchObject({ status: 'problem' });
        const taken = await serve(createServer());
        const facts = factsOf({
            listen: { host: '127.0.0.1', port: taken },
            provider: { publicEndpoint: 'https://192.168.1.7' },
        });
        const found = await findings(facts, checkEndpoint);
        expect(found['public endpoint']).toMatchObject({ status: 'problem', found: expect.stringContaining('nobody reaches') });
        expect(found.port).toMatchObject({ status: 'problem', found: expect.stringContaining('EADDRINUSE') });
    });
});

describe('The command', () => {
    type Report = { ok: boolean; problems: number; findings: (Finding & { group: string })[] };

    function doctor(...args: string[]): Promise<{ code: number; out: string }> {
        const flags = [
            ...['--network-endpoint', network.devnet.endpoint, '--network-requests-per-second', '1000'],
            ...['--provider-id', network.provider.toRawString(), '--listen-host', '127.0.0.1'],
            ...['--gpu-backend', 'false', '--model-context-size', '256', '--model-slots', '2'],
        ];
        const command = [join(build, 'worker', 'src', 'cli.js'), 'doctor', ...flags, ...args];
        const env = { PATH: process.env.PATH, HOME: process.env.HOME };
        return new Promise((resolve) => {
            execFile(process.execPath, command, { cwd: folder, env }, (error, out) => {
                resolve({ code: error === null ? 0 : Number(error.code), out });
            });
        });
    }

    it('finds a healthy host healthy, in words, and leaves nothing behind', async () => {
        const before = readdirSync(network.directory);
        const { code, out } = await doctor(
            ...['--data-directory', network.directory, '--model-path', TinyModel, '--listen-port', String(port)],
        );
        expect([code, out]).toEqual([0, expect.stringMatching(/0 problems, \d warnings?, 0 not checked\. This host is ready/)]);
        expect(out).toMatch(/^ok +generation: tiny-chat: \d+.* tokens\/s alone, .* in 2 slots together/m);
        expect(out).toMatch(/^ok +cost of a claim: at most 0\.00\d+ TON alone.*worthwhile from 0\.0\d+ TON on/m);
        expect(out).toMatch(/earnings in an hour: at most [\d.]+ TON: an UPPER BOUND/);
        expect(readdirSync(network.directory)).toEqual(before);
    });

    it('names three mistakes of a newcomer, each with the command that mends it', async () => {
        const model = join(folder, 'other.gguf');
        copyFileSync(TinyModel, model);
        appendFileSync(model, 'x');
        const directory = join(folder, 'new-keys');
        const keys = publicKeysOf(await new FileKeys(directory).load());
        const taken = String(network.devnet.port);
        const args = ['--json', '--data-directory', directory, '--model-path', model, '--listen-port', taken];
        const { code, out } = await doctor(...args);
        const { ok, problems, findings: found } = JSON.parse(out) as Report;
        expect([code, ok]).toEqual([1, false]);
        const byCheck = Object.fromEntries(found.filter(({ status }) => status === 'problem').map((one) => [one.check, one]));
        expect(problems).toBe(Object.keys(byCheck).length);
        const options = `--custom http://127.0.0.1:${network.devnet.port}/api/v2/ --custom-version v2 --custom-type custom`;
        expect(byCheck['keys on the chain'].next).toContain(
            `updateProvider provider=${network.provider.toString()} workerKey=${keys.workerKey} ` +
                `encryptionKey=${keys.encryptionKey} ${options}`,
        );
        expect(byCheck.offer.next).toMatch(new RegExp(`updateProvider provider=${network.provider.toString()} addModel=[0-9a-f]{64}`));
        expect(byCheck.offer.found).toContain(TinyModelHash);
        expect(byCheck.port.next).toContain(`sport = :${taken}`);
    });
});
