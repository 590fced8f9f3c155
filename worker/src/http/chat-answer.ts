import { randomBytes } from 'node:crypto';
import { Tokens } from '@ton-compute/contracts';

import { FinishReason, TextEvent } from '../engine/engine';

/** Token counts as OpenAI shows them. */
export type Usage = {
    prompt_tokens: number;
    completion_tokens: number;
    total_tokens: number;
    prompt_tokens_details: { cached_tokens: number };
    completion_tokens_details: { reasoning_tokens: number };
};

export function usageOf(tokens: Tokens): Usage {
    const prompt = Number(tokens.prompt + tokens.cached);
    const completion = Number(tokens.completion + tokens.reasoning);
    return {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        prompt_tokens_details: { cached_tokens: Number(tokens.cached) },
        completion_tokens_details: { reasoning_tokens: Number(tokens.reasoning) },
    };
}

/** Writes the JSON of one chat completion, whole or in chunks. */
export class ChatFormatter {
    private readonly head: { id: string; created: number; model: string };
    private first = true;

    /** @param created unix seconds. */
    constructor(
        model: string,
        created: number,
        /** Whether a stream ends with the usage. */
        private readonly includeUsage: boolean,
    ) {
        this.head = { id: `chatcmpl-${randomBytes(12).toString('hex')}`, created, model };
    }

    /** @returns the event of one step of the generation; empty when it has nothing to tell. */
    chunk(event: TextEvent): string {
        if (event.text === '' && event.extra === undefined && !this.first) {
            return '';
        }
        const role = this.first ? { role: 'assistant' } : {};
        this.first = false;
        return this.event([{ index: 0, delta: { ...role, content: event.text, ...event.extra }, finish_reason: null }]);
    }

    /** @returns the events after the text: why it ended and, if asked for, what it used. */
    ending(finishReason: FinishReason, tokens: Tokens): string {
        const last = this.event([{ index: 0, delta: {}, finish_reason: finishReason }]);
        return this.includeUsage ? last + this.event([], usageOf(tokens)) : last;
    }

    /** @returns the body of an answer that is not streamed. */
    whole(text: string, finishReason: FinishReason | null, tokens: Tokens): Record<string, unknown> {
        const message = { role: 'assistant', content: text, refusal: null };
        return {
            id: this.head.id,
            object: 'chat.completion',
            created: this.head.created,
            model: this.head.model,
            choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
            usage: usageOf(tokens),
        };
    }

    private event(choices: unknown[], usage: Usage | null = null): string {
        const body = {
            id: this.head.id,
            object: 'chat.completion.chunk',
            created: this.head.created,
            model: this.head.model,
            choices,
            ...(this.includeUsage ? { usage } : {}),
        };
        return sseEvent(body);
    }
}

/** The last event of a stream that is complete. */
export const StreamEnd = 'data: [DONE]\n\n';

/** @returns an event of an event stream. */
export function sseEvent(body: unknown): string {
    return `data: ${JSON.stringify(body)}\n\n`;
}
