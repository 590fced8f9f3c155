import { setTimeout as sleep } from 'node:timers/promises';
import { toNano } from '@ton/core';
import { NoTokens } from '@ton-compute/contracts';

import { ChatEvent, ContextLengthError, Engine, EngineFailedError, Worker, WorkerConfigInput } from '../src';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { end, ScriptedEngine, step } from './support/scripted-engine';

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
        new ScriptedEngine(async function* () {
            yield step('one', 1, 1);
            yield step(' two', 1, 2);
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
        new ScriptedEngine(async function* () {
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
        new ScriptedEngine(async function* () {
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
        new ScriptedEngine(async function* () {
            yield step('one', 1, 1);
            await sleep(60_000, undefined, { ref: false });
        }),
        { idleSeconds: 1 },
    );
    const answer = await client.chat('x', { stream: true }, { pay: toNano('0.1') });
    expect(lastError(answer.text)).toMatchObject({ code: 'engine_failed', message: expect.stringMatching(/too long/) });
    expect((await client.account()).spent).toBe(Prompt + Token);
});

it('an engine is told when nobody asks any more, else it would hold every prompt and answer that there ever was', async () => {
    let held = 0;
    let last: ChatEvent = end('stop', { prompt: 10n, completion: 1n });
    const client = await serve(
        new ScriptedEngine(async function* () {
            held += 1;
            try {
                yield step('one', 1, 1);
                yield last;
            } finally {
                held -= 1;
            }
        }),
    );
    await client.chat('x', { stream: true }, { pay: toNano('0.1') });
    expect(held).toBe(0);
    last = step('more than was asked for', 300, 301);
    await client.chat('x', { stream: true, max_tokens: 2 }, { pay: toNano('0.1') });
    expect(held).toBe(0);
});

it('an upstream that gives several tokens at once is stopped at the next event, and all of them count', async () => {
    const client = await serve(
        new ScriptedEngine(async function* ({ signal }) {
            let count = 0;
            while (!signal.aborted) {
                count += 5;
                yield step('five ', 5, count);
            }
            yield end('abort', { prompt: 10n, completion: BigInt(count) });
        }, { generatesAhead: true }),
    );
    const answer = await client.chat('x', { stream: true }, { pay: Prompt + 7n * Token });
    expect(lastError(answer.text).code).toBe('insufficient_voucher');
    expect(answer.receipts.at(-1)?.tokens).toEqual({ ...NoTokens, prompt: 10n, completion: 10n });
});

it.each([
    ['keeps its place for as long as configured while nobody else wants it', 0, 3, 3],
    ['has to leave after two seconds when others wait', 1, 30, 2],
])('a client that stops paying %s', async (_, waiting, voucherWaitSeconds, expected) => {
    const endless = new ScriptedEngine(
        async function* ({ signal }) {
            for (let count = 1; !signal.aborted; count += 1) {
                yield step('x', 1, count);
            }
            yield end('abort', { prompt: 10n, completion: 3n });
        },
        { waiting },
    );
    const client = await serve(endless, { voucherWaitSeconds });
    const start = performance.now();
    const answer = await client.chat('x', { stream: true, max_tokens: 50 }, { pay: Prompt + 3n * Token });
    const seconds = (performance.now() - start) / 1000;
    expect(lastError(answer.text).code).toBe('insufficient_voucher');
    expect([seconds > expected - 0.1, seconds < 20]).toEqual([true, true]);
});

it('an upstream that says only at the end what was cached: the cheaper price counts, none twice', async () => {
    const client = await serve(
        new ScriptedEngine(async function* () {
            for (let count = 1; count <= 8; count += 1) {
                yield step('x', 1, count);
            }
            yield end('stop', { prompt: 2n, cached: 8n, completion: 6n, reasoning: 2n });
        }, { generatesAhead: true }),
    );
    const answer = await client.chat('x', { stream: true, stream_options: { include_usage: true } }, { pay: 40_000n });
    const last = answer.receipts.at(-1)!;
    // Eight were counted as completion when they came. That two of them were reasoning is said too late to matter.
    expect(last.tokens).toEqual({ prompt: 2n, cached: 8n, completion: 8n, reasoning: 0n });
    expect(last.amount).toBe(2n * 100n + 8n * 50n + 8n * 1000n);
});

it('tokens that come as reasoning count at their own price from the moment they come', async () => {
    const client = await serve(
        new ScriptedEngine(async function* () {
            for (let count = 1; count <= 6; count += 1) {
                yield count > 4 ? step('x', 1, count) : { ...step('', 1, count), newReasoningTokens: 1, extra: { reasoning: 'x' } };
            }
            throw new EngineFailedError('The backend failed.');
        }, { generatesAhead: true }),
    );
    const answer = await client.chat('x', { stream: true }, { pay: 40_000n });
    const last = answer.receipts.at(-1)!;
    expect(last.tokens).toEqual({ prompt: 10n, cached: 0n, completion: 2n, reasoning: 4n });
});

it('tokens of reasoning are stopped at the allowance like all others', async () => {
    const client = await serve(
        new ScriptedEngine(async function* ({ signal }) {
            let count = 0;
            while (!signal.aborted) {
                count += 1;
                yield { ...step('', 1, count), newReasoningTokens: 1, extra: { reasoning: 'x' } };
            }
            yield end('abort', { prompt: 10n, reasoning: BigInt(count) });
        }, { generatesAhead: true }),
    );
    const answer = await client.chat('x', { stream: true, max_tokens: 200 }, { pay: Prompt + 7n * Token });
    expect(lastError(answer.text).code).toBe('insufficient_voucher');
    const { prompt, reasoning } = answer.receipts.at(-1)!.tokens;
    expect([prompt, Number(reasoning) <= 8]).toEqual([10n, true]);
});

it('an upstream that fails in mid-answer: the prompt is owed too, what came shows that it was evaluated', async () => {
    const client = await serve(
        new ScriptedEngine(async function* () {
            yield step('one', 1, 1);
            throw new EngineFailedError('The backend failed.');
        }, { generatesAhead: true }),
    );
    const answer = await client.chat('x', { stream: true }, { pay: toNano('0.1') });
    expect(answer.receipts.at(-1)?.amount).toBe(Prompt + Token);
});

it('an upstream that gives more than it was asked for is stopped there, and what is beyond is nobody\'s debt', async () => {
    const client = await serve(
        new ScriptedEngine(async function* ({ signal }) {
            for (let count = 3; !signal.aborted; count += 3) {
                yield step('abc', 3, count);
            }
            yield end('abort', { prompt: 10n, completion: 300n });
        }, { generatesAhead: true }),
    );
    const answer = await client.chat('x', { max_tokens: 4 }, { pay: toNano('0.1') });
    expect(JSON.parse(answer.text).choices[0]).toMatchObject({ message: { content: 'abcabc' }, finish_reason: 'length' });
    expect(answer.receipts.at(-1)?.tokens).toEqual({ ...NoTokens, prompt: 10n, completion: 4n });
});

it('a failure that was worked for tells clients not to send the request again, one that was not leaves it to them', async () => {
    const client = await serve(
        new ScriptedEngine(async function* (_options, { maxTokens }) {
            if (maxTokens! > 1) {
                yield step('one', 1, 1);
            }
            throw new EngineFailedError('The backend failed.');
        }),
    );
    const retry = async (fields: object) =>
        (await client.chat('x', { ...fields }, { pay: toNano('0.1') })).headers['x-should-retry'];
    expect([await retry({ max_tokens: 5 }), await retry({ max_tokens: 1 })]).toEqual(['false', undefined]);
});

describe('a backend that knows only a bound of the prompt', () => {
    it('is asked for as much as the context holds, and bills what it counted', async () => {
        const engine = new ScriptedEngine(() => [step('one', 1, 1), end('stop', { prompt: 7n, completion: 1n })], {
            boundsPrompts: true,
            promptTokens: 1000,
        });
        const client = await serve(engine);
        const poor = await client.chat('x', {}, { pay: 1000n * 100n });
        expect([poor.status, JSON.parse(poor.text).error.required]).toEqual([402, (1000n * 100n + Token).toString()]);
        const answer = await client.chat('x', {}, { pay: 1000n * 100n + Token });
        expect(answer.receipts.at(-1)?.tokens).toEqual({ ...NoTokens, prompt: 7n, completion: 1n });
        expect(engine.requests[0].maxTokens).toBe(256);
    });

    it.each([
        ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }, 'messages'],
        ['/v1/completions', { prompt: 'x' }, 'prompt'],
    ])('refuses what is too long by itself, free of charge (%s)', async (path, body, param) => {
        const client = await serve(
            // eslint-disable-next-line require-yield
            new ScriptedEngine(async function* () {
                throw new ContextLengthError(300, 256);
            }, { boundsPrompts: true, generatesAhead: true, promptTokens: 1000 }),
        );
        const answer = await client.call(path, { model: 'tiny-chat', ...body }, { pay: toNano('0.1') });
        expect([answer.status, answer.receipts]).toEqual([400, []]);
        expect(JSON.parse(answer.text).error).toMatchObject({ code: 'context_length_exceeded', param });
        expect((await client.account()).spent).toBe(0n);
    });
});
