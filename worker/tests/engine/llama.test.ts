import {
    createLlamaEngine,
    type Engine,
    EngineOptionsError,
    type LlamaEngineOptions,
    UnsupportedError,
} from '../../src/engine';
import { type LlamaContextSequence, loadLlamaModule } from '../../src/engine/llama-module';
import { ask, engineConformance, idle, never } from './conformance';
import { TinyModel, TinyModelHash } from './tiny-model';

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

/** 53 tokens, and 29 of the answer: together more than a context of 64. */
const LongSummary = {
    prompt:
        'Give a short summary of this chat:\nSam: Please send me the invoice before Friday.\n' +
        'Mila: I can not come to the dinner on Sunday.\nLeo: Let us meet at the library at 5 pm.',
    promptTokens: 53,
};

/** Tokens that came out of llama.cpp itself, however many of them were passed on. */
let generated = 0;

function create(options: Partial<LlamaEngineOptions> = {}): Promise<Engine> {
    return createLlamaEngine({ modelPath: TinyModel, gpu: false, ...options });
}

beforeAll(async () => {
    const { prototype } = (await loadLlamaModule()).LlamaContextSequence;
    const original = prototype.evaluateWithMetadata;
    jest.spyOn(prototype, 'evaluateWithMetadata').mockImplementation(async function* (
        this: LlamaContextSequence,
        ...parameters: Parameters<typeof original>
    ) {
        for await (const token of original.apply(this, parameters)) {
            generated += 1;
            yield token;
        }
    } as typeof original);
});

engineConformance('The embedded engine', {
    create: (slots) => create({ slots }),
    generatedTokens: () => generated,
    model: 'tiny-chat',
    known: [Summary, Draft],
    wordInFirstAnswer: 'moved',
    embeddingDimension: 128,
});

describe('The embedded engine', () => {
    let engine: Engine;
    const greedy = (content: string) => ({
        model: 'tiny-chat',
        messages: [{ role: 'user' as const, content }],
        temperature: 0,
    });

    beforeAll(async () => {
        // A batch that is much shorter than the prompts.
        engine = await create({
            slots: 2,
            batchSize: 8,
            contextLength: 64,
            expectedWeightsHash: TinyModelHash.toUpperCase(),
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
            note: 'The model runs on the CPU, as configured.',
        });
        expect(engine.slots).toBe(2);
    });

    it('renders the template of the model exactly, without the BOS token that the model never saw', async () => {
        const { getLlama, LlamaLogLevel } = await loadLlamaModule();
        const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: LlamaLogLevel.error });
        const model = await llama.loadModel({ modelPath: TinyModel });
        const rendered =
            '<|im_start|>system\nBe short.<|im_end|>\n' +
            `<|im_start|>user\n${Draft.prompt}<|im_end|>\n<|im_start|>assistant\n`;
        const request = {
            ...greedy(Draft.prompt),
            messages: [{ role: 'system' as const, content: 'Be short.' }, ...greedy(Draft.prompt).messages],
        };
        expect(await engine.countPromptTokens(request)).toBe(model.tokenize(rendered, true).length);
        await llama.dispose();
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

    it('passes the penalties on: negative ones make it repeat a word', async () => {
        const roomy = await create({ slots: 1, embeddings: false });
        const plain = await ask(roomy, greedy(LongSummary.prompt));
        const repeating = await ask(roomy, {
            ...greedy(LongSummary.prompt),
            frequencyPenalty: -2,
            presencePenalty: -2,
        });
        const sundays = (text: string) => text.split('Sunday').length - 1;
        expect(sundays(repeating.text)).toBeGreaterThan(sundays(plain.text));
        await roomy.close();
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

    it('says that it gives no embeddings when they are switched off', async () => {
        const chatOnly = await create({ embeddings: false, slots: 1 });
        expect(chatOnly.models[0]).toMatchObject({
            supports: { chat: true, embeddings: false },
            embeddingDimension: 0,
        });
        const error = await chatOnly.embed('tiny-chat', ['a'], { signal: never() }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(UnsupportedError);
        await chatOnly.close();
    });

    it.each<[string, Partial<LlamaEngineOptions>]>([
        ['slots', { slots: 0 }],
        ['threads', { threads: 1.5 }],
        ['expectedWeightsHash', { expectedWeightsHash: 'abc' }],
        ['context length', { contextLength: 4096 }],
    ])('refuses to start with a wrong option: %s', async (named, options) => {
        const error = await create(options).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(EngineOptionsError);
        expect((error as Error).message).toContain(named);
    });

    it('says nothing about a request, neither on the console nor in its log', async () => {
        const said: string[] = [];
        const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
        const spies = methods.map((method) =>
            jest.spyOn(console, method).mockImplementation((...words) => void said.push(words.join(' '))),
        );
        const quiet = await create({ slots: 1, onLog: (message) => said.push(message) });
        await ask(quiet, greedy('my secret word is xylophone'));
        await quiet.embed('tiny-chat', ['xylophone'], { signal: never() });
        await ask(quiet, greedy('xylophone '.repeat(600))).catch((error: Error) => said.push(error.message));
        await quiet.close();
        for (const spy of spies) spy.mockRestore();
        expect(said.join('\n')).not.toContain('xylophone');
    });
});
