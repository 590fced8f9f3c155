import { z } from 'zod';

import { CompletionRequest } from '../engine/engine';
import { CompletionExtra, extraFields } from './extra-fields';
import { deliveryOf, GenerationFields, GenerationParameters, nothingBut, samplingOf } from './generation-request';
import { parseBody } from './request-body';

/** What OpenAI generates when a text completion names no limit; clients that want more always say so. */
const DefaultMaxTokens = 16;

const OwnFields = {
    ...GenerationFields,
    prompt: z.union([z.string().min(1), z.tuple([z.string().min(1)])], {
        error:
            'expected a string, or a list of one, not empty; send several prompts as several requests, and text ' +
            'instead of tokens',
    }),
    best_of: nothingBut(1, 'this worker gives one answer to a request'),
    echo: nothingBut(false, 'the prompt is not repeated in the answer'),
    suffix: nothingBut('', 'nothing can be inserted before a suffix'),
};
const CompletionBody = z.looseObject({ ...CompletionExtra, ...OwnFields });

/** A text completion request, checked. */
export type CompletionParameters = GenerationParameters<CompletionRequest>;

/**
 * @param body plaintext JSON.
 * @throws {WireError} invalid_request, with the field at fault as `param`.
 */
export function parseCompletionRequest(body: Uint8Array): CompletionParameters {
    const fields = parseBody(body, CompletionBody);
    const { prompt } = fields;
    return {
        request: {
            ...samplingOf(fields),
            model: fields.model,
            prompt: typeof prompt === 'string' ? prompt : prompt[0],
            extra: extraFields(fields, OwnFields, CompletionExtra),
        },
        maxTokens: fields.max_tokens ?? DefaultMaxTokens,
        ...deliveryOf(fields),
    };
}
