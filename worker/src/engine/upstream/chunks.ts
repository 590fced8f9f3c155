import type { FinishReason } from '../engine';
import { EngineFailedError } from '../errors';

/** Counts of an answer as a server states them; a count that it does not state is null. */
export type StatedUsage = { prompt: number | null; cached: number; completion: number; reasoning: number };

/** What one event of a stream says. */
export type Chunk = {
    text: string;
    /** Fields of the delta other than its text and role; undefined when there are none. */
    extra: Record<string, unknown> | undefined;
    /** Fields beside the delta (logprobs); undefined when there are none. */
    choice: Record<string, unknown> | undefined;
    finishReason: FinishReason | null;
    usage: StatedUsage | null;
};

/** Of a choice, what is not passed on: it is ours to say, or of no use to a client. */
const OwnFields = new Set(['index', 'delta', 'text', 'finish_reason', 'stop_reason', 'matched_stop', 'token_ids', 'prompt_token_ids']);

/**
 * @param data of an event other than [DONE].
 * @throws {EngineFailedError} for an error of the server in mid-stream, and for what is no chunk.
 */
export function parseChunk(data: string): Chunk {
    const body = parse(data);
    if ('error' in body && body.error !== null) {
        throw new EngineFailedError('The inference server broke off its answer with an error. Look at its log.');
    }
    const choices = Array.isArray(body.choices) ? (body.choices as Record<string, unknown>[]) : [];
    const first = choices.find((each) => each.index === 0 || each.index === undefined);
    const usage = parseUsage(body.usage);
    if (first === undefined) {
        return { text: '', extra: undefined, choice: undefined, finishReason: null, usage };
    }
    const { text, extra } = parseDelta(first);
    return { text, extra, choice: rest(first, OwnFields), finishReason: finishOf(first.finish_reason), usage };
}

function parse(data: string): Record<string, unknown> {
    try {
        const body: unknown = JSON.parse(data);
        if (typeof body === 'object' && body !== null) return body as Record<string, unknown>;
    } catch {
        // The parser's message would quote the answer.
    }
    throw new EngineFailedError('The inference server sent an event that is no JSON object.');
}

const DeltaFields = new Set(['role', 'content']);

function parseDelta(choice: Record<string, unknown>): Pick<Chunk, 'text' | 'extra'> {
    if (typeof choice.text === 'string') return { text: choice.text, extra: undefined };
    const delta = choice.delta;
    if (typeof delta !== 'object' || delta === null) return { text: '', extra: undefined };
    const { content } = delta as { content?: unknown };
    return { text: typeof content === 'string' ? content : '', extra: rest(delta as Record<string, unknown>, DeltaFields) };
}

/** @returns the fields that say something, without those of `known`. */
function rest(fields: Record<string, unknown>, known: ReadonlySet<string>): Record<string, unknown> | undefined {
    let found: Record<string, unknown> | undefined;
    for (const name in fields) {
        const value = fields[name];
        if (known.has(name) || value === null || value === undefined || (Array.isArray(value) && value.length === 0)) continue;
        found ??= {};
        found[name] = value;
    }
    return found;
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
    if (typeof value !== 'object' || value === null) return null;
    const usage = value as Record<string, unknown>;
    const details = (name: string) => (usage[name] ?? {}) as Record<string, unknown>;
    const completion = count(usage.completion_tokens);
    if (completion === null) return null;
    return {
        prompt: count(usage.prompt_tokens),
        cached: count(details('prompt_tokens_details').cached_tokens) ?? 0,
        completion,
        // SGLang states it beside the others.
        reasoning: count(details('completion_tokens_details').reasoning_tokens) ?? count(usage.reasoning_tokens) ?? 0,
    };
}

function count(value: unknown): number | null {
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
