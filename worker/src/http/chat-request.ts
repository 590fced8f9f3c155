import { z } from 'zod';

import { ChatMessage, ChatRequest, ContentPart } from '../engine/engine';
import { ChatExtra, extraFields } from './extra-fields';
import { deliveryOf, GenerationFields, GenerationParameters, samplingOf } from './generation-request';
import { parseBody } from './request-body';

const Part = z.looseObject({ type: z.string() }).refine((part) => part.type !== 'text' || typeof part.text === 'string', {
    error: "expected a text in a part of type 'text'",
});

const Content = z.union([z.string(), z.array(Part).min(1)], {
    error: "expected a string, or a list of parts, each with a 'type'",
});

const Calls = z.array(z.looseObject({}), { error: 'expected a list of calls' });

/** What an assistant said besides text: each may stand in the place of the content. */
const InsteadOfContent = ['tool_calls', 'function_call', 'refusal', 'audio'];

const Message = z
    .looseObject({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool'], {
            error: "expected 'system', 'developer', 'user', 'assistant' or 'tool'",
        }),
        content: Content.nullish(),
        tool_calls: Calls.nullish(),
    })
    .superRefine((message, issues) => {
        const called = message.role === 'assistant' && InsteadOfContent.some((name) => asksForSomething(message[name]));
        if (typeof message.content !== 'string' && !Array.isArray(message.content) && !called) {
            issues.addIssue({ code: 'custom', path: ['content'], message: 'expected a string, or a list of parts' });
        }
        if (message.role === 'tool' && typeof message.tool_call_id !== 'string') {
            issues.addIssue({ code: 'custom', path: ['tool_call_id'], message: 'expected the id of the call' });
        }
    });

const OwnFields = {
    ...GenerationFields,
    messages: z.array(Message).min(1),
    max_completion_tokens: z.int().min(1).nullish(),
};
const ChatBody = z.looseObject({ ...ChatExtra, ...OwnFields });

/** A chat completion request, checked. */
export type ChatParameters = GenerationParameters<ChatRequest>;

/**
 * @param body plaintext JSON.
 * @throws {WireError} invalid_request, with the field at fault as `param`.
 */
export function parseChatRequest(body: Uint8Array): ChatParameters {
    const fields = parseBody(body, ChatBody);
    return {
        request: {
            ...samplingOf(fields),
            model: fields.model,
            messages: fields.messages.map(messageOf),
            extra: extraFields(fields, OwnFields, ChatExtra),
        },
        maxTokens: fields.max_completion_tokens ?? fields.max_tokens ?? null,
        ...deliveryOf(fields),
    };
}

/** Clients send answers back as they got them: fields that say nothing are left out, whoever invented them. */
function messageOf({ role, content, ...rest }: z.output<typeof Message>): ChatMessage {
    const extra = Object.fromEntries(Object.entries(rest).filter(([, value]) => asksForSomething(value)));
    return {
        role: role === 'developer' ? 'system' : role,
        content: (content ?? null) as string | ContentPart[] | null,
        ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
}

function asksForSomething(value: unknown): boolean {
    return Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined;
}
