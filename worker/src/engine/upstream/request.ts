import { createHmac, randomBytes } from 'node:crypto';

import type { ChatMessage, ChatRequest, CompletionRequest, SamplingParameters } from '../engine';
import { InvalidRequestError, UnsupportedError } from '../errors';
import { asksForNothing, seedOf } from '../sampling';
import type { Dialect } from './dialect';
import { extraFields } from './extra-fields';

/** Fields of a message that are passed on by their own names. */
const MessageExtra = new Set(['name', 'tool_calls', 'tool_call_id', 'reasoning_content', 'reasoning', 'refusal']);

/** @returns messages as the OpenAI API has them. @throws {InvalidRequestError}, {UnsupportedError} */
export function messagesOf(request: ChatRequest): Record<string, unknown>[] {
    if (!Array.isArray(request.messages) || request.messages.length === 0) {
        throw new InvalidRequestError(`'messages' is empty. Send at least one message.`, 'messages');
    }
    return request.messages.map((message, index) => ({
        role: message.role,
        content: contentOf(message, index),
        ...extraOf(message, index),
    }));
}

/**
 * An image is a URL that a server would fetch, or bytes whose tokens nobody can count beforehand: text only. Parts are
 * joined here, because Ollama makes a message of each.
 */
function contentOf({ content }: ChatMessage, index: number): string | null {
    if (content === null || typeof content === 'string') return content;
    if (!Array.isArray(content) || content.some((part) => part?.type !== 'text' || typeof part.text !== 'string')) {
        throw new UnsupportedError(
            `The content of messages[${index}] is not text. This worker passes on only text.`,
            'messages',
        );
    }
    return content.map((part) => part.text as string).join('');
}

function extraOf({ extra }: ChatMessage, index: number): Record<string, unknown> {
    const fields = Object.entries(extra ?? {}).filter(([field, value]) => !asksForNothing(field, value));
    const unknown = fields.find(([field]) => !MessageExtra.has(field));
    if (unknown !== undefined) {
        throw new UnsupportedError(
            `The field '${unknown[0]}' of messages[${index}] is not passed on. Leave it out.`,
            'messages',
        );
    }
    return Object.fromEntries(fields);
}

/** Whether the last message is the assistant's, which is continued then. */
export function continues(request: ChatRequest): boolean {
    const last = request.messages.at(-1);
    return last?.role === 'assistant' && last.extra?.tool_calls === undefined;
}

/** Writes requests to a server. */
export class RequestWriter {
    /** The server shall not learn which session asks, only which requests belong together. */
    private readonly scopeKey = randomBytes(32);

    constructor(
        private readonly dialect: Dialect,
        private readonly model: string,
    ) {}

    /**
     * @param scope see `GenerateOptions.cacheScope`.
     * @throws {UnsupportedError} for a field that is not passed on. @throws {InvalidRequestError}
     */
    chat(request: ChatRequest, maxTokens: number, scope: string | undefined): Record<string, unknown> {
        return {
            ...this.common(request, maxTokens, scope),
            messages: messagesOf(request),
            ...(continues(request) ? this.dialect.prefill : {}),
            ...extraFields(request.extra, this.dialect),
        };
    }

    /** As `chat`, for a raw text. */
    complete(request: CompletionRequest, maxTokens: number, scope: string | undefined): Record<string, unknown> {
        if (typeof request.prompt !== 'string' || request.prompt === '') {
            throw new InvalidRequestError(`'prompt' is not a string, or is empty.`, 'prompt');
        }
        return {
            ...this.common(request, maxTokens, scope),
            prompt: request.prompt,
            ...extraFields(request.extra, this.dialect),
        };
    }

    private common(request: SamplingParameters, maxTokens: number, scope: string | undefined): Record<string, unknown> {
        const { runningCount, isolation, neutral, topK, kind } = this.dialect;
        if (request.topK && !topK) {
            throw new UnsupportedError(
                `The inference server of this worker (${kind}) has no 'top_k'. Leave it out.`,
                'top_k',
            );
        }
        return {
            model: this.model,
            stream: true,
            stream_options: { include_usage: true },
            ...runningCount,
            max_tokens: maxTokens,
            // What is left out would be the server's or the model's default, and not that of the OpenAI API.
            temperature: request.temperature ?? 1,
            top_p: request.topP ?? 1,
            ...neutral,
            ...(request.topK ? { top_k: request.topK } : {}),
            ...(request.seed === undefined ? {} : { seed: seedOf(request.seed) }),
            ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop: request.stop }),
            ...(request.presencePenalty === undefined ? {} : { presence_penalty: request.presencePenalty }),
            ...(request.frequencyPenalty === undefined ? {} : { frequency_penalty: request.frequencyPenalty }),
            ...isolation?.(this.scopeName(scope)),
        };
    }

    private scopeName(scope: string | undefined): string {
        return scope === undefined
            ? randomBytes(24).toString('base64url')
            : createHmac('sha256', this.scopeKey).update(scope).digest('base64url');
    }
}
