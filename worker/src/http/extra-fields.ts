import { z } from 'zod';

import { WireError } from '../wire-error';

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

/** The engine knows what it takes. */
const anything = z.unknown().optional();

/** What more a server can be asked for when it samples. None of it makes work that is not counted in tokens. */
const SamplingFields = {
    logit_bias: anything,
    min_p: anything,
    min_tokens: anything,
    repetition_penalty: anything,
    ignore_eos: anything,
};

/** As many alternatives to a token as OpenAI shows: servers that know no limit would send their whole vocabulary. */
const alternatives = (most: number) => z.int().min(0).max(most).nullish();

/**
 * Fields of a chat completion that go to the engine as they are. It is a list of what is allowed, because servers know
 * fields that make them work for nothing (best_of, use_beam_search, prompt_logprobs) or ahead of others (priority).
 */
export const ChatExtra = {
    ...SamplingFields,
    tools: z.array(z.looseObject({}), { error: 'expected a list of objects' }).nullish(),
    tool_choice: anything,
    parallel_tool_calls: anything,
    functions: anything,
    function_call: anything,
    response_format: anything,
    logprobs: z.boolean().nullish(),
    top_logprobs: alternatives(20),
    reasoning_effort: anything,
    verbosity: anything,
    chat_template_kwargs: anything,
};

/** Fields of a text completion that go to the engine as they are. */
export const CompletionExtra = { ...SamplingFields, response_format: anything, logprobs: alternatives(5) };

/**
 * @param fields of a body, checked against `own` and `passedOn`.
 * @param own names that have a meaning of their own here.
 * @returns those that go to the engine. What is null asks for nothing and is left out.
 * @throws {WireError} invalid_request for a field that is none of these.
 */
export function extraFields(
    fields: Readonly<Record<string, unknown>>,
    own: object,
    passedOn: object,
): Record<string, unknown> {
    const extra: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) {
        if (Object.hasOwn(own, name) || WithoutEffect.has(name) || value === null || value === undefined) {
            continue;
        }
        if (!Object.hasOwn(passedOn, name)) {
            const shown = name.slice(0, 64);
            throw new WireError('invalid_request', `'${shown}' is not supported here. Leave it out.`, { param: shown });
        }
        extra[name] = value;
    }
    return extra;
}
