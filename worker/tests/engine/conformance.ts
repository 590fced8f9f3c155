import {
    AbortedError,
    type ChatEvent,
    type ChatRequest,
    ContextLengthError,
    type EndEvent,
    type Engine,
    EngineClosedError,
    type GenerateOptions,
    InvalidRequestError,
    ModelNotFoundError,
    type TextEvent,
} from '../../src/engine';

/** A backend under test, with a model whose answers are known. */
export type ConformanceSubject = {
    /** @param slots requests at the same time. */
    create(slots: number): Promise<Engine>;
    /** Tokens that the backend itself has generated so far, whether or not anyone asked for them. */
    generatedTokens(): number;
    /** Resolves when the backend has noticed that requests were given up; default: it has at once. */
    quiet?(): Promise<void>;
    readonly model: string;
    /** Greedy answers, long enough to be interrupted: at least ten tokens. */
    readonly known: readonly { readonly prompt: string; readonly answer: string }[];
    /** A word in the middle of the first answer. */
    readonly wordInFirstAnswer: string;
    readonly embeddingDimension: number;
    /** Whether the token that ends a turn is among those of the answer, as servers count; default: no. */
    readonly countsEndOfTurn?: boolean;
};

/** Longer than any answer takes in these tests. */
const PauseMs = 200;

/** Tokens that may be under way when the consumer stops asking. */
const Overshoot = 2;

const Slots = 4;

/**
 * The promises of `Engine`, as sentences. Every backend runs the same ones; where the interface lets a backend differ
 * (`generatesAhead`, `boundsPrompts`) the sentence holds in the form that it allows, and only for such a backend.
 */
export function engineConformance(name: string, subject: ConformanceSubject): void {
    describe(`${name} keeps the promises of an engine`, () => {
        let engine: Engine;
        const [first, second] = subject.known;
        if (first === undefined || second === undefined) throw new Error('Two known answers are needed.');

        const greedy = (prompt: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
            model: subject.model,
            messages: [{ role: 'user', content: prompt }],
            temperature: 0,
            ...more,
        });

        beforeAll(async () => {
            engine = await subject.create(Slots);
        });
        afterAll(() => engine.close());
        afterEach(async () => {
            await idle(engine);
            await subject.quiet?.();
        });

        describe('answers', () => {
            it.each(subject.known)('greedily with the known text: $answer', async ({ prompt, answer }) => {
                const { text, end } = await ask(engine, greedy(prompt));
                expect(text).toBe(answer);
                expect(end.finishReason).toBe('stop');
            });

            it('the same to content in parts as to content in one string', async () => {
                const half = Math.floor(first.prompt.length / 2);
                const parts = [first.prompt.slice(0, half), first.prompt.slice(half)];
                const content = parts.map((text) => ({ type: 'text' as const, text }));
                const { text } = await ask(engine, greedy('', { messages: [{ role: 'user', content }] }));
                expect(text).toBe(first.answer);
            });

            it('the same four times in parallel as alone', async () => {
                const questions = Array.from({ length: Slots }, (_, i) => subject.known[i % subject.known.length]!);
                const answers = await Promise.all(questions.map(({ prompt }) => ask(engine, greedy(prompt))));
                expect(answers.map(({ text }) => text)).toEqual(questions.map(({ answer }) => answer));
            });

            it('the same with the same seed, and something else with another', async () => {
                const sampled = (seed: number) =>
                    ask(engine, greedy(first.prompt, { temperature: 2, seed, maxTokens: 30 }));
                const [one, again, other] = [await sampled(7), await sampled(7), await sampled(8)];
                expect(again.text).toBe(one.text);
                expect(other.text).not.toBe(one.text);
            });

            it('without a trace of the request before it', async () => {
                const before = await ask(engine, greedy(second.prompt));
                for (let i = 0; i < Slots; i++) await ask(engine, greedy(first.prompt));
                const after = await ask(engine, greedy(second.prompt));
                expect(after.text).toBe(before.text);
                expect(after.end.tokens).toEqual(before.end.tokens);
                expect(after.end.tokens.cached).toBe(0n);
            });
        });

        describe('counts', () => {
            it('the prompt the same before, at the start and at the end', async () => {
                const request = greedy(first.prompt);
                const counted = await engine.countPromptTokens(request);
                const started: number[] = [];
                const { end } = await ask(engine, request, { onStart: (tokens) => void started.push(tokens) });
                expect(started).toEqual([counted]);
                if (engine.boundsPrompts) {
                    expect(end.tokens.prompt).toBeGreaterThan(0n);
                    expect(end.tokens.prompt).toBeLessThanOrEqual(BigInt(counted));
                } else {
                    expect(end.tokens.prompt).toBe(BigInt(counted));
                }
            });

            it('every generated token once, as it comes', async () => {
                const before = subject.generatedTokens();
                const { texts, end } = await ask(engine, greedy(first.prompt));
                let sum = 0;
                for (const event of texts) {
                    sum += event.newTokens;
                    expect(event.completionTokens).toBe(sum);
                }
                const all = sum + (subject.countsEndOfTurn ? 1 : 0);
                expect(end.tokens.completion).toBe(BigInt(all));
                expect(subject.generatedTokens() - before).toBe(all);
            });

            it('the same in each run', async () => {
                const one = await ask(engine, greedy(first.prompt));
                const two = await ask(engine, greedy(first.prompt));
                expect(two.end.tokens).toEqual(one.end.tokens);
            });

            it.each([1, 2, 5])('exactly %i tokens when that is the most', async (maxTokens) => {
                const { text, end } = await ask(engine, greedy(first.prompt, { maxTokens }));
                expect(end).toMatchObject({ finishReason: 'length', tokens: { completion: BigInt(maxTokens) } });
                expect(first.answer.startsWith(text)).toBe(true);
            });
        });

        describe('waits', () => {
            it('for the first next() before it does anything', async () => {
                const before = subject.generatedTokens();
                engine.chat(greedy(first.prompt), { signal: never() });
                await sleep(20);
                expect(engine.load).toEqual({ running: 0, waiting: 0 });
                expect(subject.generatedTokens()).toBe(before);
            });

            it('for a consumer that stops asking: no token is generated that nobody asked for', async () => {
                const before = subject.generatedTokens();
                const events = engine.chat(greedy(first.prompt), { signal: never() })[Symbol.asyncIterator]();
                const asked = 3;
                for (let i = 0; i < asked; i++) await events.next();
                await sleep(PauseMs);
                if (!engine.generatesAhead) {
                    expect(subject.generatedTokens() - before).toBeLessThanOrEqual(asked + Overshoot);
                }
                const rest = await drain(events);
                expect(rest.at(-1)).toMatchObject({ type: 'end', finishReason: 'stop' });
            });

            it('for a consumer that stops asking: what nobody asked for is neither given out nor counted', async () => {
                const abort = new AbortController();
                const events = engine.chat(greedy(first.prompt), { signal: abort.signal })[Symbol.asyncIterator]();
                const given = (await events.next()).value as TextEvent;
                await sleep(PauseMs);
                abort.abort();
                const [end, ...more] = await drain(events);
                expect(end).toMatchObject({
                    type: 'end',
                    finishReason: 'abort',
                    tokens: { completion: BigInt(given.completionTokens) },
                });
                expect(more).toEqual([]);
            });

            it('with one request and goes on with the others', async () => {
                const paused = engine.chat(greedy(first.prompt), { signal: never() })[Symbol.asyncIterator]();
                await paused.next();
                const { text } = await ask(engine, greedy(second.prompt));
                expect(text).toBe(second.answer);
                await paused.return?.();
            });

            it('for the promise of onStart before it evaluates the prompt', async () => {
                const before = subject.generatedTokens();
                let allow: () => void = () => undefined;
                const allowed = new Promise<void>((resolve) => (allow = resolve));
                const answer = ask(engine, greedy(first.prompt), { onStart: () => allowed });
                await sleep(50);
                expect(engine.load.running).toBe(1);
                expect(subject.generatedTokens()).toBe(before);
                allow();
                expect((await answer).text).toBe(first.answer);
            });
        });

        describe('gives the slot back', () => {
            it('when the signal fires, and counts what was given out until then', async () => {
                const abort = new AbortController();
                const events: ChatEvent[] = [];
                for await (const event of engine.chat(greedy(first.prompt), { signal: abort.signal })) {
                    events.push(event);
                    if (events.length === 3) abort.abort();
                }
                const given = events.filter(isText).reduce((sum, event) => sum + event.newTokens, 0);
                expect(events.at(-1)).toMatchObject({
                    type: 'end',
                    finishReason: 'abort',
                    tokens: { completion: BigInt(given) },
                });
                expect(events).toHaveLength(4);
            });

            it('when the signal fires in the middle of a step, and does not count the token of that step', async () => {
                const abort = new AbortController();
                const events = engine.chat(greedy(first.prompt), { signal: abort.signal })[Symbol.asyncIterator]();
                const given = [(await events.next()).value as ChatEvent];
                const step = events.next();
                abort.abort();
                given.push((await step).value as ChatEvent);
                if (engine.generatesAhead) {
                    // What had arrived before is given out at once, so that the step may have been over already.
                    given.push(...(await drain(events)));
                    expect(given.length).toBeLessThanOrEqual(3);
                } else {
                    expect(given.filter(isText)).toMatchObject([{ completionTokens: 1 }]);
                }
                expect(given.at(-1)).toMatchObject({
                    finishReason: 'abort',
                    tokens: { completion: BigInt(given.filter(isText).at(-1)!.completionTokens) },
                });
                await idle(engine);
            });

            it('when the signal fires while nobody is asking', async () => {
                const abort = new AbortController();
                const events = engine.chat(greedy(first.prompt), { signal: abort.signal })[Symbol.asyncIterator]();
                const { completionTokens } = (await events.next()).value as TextEvent;
                if (!engine.generatesAhead) expect(completionTokens).toBe(1);
                expect(engine.load.running).toBe(1);
                abort.abort();
                await idle(engine);
                expect((await events.next()).value).toMatchObject({
                    finishReason: 'abort',
                    tokens: { completion: BigInt(completionTokens) },
                });
                expect((await events.next()).done).toBe(true);
            });

            it('when the signal fires while onStart is waiting', async () => {
                const abort = new AbortController();
                const answer = ask(engine, greedy(first.prompt), {
                    signal: abort.signal,
                    onStart: () => new Promise(() => setTimeout(() => abort.abort(), 10)),
                });
                expect((await answer).end).toMatchObject({
                    finishReason: 'abort',
                    tokens: { prompt: 0n, completion: 0n },
                });
            });

            it('when the consumer leaves the loop', async () => {
                for await (const event of engine.chat(greedy(first.prompt), { signal: never() })) {
                    if (event.type === 'text') break;
                }
                await idle(engine);
            });

            it('when onStart throws, and passes its error on unchanged', async () => {
                const refusal = new Error('not paid');
                const refuse = () => {
                    throw refusal;
                };
                await expect(ask(engine, greedy(first.prompt), { onStart: refuse })).rejects.toBe(refusal);
                await expect(
                    ask(engine, greedy(first.prompt), { onStart: () => Promise.reject(refusal) }),
                ).rejects.toBe(refusal);
                await idle(engine);
            });
        });

        describe('queues', () => {
            it('requests beyond its slots, and answers all of them', async () => {
                const questions = Array.from({ length: Slots * 4 }, (_, i) => subject.known[i % subject.known.length]!);
                const answers = await Promise.all(questions.map(({ prompt }) => ask(engine, greedy(prompt))));
                expect(answers.map(({ text }) => text)).toEqual(questions.map(({ answer }) => answer));
            });

            it('in the order of arrival', async () => {
                const holders = await occupy(engine, greedy(first.prompt));
                const started: number[] = [];
                const answers = [0, 1, 2].map((i) =>
                    ask(engine, greedy(second.prompt), { onStart: () => void started.push(i) }),
                );
                await sleep(0);
                expect(engine.load).toEqual({ running: Slots, waiting: 3 });
                await holders[0]!.return?.();
                await Promise.all(answers);
                expect(started).toEqual([0, 1, 2]);
                await Promise.all(holders.map((holder) => holder.return?.()));
            });

            it('and lets a request go that is aborted while it waits', async () => {
                const holders = await occupy(engine, greedy(first.prompt));
                const abort = new AbortController();
                const started: number[] = [];
                const waiting = ask(engine, greedy(second.prompt), {
                    signal: abort.signal,
                    onStart: (tokens) => void started.push(tokens),
                });
                await sleep(0);
                abort.abort();
                const { end } = await waiting;
                expect(end).toEqual({
                    type: 'end',
                    finishReason: 'abort',
                    tokens: { prompt: 0n, cached: 0n, completion: 0n, reasoning: 0n },
                });
                expect(started).toEqual([]);
                expect(engine.load).toEqual({ running: Slots, waiting: 0 });
                await Promise.all(holders.map((holder) => holder.return?.()));
            });

            it('nothing of a request whose signal fired before', async () => {
                const { end } = await ask(engine, greedy(first.prompt), { signal: AbortSignal.abort() });
                expect(end.finishReason).toBe('abort');
            });
        });

        describe('stops', () => {
            it('before a stop string, of which nothing gets out', async () => {
                const { texts, text, end } = await ask(
                    engine,
                    greedy(first.prompt, { stop: [subject.wordInFirstAnswer] }),
                );
                expect(end.finishReason).toBe('stop');
                expect(text).toBe(first.answer.slice(0, first.answer.indexOf(subject.wordInFirstAnswer)));
                // Not even the beginning of it was given out before it was complete.
                expect(texts.map((event) => event.text).join('')).toBe(text);
            });

            it('at the earliest of several', async () => {
                const letters = subject.wordInFirstAnswer.slice(1);
                const { text } = await ask(engine, greedy(first.prompt, { stop: ['never said', letters] }));
                expect(text).toBe(first.answer.slice(0, first.answer.indexOf(letters)));
            });

            it('not at the beginning of a stop string that does not go on', async () => {
                const almost = `${subject.wordInFirstAnswer}~`;
                const { text } = await ask(engine, greedy(first.prompt, { stop: [almost] }));
                expect(text).toBe(first.answer);
            });

            it('and loses nothing of what it held back when the tokens are used up', async () => {
                const almost = [`${subject.wordInFirstAnswer}~`];
                for (let maxTokens = 1; maxTokens <= 10; maxTokens++) {
                    const plain = await ask(engine, greedy(first.prompt, { maxTokens }));
                    const held = await ask(engine, greedy(first.prompt, { maxTokens, stop: almost }));
                    expect(held.text).toBe(plain.text);
                }
            });

            it('also when the last words could have become one', async () => {
                const { text, end } = await ask(engine, greedy(first.prompt, { stop: [`${first.answer.slice(-3)}~`] }));
                expect(text).toBe(first.answer);
                expect(end.finishReason).toBe('stop');
            });
        });

        it('never cuts a character in two, whatever the model writes', async () => {
            const runs = [1, 2, 3, 4].map((seed) =>
                ask(engine, greedy('Привет! 👋🏽', { temperature: 2, seed, maxTokens: 40 })),
            );
            for (const { texts } of await Promise.all(runs)) {
                for (const { text } of texts) expect(text).not.toMatch(/\p{Surrogate}/u);
            }
        });

        describe('refuses', () => {
            it('a prompt that leaves no room for an answer, and says how long it is', async () => {
                const { contextLength } = engine.models[0]!;
                const request = greedy('word '.repeat(contextLength));
                const promptTokens = await engine.countPromptTokens(request);
                const error = await ask(engine, request).catch((thrown: unknown) => thrown);
                expect(error).toBeInstanceOf(ContextLengthError);
                expect(error).toMatchObject({ code: 'context_length_exceeded', promptTokens, contextLength });
            });

            it('a model that it does not serve', async () => {
                const request = greedy(first.prompt, { model: 'another' });
                await expect(ask(engine, request)).rejects.toBeInstanceOf(ModelNotFoundError);
                await expect(engine.countPromptTokens(request)).rejects.toBeInstanceOf(ModelNotFoundError);
                await expect(engine.embed('another', ['a'], { signal: never() })).rejects.toBeInstanceOf(
                    ModelNotFoundError,
                );
            });

            it.each<[string, Partial<ChatRequest>]>([
                ['temperature', { temperature: 2.5 }],
                ['temperature', { temperature: NaN }],
                ['topP', { topP: 0 }],
                ['maxTokens', { maxTokens: 0 }],
                ['maxTokens', { maxTokens: 1.5 }],
                ['topK', { topK: -1 }],
                ['seed', { seed: 0.5 }],
                ['stop', { stop: [''] }],
                ['presencePenalty', { presencePenalty: 3 }],
                ['frequencyPenalty', { frequencyPenalty: -3 }],
                ['messages', { messages: [] }],
            ])('a %s that is out of range: %j', async (parameter, wrong) => {
                const error = await ask(engine, greedy(first.prompt, wrong)).catch((thrown: unknown) => thrown);
                expect(error).toBeInstanceOf(InvalidRequestError);
                expect(error).toMatchObject({ code: 'invalid_request', parameter, requestFault: true });
            });
        });

        describe('embeds', () => {
            const texts = ['the review is on Friday', 'the cake', 'the review is on Friday'];

            it('each text into a vector of the right dimension and of length 1', async () => {
                const { vectors } = await engine.embed(subject.model, texts, { signal: never() });
                expect(vectors).toHaveLength(texts.length);
                for (const vector of vectors) {
                    expect(vector).toHaveLength(subject.embeddingDimension);
                    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
                }
                expect(engine.models[0]!.embeddingDimension).toBe(subject.embeddingDimension);
            });

            it('the same text the same, alone and among others, and another one differently', async () => {
                const { vectors } = await engine.embed(subject.model, texts, { signal: never() });
                const alone = await engine.embed(subject.model, [texts[0]!], { signal: never() });
                expect(vectors[0]).toEqual(vectors[2]);
                expect(alone.vectors[0]).toEqual(vectors[0]);
                expect(vectors[1]).not.toEqual(vectors[0]);
            });

            it('and counts the tokens of all texts', async () => {
                const counts = await Promise.all(
                    texts.map(async (text) => (await engine.embed(subject.model, [text], { signal: never() })).tokens),
                );
                const { tokens } = await engine.embed(subject.model, texts, { signal: never() });
                expect(tokens).toBe(counts.reduce((sum, count) => sum + count, 0));
                expect(tokens).toBeGreaterThan(0);
            });

            it('but not a text that is too long or empty, and not after the signal fired', async () => {
                const long = 'word '.repeat(engine.models[0]!.contextLength);
                const embed = (text: string, signal: AbortSignal) => engine.embed(subject.model, [text], { signal });
                await expect(embed(long, never())).rejects.toBeInstanceOf(ContextLengthError);
                await expect(embed('', never())).rejects.toBeInstanceOf(InvalidRequestError);
                await expect(embed('a', AbortSignal.abort())).rejects.toBeInstanceOf(AbortedError);
            });
        });

        it('closes: what runs is aborted, what waits is refused, what comes later too', async () => {
            const closing = await subject.create(1);
            const running = closing.chat(greedy(first.prompt), { signal: never() })[Symbol.asyncIterator]();
            await running.next();
            const waiting = ask(closing, greedy(second.prompt)).catch((error: unknown) => error);
            await sleep(0);
            await Promise.all([closing.close(), closing.close()]);
            expect((await running.next()).value).toMatchObject({ type: 'end', finishReason: 'abort' });
            expect(await waiting).toBeInstanceOf(EngineClosedError);
            await expect(ask(closing, greedy(first.prompt))).rejects.toBeInstanceOf(EngineClosedError);
        });
    });
}

export type Answer = { text: string; texts: TextEvent[]; end: EndEvent };

/** Asks and takes every event at once. */
export async function ask(
    engine: Engine,
    request: ChatRequest,
    options: Partial<GenerateOptions> = {},
): Promise<Answer> {
    const events = await drain(engine.chat(request, { signal: never(), ...options })[Symbol.asyncIterator]());
    const end = events.at(-1);
    if (end?.type !== 'end') throw new Error('The last event is not the end.');
    const texts = events.filter(isText);
    if (texts.length !== events.length - 1) throw new Error('There is more than one end.');
    return { text: texts.map(({ text }) => text).join(''), texts, end };
}

export async function drain(events: AsyncIterator<ChatEvent>): Promise<ChatEvent[]> {
    const taken: ChatEvent[] = [];
    for (let step = await events.next(); step.done !== true; step = await events.next()) taken.push(step.value);
    return taken;
}

/** Waits until no slot is held: a slot comes back only after it was cleaned. */
export async function idle(engine: Engine): Promise<void> {
    for (let i = 0; i < 200; i++) {
        if (engine.load.running === 0 && engine.load.waiting === 0) return;
        await sleep(5);
    }
    throw new Error(`The engine does not become idle: ${JSON.stringify(engine.load)}.`);
}

/** Takes all slots with requests that have given one event and wait for their consumer. */
async function occupy(engine: Engine, request: ChatRequest): Promise<AsyncIterator<ChatEvent>[]> {
    const holders = Array.from({ length: engine.slots }, () =>
        engine.chat(request, { signal: never() })[Symbol.asyncIterator](),
    );
    await Promise.all(holders.map((holder) => holder.next()));
    return holders;
}

export function never(): AbortSignal {
    return new AbortController().signal;
}

export function sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function isText(event: ChatEvent): event is TextEvent {
    return event.type === 'text';
}
