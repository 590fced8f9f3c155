import { z } from 'zod';

import { ChatMessage, ChatRequest } from '../engine/engine';
import { parseBody } from './request-body';

const TextPart = z.looseObject({
    type: z.literal('text', { error: "expected 'text': this worker reads only text" }),
    text: z.string(),
});

const Content = z.union([z.string(), z.array(TextPart).min(1)], {
    error: "expected a string, or a list of parts of type 'text'",
});

const Message = z.looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant'], {
        error: "expected 'system', 'developer', 'user' or 'assistant'",
    }),
    content: Content,
    tool_calls: z.null({ error: 'tool calls are not supported' }).optional(),
});

const ChatBody = z.looseObject({
    model: z.string(),
    messages: z.array(Message).min(1),
    max_tokens: z.int().min(1).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    n: z.literal(1, { error: 'expected 1: this worker gives one answer to a request' }).nullish(),
    seed: z.int().nullish(),
    stop: z
        .union([z.string().min(1), z.array(z.string().min(1)).max(16)], {
            error: 'expected a string, or up to 16 of them, none empty',
        })
        .nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});

/** Fields that only concern a provider's own book-keeping: they are accepted and have no effect. */
const WithoutEffect = new Set([
    'user',
    'metadata',
    'store',
    'service_tier',
    'safety_identifier',
    'prompt_cache_key',
    'prompt_cache_retention',
]);

/** A chat completion request, checked. */
export type ChatParameters = {
    request: ChatRequest;
    /** Most tokens of the answer that the client asked for; null for none. */
    maxTokens: number | null;
    stream: boolean;
    /** Whether a stream ends with the usage. */
    includeUsage: boolean;
};

/**
 * @param body plaintext JSON.
 * @throws {WireError} invalid_request, with the field at fault as `param`.
 */
export function parseChatRequest(body: Uint8Array): ChatParameters {
    const fields = parseBody(body, ChatBody);
    const known = new Set(Object.keys(ChatBody.shape));
    const extra = Object.fromEntries(
        Object.entries(fields).filter(([name]) => !known.has(name) && !WithoutEffect.has(name)),
    );
    const stop = fields.stop ?? undefined;
    return {
        request: {
            model: fields.model,
            messages: fields.messages.map(
                ({ role, content }): ChatMessage => ({ role: role === 'developer' ? 'system' : role, content }),
            ),
            temperature: fields.temperature ?? undefined,
            topP: fields.top_p ?? undefined,
            topK: fields.top_k ?? undefined,
            seed: fields.seed ?? undefined,
            stop: typeof stop === 'string' ? [stop] : stop,
            presencePenalty: fields.presence_penalty ?? undefined,
            frequencyPenalty: fields.frequency_penalty ?? undefined,
            extra,
        },
        maxTokens: fields.max_completion_tokens ?? fields.max_tokens ?? null,
        stream: fields.stream ?? false,
        includeUsage: fields.stream_options?.include_usage ?? false,
    };
}
