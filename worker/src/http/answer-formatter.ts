import { randomBytes } from 'node:crypto';
import { Tokens } from '@ton-compute/contracts';

import { FinishReason, TextEvent } from '../engine/engine';
import { AnswerFold } from './answer-fold';

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

/** What an answer consists of when it is complete. */
export type WholeText = {
    text: string;
    /** Fields of all deltas besides the text, put together. */
    extra: Record<string, unknown>;
    /** Fields of the choice besides the deltas, put together. */
    choice: Record<string, unknown>;
};

/** In what one route's JSON differs from another's. */
export interface AnswerShape {
    readonly idPrefix: string;
    /** `object` of an event and of a whole answer. */
    readonly eventObject: string;
    readonly wholeObject: string;
    /** @returns the choice of one step of a stream, without `finish_reason`; null when it has nothing to tell. */
    step(event: TextEvent, first: boolean): Record<string, unknown> | null;
    /** @returns the choice of the last step, without `finish_reason`. */
    last(): Record<string, unknown>;
    /** @returns the choice of an answer that is not streamed, without `finish_reason`. */
    whole(answer: WholeText): Record<string, unknown>;
}

/** Writes the JSON of one answer, whole or in events. */
export class AnswerFormatter {
    private readonly head: { id: string; created: number; model: string };
    private first = true;
    private text = '';
    private readonly extra = new AnswerFold();
    private readonly choice = new AnswerFold();

    /** @param created unix seconds. */
    constructor(
        private readonly shape: AnswerShape,
        model: string,
        created: number,
        /** Whether a stream ends with the usage. */
        private readonly includeUsage: boolean,
    ) {
        this.head = { id: `${shape.idPrefix}-${randomBytes(12).toString('hex')}`, created, model };
    }

    /** @returns the event of one step of the generation; empty when it has nothing to tell. */
    event(event: TextEvent): string {
        const choice = this.shape.step(event, this.first);
        this.first = false;
        return choice === null ? '' : this.write([{ index: 0, ...choice, finish_reason: null }]);
    }

    /** @returns the events after the text: why it ended and, if asked for, what it used. */
    ending(finishReason: FinishReason, tokens: Tokens): string {
        const last = this.write([{ index: 0, ...this.shape.last(), finish_reason: finishReason }]);
        return this.includeUsage ? last + this.write([], usageOf(tokens)) : last;
    }

    /** Keeps one step of the generation for an answer that is not streamed. */
    add(event: TextEvent): void {
        this.text += event.text;
        this.extra.add(event.extra ?? {});
        this.choice.add(event.choice ?? {});
    }

    /** @returns the body of an answer that is not streamed. @param finishReason null: it ended before its end. */
    whole(finishReason: FinishReason | null, tokens: Tokens): Record<string, unknown> {
        const answer = { text: this.text, extra: this.extra.whole, choice: this.choice.whole };
        return {
            ...this.named(this.shape.wholeObject),
            choices: [{ index: 0, ...this.shape.whole(answer), finish_reason: finishReason }],
            usage: usageOf(tokens),
        };
    }

    private write(choices: unknown[], usage: Usage | null = null): string {
        return sseEvent({
            ...this.named(this.shape.eventObject),
            choices,
            ...(this.includeUsage ? { usage } : {}),
        });
    }

    private named(object: string): Record<string, unknown> {
        const { id, created, model } = this.head;
        return { id, object, created, model };
    }
}

/** The last event of a stream that is complete. */
export const StreamEnd = 'data: [DONE]\n\n';

/** @returns an event of an event stream. */
export function sseEvent(body: unknown): string {
    return `data: ${JSON.stringify(body)}\n\n`;
}
