import { InvalidRequestError, UnsupportedError } from '../errors';
import { asksForNothing } from '../sampling';
import type { Dialect } from './dialect';

/** @returns what is wrong with a value, after "'field' ..."; null when nothing is. */
type Check = (value: unknown) => string | null;

/** Alternatives at each token; more cost the server far more than the answer pays for (vLLM takes -1 for all). */
const MostLogprobs = 20;
const MostBiases = 1024;
/** Characters of a schema, as JSON: the server compiles it, and nobody pays for that. */
const LongestSchema = 65_536;
/** Arguments of chat templates that are switches. Others could bring a template along, and run it for hours. */
const TemplateArguments = new Set(['enable_thinking', 'thinking', 'reasoning_effort', 'thinking_budget']);
const LongestArgument = 64;

const number =
    (min: number, max: number): Check =>
    (value) =>
        typeof value === 'number' && value >= min && value <= max ? null : `is not a number from ${min} to ${max}`;
const integer =
    (min: number, max: number): Check =>
    (value) =>
        Number.isSafeInteger(value) ? number(min, max)(value) : `is not an integer from ${min} to ${max}`;
const boolean: Check = (value) => (typeof value === 'boolean' ? null : 'is neither true nor false');
const list: Check = (value) => (Array.isArray(value) ? null : 'is not a list');

/** Fields that every server may be given. */
const Common = [
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'response_format',
    'logprobs',
    'top_logprobs',
    'logit_bias',
    'reasoning_effort',
];

const ToolFields = new Set(['tool_choice', 'parallel_tool_calls']);

/**
 * All fields that are ever passed on. It is a list of what is allowed, because servers have fields that make them do more
 * than their usage shows (n, best_of, echo, prompt_logprobs, beam search, grammars and regular expressions that take
 * minutes to compile), hold a slot past the end of an answer (ignore_eos, min_tokens), push a request before those of
 * others (priority), look into their caches (cache_salt), fetch addresses (images) or run code (chat_template).
 */
const Checks: Readonly<Record<string, Check>> = {
    tools: list,
    tool_choice: (value) =>
        typeof value === 'string' || isObject(value) ? null : 'is neither the name of a choice nor a function',
    parallel_tool_calls: boolean,
    response_format: checkResponseFormat,
    // true for chats, a number for completions.
    logprobs: (value) => (value === true ? null : integer(0, MostLogprobs)(value)),
    top_logprobs: integer(0, MostLogprobs),
    logit_bias: checkBias,
    reasoning_effort: checkArgument,
    min_p: number(0, 1),
    repetition_penalty: number(0.01, 10),
    repeat_penalty: number(0.01, 10),
    chat_template_kwargs: checkTemplateArguments,
};

/**
 * @returns the fields that are passed on, by their own names.
 * @throws {UnsupportedError} for a field that is not. @throws {InvalidRequestError} for a value that it cannot have.
 */
export function extraFields(
    extra: Readonly<Record<string, unknown>> | undefined,
    { extra: own }: Pick<Dialect, 'extra'>,
): Record<string, unknown> {
    const passed: Record<string, unknown> = {};
    const withTools = Array.isArray(extra?.tools) && extra.tools.length > 0;
    for (const [field, value] of Object.entries(extra ?? {})) {
        // Beside tools also 'none' and false say something; without them servers refuse the fields.
        const matters = withTools && ToolFields.has(field) && value !== null && value !== undefined;
        if (!matters && asksForNothing(field, value)) continue;
        if (!Common.includes(field) && !own.includes(field)) {
            throw new UnsupportedError(
                `'${field}' is not passed on to the inference server of this worker. Leave it out.`,
                field,
            );
        }
        const wrong = Checks[field]!(value);
        if (wrong !== null) throw new InvalidRequestError(`'${field}' ${wrong}.`, field);
        passed[field] = value;
    }
    return passed;
}

function checkResponseFormat(value: unknown): string | null {
    const types = ['text', 'json_object', 'json_schema'];
    if (!isObject(value) || !types.includes(value.type as string)) return `is not of type ${types.join(', ')}`;
    return JSON.stringify(value).length <= LongestSchema ? null : `is longer than ${LongestSchema} characters`;
}

function checkBias(value: unknown): string | null {
    if (!isObject(value)) return 'is not an object of token ids and numbers';
    const biases = Object.entries(value);
    if (biases.length > MostBiases) return `names more than ${MostBiases} tokens`;
    const inRange = number(-100, 100);
    const valid = biases.every(([token, bias]) => /^\d+$/.test(token) && inRange(bias) === null);
    return valid ? null : 'is not an object of token ids and numbers from -100 to 100';
}

function checkTemplateArguments(value: unknown): string | null {
    const known = [...TemplateArguments].join(', ');
    if (!isObject(value)) return `is not an object with ${known}`;
    for (const [name, argument] of Object.entries(value)) {
        if (!TemplateArguments.has(name)) return `takes only ${known}`;
        if (checkArgument(argument) !== null) return `has a '${name}' that is no switch, number or short word`;
    }
    return null;
}

function checkArgument(value: unknown): string | null {
    if (typeof value === 'boolean' || Number.isFinite(value)) return null;
    return typeof value === 'string' && value.length <= LongestArgument ? null : 'is no number or short word';
}

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
