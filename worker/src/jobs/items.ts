import { JobInstructions, JobItem, JobItemResult, openContent, parseItem } from '@ton-compute/protocol';

import { engineWireError } from '../engine-errors';
import { AbortedError, ChatRequest, Engine, EngineClosedError, EngineError, EngineModel } from '../engine/engine';
import { parseChatRequest } from '../http/chat-request';
import { parseEmbeddingsRequest } from '../http/embeddings-request';
import { WireError } from '../wire-error';
import { TokenBudget } from './budget';

/** Times that the engine may fail at an item for reasons of its own. */
const Attempts = 3;

/** An item that was done, or cannot be done. */
export type ItemOutcome = { result: JobItemResult; promptTokens: number; completionTokens: number };

export type ItemWork = { engine: Engine; model: EngineModel; instructions: JobInstructions; budget: TokenBudget; signal: AbortSignal };

/**
 * Does one item. Whatever is wrong with the item itself becomes its result.
 * @throws {AbortedError}, {EngineClosedError} when the worker stops: then the item has no result.
 */
export async function doItem(work: ItemWork, contentKey: Buffer, index: number, sealed: Buffer): Promise<ItemOutcome> {
    for (let attempt = 1; ; attempt += 1) {
        try {
            const item = openItem(work.instructions.task, contentKey, index, sealed);
            return await ('input' in item ? embed(work, item.input) : chat(work, item));
        } catch (error) {
            if (work.signal.aborted || error instanceof EngineClosedError) {
                throw error instanceof EngineClosedError ? error : new AbortedError();
            }
            const passing = error instanceof EngineError && !error.requestFault;
            if (!passing || attempt === Attempts) {
                return failed(error);
            }
        }
    }
}

/** @returns the body of a chat completion: the client's parameters, without what is ours to say. */
export function chatBody(model: string, { system, parameters }: JobInstructions, messages: readonly unknown[]): Uint8Array {
    const first = system === '' ? [] : [{ role: 'system', content: system }];
    const { stream: _, stream_options: __, ...rest } = parameters;
    return Buffer.from(JSON.stringify({ ...rest, model, messages: [...first, ...messages] }), 'utf8');
}

function openItem(task: JobInstructions['task'], contentKey: Buffer, index: number, sealed: Buffer): JobItem {
    let plain: Buffer;
    try {
        plain = openContent(contentKey, 'input', index, sealed);
    } catch {
        throw new WireError('cannot_open', 'The item does not open under the key of the job.');
    }
    try {
        return parseItem(task, plain);
    } catch {
        throw new WireError('invalid_request', `The item is not JSON as a ${task} job expects it.`);
    }
}

async function chat({ engine, model, instructions, budget, signal }: ItemWork, item: Exclude<JobItem, { input: string }>): Promise<ItemOutcome> {
    const messages = 'messages' in item ? item.messages : [{ role: 'user', content: item.prompt }];
    const { request, maxTokens } = parseChatRequest(chatBody(model.id, instructions, messages));
    const promptTokens = await engine.countPromptTokens(request);
    if (promptTokens >= model.contextLength) {
        throw new WireError(
            'context_length_exceeded',
            `The item has ${promptTokens} tokens, but the model's context holds ${model.contextLength} for input and output together.`,
        );
    }
    const most = Math.min(maxTokens ?? model.contextLength, model.contextLength - promptTokens);
    const share = budget.take(promptTokens, most);
    const limited = { ...request, maxTokens: share.completionTokens };
    const answer = await generate(engine, limited, signal).catch((error: unknown) => {
        share.release(0, 0);
        throw error;
    });
    const { content, finishReason, completionTokens } = answer;
    share.release(promptTokens, completionTokens);
    return { result: { status: 'ok', content, finishReason, promptTokens, completionTokens }, promptTokens, completionTokens };
}

async function generate(engine: Engine, request: ChatRequest, signal: AbortSignal) {
    let content = '';
    for await (const event of engine.chat(request, { signal })) {
        if (event.type === 'text') {
            content += event.text;
        } else if (event.finishReason === 'abort') {
            break;
        } else {
            const { completion, reasoning } = event.tokens;
            return { content, finishReason: event.finishReason, completionTokens: Number(completion + reasoning) };
        }
    }
    throw new AbortedError();
}

async function embed({ engine, model, budget, signal }: ItemWork, input: string): Promise<ItemOutcome> {
    const { inputs } = parseEmbeddingsRequest(Buffer.from(JSON.stringify({ model: model.id, input }), 'utf8'));
    const share = budget.take(await engine.countPromptTokens({ model: model.id, prompt: input }), 0);
    const { vectors, tokens } = await engine.embed(model.id, inputs, { signal }).catch((error: unknown) => {
        share.release(0, 0);
        throw error;
    });
    return {
        result: { status: 'ok', embedding: Array.from(vectors[0]), promptTokens: tokens },
        promptTokens: tokens,
        completionTokens: 0,
    };
}

/** Messages of our own errors quote nothing; of any other error only the kind is told. */
function failed(error: unknown): ItemOutcome {
    const { code, message } = engineWireError(error);
    return { result: { status: 'error', code, message }, promptTokens: 0, completionTokens: 0 };
}
