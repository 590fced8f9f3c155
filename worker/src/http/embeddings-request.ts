import { z } from 'zod';

import { parseBody } from './request-body';

/** As many inputs as OpenAI takes. */
const MaxInputs = 2048;

const EmbeddingsBody = z.looseObject({
    model: z.string(),
    input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(MaxInputs)], {
        error: `expected a string, or 1 to ${MaxInputs} of them, none empty; lists of tokens are not supported`,
    }),
    encoding_format: z.enum(['float', 'base64'], { error: "expected 'float' or 'base64'" }).nullish(),
    dimensions: z.null({ error: 'not supported: vectors have the length that the model gives them' }).optional(),
    user: z.string().nullish(),
});

export type EmbeddingsParameters = { model: string; inputs: string[]; format: 'float' | 'base64' };

/**
 * @param body plaintext JSON.
 * @throws {WireError} invalid_request, with the field at fault as `param`.
 */
export function parseEmbeddingsRequest(body: Uint8Array): EmbeddingsParameters {
    const { model, input, encoding_format: format } = parseBody(body, EmbeddingsBody);
    return { model, inputs: typeof input === 'string' ? [input] : input, format: format ?? 'float' };
}
