import { once } from 'node:events';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAI as LangchainOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { toNano } from '@ton/core';
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { z } from 'zod';
import { end, ScriptedEngine, step } from '../../worker/tests/support/scripted-engine';
import { LocalEndpoint, Session, startLocalEndpoint } from '../src';
import { silentLogger } from '../src/log';
import { TestNetwork } from './support/network';

// The official clients against a real worker on a real chain: first with the shipped model, then with an engine that
// does what only an upstream server can.

let network: TestNetwork;
let session: Session;
let endpoint: LocalEndpoint;

beforeAll(async () => {
    network = await TestNetwork.start({ worker: { limits: { queue: 0 } } });
    const client = await network.client();
    session = await client.open({ deposit: toNano('5') });
    endpoint = await startLocalEndpoint({ session, port: 0, log: silentLogger });
}, 120_000);

afterAll(async () => {
    await endpoint?.close();
    await session?.dispose();
    await network?.stop();
});

/** How a client reaches the session. */
type Way = () => { baseURL: string; fetch?: typeof fetch };

const Ways: [string, Way][] = [
    ['through session.fetch', () => ({ baseURL: session.baseURL, fetch: session.fetch as typeof fetch })],
    ['through the local endpoint', () => ({ baseURL: endpoint.url })],
];

const Question = 'What is a GPU?';
const Reply = 'A GPU is a processor that runs many simple operations at the same time.';
/** What the model's chat template makes of the question. */
const Prompt = `<|im_start|>user\n${Question}<|im_end|>\n<|im_start|>assistant\n`;
const Asked = [{ role: 'user' as const, content: Question }];

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
    const list: T[] = [];
    for await (const event of events) {
        list.push(event);
    }
    return list;
}

describe.each(Ways)('with the shipped model, %s,', (_name, way) => {
    const openai = () => new OpenAI({ ...way(), apiKey: 'unused' });
    const compatible = () => createOpenAICompatible({ ...way(), name: 'ton', apiKey: 'unused', includeUsage: true });
    const langchain = () => ({ model: session.model, apiKey: 'unused', configuration: way(), temperature: 0 });

    describe('openai', () => {
        it('chats in one piece and in a stream, with usage only if it asks for it', async () => {
            const request = { model: session.model, messages: Asked, temperature: 0 };
            const whole = await openai().chat.completions.create(request);
            expect(whole.choices[0].message).toMatchObject({ role: 'assistant', content: Reply });
            expect(whole._request_id).toMatch(/^req_/);
            const plain = await all(await openai().chat.completions.create({ ...request, stream: true }));
            expect(plain.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(Reply);
            expect(plain.some(({ usage }) => usage !== undefined)).toBe(false);
            const counted = await all(
                await openai().chat.completions.create({
                    ...request,
                    stream: true,
                    stream_options: { include_usage: true },
                }),
            );
            expect(counted.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
        });

        it('completes a text in one piece and in a stream', async () => {
            const request = { model: session.model, prompt: Prompt, temperature: 0, max_tokens: 64 };
            const whole = await openai().completions.create(request);
            expect(whole.choices[0]).toMatchObject({ text: Reply, finish_reason: 'stop' });
            const events = await all(await openai().completions.create({ ...request, stream: true }));
            expect(events.map(({ choices }) => choices[0].text).join('')).toBe(Reply);
        });

        it('embeds, in base64 as it asks for by itself, and in numbers', async () => {
            const request = { model: session.model, input: ['invoice', 'library'] };
            const implicit = await openai().embeddings.create(request);
            const floats = await openai().embeddings.create({ ...request, encoding_format: 'float' });
            const raw = await openai().embeddings.create({ ...request, encoding_format: 'base64' });
            for (const [index, { embedding }] of floats.data.entries()) {
                expect(embedding).toHaveLength(128);
                expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
                expect(implicit.data[index].embedding.map(Math.fround)).toEqual(embedding.map(Math.fround));
                const bytes = Buffer.from(raw.data[index].embedding as unknown as string, 'base64');
                expect(Array.from({ length: 128 }, (_, i) => bytes.readFloatLE(4 * i))).toEqual(embedding.map(Math.fround));
            }
        });

        it('lists and finds the model', async () => {
            expect((await openai().models.list()).data.map(({ id }) => id)).toEqual([session.model]);
            expect(await openai().models.retrieve(session.model)).toMatchObject({ id: session.model, object: 'model' });
            await expect(openai().models.retrieve('org/none')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
        });

        it.each<[string, object, unknown, object]>([
            ['another model', { model: 'gpt-4' }, OpenAI.NotFoundError, { code: 'model_not_found', param: 'model' }],
            [
                'a prompt that is too long',
                { messages: [{ role: 'user', content: 'GPU '.repeat(9000) }] },
                OpenAI.BadRequestError,
                { code: 'context_length_exceeded', param: 'messages' },
            ],
            [
                'tools, which this engine does not know',
                { tools: [{ type: 'function', function: { name: 'f' } }] },
                OpenAI.BadRequestError,
                { code: 'invalid_request', param: 'tools' },
            ],
            ['a field out of range', { temperature: 3 }, OpenAI.BadRequestError, { param: 'temperature' }],
        ])('gets the right exception for %s, free of charge', async (_what, fields, exception, details) => {
            const { amount } = await session.report();
            const error: unknown = await openai()
                .chat.completions.create({ model: session.model, messages: Asked, ...fields })
                .catch((thrown: unknown) => thrown);
            expect(error).toBeInstanceOf(exception);
            expect(error).toMatchObject({ ...details, requestID: expect.stringMatching(/^req_/) });
            expect((await session.report()).amount).toBe(amount);
        });
    });

    describe('ai with @ai-sdk/openai-compatible', () => {
        it('generates and streams a text, and gets the usage', async () => {
            const request = { model: compatible()(session.model), prompt: Question, temperature: 0 };
            const whole = await generateText(request);
            expect([whole.text, whole.finishReason]).toEqual([Reply, 'stop']);
            const stream = streamText(request);
            expect((await all(stream.textStream)).join('')).toBe(Reply);
            expect(await stream.usage).toMatchObject({ inputTokens: 13, outputTokens: 23, totalTokens: 36 });
            expect(whole.usage).toMatchObject({ inputTokens: 13, outputTokens: 23 });
        });

        it('completes a text, and embeds several', async () => {
            const model = compatible().completionModel(session.model);
            const { text } = await generateText({ model, prompt: Question, temperature: 0, maxOutputTokens: 5 });
            expect(text.length).toBeGreaterThan(0);
            const { embeddings, usage } = await embedMany({
                model: compatible().embeddingModel(session.model),
                values: ['invoice', 'library'],
            });
            expect(embeddings.map(({ length }) => length)).toEqual([128, 128]);
            expect(usage.tokens).toBeGreaterThan(1);
        });
    });

    describe('@langchain/openai', () => {
        it('chats in one piece and in a stream, and gets the usage', async () => {
            const whole = await new ChatOpenAI(langchain()).invoke(Question);
            expect(whole.content).toBe(Reply);
            expect(whole.usage_metadata).toMatchObject({ input_tokens: 13, output_tokens: 23 });
            const pieces = await all(await new ChatOpenAI(langchain()).stream(Question));
            expect(pieces.map(({ content }) => content).join('')).toBe(Reply);
            expect(pieces.some(({ usage_metadata: usage }) => usage?.output_tokens === 23)).toBe(true);
        });

        it('completes a text, and embeds', async () => {
            const model = new LangchainOpenAI({ ...langchain(), maxTokens: 64 });
            expect(await model.invoke(Prompt)).toBe(Reply);
            expect((await all(await model.stream(Prompt))).join('')).toBe(Reply);
            const vectors = await new OpenAIEmbeddings(langchain()).embedDocuments(['invoice', 'library']);
            expect(vectors.map(({ length }) => length)).toEqual([128, 128]);
        });
    });
});

describe.each(Ways)('with an engine that knows tools, %s,', (_name, way) => {
    const City = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const Weather = { name: 'weather', description: 'The weather in a city', parameters: City };
    const weather = jest.fn(({ city }: { city: string }) => `12 degrees in ${city}`);
    const openai = () => new OpenAI({ ...way(), apiKey: 'unused' });
    const compatible = () =>
        createOpenAICompatible({ ...way(), name: 'ton', apiKey: 'unused', supportsStructuredOutputs: true });

    /** Calls the tool in the pieces in which vLLM does, and reads its result; or writes what the format wants. */
    const engine = new ScriptedEngine(
        function* (_options, request) {
            const last = 'messages' in request ? request.messages.at(-1) : undefined;
            if (last?.role === 'tool') {
                const text = `It has ${last.content as string}.`;
                yield step(text, 6, 6);
                yield end('stop', { prompt: 20n, completion: 6n });
                return;
            }
            if (request.extra?.response_format !== undefined) {
                yield step('{"city":', 3, 3, { choice: { logprobs: { content: [{ token: '{' }] } } });
                yield step('"Oslo"}', 3, 6, { choice: { logprobs: { content: [{ token: '}' }] } } });
                yield end('stop', { prompt: 10n, completion: 6n });
                return;
            }
            const call = (rest: object) => ({ extra: { tool_calls: [{ index: 0, ...rest }] } });
            yield step('', 4, 4, { extra: { reasoning_content: 'A tool will know.' } });
            const begin = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } };
            // A call has marks and quotes around it that nobody sees: more tokens than its text has bytes.
            yield step('', 60, 64, call(begin));
            yield step('', 3, 67, call({ function: { arguments: '{"city":' } }));
            yield step('', 3, 70, call({ function: { arguments: '"Oslo"}' } }));
            yield end('tool_calls', { prompt: 10n, completion: 66n, reasoning: 4n });
        },
        { generatesAhead: true },
    );

    beforeAll(() => network.restartWorker({ engine }));
    beforeEach(() => weather.mockClear());

    const request = () => ({
        model: session.model,
        messages: Asked,
        tools: [{ type: 'function' as const, function: Weather }],
    });
    const Call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };

    it('openai gets the call in a stream and in one piece, and the engine gets the tools as they were sent', async () => {
        const before = await session.report();
        const whole = await openai().chat.completions.create({ ...request(), tool_choice: 'required' });
        expect(whole.choices[0]).toMatchObject({
            finish_reason: 'tool_calls',
            message: { content: null, tool_calls: [Call], reasoning_content: 'A tool will know.' },
        });
        expect(engine.requests.at(-1)!.extra).toEqual({ tools: request().tools, tool_choice: 'required' });
        const stream = openai().chat.completions.stream({ ...request(), stream_options: { include_usage: true } });
        const [{ message }] = (await stream.finalChatCompletion()).choices;
        expect(message.tool_calls).toMatchObject([Call]);
        expect((await stream.totalUsage()).completion_tokens).toBe(70);
        // Calls and reasoning count as text: nothing about these receipts is taken for overcharging.
        const after = await session.report();
        expect(after.stopped).toBeNull();
        const generated = ({ tokens }: typeof after) => tokens.completion + tokens.reasoning;
        expect(generated(after) - generated(before)).toBe(140n);
    });

    it('openai runs the tool and gets the answer that its result leads to', async () => {
        const runner = openai().chat.completions.runTools({
            ...request(),
            tools: [{ type: 'function', function: { ...Weather, function: weather, parse: JSON.parse } }],
        });
        expect(await runner.finalContent()).toBe('It has 12 degrees in Oslo.');
        expect(weather.mock.calls[0][0]).toEqual({ city: 'Oslo' });
        const { messages } = engine.requests.at(-1) as { messages: readonly object[] };
        expect(messages.slice(1)).toEqual([
            { role: 'assistant', content: null, extra: expect.objectContaining({ tool_calls: [Call] }) },
            { role: 'tool', content: '12 degrees in Oslo', extra: { tool_call_id: 'call_1' } },
        ]);
    });

    it('ai runs the tool in one piece and in a stream', async () => {
        const tools = {
            weather: tool({ description: 'x', inputSchema: z.object({ city: z.string() }), execute: weather }),
        };
        const job = { model: compatible()(session.model), prompt: Question, tools, stopWhen: stepCountIs(3) };
        expect((await generateText(job)).text).toBe('It has 12 degrees in Oslo.');
        const stream = streamText(job);
        expect((await all(stream.textStream)).join('')).toBe('It has 12 degrees in Oslo.');
        expect((await stream.steps)[0].reasoningText).toBe('A tool will know.');
        expect(weather.mock.calls.map(([input]) => input)).toEqual([{ city: 'Oslo' }, { city: 'Oslo' }]);
    });

    it('langchain gets the call and its arguments', async () => {
        const schema = z.object({ city: z.string() });
        const model = new ChatOpenAI({ model: session.model, apiKey: 'unused', configuration: way() });
        const bound = model.bindTools([langchainTool(weather, { name: 'weather', description: 'x', schema })]);
        const call = { name: 'weather', args: { city: 'Oslo' }, id: 'call_1' };
        expect((await bound.invoke(Question)).tool_calls).toMatchObject([call]);
        const [first, ...rest] = await all(await bound.stream(Question));
        expect(rest.reduce((sum, piece) => sum.concat(piece), first).tool_calls).toMatchObject([call]);
    });

    it('a format of the answer passes through, and log probabilities come beside the text', async () => {
        const { output } = await generateText({
            model: compatible()(session.model),
            prompt: Question,
            output: Output.object({ schema: z.object({ city: z.string() }) }),
        });
        expect(output).toEqual({ city: 'Oslo' });
        expect(engine.requests.at(-1)!.extra!.response_format).toMatchObject({ type: 'json_schema' });
        const { choices } = await openai().chat.completions.create({
            ...request(),
            logprobs: true,
            response_format: { type: 'json_object' },
        });
        expect(choices[0].logprobs!.content!.map(({ token }) => token)).toEqual(['{', '}']);
        expect(choices[0].message.content).toBe('{"city":"Oslo"}');
    });
});

describe.each(Ways)('with an engine that takes its time, %s,', (_name, way) => {
    /** Gives five tokens and then nothing until it is aborted. */
    const engine = new ScriptedEngine(
        async function* ({ signal }) {
            for (let count = 1; count <= 5; count += 1) {
                yield step('x', 1, count);
            }
            if (!signal.aborted) {
                await once(signal, 'abort');
            }
            yield end('abort', { prompt: 10n, completion: 5n });
        },
        { slots: 1 },
    );
    const openai = () => new OpenAI({ ...way(), apiKey: 'unused' });
    const request = () => ({ model: session.model, messages: Asked, stream: true as const });

    beforeAll(() => network.restartWorker({ engine }));

    it('openai is refused while the worker is full, and pays only what was produced when it stops listening', async () => {
        const before = await session.report();
        const stream = await openai().chat.completions.create(request());
        const events = stream[Symbol.asyncIterator]();
        const text: string[] = [];
        while (text.length < 5) {
            text.push((await events.next()).value.choices[0].delta.content);
        }
        const refused: unknown = await openai().chat.completions.create(request()).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
        expect((refused as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after')).toMatch(/^[1-9]/);
        stream.controller.abort();
        await events.next().catch(() => undefined);
        let after = before;
        while (after.amount === before.amount) {
            await session.pay();
            after = await session.report();
        }
        expect([after.amount - before.amount, after.stopped]).toEqual([10n * 1_000n + 5n * 3_000n, null]);
    });
});
