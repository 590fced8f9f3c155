import { parseInteger, parseObject, parseString } from '../parsing';
import { WireFormatError } from '../wire-error';

/**
 * What a client tells the awarded worker, sealed: what to do with each item, and where the output goes. Parameters are
 * those of the OpenAI API, and mean the same.
 */
export type JobInstructions = {
    version: 1;
    /** The same as the specification's task, as text. */
    task: 'chat' | 'embeddings';
    /** Chat: a system message before each item; may be empty. */
    system: string;
    /** Chat: sampling, as in a chat completion without `messages`, `model`, `stream`; `max_tokens` is obligatory. */
    parameters: Record<string, unknown> & { max_tokens?: number };
    /** Where the sealed output goes, and where it can be read back. */
    output: { writeUrl: string; readUrl: string };
};

/** One item of the input, sealed. Chat: a prompt, or messages as of a chat completion; embeddings: a text. */
export type JobItem = { prompt: string } | { messages: unknown[] } | { input: string };

/** What became of one item, sealed. An item that cannot be done does not spoil the others: it says why. */
export type JobItemResult =
    | { status: 'ok'; content: string; finishReason: string; promptTokens: number; completionTokens: number }
    | { status: 'ok'; embedding: number[]; promptTokens: number }
    | { status: 'error'; code: string; message: string };

/** @throws WireFormatError when the bytes are not instructions. */
export function parseInstructions(bytes: Uint8Array): JobInstructions {
    const value = parseObject(parseJson(bytes, 'instructions'), 'instructions');
    parseInteger(value.version, 'instructions.version', 1, 1);
    const task = parseString(value.task, 'instructions.task');
    if (task !== 'chat' && task !== 'embeddings') {
        throw new WireFormatError('instructions.task', 'instructions.task: expected "chat" or "embeddings"');
    }
    const parameters = parseObject(value.parameters, 'instructions.parameters');
    if (task === 'chat') {
        parseInteger(parameters.max_tokens, 'instructions.parameters.max_tokens', 1, 1_000_000);
    }
    const output = parseObject(value.output, 'instructions.output');
    return {
        version: 1,
        task,
        system: parseString(value.system, 'instructions.system'),
        parameters,
        output: {
            writeUrl: parseString(output.writeUrl, 'instructions.output.writeUrl'),
            readUrl: parseString(output.readUrl, 'instructions.output.readUrl'),
        },
    };
}

/** @throws WireFormatError when the bytes are not an item of this task. */
export function parseItem(task: JobInstructions['task'], bytes: Uint8Array): JobItem {
    const value = parseObject(parseJson(bytes, 'item'), 'item');
    if (task === 'embeddings') {
        return { input: parseString(value.input, 'item.input') };
    }
    if (Array.isArray(value.messages)) {
        return { messages: value.messages };
    }
    return { prompt: parseString(value.prompt, 'item.prompt') };
}

/** @returns instructions, an item or a result as the bytes that are sealed. */
export function packJson(value: JobInstructions | JobItem | JobItemResult): Buffer {
    return Buffer.from(JSON.stringify(value), 'utf8');
}

/** @throws WireFormatError when the bytes are not a result. */
export function parseItemResult(bytes: Uint8Array): JobItemResult {
    const value = parseObject(parseJson(bytes, 'result'), 'result');
    const count = (field: string) => parseInteger(value[field], `result.${field}`, 0, Number.MAX_SAFE_INTEGER);
    if (value.status === 'error') {
        return { status: 'error', code: parseString(value.code, 'result.code'), message: parseString(value.message, 'result.message') };
    }
    if (value.status !== 'ok') {
        throw new WireFormatError('result.status', 'result.status: expected "ok" or "error"');
    }
    if (Array.isArray(value.embedding)) {
        if (!value.embedding.every((each) => typeof each === 'number')) {
            throw new WireFormatError('result.embedding', 'result.embedding: expected numbers');
        }
        return { status: 'ok', embedding: value.embedding as number[], promptTokens: count('promptTokens') };
    }
    return {
        status: 'ok',
        content: parseString(value.content, 'result.content'),
        finishReason: parseString(value.finishReason, 'result.finishReason'),
        promptTokens: count('promptTokens'),
        completionTokens: count('completionTokens'),
    };
}

function parseJson(bytes: Uint8Array, field: string): unknown {
    try {
        return JSON.parse(Buffer.from(bytes).toString('utf8'));
    } catch {
        throw new WireFormatError(field, `${field}: expected JSON.`);
    }
}
