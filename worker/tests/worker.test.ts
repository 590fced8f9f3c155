import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { Provider } from '@ton-compute/contracts';

import { FileKeys, publicKeysOf, startWorker, StartError, WorkerConfigInput } from '../src';
import { createLogger } from '../src/logger';
import { TinyModel, TinyModelHash } from './engine/tiny-model';
import { TestNetwork } from './support/network';
import { transpile } from './support/transpile';

let network: TestNetwork;
let build: string;

beforeAll(async () => {
    build = transpile();
    network = await TestNetwork.create();
});
afterAll(async () => {
    await network.close();
    rmSync(build, { recursive: true });
});

/** Starts a worker that must not start, and returns the error. */
async function refusal(changes: WorkerConfigInput): Promise<StartError> {
    const logger = createLogger('silent', 'json');
    const started = startWorker(network.config(changes), { logger });
    return started.then(
        async (worker) => {
            await worker.close();
            throw new Error('The worker has started.');
        },
        (error: StartError) => error,
    );
}

describe('A worker does not start', () => {
    it('with other keys than the provider shows, and names the command that sets them', async () => {
        const directory = mkdtempSync(join(tmpdir(), 'worker-keys-'));
        const keys = publicKeysOf(await new FileKeys(directory).load());
        const error = await refusal({ data: { directory } });
        expect(error).toBeInstanceOf(StartError);
        expect(error.message).toContain(publicKeysOf(network.keys).workerKey);
        expect(error.message).toMatch(
            new RegExp(
                `npx blueprint run updateProvider provider=${network.provider.toString()} ` +
                    `workerKey=${keys.workerKey} encryptionKey=${keys.encryptionKey}$`,
            ),
        );
        rmSync(directory, { recursive: true });
    });

    it.each<[string, () => WorkerConfigInput, RegExp]>([
        [
            'where no provider is',
            () => ({ provider: { id: `0:${'56'.repeat(32)}` } }),
            /^No contract is at the provider's address/,
        ],
        [
            'with a contract that is no provider',
            () => ({ provider: { id: network.registry.toRawString() } }),
            /is not a provider of this version: its code hash is/,
        ],
        [
            'with a number that nobody has',
            () => ({ provider: { id: '7', registry: network.registry.toRawString() } }),
            /^No contract is at the provider's address/,
        ],
        [
            'with another registry than its own',
            () => ({ provider: { id: network.provider.toRawString(), registry: network.settlement.toRawString() } }),
            /belongs to the registry/,
        ],
        [
            'at tier tdx in a network that has no verifier',
            () => ({ provider: { id: network.provider.toRawString(), tier: 'tdx' } }),
            /^The registry .* of this provider has no verifier: it has only tier open\. Set provider\.tier to 'open'/,
        ],
        [
            'when the chain does not answer',
            () => ({ network: { endpoint: 'http://127.0.0.1:59999/api/v2/jsonRPC' } }),
            /^The chain cannot be read: .*http:\/\/127\.0\.0\.1:59999 does not answer \(.*ECONNREFUSED.*Check network/,
        ],
        [
            'with other weights than it should have',
            () => ({ model: { path: TinyModel, weightsHash: '00'.repeat(32) } }),
            new RegExp(`have SHA-256 ${TinyModelHash}, but 0{64} was expected`),
        ],
        ['without the model', () => ({ model: { path: '/nowhere.gguf' } }), /\/nowhere\.gguf/],
        [
            'when the port is taken',
            () => ({ listen: { port: network.devnet.port } }),
            /^The worker cannot listen at 127\.0\.0\.1:\d+ .*EADDRINUSE/,
        ],
    ])('%s', async (_name, changes, message) => {
        expect((await refusal(changes())).message).toMatch(message);
    });

    it('twice with one data directory', async () => {
        const worker = await network.startWorker();
        expect((await refusal({})).message).toMatch(/^Another worker uses the ledger .*ledger\.sqlite/);
        await worker.close();
    });

    it('with keys that others can read, or that are none', async () => {
        const directory = mkdtempSync(join(tmpdir(), 'worker-keys-'));
        const keys = new FileKeys(directory);
        const first = publicKeysOf(await keys.load());
        expect(statSync(keys.path).mode & 0o777).toBe(0o600);
        expect(publicKeysOf(await keys.load())).toEqual(first);
        chmodSync(keys.path, 0o644);
        await expect(keys.load()).rejects.toThrow(`Run: chmod 600 ${keys.path}`);
        writeFileSync(keys.path, readFileSync(keys.path, 'utf8').slice(0, -10));
        chmodSync(keys.path, 0o600);
        await expect(keys.load()).rejects.toThrow(/is not a key file of this worker\. Restore it/);
        rmSync(directory, { recursive: true });
    });
});

it('a provider may be given by its number', async () => {
    const worker = await network.startWorker({
        provider: { id: 0, registry: network.registry.toRawString(), plain: true },
    });
    expect(worker.provider.address.toRawString()).toBe(network.provider.toRawString());
    expect(worker.stats()).toMatchObject({
        status: 'ok',
        tier: 'open',
        models: [{ id: 'tiny-chat', weightsHash: TinyModelHash, contextLength: 256, slots: 4 }],
    });
    await worker.close();
    await worker.close();
});

describe('The command line', () => {
    const children: ChildProcess[] = [];
    afterAll(() => children.forEach((child) => child.kill('SIGKILL')));

    function start(args: string[], environment: Record<string, string> = {}): ChildProcess {
        const child = spawn(process.execPath, [join(build, 'worker', 'src', 'cli.js'), ...args], {
            cwd: network.directory,
            env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
        });
        children.push(child);
        return child;
    }

    function finish(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
        let out = '';
        let err = '';
        child.stdout?.on('data', (part) => (out += part));
        child.stderr?.on('data', (part) => (err += part));
        return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
    }

    const run = (args: string[], environment?: Record<string, string>) => finish(start(args, environment));
    const flags = () => [
        ...['--network-endpoint', network.devnet.endpoint, '--network-requests-per-second', '1000'],
        ...['--provider-id', network.provider.toRawString(), '--data-directory', network.directory],
        ...['--model-path', TinyModel, '--model-context-size', '256', '--gpu-backend', 'false'],
        ...['--listen-host', '127.0.0.1', '--listen-port', '0', '--provider-plain', 'true'],
    ];

    it('says in one sentence what is wrong with the configuration, and exits with 2', async () => {
        const { code, err } = await run(['run']);
        expect(code).toBe(2);
        expect(err).toMatch(/^network\.endpoint is missing: expected the URL .*\n$/);
        expect(await run(['check-config'], { WORKER_NETWORK_ENDPOINT: 'x' })).toMatchObject({ code: 2, out: '' });
        expect((await run(['--no-such-flag'])).code).not.toBe(0);
    });

    it('checks a configuration, and does not show the key of the API', async () => {
        const { code, out } = await run([...flags(), 'check-config'], { WORKER_NETWORK_API_KEY: 'open sesame' });
        expect(code).toBe(0);
        expect(JSON.parse(out)).toMatchObject({
            network: { apiKey: '(set)' },
            provider: { plain: true },
            model: { contextSize: 256 },
        });
        expect(out).not.toContain('sesame');
    });

    it('says which version it is', async () => {
        const { version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { version: string };
        expect(execFileSync(process.execPath, [join(__dirname, '../dist/cli.js'), '--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
    });

    it('prints the keys to register with', async () => {
        const { code, out } = await run(['keys', '--data-directory', network.directory]);
        expect(code).toBe(0);
        expect(JSON.parse(out)).toMatchObject(publicKeysOf(network.keys));
    });

    it('runs, tells what it is, takes orders from its owner, and ends with 0 on SIGTERM', async () => {
        const child = start(flags());
        const finished = finish(child);
        const banner = await new Promise<string>((resolve, reject) => {
            let text = '';
            child.stdout?.on('data', (part) => {
                text += part;
                if (/^requests/m.test(text)) {
                    resolve(text);
                }
            });
            void finished.then(({ err }) => reject(new Error(err)));
        });
        expect(banner).toMatch(/^model +tiny-chat \(llama, 256 tokens of context\)$/m);
        expect(banner).toContain(`SHA-256 ${TinyModelHash}`);
        expect(banner).toMatch(/^device +cpu: /m);
        expect(banner).toMatch(/^tier +open: no enclave, no promise of privacy$/m);
        expect(banner).toMatch(/^price +prompt 0\.1, cached 0\.05, completion 1, reasoning 1/m);
        const client = await network.openSession(toNano('2'));
        client.url = /listening at (\S+)/.exec(banner)![1];
        expect((await client.chat('What is a GPU?', {}, { pay: toNano('0.3') })).status).toBe(200);

        const at = ['--listen-host', '0.0.0.0', '--listen-port', new URL(client.url).port];
        expect(await run(['ready', ...at])).toMatchObject({ code: 0, out: expect.stringContaining('"ready": true') });
        const status = await run([...flags(), 'status']);
        expect(JSON.parse(status.out)).toMatchObject({ status: 'ok', sessions: 1, due: toNano('0.3').toString() });
        const closed = await run([...flags(), 'close', client.address.toString()]);
        expect(JSON.parse(closed.out)).toMatchObject({ outcome: 'settled', claimed: toNano('0.3').toString() });
        const settled = await run([...flags(), 'settle']);
        expect(JSON.parse(settled.out)).toMatchObject({ outcome: 'nothing' });
        const nothing = await run([...flags(), 'close', network.provider.toString()]);
        expect([nothing.code, nothing.err]).toEqual([1, expect.stringMatching(/^There is no such session/)]);

        child.kill('SIGTERM');
        const { code, err } = await finished;
        expect(code).toBe(0);
        expect(
            err
                .trim()
                .split('\n')
                .map((line) => JSON.parse(line).msg),
        ).toEqual(expect.arrayContaining(['Stopped.']));
        expect(await run(['ready', ...at])).toMatchObject({ code: 1, out: expect.stringMatching(/"No worker answers at http:\/\/127\.0\.0\.1:\d+\/ready/) });
        expect(await run(['ready', '--listen-port', '0'])).toMatchObject({ code: 1, out: expect.stringContaining('any free one') });
        const offline = await run([...flags(), 'status']);
        expect(JSON.parse(offline.out)).toMatchObject({ status: 'not running', due: '0' });
    });
});

it('a retired provider is told so', async () => {
    await network.client
        .open(Provider.Provider.fromAddress(network.provider))
        .send(network.sender(network.owner), { value: toNano('0.1') }, { $$type: 'Retire', queryId: 0n });
    expect((await refusal({})).message).toMatch(/has retired and takes no sessions\. Claim what is left with 'settle'/);
});
