import {
    type ChatRequest,
    createLlamaEngine,
    type Engine,
    EngineOptionsError,
    type LlamaEngineOptions,
    UnsupportedError,
} from '../../src/engine';
import { loadLlamaModule } from '../../src/engine/llama-module';
import { ask, engineConformance, idle, never, sleep } from './conformance';
import { countGenerated, Draft, Summary, TinyModel, TinyModelHash } from './tiny-model';

/** 53 tokens, and 29 of the answer: together more than a context of 64. */
const LongSummary = {
    prompt:
        'Give a short summary of this chat:\nSam: Please send me the invoice before Friday.\n' +
        'Mila: I can not come to the dinner on Sunday.\nLeo: Let us meet at the library at 5 pm.',
    promptTokens: 53,
};

function create(options: Partial<LlamaEngineOptions> = {}): Promise<Engine> {
    return createLlamaEngine({ modelPath: TinyModel, gpu: false, ...options });
}

function greedy(content: string): ChatRequest {
    return { model: 'tiny-chat', messages: [{ role: 'user', content }], temperature: 0 };
}

const generated = countGenerated();

engineConformance('The embedded engine', {
    create: (slots) => create({ slots }),
    generatedTokens: generated,
    model: 'tiny-chat',
    known: [Summary, Draft],
    wordInFirstAnswer: 'moved',
    embeddingDimension: 128,
});

describe('The embedded engine', () => {
    let engine: Engine;
    /** All that the engine has said in its log. */
    const said: string[] = [];

    beforeAll(async () => {
        // A batch that is much shorter than the prompts.
        engine = await create({
            slots: 2,
            batchSize: 8,
            contextLength: 64,
            expectedWeightsHash: TinyModelHash.toUpperCase(),
            onLog: (message) => said.push(message),
        });
    });
    afterAll(() => engine.close());
    afterEach(() => idle(engine));

    it('tells what it serves and on what', () => {
        expect(engine.models).toEqual([
            {
                id: 'tiny-chat',
                weightsHash: TinyModelHash,
                contextLength: 64,
                supports: { chat: true, embeddings: true },
                embeddingDimension: 128,
                weightsBytes: 1698144,
                architecture: 'llama',
            },
        ]);
        expect(engine.device).toEqual({
            backend: 'cpu',
            deviceNames: [],
            gpuLayers: 0,
            totalLayers: 5,
            vramBefore: 0,
            vramAfter: 0,
            offloading: false,
            note: 'The model runs on the CPU, as configured. 2 slots of 64 tokens, as configured.',
        });
        expect(engine.slots).toBe(2);
    });

    it('renders the template of the model exactly, without the BOS token that the model never saw', async () => {
        const rendered =
            '<|im_start|>system\nBe short.<|im_end|>\n' +
            `<|im_start|>user\n${Draft.prompt}<|im_end|>\n<|im_start|>assistant\n`;
        const request = {
            ...greedy(Draft.prompt),
            messages: [{ role: 'system' as const, content: 'Be short.' }, ...greedy(Draft.prompt).messages],
        };
        const raw = { model: 'tiny-chat', prompt: rendered };
        expect(await engine.countPromptTokens(request)).toBe(await engine.countPromptTokens(raw));
    });

    it('reads the names of special tokens in a message as plain text', async () => {
        const empty = await engine.countPromptTokens(greedy(''));
        const named = await engine.countPromptTokens(greedy('<|im_end|>'));
        expect(named - empty).toBeGreaterThan(3);
    });

    it('evaluates a prompt in batches without changing the answer', async () => {
        const { text, end } = await ask(engine, greedy(Summary.prompt));
        expect(text).toBe(Summary.answer);
        expect(end.tokens.prompt).toBe(36n);
    });

    it('looks at the signal between two batches, and counts only those that were evaluated', async () => {
        const abort = new AbortController();
        const { prototype } = (await loadLlamaModule()).LlamaContextSequence;
        const batch = jest.spyOn(prototype, 'evaluateWithoutGeneratingNewTokens');
        batch.mockImplementationOnce(async () => abort.abort());
        const { end } = await ask(engine, greedy(Summary.prompt), { signal: abort.signal });
        batch.mockRestore();
        expect(end).toMatchObject({ finishReason: 'abort', tokens: { prompt: 8n, completion: 0n } });
    });

    it('ends an answer where the context ends', async () => {
        const { end } = await ask(engine, greedy(LongSummary.prompt));
        expect(end).toMatchObject({
            finishReason: 'length',
            tokens: { prompt: BigInt(LongSummary.promptTokens), completion: BigInt(64 - LongSummary.promptTokens) },
        });
    });

    it('continues a raw text without a template', async () => {
        const request = {
            model: 'tiny-chat',
            prompt: '<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n',
            temperature: 0,
        };
        let text = '';
        for await (const event of engine.complete(request, { signal: never() }))
            if (event.type === 'text') text += event.text;
        expect(text).toBe('I am a small language model that runs inside a worker.');
        expect(await engine.countPromptTokens(request)).toBe(await engine.countPromptTokens(greedy('Who are you?')));
    });

    it('continues a last message of the assistant', async () => {
        const messages = [
            ...greedy(Draft.prompt).messages,
            { role: 'assistant' as const, content: 'Dear Lena, could you' },
        ];
        const { text } = await ask(engine, { ...greedy(''), messages });
        expect(`Dear Lena, could you${text}`).toBe(Draft.answer);
    });

    it.each([
        ['tools', [{ type: 'function' }]],
        ['response_format', { type: 'json_object' }],
        ['logprobs', true],
    ])('refuses %s instead of ignoring it', async (field, value) => {
        const error = await ask(engine, { ...greedy('x'), extra: { [field]: value } }).catch(
            (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(UnsupportedError);
        expect(error).toMatchObject({ code: 'unsupported', feature: field, requestFault: true });
    });

    it('accepts fields that ask for nothing', async () => {
        const extra = {
            tools: [],
            tool_choice: 'auto',
            response_format: { type: 'text' },
            logprobs: false,
            user: null,
        };
        expect((await ask(engine, { ...greedy(Draft.prompt), extra })).text).toBe(Draft.answer);
    });

    it('puts a neutral token in the place of the last text that it embedded', async () => {
        const { prototype } = (await loadLlamaModule()).LlamaEmbeddingContext;
        const embed = jest.spyOn(prototype, 'getEmbeddingFor');
        await engine.embed('tiny-chat', ['a secret text'], { signal: never() });
        await sleep(50);
        const inputs = embed.mock.calls.map(([tokens]) => (tokens as readonly unknown[]).length);
        embed.mockRestore();
        expect(inputs).toHaveLength(2);
        expect(inputs[1]).toBe(1);
    });

    it.each<[string, Partial<LlamaEngineOptions>]>([
        ['slots', { slots: 0 }],
        ['slots', { slots: 257 }],
        ['threads', { threads: 1.5 }],
        ['expectedWeightsHash', { expectedWeightsHash: 'abc' }],
        ['context length', { contextLength: 4096 }],
    ])('refuses to start with a wrong option: %s', async (named, options) => {
        const error = await create(options).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(EngineOptionsError);
        expect((error as Error).message).toContain(named);
    });

    it('says nothing about a request, neither on the console nor in its log', async () => {
        const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
        const spies = methods.map((method) =>
            jest.spyOn(console, method).mockImplementation((...words) => void said.push(words.join(' '))),
        );
        await ask(engine, greedy('my secret word is xylophone'));
        await engine.embed('tiny-chat', ['xylophone'], { signal: never() });
        await ask(engine, greedy('xylophone '.repeat(600))).catch((error: Error) => said.push(error.message));
        for (const spy of spies) spy.mockRestore();
        expect(said.join('\n')).not.toContain('xylophone');
    });
});

describe('The embedded engine without embeddings', () => {
    let engine: Engine;

    beforeAll(async () => {
        engine = await create({ embeddings: false, slots: 1 });
    });
    afterAll(() => engine.close());

    it('says so in its list of models, and refuses to embed', async () => {
        expect(engine.models[0]).toMatchObject({
            supports: { chat: true, embeddings: false },
            embeddingDimension: 0,
        });
        const error = await engine.embed('tiny-chat', ['a'], { signal: never() }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(UnsupportedError);
        expect(error).toMatchObject({ code: 'unsupported', feature: 'embeddings' });
    });

    it('passes the penalties on: negative ones make it repeat a word', async () => {
        const plain = await ask(engine, greedy(LongSummary.prompt));
        const penalties = { frequencyPenalty: -2, presencePenalty: -2 };
        const repeating = await ask(engine, { ...greedy(LongSummary.prompt), ...penalties });
        const sundays = (text: string) => text.split('Sunday').length - 1;
        expect(sundays(repeating.text)).toBeGreaterThan(sundays(plain.text));
    });
});
