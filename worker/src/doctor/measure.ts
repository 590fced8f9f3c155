import { ChatEvent, Engine } from '../engine';

/** Generated tokens in a second. */
export type Speed = {
    /** Of one request alone. */
    single: number;
    /** Of all slots together. */
    all: number;
    slots: number;
    /** Seconds from a request to its first token, with nothing else running. */
    firstToken: number;
};

export type MeasureOptions = {
    /** Seconds for each of the two measurements; a slow model takes as long as `LeastTokens` need. */
    seconds: number;
    signal: AbortSignal;
};

/** A figure from fewer tokens would be chance. */
const LeastTokens = 8;
const AnswerTokens = 64;
const Task = 'Count from one to one hundred in words.';

/**
 * Measures what an engine generates, first one request at a time, then in all slots at once.
 * @throws errors of the engine, unchanged.
 */
export async function measureSpeed(engine: Engine, { seconds, signal }: MeasureOptions): Promise<Speed> {
    // The first request pays for what is compiled and allocated once.
    await generate(engine, performance.now(), signal);
    const single = await load(engine, 1, seconds, signal);
    const all = engine.slots === 1 ? single : await load(engine, engine.slots, seconds, signal);
    return { single: single.rate, all: all.rate, slots: engine.slots, firstToken: single.firstToken };
}

async function load(engine: Engine, streams: number, seconds: number, signal: AbortSignal) {
    const begin = performance.now();
    const end = begin + seconds * 1000;
    let tokens = 0;
    let firstToken = Infinity;
    const stream = async () => {
        do {
            const answer = await generate(engine, end, signal);
            tokens += answer.tokens;
            firstToken = Math.min(firstToken, answer.firstToken);
        } while (performance.now() < end && !signal.aborted);
    };
    await Promise.all(Array.from({ length: streams }, stream));
    return { rate: tokens / ((performance.now() - begin) / 1000), firstToken };
}

/** One answer, left as soon as the time is up and enough was generated. */
async function generate(engine: Engine, end: number, signal: AbortSignal) {
    const begin = performance.now();
    let firstToken = Infinity;
    let tokens = 0;
    for await (const event of answer(engine, signal)) {
        if (event.type === 'end') {
            tokens = Number(event.tokens.completion);
            break;
        }
        firstToken = Math.min(firstToken, (performance.now() - begin) / 1000);
        tokens = event.completionTokens;
        if (tokens >= LeastTokens && performance.now() >= end) {
            break;
        }
    }
    signal.throwIfAborted();
    return { tokens, firstToken };
}

function answer(engine: Engine, signal: AbortSignal): AsyncIterable<ChatEvent> {
    const [model] = engine.models;
    const shared = { model: model.id, maxTokens: AnswerTokens, temperature: 0 };
    return model.supports.chat
        ? engine.chat({ ...shared, messages: [{ role: 'user', content: Task }] }, { signal })
        : engine.complete({ ...shared, prompt: Task }, { signal });
}
