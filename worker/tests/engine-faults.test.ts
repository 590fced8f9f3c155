import { setTimeout as sleep } from 'node:timers/promises';
import { toNano } from '@ton/core';
import { NoTokens } from '@ton-compute/contracts';

import { ChatEvent, Engine, EngineFailedError, GenerateOptions, Worker, WorkerConfigInput } from '../src';
import { TinyModelHash } from './engine/tiny-model';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';

/** What a real engine cannot be made to do at will: a backend that follows a script. */
class ScriptedEngine implements Engine {
    readonly models = [
        {
            id: 'tiny-chat',
            weightsHash: TinyModelHash,
            contextLength: 256,
            supports: { chat: true, embeddings: false },
            embeddingDimension: 0,
            weightsBytes: 0,
            architecture: 'unknown',
        },
    ];
    readonly slots = 4;
    readonly load = { running: 0, waiting: 0 };
    readonly device;

    constructor(
        backend: 'cpu' | 'upstream',
        private readonly script: (options: GenerateOptions) => AsyncIterable<ChatEvent>,
    ) {
        const numbers = { gpuLayers: 0, totalLayers: 0, vramBefore: 0, vramAfter: 0 };
        this.device = { ...numbers, backend, deviceNames: [], offloading: false, note: 'scripted' };
    }

    slotsOf(): number {
        return this.slots;
    }

    async countPromptTokens(): Promise<number> {
        return 10;
    }

    async *chat(_request: unknown, options: GenerateOptions): AsyncGenerator<ChatEvent> {
        await options.onStart?.(10);
        yield* this.script(options);
    }

    complete(request: unknown, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.chat(request, options);
    }

    embed(): never {
        throw new Error('not part of the script');
    }

    async close(): Promise<void> {}
}

const token = (text: string, newTokens: number, completionTokens: number): ChatEvent => ({
    type: 'text',
    text,
    newTokens,
    completionTokens,
});
const Prompt = 10n * 100n;
const Token = 1000n;

let network: TestNetwork;
let worker: Worker | undefined;

beforeAll(async () => {
    network = await TestNetwork.create();
});
afterAll(() => network.close());

async function serve(engine: Engine, limits: WorkerConfigInput['limits'] = {}): Promise<TestClient> {
    await worker?.close();
    worker = await network.startWorker({ limits: { voucherWaitSeconds: 0.3, drainSeconds: 2, ...limits } }, { engine });
    const client = await network.openSession();
    client.url = worker.url;
    return client;
}

function lastError(text: string): { code: string; message: string } {
    return JSON.parse(text.split('\n\n').at(-2)!.slice(6)).error;
}

it('an engine that fails in mid-answer: the error is an event, and what was produced is owed', async () => {
    const client = await serve(
        new ScriptedEngine('cpu', async function* () {
            yield token('one', 1, 1);
            yield token(' two', 1, 2);
            throw new EngineFailedError('The backend failed.');
        }),
    );
    const answer = await client.chat('x', { stream: true }, { pay: toNano('0.1') });
    expect(lastError(answer.text)).toMatchObject({ code: 'engine_failed', message: 'The backend failed.' });
    expect(answer.receipts.at(-1)?.amount).toBe(Prompt + 2n * Token);
});

it('an engine that fails before its first token: status 503, nothing is owed', async () => {
    const client = await serve(
        // eslint-disable-next-line require-yield
        new ScriptedEngine('cpu', async function* () {
            throw new EngineFailedError('The backend failed.');
        }),
    );
    const answer = await client.chat('x', { stream: true }, { pay: toNano('0.1') });
    expect([answer.status, JSON.parse(answer.text).error.code, answer.headers['retry-after']]).toEqual([
        503,
        'engine_failed',
        '5',
    ]);
    expect((await client.account()).spent).toBe(0n);
});

it('a fault of our own is told by its kind only: its message might quote a prompt', async () => {
    const client = await serve(
        // eslint-disable-next-line require-yield
        new ScriptedEngine('cpu', async function* () {
            throw new TypeError('cannot read "my secret prompt"');
        }),
    );
    const answer = await client.chat('x', {}, { pay: toNano('0.1') });
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text).error.code).toBe('internal_error');
    expect(answer.text).not.toContain('secret');
});

it('an engine that hangs is given up after the idle time, also when it does not react to the abort', async () => {
    const client = await serve(
        new ScriptedEngine('cpu', async function* () {
            yield token('one', 1, 1);
            await sleep(60_000, undefined, { ref: false });
        }),
        { idleSeconds: 1 },
    );
    const answer = await client.chat('x', { stream: true }, { pay: toNano('0.1') });
    expect(lastError(answer.text)).toMatchObject({ code: 'engine_failed', message: expect.stringMatching(/too long/) });
    expect((await client.account()).spent).toBe(Prompt + Token);
});

it('an upstream that gives several tokens at once is stopped at the next event, and all of them count', async () => {
    const client = await serve(
        new ScriptedEngine('upstream', async function* ({ signal }) {
            let count = 0;
            while (!signal.aborted) {
                count += 5;
                yield token('five ', 5, count);
            }
            const tokens = { ...NoTokens, prompt: 10n, completion: BigInt(count) };
            yield { type: 'end', finishReason: 'abort', tokens };
        }),
    );
    const answer = await client.chat('x', { stream: true }, { pay: Prompt + 7n * Token });
    expect(lastError(answer.text).code).toBe('insufficient_voucher');
    expect(answer.receipts.at(-1)?.tokens).toEqual({ ...NoTokens, prompt: 10n, completion: 10n });
});

it('an upstream that says only at the end what was cached: the cheaper price counts, none twice', async () => {
    const client = await serve(
        new ScriptedEngine('upstream', async function* () {
            for (let count = 1; count <= 8; count += 1) {
                yield token('x', 1, count);
            }
            const tokens = { prompt: 2n, cached: 8n, completion: 6n, reasoning: 2n };
            yield { type: 'end', finishReason: 'stop', tokens };
        }),
    );
    const answer = await client.chat('x', { stream: true, stream_options: { include_usage: true } }, { pay: 40_000n });
    const last = answer.receipts.at(-1)!;
    // Eight were counted as completion when they came. That two of them were reasoning is said too late to matter.
    expect(last.tokens).toEqual({ prompt: 2n, cached: 8n, completion: 8n, reasoning: 0n });
    expect(last.amount).toBe(2n * 100n + 8n * 50n + 8n * 1000n);
});
