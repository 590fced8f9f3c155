import { z } from 'zod';

import { ChatRequest, CompletionRequest, SamplingParameters } from '../engine/engine';

/** A request for text, checked. */
export type GenerationParameters<Request extends ChatRequest | CompletionRequest = ChatRequest | CompletionRequest> = {
    request: Request;
    /** Most tokens of the answer that the client asked for; null for none. */
    maxTokens: number | null;
    stream: boolean;
    /** Whether a stream ends with the usage. */
    includeUsage: boolean;
};

/** @returns a schema for a field whose only value is what happens anyway. */
export function nothingBut<T extends string | number | boolean>(value: T, reason: string) {
    return z.literal(value, { error: `expected ${JSON.stringify(value)}: ${reason}` }).nullish();
}

/** Fields that chat and text completions share. */
export const GenerationFields = {
    model: z.string(),
    max_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    n: nothingBut(1, 'this worker gives one answer to a request'),
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
};

type GenerationBody = z.output<z.ZodObject<typeof GenerationFields>>;

/** @returns how a body wants its answer sampled, as the engine names it. */
export function samplingOf(fields: GenerationBody): SamplingParameters {
    const stop = fields.stop ?? undefined;
    return {
        temperature: fields.temperature ?? undefined,
        topP: fields.top_p ?? undefined,
        topK: fields.top_k ?? undefined,
        seed: fields.seed ?? undefined,
        stop: typeof stop === 'string' ? [stop] : stop,
        presencePenalty: fields.presence_penalty ?? undefined,
        frequencyPenalty: fields.frequency_penalty ?? undefined,
    };
}

/** @returns how a body wants its answer sent. */
export function deliveryOf(fields: GenerationBody): Pick<GenerationParameters, 'stream' | 'includeUsage'> {
    return { stream: fields.stream ?? false, includeUsage: fields.stream_options?.include_usage ?? false };
}
