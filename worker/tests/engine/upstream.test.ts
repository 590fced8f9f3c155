import { Buffer } from 'node:buffer';

import {
    type ChatRequest,
    type ChatEvent,
    createUpstreamEngine,
    type Engine,
    EngineFailedError,
    isSameGuest,
    ModelNotFoundError,
    UnsupportedError,
    type UpstreamKind,
    type UpstreamOptions,
} from '../../src/engine';
import { sumOf } from '../../src/engine/upstream/load';
import { ask, engineConformance, idle, never } from './conformance';
import { type Script, UpstreamServer } from './upstream-server';

const WeightsHash = 'ab'.repeat(32);
const Summary = {
    prompt:
        'Summarize this chat:\nAnna: The review is moved to Friday at 3 pm.\n' +
        'Tom: I will bring the slides on Monday.',
    answer: 'Anna said that the review is moved to Friday at 3 pm. Tom will bring the slides on Monday.',
};
const Draft = {
    prompt: 'Write a polite message to Lena to ask for the budget by Friday.',
    answer: 'Dear Lena, could you please send me the budget by Friday? Thank you very much.',
};

/** Servers that tell what they are and how long their context is; Ollama tells only the former, others neither. */
const Kinds: readonly UpstreamKind[] = ['vllm', 'sglang', 'llama.cpp', 'ollama', 'openai'];

function options(server: UpstreamServer, kind: UpstreamKind): UpstreamOptions {
    const told = kind !== 'ollama' && kind !== 'openai';
    return { url: `${server.url}/v1`, weightsHash: WeightsHash, slots: 4, atOnce: 1, ...(told ? {} : { contextLength: 256 }) };
}

describe.each(Kinds)('Behind a server of kind %s', (kind) => {
    let server: UpstreamServer;

    beforeAll(async () => {
        server = await UpstreamServer.start(kind);
    });
    afterAll(() => server.stop());

    engineConformance('the engine', {
        create: (slots) => createUpstreamEngine({ ...options(server, kind), slots }),
        generatedTokens: () => server.generatedTokens,
        model: 'tiny',
        known: [Summary, Draft],
        wordInFirstAnswer: 'review',
        embeddingDimension: 128,
    });

    it('it is recognised, and asked for what its documentation offers', async () => {
        const engine = await createUpstreamEngine({ ...options(server, kind), modelId: 'ours', apiKey: 'secret' });
        expect(engine.models).toMatchObject([{ id: 'ours', weightsHash: WeightsHash, contextLength: 256 }]);
        expect(engine.device.note).toContain(`inference server (${kind})`);
        await ask(engine, { ...chat('ours'), extra: { response_format: { type: 'json_object' } } }, { cacheScope: 'one' });
        await ask(engine, chat('ours'), { cacheScope: 'one' });
        await ask(engine, chat('ours'), { cacheScope: 'two' });
        const [first, second, other] = server.asked.slice(-3);
        expect(first!.headers.authorization).toBe('Bearer secret');
        expect(first!.body).toMatchObject({ model: 'tiny', stream: true, stream_options: { include_usage: true }, response_format: { type: 'json_object' } });
        switch (kind) {
            case 'vllm':
            case 'sglang':
                expect(first!.body.stream_options).toMatchObject({ continuous_usage_stats: true });
                expect(first!.body.cache_salt).toMatch(/^[\w-]{43}$/);
                expect(second!.body.cache_salt).toBe(first!.body.cache_salt);
                expect(other!.body.cache_salt).not.toBe(first!.body.cache_salt);
                break;
            case 'llama.cpp':
                expect(first!.body).toMatchObject({ cache_prompt: false });
                break;
            default:
                expect(first!.body).not.toHaveProperty('cache_salt');
        }
        await engine.close();
    });
});

function chat(model = 'tiny', more: Partial<ChatRequest> = {}): ChatRequest {
    return { model, messages: [{ role: 'user', content: 'Hello' }], temperature: 0, maxTokens: 40, ...more };
}

describe('Against a server that', () => {
    let server: UpstreamServer;
    let engine: Engine;

    beforeAll(async () => {
        server = await UpstreamServer.start('vllm');
        engine = await createUpstreamEngine({ ...options(server, 'vllm'), firstTokenSeconds: 1.5, idleSeconds: 1.5 });
    });
    afterEach(async () => {
        server.script = null;
        server.refusal = null;
        await idle(engine);
    });
    afterAll(async () => {
        await engine.close();
        await server.stop();
    });

    const chunk = (fields: object, usage?: object) => `data: ${JSON.stringify({ choices: [{ index: 0, ...fields }], ...(usage === undefined ? {} : { usage }) })}\n\n`;
    const word = (content: string) => chunk({ delta: { content }, finish_reason: null });
    const stop = chunk({ delta: {}, finish_reason: 'stop' });
    const usage = (completion: number, more: object = {}) => `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: completion, ...more } })}\n\n`;
    const done = 'data: [DONE]\n\n';
    const play = (script: Script, request = chat(), signal = never()) => {
        server.script = script;
        return ask(engine, request, { signal });
    };

    it('cuts its stream at every byte, writes CRLF, comments and data in several lines, the answer is the same', async () => {
        const bytes = Buffer.from(
            `: hello\r\n\r\n${word('Grüße ').replace(/\n/g, '\r\n')}event: x\nid: 7\ndata: {"choices":[{"index":0,\ndata: "delta":{"content":"👋🏽"},"finish_reason":null}]}\n\n${stop}${usage(2)}${done}`,
        );
        const { text, end } = await play(Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1)));
        expect(text).toBe('Grüße 👋🏽');
        expect(end).toMatchObject({ finishReason: 'stop', tokens: { completion: 2n } });
    });

    it('sends several tokens in a delta, they all count as they come', async () => {
        const many = chunk({ delta: { content: 'one two three' }, finish_reason: null }, { prompt_tokens: 5, completion_tokens: 3 });
        const { texts, end } = await play([many, stop, usage(3), done]);
        expect(texts).toMatchObject([{ newTokens: 3, completionTokens: 3 }]);
        expect(end.tokens.completion).toBe(3n);
    });

    it('tells cached and reasoning tokens, they are classes of their own', async () => {
        const details = { prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 2 } };
        const thought = chunk({ delta: { reasoning_content: 'hm' }, finish_reason: null });
        const { texts, end } = await play([thought, thought, word('yes'), stop, usage(3, details), done]);
        expect(texts.map(({ text, extra, newTokens }) => [text, extra, newTokens])).toEqual([
            ['', { reasoning_content: 'hm' }, 1],
            ['', { reasoning_content: 'hm' }, 1],
            ['yes', undefined, 1],
        ]);
        expect(end.tokens).toEqual({ prompt: 1n, cached: 4n, completion: 1n, reasoning: 2n });
    });

    it('calls tools, the calls are passed on piece by piece', async () => {
        const call = (fields: object) => ({ tool_calls: [{ index: 0, ...fields }] });
        const first = call({ id: 'c1', type: 'function', function: { name: 'clock', arguments: '' } });
        const second = call({ function: { arguments: '{"at":3}' } });
        const script = [chunk({ delta: first, finish_reason: null }), chunk({ delta: second, finish_reason: null }), chunk({ delta: {}, finish_reason: 'tool_calls' }), usage(9), done];
        const tools = [{ type: 'function', function: { name: 'clock' } }];
        const { texts, end } = await play(script, chat('tiny', { extra: { tools } }));
        expect(texts.map(({ extra }) => extra)).toEqual([first, second]);
        expect(end).toMatchObject({ finishReason: 'tool_calls', tokens: { completion: 9n } });
        expect(server.asked.at(-1)!.body.tools).toEqual(tools);
        expect(server.seen.filter(({ path }) => path === '/tokenize').at(-1)!.body.tools).toEqual(tools);
    });

    it('gives log probabilities, they stand beside the delta', async () => {
        const logprobs = { content: [{ token: 'a', logprob: -0.1 }] };
        const { texts } = await play([chunk({ delta: { content: 'a' }, logprobs, finish_reason: null }), stop, usage(1), done]);
        expect(texts).toMatchObject([{ text: 'a', choice: { logprobs } }]);
    });

    it.each<[string, Script, bigint]>([
        ['no usage', [word('a'), word('b'), stop, done], 2n],
        ['usage null in each event', [`${word('a').slice(0, -3)},"usage":null}\n\n`, stop, done], 1n],
        ['more tokens than were asked for', [word('a'), stop, usage(1000), done], 40n],
        ['fewer tokens than it sent', [word('a'), word('b'), word('c'), stop, usage(1), done], 3n],
        ['a negative number', [word('a'), stop, usage(-5), done], 1n],
        ['a number that is none', [word('a'), stop, 'data: {"choices":[],"usage":{"completion_tokens":"many"}}\n\n', done], 1n],
    ])('states %s, what can be counted counts', async (_what, script, completion) => {
        const { end } = await play(script);
        expect(end.tokens.completion).toBe(completion);
        expect(end.tokens.prompt).toBeGreaterThan(0n);
    });

    it('states a longer prompt than its tokenizer has counted, the count counts', async () => {
        const counted = await engine.countPromptTokens(chat());
        const { end } = await play([word('a'), stop, usage(1, { prompt_tokens: 100_000 }), done]);
        expect(end.tokens.prompt).toBe(BigInt(counted));
    });

    it('goes on beyond the tokens that were asked for, it is cut off', async () => {
        const { end } = await play([...Array.from({ length: 10 }, () => word('x')), 5000, done], chat('tiny', { maxTokens: 4 }));
        expect(end).toMatchObject({ finishReason: 'length', tokens: { completion: 4n } });
    });

    it.each<[string, Script]>([
        ['closes the connection in the middle of an event', [word('a'), 'data: {"choi', 'cut']],
        ['closes the connection between two events', [word('a'), 'cut']],
        ['ends without saying why', [word('a')]],
        ['sends an error in mid-answer', [word('a'), 'data: {"error":{"message":"secret prompt","code":500}}\n\n', done]],
        ['sends what is no JSON', [word('a'), 'data: secret prompt\n\n']],
        ['falls silent', [word('a'), 4000, word('b')]],
        ['never begins', [4000, word('a')]],
    ])('%s, the answer fails and quotes nothing', async (_what, script) => {
        const error: unknown = await play(script).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(EngineFailedError);
        expect(String((error as Error).stack)).not.toContain('secret prompt');
        expect((error as Error).cause).toBeUndefined();
    });

    it('needs no [DONE] once it has said why it ends', async () => {
        expect((await play([word('a'), stop])).end.finishReason).toBe('stop');
    });

    it('sends a gigantic event, it is taken; one without end is not', async () => {
        const { text } = await play([word('x'.repeat(1_000_000)), stop, usage(1), done]);
        expect(text).toHaveLength(1_000_000);
        const endless = Array.from({ length: 20 }, () => 'data: '.padEnd(1_000_000, 'y'));
        await expect(play(endless)).rejects.toBeInstanceOf(EngineFailedError);
    });

    it('is left when the signal fires: it sees the connection close, and what arrived counts', async () => {
        const abort = new AbortController();
        server.script = [word('a'), word('b'), 3000, word('c'), stop, usage(3), done];
        const events: ChatEvent[] = [];
        for await (const event of engine.chat(chat(), { signal: abort.signal })) {
            events.push(event);
            if (event.type === 'text' && event.completionTokens === 2) abort.abort();
        }
        expect(events.at(-1)).toMatchObject({ finishReason: 'abort', tokens: { completion: 2n } });
        const { aborted } = await until(() => server.asked.at(-1)!, ({ aborted: closed }) => closed);
        expect(aborted).toBe(true);
    });

    it.each<[number, object, object]>([
        [401, { error: 'secret prompt' }, { code: 'engine_failed', message: expect.stringContaining('upstream.apiKey') }],
        [404, { error: 'secret prompt' }, { code: 'model_not_found' }],
        [400, { error: { message: 'secret prompt is bad' } }, { code: 'invalid_request' }],
        [400, { message: "This model's maximum context length is 256 tokens. secret prompt" }, { code: 'context_length_exceeded' }],
        [503, { error: 'secret prompt' }, { code: 'engine_failed' }],
        [500, { error: 'secret prompt' }, { code: 'engine_failed' }],
    ])('answers %i: %j', async (status, body, expected) => {
        const request = chat();
        await engine.countPromptTokens(request);
        server.refusal = { status, body };
        const error = (await ask(engine, request).catch((thrown: unknown) => thrown)) as Error;
        expect(error).toMatchObject(expected);
        expect(String(error.stack)).not.toContain('secret prompt');
    });

    it('has a queue of its own, nothing more is let in than runs', async () => {
        expect(engine.slotsOf('tiny')).toBe(4);
        server.waiting = 3;
        const slots = await until(() => engine.slotsOf('tiny'), (number) => number !== 4, 8000);
        expect(slots).toBe(1);
        server.waiting = 0;
        expect(await until(() => engine.slotsOf('tiny'), (number) => number === 4, 8000)).toBe(4);
    });
});

describe('The engine behind a connection', () => {
    let server: UpstreamServer;
    beforeAll(async () => {
        server = await UpstreamServer.start('vllm');
    });
    afterAll(() => server.stop());

    it.each(['n', 'best_of', 'echo', 'prompt_logprobs', 'priority', 'use_beam_search', 'stream_options', 'cache_salt'])(
        'does not pass on %s, which would be at the cost of others',
        async (field) => {
            const engine = await createUpstreamEngine(options(server, 'vllm'));
            const seen = server.asked.length;
            await expect(ask(engine, chat('tiny', { extra: { [field]: 2 } }))).rejects.toBeInstanceOf(UnsupportedError);
            expect(server.asked).toHaveLength(seen);
            await engine.close();
        },
    );

    it('does not pass on images: nobody can count their tokens, and a server would fetch their URLs', async () => {
        const engine = await createUpstreamEngine(options(server, 'vllm'));
        const content = [{ type: 'image_url', image_url: { url: 'http://169.254.169.254/' } }];
        await expect(ask(engine, chat('tiny', { messages: [{ role: 'user', content }] }))).rejects.toBeInstanceOf(UnsupportedError);
        await engine.close();
    });

    it('gives tokens that arrive together out together, never more than may be lost', async () => {
        const engine = await createUpstreamEngine({ ...options(server, 'vllm'), atOnce: 16 });
        const word = (index: number) => `data: {"choices":[{"index":0,"delta":{"content":"w${index} "},"finish_reason":null}]}\n\n`;
        server.script = [Array.from({ length: 40 }, (_, index) => word(index)).join(''), 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'];
        const { texts, text, end } = await ask(engine, chat());
        server.script = null;
        expect(text).toBe(Array.from({ length: 40 }, (_, index) => `w${index} `).join(''));
        expect(Math.max(...texts.map(({ newTokens }) => newTokens))).toBe(16);
        expect(end.tokens.completion).toBe(40n);
        await engine.close();
    });

    it('says at the start what is wrong with the server or the options', async () => {
        const good = options(server, 'vllm');
        const wrong: [Partial<UpstreamOptions>, RegExp][] = [
            [{ model: 'other' }, /does not have the model 'other'. It has tiny/],
            [{ contextLength: 9999 }, /the server at .* has 256/],
            [{ url: 'nowhere' }, /is not a URL/],
            [{ url: 'http://user:key@127.0.0.1/v1' }, /without user name/],
            [{ weightsHash: 'ab' }, /64 hexadecimal digits/],
            [{ slots: 0 }, /'slots' is 0/],
            [{ url: 'http://127.0.0.1:9/v1' }, /does not serve: the connection failed with ECONNREFUSED/],
            [{ url: `${server.url}/other` }, /lists no model/],
        ];
        for (const [change, message] of wrong) {
            await expect(createUpstreamEngine({ ...good, ...change })).rejects.toThrow(message);
        }
        const silent = await UpstreamServer.start('openai');
        await expect(createUpstreamEngine({ ...good, url: silent.url })).rejects.toThrow(/does not tell how long its context is/);
        await silent.stop();
    });

    it('knows models only by our name', async () => {
        const engine = await createUpstreamEngine({ ...options(server, 'vllm'), modelId: 'ours' });
        await expect(ask(engine, chat('tiny'))).rejects.toBeInstanceOf(ModelNotFoundError);
        await engine.close();
    });
});

it.each([
    ['http://127.0.0.1:8000/v1', true],
    ['http://127.8.9.1/', true],
    ['http://[::1]:8000', true],
    ['http://localhost:8000', false],
    ['http://127.0.0.1.example.org', false],
    ['http://10.0.0.1', false],
    ['http://[::ffff:127.0.0.1]', false],
])('%s is a process of the same guest: %s', (url, expected) => {
    expect(isSameGuest(url)).toBe(expected);
});

it('adds up gauges of metrics, whatever their labels', () => {
    const text = '# HELP x\nvllm:num_requests_waiting{engine="0"} 2.0\nvllm:num_requests_waiting{engine="1"} 1.0\nother 7\nvllm:num_requests_waiting NaN\n';
    expect(sumOf(text, ['vllm:num_requests_waiting'])).toBe(3);
    expect(sumOf('nothing', ['vllm:num_requests_waiting'])).toBe(0);
});

async function until<T>(look: () => T, good: (value: T) => boolean, milliseconds = 3000): Promise<T> {
    for (const end = Date.now() + milliseconds; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
        const value = look();
        if (good(value) || Date.now() > end) return value;
    }
}
