import type { FinishReason } from '../engine';
import { EngineFailedError } from '../errors';

/** Counts of an answer as a server states them; a count that it does not state is null. */
export type StatedUsage = { prompt: number | null; cached: number; completion: number; reasoning: number | null };

/** What one event of a stream says. */
export type Chunk = {
    text: string;
    /** Fields of the delta other than its text and role; undefined when there are none. */
    extra: Record<string, unknown> | undefined;
    /** Fields beside the delta (logprobs); undefined when there are none. */
    choice: Record<string, unknown> | undefined;
    finishReason: FinishReason | null;
    usage: StatedUsage | null;
    /** Tokens generated so far, where the server states them with each piece. */
    generated: number | null;
};

/** Of a choice, what is passed on beside the delta: the other fields differ from server to server. */
const ChoiceField = 'logprobs';

/** Of a delta, what is not passed on by its own name. */
const DeltaFields = new Set(['role', 'content']);

/**
 * @param data of an event other than [DONE].
 * @throws {EngineFailedError} for an error of the server in mid-stream, and for what is no chunk.
 */
export function parseChunk(data: string): Chunk {
    const body = parse(data);
    if ((body.error !== undefined && body.error !== null) || body.object === 'error') {
        throw new EngineFailedError('The inference server broke off its answer with an error. Look at its log.');
    }
    const usage = parseUsage(body.usage);
    const generated = usage?.completion ?? predicted(body.timings);
    const first = firstChoice(body.choices);
    if (first === undefined) {
        return { text: '', extra: undefined, choice: undefined, finishReason: null, usage, generated };
    }
    const { text, extra } = parseDelta(first);
    const logprobs = first[ChoiceField];
    const choice = logprobs === undefined || logprobs === null ? undefined : { [ChoiceField]: logprobs };
    return { text, extra, choice, finishReason: finishOf(first.finish_reason), usage, generated };
}

function parse(data: string): Record<string, unknown> {
    try {
        const body: unknown = JSON.parse(data);
        if (typeof body === 'object' && body !== null) return body as Record<string, unknown>;
    } catch {
        // The parser's message would quote the answer.
    }
    throw new EngineFailedError('The inference server sent an event that is no JSON object. Look at its log.');
}

/** One answer is asked for; whatever has another index belongs to none. */
function firstChoice(choices: unknown): Record<string, unknown> | undefined {
    if (!Array.isArray(choices)) return undefined;
    return choices.find((each) => typeof each === 'object' && each !== null && (each.index ?? 0) === 0);
}

function parseDelta(choice: Record<string, unknown>): Pick<Chunk, 'text' | 'extra'> {
    if (typeof choice.text === 'string') return { text: choice.text, extra: undefined };
    const { delta } = choice;
    if (typeof delta !== 'object' || delta === null) return { text: '', extra: undefined };
    const { content } = delta as { content?: unknown };
    return { text: typeof content === 'string' ? content : '', extra: extraOf(delta as Record<string, unknown>) };
}

/** @returns the fields that say something. */
function extraOf(delta: Record<string, unknown>): Record<string, unknown> | undefined {
    let found: Record<string, unknown> | undefined;
    for (const name in delta) {
        if (DeltaFields.has(name) || saysNothing(delta[name])) continue;
        found ??= {};
        found[name] = delta[name];
    }
    return found;
}

function saysNothing(value: unknown): boolean {
    return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function finishOf(reason: unknown): FinishReason | null {
    switch (reason) {
        case null:
        case undefined:
        case '':
            return null;
        case 'length':
        case 'tool_calls':
        case 'content_filter':
            return reason;
        case 'function_call':
            return 'tool_calls';
        default:
            return 'stop';
    }
}

/** @param value the field `usage`. @returns null when nothing, or nothing that can be meant, is stated. */
export function parseUsage(value: unknown): StatedUsage | null {
    if (!isObject(value)) return null;
    const completion = count(value.completion_tokens);
    if (completion === null) return null;
    const prompt = isObject(value.prompt_tokens_details) ? value.prompt_tokens_details : {};
    const answer = isObject(value.completion_tokens_details) ? value.completion_tokens_details : {};
    return {
        prompt: count(value.prompt_tokens),
        cached: count(prompt.cached_tokens) ?? 0,
        completion,
        // SGLang states it beside the others, and 0 also for models whose reasoning it does not know.
        reasoning: count(answer.reasoning_tokens) ?? (count(value.reasoning_tokens) || null),
    };
}

/** @param timings of llama.cpp, which has them in place of a running usage. */
function predicted(timings: unknown): number | null {
    return isObject(timings) ? count(timings.predicted_n) : null;
}

/** @returns a number of tokens; null for whatever is none. */
export function count(value: unknown): number | null {
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null;
}
