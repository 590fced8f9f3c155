import {
    type ChatRequest,
    createLlamaEngine,
    createUpstreamEngine,
    type Engine,
    EngineFailedError,
    EngineOptionsError,
    InvalidRequestError,
    isSameGuest,
    ModelNotFoundError,
    type TextEvent,
    UnsupportedError,
    type UpstreamKind,
    type UpstreamOptions,
} from '../../src/engine';
import { ask, drain, idle, never, sleep } from './conformance';
import { TinyModel, TinyModelHash } from './tiny-model';
import { ServedName, type Script, UpstreamServer } from './upstream-server';

/** A word that stands in every prompt, and nowhere else: wherever it is found something leaked. */
const Secret = 'xylophone';

let model: Engine;
const servers: UpstreamServer[] = [];
const engines: Engine[] = [];

async function behind(
    kind: UpstreamKind,
    options: Partial<UpstreamOptions> = {},
    prepare: (server: UpstreamServer) => void = () => undefined,
): Promise<{ server: UpstreamServer; engine: Engine; said: string[] }> {
    const server = await UpstreamServer.start(kind, model);
    servers.push(server);
    prepare(server);
    const said: string[] = [];
    const onLog = (message: string) => void said.push(message);
    const fixed = kind === 'openai' ? { contextLength: 512 } : {};
    const engine = await createUpstreamEngine({
        url: server.url,
        weightsHash: TinyModelHash,
        slots: 2,
        onLog,
        ...fixed,
        ...options,
    });
    engines.push(engine);
    return { server, engine, said };
}

function question(more: Partial<ChatRequest> = {}): ChatRequest {
    return { model: ServedName, messages: [{ role: 'user', content: `my word is ${Secret}` }], ...more };
}

/** An event with a piece of text and, if given, what is stated beside it. */
function piece(text: string | null, more: object = {}): string {
    return event({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }], ...more });
}

function event(body: object): string {
    return `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', ...body })}\n\n`;
}

function usage(completion: number, more: object = {}): object {
    return { usage: { prompt_tokens: 9, completion_tokens: completion, total_tokens: 9 + completion, ...more } };
}

const Finish = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const Done = 'data: [DONE]\n\n';

beforeAll(async () => {
    model = await createLlamaEngine({ modelPath: TinyModel, gpu: false, slots: 8 });
});
afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    await Promise.all(servers.map((server) => server.stop()));
    await model.close();
});

describe('A stream', () => {
    let server: UpstreamServer;
    let engine: Engine;

    beforeAll(async () => {
        ({ server, engine } = await behind('vllm', { firstTokenSeconds: 0.4, idleSeconds: 0.4 }));
    });
    afterEach(async () => {
        server.script = null;
        await idle(engine);
    });

    async function play(...script: Script) {
        server.script = script;
        return ask(engine, question());
    }

    async function failureOf(...script: Script): Promise<Error> {
        const error = await play(...script).then(
            () => null,
            (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(EngineFailedError);
        return error as Error;
    }

    const whole = piece('Привет, ') + piece('👋🏽 world') + Finish + event({ choices: [], ...usage(3) }) + Done;

    it('may be cut at every byte, also in the middle of a character', async () => {
        const bytes = Buffer.from(whole);
        const { text, end } = await play(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
        expect(text).toBe('Привет, 👋🏽 world');
        expect(end).toMatchObject({ finishReason: 'stop', tokens: { prompt: 9n, completion: 3n } });
    });

    it('may have comments, other line ends, data in several lines, and fields that nobody knows', async () => {
        const lines = JSON.stringify({ choices: [{ index: 0, delta: { content: 'one' } }] }, null, 1);
        const several = lines.split('\n').map((line) => `data: ${line}`);
        const { text } = await play(
            ': ping\r\n\r\nretry: 5\r\nunknown: x\r\n\r\n',
            `${several.join('\r\n')}\r\n\r\n`,
            piece(' two').replaceAll('\n', '\r'),
            `event: message\nid: 1\n${piece(' three')}`,
            Finish + Done,
        );
        expect(text).toBe('one two three');
    });

    it('may have empty pieces, null, and no usage but null in each', async () => {
        const { text, end } = await play(
            event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }], usage: null }),
            piece(null, { usage: null }) + piece('a', { usage: null }) + piece('', { usage: null }) + piece('b'),
            Finish + Done,
        );
        expect(text).toBe('ab');
        expect(end.tokens).toMatchObject({ completion: 2n, prompt: await promptTokens() });
    });

    it('counts pieces of several tokens as they come, by the running usage', async () => {
        const { texts, end } = await play(piece('many words', usage(4)), 30, piece(' more', usage(6)), Finish, Done);
        expect(texts.map(({ newTokens }) => newTokens)).toEqual([4, 2]);
        expect(end.tokens.completion).toBe(6n);
    });

    it('is complete without [DONE], and whatever comes after it does not count', async () => {
        expect((await play(piece('a') + Finish)).text).toBe('a');
        expect((await play(piece('a') + Finish + Done + piece('b'))).text).toBe('a');
    });

    it.each<[string, Script]>([
        ['between two events', [piece('a'), 20, 'cut']],
        ['in the middle of an event', [piece('a') + piece('b').slice(0, 30), 20, 'cut']],
        ['politely, but before the end', [piece('a')]],
        ['before the first event', [': ping\n\n', 20, 'cut']],
    ])('that ends %s is an error', async (_, script) => {
        await failureOf(...script);
    });

    it('with an error in it is an error, and nothing of its words gets out', async () => {
        const words = `cannot say ${Secret}`;
        for (const error of [{ error: { message: words } }, { object: 'error', message: words }, { error: words }]) {
            const failure = await failureOf(piece('a'), `data: ${JSON.stringify(error)}\n\n`);
            expect(failure.message).toContain('with an error');
            expect(failure.message).not.toContain(Secret);
        }
    });

    it('of something else than JSON is an error, and nothing of it gets out', async () => {
        for (const data of [`{"${Secret}`, 'null', `"${Secret}"`]) {
            const failure = await failureOf(`data: ${data}\n\n`);
            expect(`${failure.message} ${String(failure.cause)}`).not.toContain(Secret);
        }
    });

    it('with an event that does not end is given up', async () => {
        const megabyte = 'x'.repeat(1024 * 1024);
        const failure = await failureOf('data: ', ...Array.from({ length: 12 }, () => megabyte));
        expect(failure.message).toContain('without end');
    });

    it('may have large events', async () => {
        const text = 'word '.repeat(200_000);
        expect((await play(piece(text) + Finish + Done)).text).toBe(text);
    });

    it('that does not begin is given up, also when it is kept alive by comments', async () => {
        const pings = Array.from({ length: 20 }, () => [': ping\n\n', 100]).flat();
        expect((await failureOf(5_000)).message).toContain('not begun');
        expect((await failureOf(...pings)).message).toContain('not begun');
        await untilAborted(server);
    });

    it('that falls silent is given up', async () => {
        expect((await failureOf(piece('a'), 5_000)).message).toContain('silent');
    });

    it('waits for a consumer that takes its time: that is no silence of the server', async () => {
        server.script = [piece('a'), piece('b'), 10, Finish, Done];
        const events = engine.chat(question(), { signal: never() })[Symbol.asyncIterator]();
        await events.next();
        await sleep(900);
        expect((await drain(events)).at(-1)).toMatchObject({ finishReason: 'stop' });
    });

    describe('states a usage that cannot be', () => {
        it.each<[string, object, object]>([
            ['more tokens than its text has bytes', usage(5_000), { completion: 34n }],
            ['fewer tokens than came', usage(1), { completion: 2n }],
            ['a prompt above the count of the tokenizer', usage(2, { prompt_tokens: 9_999 }), { completion: 2n }],
            ['more that was cached than there was', usage(2, cached(999)), { prompt: 0n, cached: 9n }],
            ['more reasoning than answer', usage(2, reasoned(7)), { completion: 0n, reasoning: 2n }],
        ])('%s: what can be counts', async (_, stated, expected) => {
            const { end } = await play(piece('a') + piece('b') + Finish + event({ choices: [], ...stated }) + Done);
            const most = await promptTokens();
            expect(end.tokens).toMatchObject(expected);
            expect(end.tokens.prompt + end.tokens.cached).toBeLessThanOrEqual(most);
        });

        it('or negative, or no number: what was counted counts', async () => {
            for (const wrong of [-1, 1.5, '7', null, 1e300]) {
                const { end } = await play(
                    piece('a') + Finish + event({ choices: [], usage: { completion_tokens: wrong } }) + Done,
                );
                expect(end.tokens).toEqual({ prompt: await promptTokens(), cached: 0n, completion: 1n, reasoning: 0n });
            }
        });

        it('more than was asked for', async () => {
            server.script = [piece('a long text', usage(11)), Finish, event({ choices: [], ...usage(11) }), Done];
            const { end } = await ask(engine, question({ maxTokens: 3 }));
            expect(end.tokens.completion).toBe(3n);
        });

        it('once a minute there is a warning, without a word of the request', async () => {
            const { engine: other, server: its, said } = await behind('vllm');
            its.script = [piece('a') + Finish + event({ choices: [], ...usage(5_000) }) + Done];
            await ask(other, question());
            await ask(other, question());
            expect(said).toEqual([expect.stringContaining('usage that cannot be')]);
            expect(said[0]).not.toContain(Secret);
        });
    });

    it('tells cached and reasoning tokens apart', async () => {
        const stated = usage(8, { ...cached(4), ...reasoned(5) });
        const { end } = await play(piece('a b c d e') + Finish + event({ choices: [], ...stated }) + Done);
        expect(end.tokens).toEqual({ prompt: 5n, cached: 4n, completion: 3n, reasoning: 5n });
    });

    it.each(['reasoning_content', 'reasoning'])(
        'gives %s as a field of its own, and counts it as reasoning',
        async (field) => {
            const thought = (text: string) =>
                event({ choices: [{ index: 0, delta: { [field]: text, content: null } }] });
            const { texts, text, end } = await play(thought('hm'), 20, thought('...'), 20, piece('yes'), Finish + Done);
            expect(texts.map(({ extra }) => extra)).toEqual([{ [field]: 'hm' }, { [field]: '...' }, undefined]);
            expect(texts.map(({ newTokens, newReasoningTokens = 0 }) => [newTokens, newReasoningTokens])).toEqual([
                [1, 1],
                [1, 1],
                [1, 0],
            ]);
            expect(text).toBe('yes');
            expect(end.tokens).toMatchObject({ completion: 1n, reasoning: 2n });
        },
    );

    it('brings calls of tools and logprobs along, in their order', async () => {
        const calls = [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a"' } }];
        const logprobs = { content: [{ token: 'a', logprob: -1 }] };
        const { texts, end } = await play(
            event({ choices: [{ index: 0, delta: { content: 'a' }, logprobs }] }) +
                event({ choices: [{ index: 0, delta: { tool_calls: calls } }] }) +
                event({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }) +
                Done,
        );
        expect(texts).toMatchObject([
            { text: 'a', choice: { logprobs } },
            { text: '', extra: { tool_calls: calls } },
        ]);
        expect(end.finishReason).toBe('tool_calls');
    });

    it('that goes on beyond what was asked for is cut', async () => {
        server.script = Array.from({ length: 500 }, () => [piece('a'), 1]).flat();
        const { text, end } = await ask(engine, question({ maxTokens: 2 }));
        expect(end).toMatchObject({ finishReason: 'length', tokens: { completion: 2n } });
        expect(text.length).toBeLessThan(100);
    });

    it('reaches the server when it is aborted', async () => {
        server.script = [piece('a'), 10_000];
        const abort = new AbortController();
        const events = engine.chat(question(), { signal: abort.signal })[Symbol.asyncIterator]();
        await events.next();
        const rest = drain(events);
        abort.abort();
        expect(await rest).toMatchObject([{ type: 'end', finishReason: 'abort', tokens: { completion: 1n } }]);
        await untilAborted(server);
    });

    it('that is aborted costs what was given out, whatever had arrived and was stated by then', async () => {
        const { server: its, engine: single } = await behind('vllm', { atOnce: 1 });
        its.script = [piece('a', usage(1)) + piece('b', usage(2)) + piece('c', usage(3)), 10_000];
        const abort = new AbortController();
        const events = single.chat(question(), { signal: abort.signal })[Symbol.asyncIterator]();
        await events.next();
        abort.abort();
        expect(await drain(events)).toMatchObject([{ finishReason: 'abort', tokens: { prompt: 9n, completion: 1n } }]);
    });

    it('joins what arrives together into few events, and loses none of it', async () => {
        const words = Array.from({ length: 40 }, (_, i) => `${i} `);
        const { texts, text, end } = await play(words.map((word) => piece(word)).join(''), Finish + Done);
        expect(text).toBe(words.join(''));
        expect(texts.length).toBeLessThanOrEqual(5);
        expect(Math.max(...texts.map(({ newTokens }) => newTokens))).toBe(16);
        expect(end.tokens.completion).toBe(40n);
    });

    async function promptTokens(): Promise<bigint> {
        return BigInt(await engine.countPromptTokens(question()));
    }
});

describe('A request', () => {
    it('uses one connection after the other for many answers', async () => {
        const { server, engine } = await behind('vllm');
        const before = server.connections;
        // The end of the body comes a moment after that of the answer.
        server.script = [piece('a') + Finish + Done, 20];
        for (let i = 0; i < 5; i++) {
            await ask(engine, question());
            await sleep(100);
        }
        expect(server.connections - before).toBeLessThanOrEqual(2);
    });

    it('is tokenized once, also when it is run as a copy with another limit', async () => {
        const { server, engine } = await behind('vllm');
        const request = question();
        await engine.countPromptTokens(request);
        await ask(engine, { ...request, maxTokens: 3 });
        expect(server.seen.filter(({ path, body }) => path === '/tokenize' && contains(body, Secret))).toHaveLength(1);
    });

    it.each<[UpstreamKind, object]>([
        ['vllm', { stream_options: { include_usage: true, continuous_usage_stats: true }, top_k: -1, min_p: 0 }],
        ['sglang', { stream_options: { include_usage: true, continuous_usage_stats: true }, repetition_penalty: 1 }],
        [
            'llama.cpp',
            { stream_options: { include_usage: true }, timings_per_token: true, cache_prompt: false, top_k: 0 },
        ],
        ['ollama', { stream_options: { include_usage: true } }],
    ])('to %s forces usage, and leaves no sampling to the model', async (kind, expected) => {
        const { server, engine } = await behind(kind);
        await ask(engine, question({ maxTokens: 3, seed: -1 }));
        expect(server.asked[0]!.body).toMatchObject({
            stream: true,
            max_tokens: 3,
            temperature: 1,
            top_p: 1,
            ...expected,
        });
        expect(server.asked[0]!.body.seed).toBe(2 ** 32 - 2);
    });

    it.each<UpstreamKind>(['vllm', 'sglang'])('to %s shares no cache, unless it is of the same scope', async (kind) => {
        const { server, engine } = await behind(kind);
        const salts: unknown[] = [];
        for (const cacheScope of [undefined, undefined, 'session a', 'session a', 'session b']) {
            await ask(engine, question({ maxTokens: 1 }), { cacheScope });
            salts.push(server.asked.at(-1)!.body.cache_salt);
        }
        expect(salts[2]).toBe(salts[3]);
        expect(new Set(salts).size).toBe(4);
        expect(JSON.stringify(salts)).not.toContain('session');
    });

    it('passes tools, JSON output and what else is allowed on by their own names', async () => {
        const { server, engine } = await behind('vllm');
        const extra = {
            tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
            tool_choice: 'none',
            parallel_tool_calls: false,
            response_format: { type: 'json_object' },
            logprobs: true,
            top_logprobs: 5,
            logit_bias: { '7': -100 },
            chat_template_kwargs: { enable_thinking: false },
        };
        await ask(engine, question({ maxTokens: 1, extra }));
        expect(server.asked[0]!.body).toMatchObject(extra);
        const counted = server.seen.filter(({ path }) => path === '/tokenize').at(-1)!.body;
        expect(counted).toMatchObject({ tools: extra.tools, chat_template_kwargs: { enable_thinking: false } });
    });

    it.each<[string, unknown]>([
        ['n', 2],
        ['best_of', 2],
        ['echo', true],
        ['use_beam_search', true],
        ['prompt_logprobs', 5],
        ['priority', -10],
        ['cache_salt', 'another'],
        ['ignore_eos', true],
        ['min_tokens', 100],
        ['max_completion_tokens', 100],
        ['chat_template', '{{ 1 }}'],
        ['stream_options', { include_usage: false }],
        ['guided_regex', '(a+)+'],
        ['lora_path', '/'],
        ['model', 'another'],
    ])('with %s is refused, and nothing is sent', async (field, value) => {
        const { server, engine } = await shared();
        const sent = server.asked.length;
        const error = await ask(engine, question({ extra: { [field]: value } })).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(UnsupportedError);
        expect(error).toMatchObject({ feature: field });
        expect(server.asked).toHaveLength(sent);
    });

    it.each<[string, unknown]>([
        ['top_logprobs', -1],
        ['logprobs', 1_000],
        ['logit_bias', { a: 1 }],
        ['chat_template_kwargs', { chat_template: '{{ 1 }}' }],
        ['response_format', { type: 'structural_tag' }],
        ['response_format', { type: 'json_schema', json_schema: { schema: 'x'.repeat(70_000) } }],
        ['tools', 'f'],
    ])('with a wrong %s is refused: %j', async (field, value) => {
        const { engine } = await shared();
        const error = await ask(engine, question({ extra: { [field]: value } })).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(InvalidRequestError);
        expect(error).toMatchObject({ parameter: field });
    });

    it('with an image or an unknown field in a message is refused: nobody could count it', async () => {
        const { engine } = await shared();
        const image = { type: 'image_url', image_url: { url: 'http://169.254.169.254/' } };
        const messages = [{ role: 'user' as const, content: [image] }];
        await expect(ask(engine, question({ messages }))).rejects.toBeInstanceOf(UnsupportedError);
        const tools = [{ role: 'user' as const, content: 'a', extra: { tools: [{}] } }];
        await expect(ask(engine, question({ messages: tools }))).rejects.toBeInstanceOf(UnsupportedError);
    });

    it('with top_k is refused where the server would ignore it', async () => {
        const { engine } = await behind('ollama');
        await expect(ask(engine, question({ topK: 5 }))).rejects.toBeInstanceOf(UnsupportedError);
    });

    it('continues a last message of the assistant', async () => {
        const { server, engine } = await shared();
        const messages = [...question().messages, { role: 'assistant' as const, content: 'Dear' }];
        await ask(engine, question({ messages, maxTokens: 1 }));
        expect(server.asked.at(-1)!.body).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
    });

    it('continues a raw text', async () => {
        const { engine } = await shared();
        const prompt = '<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n';
        const request = { model: ServedName, prompt, temperature: 0 };
        const events = await drain(engine.complete(request, { signal: never() })[Symbol.asyncIterator]());
        const text = events.map((each) => (each as TextEvent).text ?? '').join('');
        expect(text).toBe('I am a small language model that runs inside a worker.');
    });

    let common: Awaited<ReturnType<typeof behind>> | undefined;
    async function shared() {
        return (common ??= await behind('vllm'));
    }
});

describe('A refusal of the server', () => {
    it.each<[number, string, new (...parameters: never[]) => Error, string]>([
        [400, 'some field', InvalidRequestError, 'refuses this request'],
        [401, 'no', EngineFailedError, 'upstream.apiKey'],
        [403, 'no', EngineFailedError, 'upstream.apiKey'],
        [404, 'no model', ModelNotFoundError, 'not served'],
        [429, 'slow down', EngineFailedError, 'Try again'],
        [500, 'oh', EngineFailedError, 'answered 500'],
        [503, 'loading', EngineFailedError, 'Try again'],
    ])('%i becomes an error of ours, without its words', async (status, message, kind, words) => {
        const { server, engine } = await behind('ollama');
        server.refusal = { status, body: { error: { message: `${message}: ${Secret}` } } };
        const error = (await ask(engine, question()).catch((thrown: unknown) => thrown)) as Error;
        expect(error).toBeInstanceOf(kind);
        expect(error.message).toContain(words);
        expect(`${error.message}${String(error.cause)}`).not.toContain(Secret);
    });

    it('in JSON with status 200 is an error as well', async () => {
        const { server, engine } = await behind('ollama');
        server.refusal = { status: 200, body: { error: { message: Secret } } };
        await expect(ask(engine, question())).rejects.toBeInstanceOf(EngineFailedError);
    });

    it('to connect is an error', async () => {
        const { server, engine } = await behind('ollama');
        await server.stop();
        await expect(ask(engine, question())).rejects.toBeInstanceOf(EngineFailedError);
    });
});

describe('At the start', () => {
    it.each<UpstreamKind>(['vllm', 'sglang', 'llama.cpp', 'ollama'])(
        '%s is recognised, with its context',
        async (kind) => {
            const { engine } = await behind(kind);
            expect(engine.device).toMatchObject({ backend: 'upstream', offloading: false });
            expect(engine.device.note).toContain(`(${kind})`);
            expect(engine.models[0]).toMatchObject({ id: ServedName, contextLength: 512, embeddingDimension: 128 });
            expect(engine.boundsPrompts).toBe(kind === 'ollama');
        },
    );

    it('the key is sent, and not in what is told', async () => {
        const { server, engine } = await behind('vllm', { apiKey: 'secret-key' });
        expect(server.seen.every(({ headers }) => headers.authorization === 'Bearer secret-key')).toBe(true);
        expect(JSON.stringify([engine.device, engine.models])).not.toContain('secret-key');
    });

    it('a server whose clients may meet in a cache gets a warning, others none', async () => {
        expect((await behind('ollama')).said.join()).toContain('prompts of others');
        expect((await behind('vllm')).said).toEqual([]);
        expect((await behind('llama.cpp')).said).toEqual([]);
    });

    it('prompts are bounded by their bytes where the server cannot tokenize a chat', async () => {
        const { engine, said } = await behind('sglang', {}, (server) => (server.said['/tokenize'] = null));
        expect(engine.boundsPrompts).toBe(true);
        expect(said.join()).toContain('by their bytes');
        expect(await engine.countPromptTokens(question())).toBeGreaterThan(
            Buffer.byteLength(question().messages[0]!.content as string),
        );
    });

    it.each<[string, Partial<UpstreamOptions>, (server: UpstreamServer) => void, string]>([
        ['two models', {}, (server) => (server.said['/v1/models'] = { data: [{ id: 'a' }, { id: 'b' }] }), 'a, b'],
        ['not the model', { model: 'c' }, () => undefined, ServedName],
        ['no model', {}, (server) => (server.said['/v1/models'] = { data: [] }), '/v1/models'],
        ['an unknown context', {}, (server) => (server.said['/api/ps'] = { models: [] }), 'contextLength'],
        ['a shorter context', { contextLength: 4096 }, () => undefined, 'has 512'],
        ['no embeddings', { embeddings: true }, (server) => (server.said['/v1/embeddings'] = {}), 'embeddings'],
    ])('a server with %s is refused', async (_, options, prepare, words) => {
        const error = await behind('ollama', options, prepare).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(EngineOptionsError);
        expect((error as Error).message).toContain(words);
    });

    it.each<Partial<UpstreamOptions>>([
        { url: 'no url' },
        { url: 'file:///etc' },
        { url: 'http://user:pw@127.0.0.1/' },
        { slots: 0 },
        { weightsHash: 'ab' },
        { idleSeconds: 0 },
    ])('a wrong option is refused: %j', async (options) => {
        await expect(behind('vllm', options)).rejects.toBeInstanceOf(EngineOptionsError);
    });
});

describe('Embeddings', () => {
    it('have length 1 also where those of the server do not', async () => {
        const { engine } = await behind('openai', {}, (server) => (server.vectorLength = 3));
        const { vectors } = await engine.embed(ServedName, ['a'], { signal: never() });
        expect(Math.hypot(...vectors[0]!)).toBeCloseTo(1, 5);
    });

    it.each<[string, object]>([
        ['too few', { data: [], usage: { prompt_tokens: 1 } }],
        ['of another dimension', { data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 1 } }],
        ['no numbers', { data: [{ index: 0, embedding: new Array(128).fill('x') }], usage: { prompt_tokens: 1 } }],
        ['without usage', { data: [{ index: 0, embedding: new Array(128).fill(1) }] }],
    ])('that are %s are an error', async (_, answer) => {
        const { server, engine } = await behind('openai');
        server.said['/v1/embeddings'] = answer;
        await expect(engine.embed(ServedName, ['a'], { signal: never() })).rejects.toBeInstanceOf(EngineFailedError);
    });

    it('cost no more tokens than their texts have bytes', async () => {
        const { server, engine } = await behind('openai');
        const data = [{ index: 0, embedding: new Array(128).fill(1) }];
        server.said['/v1/embeddings'] = { data, usage: { prompt_tokens: 4_000 } };
        expect((await engine.embed(ServedName, ['ab'], { signal: never() })).tokens).toBe(4);
    });
});

describe('Admission', () => {
    it.each<UpstreamKind>(['vllm', 'sglang', 'llama.cpp'])(
        'lets no more in while requests wait in the queue of %s',
        async (kind) => {
            const { server, engine } = await behind(kind, { slots: 5 }, (each) => (each.waiting = 3));
            // The first question only begins a look at the metrics.
            expect(engine.slotsOf(ServedName)).toBe(5);
            while (engine.slotsOf(ServedName) === 5) await sleep(5);
            expect(engine.slotsOf(ServedName)).toBe(1);
            expect(server.seen.filter(({ path }) => path === '/metrics')).toHaveLength(1);
        },
    );
});

describe('The same guest', () => {
    it.each([
        ['http://127.0.0.1:8000/v1', true],
        ['http://127.8.9.10', true],
        ['http://[::1]:8000', true],
        ['http://localhost:8000', false],
        ['http://127.0.0.1.example.com', false],
        ['http://10.0.0.1', false],
        ['http://[::ffff:10.0.0.1]', false],
        ['http://0.0.0.0:8000', false],
        ['http://127.0.0.1@example.com', false],
    ])('%s: %s', (url, expected) => {
        expect(isSameGuest(url)).toBe(expected);
    });
});

function cached(tokens: number): object {
    return { prompt_tokens_details: { cached_tokens: tokens } };
}

function reasoned(tokens: number): object {
    return { completion_tokens_details: { reasoning_tokens: tokens } };
}

function contains(value: unknown, word: string): boolean {
    return JSON.stringify(value).includes(word);
}

/** Waits until the server has seen that its last request was given up. */
async function untilAborted(server: UpstreamServer): Promise<void> {
    for (let i = 0; i < 400 && !server.asked.at(-1)!.aborted; i++) await sleep(5);
    expect(server.asked.at(-1)!.aborted).toBe(true);
}
