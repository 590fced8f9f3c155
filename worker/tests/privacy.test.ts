import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { createClient } from '@ton-compute/client';
import { packEndpoint, Provider } from '@ton-compute/contracts';
import { HeaderName } from '@ton-compute/protocol';

import { sendOrder } from '../src/admin/client';
import { CliProcess } from './support/cli-process';
import { CallOptions, TestClient } from './support/client';
import { filesBelow, formsIn, formsOf, newMarker } from './support/marker';
import { TestNetwork } from './support/network';
import { transpile } from './support/transpile';
import { TinyModel } from './engine/tiny-model';

/** What the model is known to answer; each is looked for in parts, since answers leave in parts. */
const Known = {
    prompt: 'Write a polite message to Lena to ask for the budget by Friday.',
    parts: ['could you please send me the budget', 'the budget by Friday? Thank you'],
};

const marker = newMarker();
const secrets = [marker, ...Known.parts];

let network: TestNetwork;
let build: string;
let folder: string;
let worker: CliProcess;
let client: TestClient;
/** Everything that was said where others can hear or read it. */
const heard = new Map<string, Buffer>();

const below = (name: string) => join(folder, name);

async function start(): Promise<void> {
    worker = new CliProcess({
        cli: join(build, 'worker', 'src', 'cli.js'),
        execArgv: ['--require', join(__dirname, 'support', 'faults.cjs')],
        flags: [
            ...['--network-endpoint', network.devnet.endpoint, '--network-requests-per-second', '1000'],
            ...['--provider-id', network.provider.toRawString(), '--provider-plain', 'true'],
            ...['--data-directory', network.directory, '--model-path', TinyModel, '--model-context-size', '256'],
            ...['--gpu-backend', 'false', '--listen-host', '127.0.0.1', '--listen-port', '0', '--log-level', 'trace'],
        ],
        directory: below('work'),
        environment: { TMPDIR: below('temporary') },
    });
    client.url = await worker.listening();
}

/** Keeps what a worker has printed, after it has ended or was stopped. */
async function collect(name: string): Promise<Awaited<CliProcess['exited']>> {
    const ended = await worker.exited;
    heard.set(`stdout ${name}`, worker.printed.out);
    heard.set(`stderr ${name}`, worker.printed.err);
    return ended;
}

async function arm(fault: string): Promise<void> {
    await worker.tell({ fault });
}

const secret = (text: string) => `${text} ${marker} ${Known.prompt}`;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'worker-privacy-'));
    ['work', 'temporary', 'store', 'chain'].forEach((name) => mkdirSync(below(name)));
    build = transpile();
    network = await TestNetwork.create();
    client = await network.openSession();
    await start();
});
afterAll(async () => {
    worker.kill('SIGKILL');
    await worker.exited;
    await network.close();
    rmSync(build, { recursive: true });
    rmSync(folder, { recursive: true });
});

describe('Whatever becomes of a request', () => {
    const chat = { model: 'tiny-chat', messages: [{ role: 'user', content: secret('Hi') }], max_tokens: 8 };
    const known = { ...chat, messages: [{ role: 'user', content: Known.prompt }], max_tokens: 60, temperature: 0 };
    const bodies: [string, string, unknown, number][] = [
        ['is answered', '/v1/chat/completions', known, 200],
        ['is answered with what the client adds for itself', '/v1/chat/completions', { ...chat, user: marker, metadata: { [marker]: marker } }, 200],
        ['is answered as a stream', '/v1/chat/completions', { ...known, stream: true, stream_options: { include_usage: true } }, 200],
        ['stops at a word', '/v1/chat/completions', { ...chat, stop: [marker, 'x'] }, 200],
        ['is embedded', '/v1/embeddings', { model: 'tiny-chat', input: [secret('a'), marker] }, 200],
        ['names another model', '/v1/chat/completions', { ...chat, model: marker }, 404],
        ['is no JSON', '/v1/chat/completions', `{"messages": "${secret('Hi')}`, 400],
        ['is no text', '/v1/chat/completions', { ...chat, messages: [{ role: 'user', content: { [marker]: marker } }] }, 400],
        ['has a role that nobody has', '/v1/chat/completions', { ...chat, messages: [{ role: marker, content: marker }] }, 400],
        ['asks for what the model cannot do', '/v1/chat/completions', { ...chat, [marker]: marker, tools: [{ type: 'function', function: { name: marker } }] }, 400],
        ['has words for numbers', '/v1/chat/completions', { ...chat, temperature: marker }, 400],
        ['is too long', '/v1/chat/completions', { ...chat, messages: [{ role: 'user', content: secret('x ').repeat(60) }] }, 400],
        ['has nothing to embed', '/v1/embeddings', { model: 'tiny-chat', input: [{ [marker]: marker }] }, 400],
    ];

    it.each(bodies)('it %s', async (_name, path, body, status) => {
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        for (const sealed of [true, false]) {
            const answer = await client.call(path, text, { sealed, pay: toNano('1') });
            expect(answer.status).toBe(status);
            if (body === known) {
                Known.parts.forEach((part) => expect(answer.text).toContain(part));
            }
        }
    });

    it.each<[string, string, CallOptions]>([
        ['carries it in headers', '/v1/chat/completions', { headers: { authorization: `Bearer ${encodeURIComponent(marker)}`, 'x-request-id': encodeURIComponent(marker) } }],
        ['names no session', '/v1/chat/completions', { headers: { [HeaderName.Session]: encodeURIComponent(marker) } }],
        ['has a broken proof', '/v1/chat/completions', { headers: { [HeaderName.Proof]: encodeURIComponent(marker) } }],
        ['has a broken voucher', '/v1/chat/completions', { headers: { [HeaderName.Voucher]: encodeURIComponent(marker) } }],
        ['has a strange type', '/v1/chat/completions', { headers: { 'content-type': `text/${encodeURIComponent(marker)}` } }],
        ['carries it in the query', `/v1/chat/completions?q=${encodeURIComponent(marker)}`, {}],
        ['goes nowhere', `/v1/${encodeURIComponent(marker)}`, {}],
        ['asks for no account', `/v1/sessions/${encodeURIComponent(marker)}`, { method: 'POST' }],
    ])('it %s', async (_name, path, options) => {
        await client.call(path, chat, options);
        await client.call(path, 'x', { ...options, sealed: true });
    });

    it('meets an engine that fails with a message that quotes it', async () => {
        for (const [fault, sealed] of [['engine_failed', true], ['engine_failed', false], ['internal_error', false]] as const) {
            await arm(fault);
            const answer = await client.call('/v1/chat/completions', chat, { sealed });
            expect(JSON.parse(answer.text).error.code).toBe(fault);
            expect(formsIn(Buffer.from(answer.text), secrets)).toEqual([]);
        }
    });

    it('is hung up on in mid-answer', async () => {
        const controller = new AbortController();
        const body = { ...known, stream: true };
        const options = { sealed: true, signal: controller.signal, onText: () => controller.abort() };
        await expect(client.call('/v1/chat/completions', body, options)).rejects.toThrow(/abort/i);
        expect((await client.call('/v1/chat/completions', known, { sealed: true })).status).toBe(200);
    });

    it('comes from the SDK, whose store holds keys and sums', async () => {
        const { provider, owner, devnet } = network;
        await network.client.open(Provider.Provider.fromAddress(provider)).send(
            network.sender(owner),
            { value: toNano('0.2') },
            { $$type: 'SetEndpoint', queryId: 0n, endpoint: packEndpoint(client.url) },
        );
        const sdk = await createClient({
            endpoint: devnet.endpoint,
            registry: network.registry,
            wallet: { mnemonic: devnet.wallets[3].mnemonic, version: 'v4r2' },
            policy: { leastTier: 'open' },
            store: below('store'),
        });
        const session = await sdk.open({ deposit: toNano('1') });
        const post = (body: object) =>
            session.fetch(`${session.baseURL}/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
        expect(await (await post({ ...known, model: session.model })).text()).toContain(Known.parts[0]);
        await (await post({ ...chat, model: session.model, stream: true })).text();
        await session.dispose();
    });

    it('runs when the process is ended by an error that nothing caught, or by a signal', async () => {
        for (const [name, url] of ['health', 'metrics', 'v1/models', 'offer'].map((path) => [path, `${client.url}/${path}`])) {
            heard.set(name, Buffer.from(await (await fetch(url)).text()));
        }
        heard.set('status', Buffer.from(JSON.stringify(await sendOrder(network.directory, 'GET', '/status'))));
        await arm('rejection');
        await client.call('/v1/chat/completions', chat, { sealed: true }).catch(() => undefined);
        expect(await collect('of the crash')).toEqual({ code: 1, signal: null });
        expect(worker.printed.err.toString()).toMatch(/"error":"Error","at":\[.*The worker ends: an error was caught by nothing/);
        await start();
        const limits = readFileSync(`/proc/${worker.pid}/limits`, 'utf8');
        expect(limits).toMatch(/^Max core file size +[01] /m);
        const options = { onText: () => worker.kill('SIGABRT') };
        await client.call('/v1/chat/completions', { ...known, stream: true }, options).catch(() => undefined);
        expect((await collect('of the abort')).signal).toBe('SIGABRT');
    });
});

describe('Afterwards nothing of it is', () => {
    function places(): Map<string, Buffer> {
        const files = [network.directory, folder].flatMap((path) => [...filesBelow(path)]);
        return new Map([...heard, ...files]);
    }

    function leaks(): string[] {
        return [...places()].flatMap(([place, bytes]) => formsIn(bytes, secrets).map((form) => `${place}: ${form}`));
    }

    it('in logs, metrics, status, ledger, temporary files, the store of the SDK, or on the chain', async () => {
        await network.devnet.saveTo(join(below('chain'), 'state.json'));
        const found = places();
        // These places are real: each holds what it should.
        expect(found.get(join(network.directory, 'ledger.sqlite-wal'))!.length).toBeGreaterThan(10_000);
        expect(found.get('stderr of the crash')!.toString()).toContain('/v1/chat/completions');
        expect(found.get('metrics')!.toString()).toMatch(/engine_failed"\} 2/);
        expect(found.get('status')!.toString()).toContain('"sessions":');
        expect([...found.keys()].filter((path) => path.startsWith(below('store'))).length).toBeGreaterThan(0);
        expect(found.get(join(below('chain'), 'state.json'))!.length).toBeGreaterThan(10_000);
        expect(leaks()).toEqual([]);
    });

    it.each(formsOf(marker).map((form) => [form.name, form.bytes] as const))('and it would have been found: %s', (name, bytes) => {
        for (const path of [network.directory, below('work'), below('temporary')]) {
            const file = join(path, 'planted');
            writeFileSync(file, Buffer.concat([Buffer.from('some bytes before'), bytes, Buffer.from('and after')]));
            expect(leaks()).toContain(`${file}: ${name}`);
            rmSync(file);
        }
    });
});
