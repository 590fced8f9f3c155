import { randomInt } from 'node:crypto';

import type { SamplingParameters } from './engine';
import { InvalidRequestError, UnsupportedError } from './errors';
import type { SequenceEvaluateOptions, Token } from './llama-module';

/** llama.cpp takes 2^32 - 1 as "choose a seed yourself", which would make that one seed random: seeds stay below. */
const Seeds = 2 ** 32 - 1;

/** Tokens of the answer that the penalties look back on; the sampler keeps a buffer of this size for each request. */
const MaxPenaltyTokens = 4096;

/** Limits of the OpenAI API; `exclusive` marks a lower limit that is itself not allowed. */
const Ranges: readonly { parameter: keyof SamplingParameters; min: number; max: number; exclusive?: boolean }[] = [
    { parameter: 'temperature', min: 0, max: 2 },
    { parameter: 'topP', min: 0, max: 1, exclusive: true },
    { parameter: 'presencePenalty', min: -2, max: 2 },
    { parameter: 'frequencyPenalty', min: -2, max: 2 },
];

const Integers: readonly { parameter: keyof SamplingParameters; min: number }[] = [
    { parameter: 'maxTokens', min: 1 },
    { parameter: 'topK', min: 0 },
    { parameter: 'seed', min: Number.MIN_SAFE_INTEGER },
];

const MaxStopStrings = 16;

/** @throws {InvalidRequestError} that names the parameter and its range. */
export function checkSampling(request: SamplingParameters): void {
    for (const { parameter, min, max, exclusive } of Ranges) {
        const value = request[parameter];
        if (value === undefined) continue;
        const valid = typeof value === 'number' && value <= max && (exclusive ? value > min : value >= min);
        if (valid) continue;
        const range = `${exclusive ? 'above' : 'from'} ${min} to ${max}`;
        throw new InvalidRequestError(`'${parameter}' is not a number ${range}.`, parameter);
    }
    for (const { parameter, min } of Integers) {
        const value = request[parameter];
        if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= min)) continue;
        throw new InvalidRequestError(`'${parameter}' is not an integer of at least ${min}.`, parameter);
    }
    const stops = request.stop ?? [];
    if (stops.length > MaxStopStrings || stops.some((stop) => typeof stop !== 'string' || stop === '')) {
        throw new InvalidRequestError(`'stop' takes at most ${MaxStopStrings} strings, none of them empty.`, 'stop');
    }
}

/**
 * Refuses fields that the embedded engine would have to ignore. A value that asks for nothing (false, null, an empty
 * list, plain text as the response format) is what many clients always send, and is accepted.
 * @throws {UnsupportedError} that names the first such field.
 */
export function checkNoExtra(extra: Readonly<Record<string, unknown>> | undefined): void {
    for (const [field, value] of Object.entries(extra ?? {})) {
        if (asksForNothing(field, value)) continue;
        throw new UnsupportedError(
            `The embedded engine cannot honour '${field}'. Leave it out, or choose a provider with an upstream server.`,
            field,
        );
    }
}

/** Whether a field asks for what there is anyway: many clients always send such ones. */
export function asksForNothing(field: string, value: unknown): boolean {
    if (value === undefined || value === null || value === false) return true;
    if (Array.isArray(value)) return value.length === 0;
    // Without tools both choices say the same.
    if (field === 'tool_choice') return value === 'none' || value === 'auto';
    return typeof value === 'object' && (value as { type?: unknown }).type === 'text';
}

/** @returns any integer as a seed that every sampler takes, the same for the same. */
export function seedOf(seed: number): number {
    return ((seed % Seeds) + Seeds) % Seeds;
}

/**
 * Parameters of the OpenAI API as llama.cpp's sampler wants them.
 * @param request checked by `checkSampling`.
 * @param generated the answer so far; read again for each token.
 */
export function samplingOptions(
    request: SamplingParameters,
    generated: readonly Token[],
): Pick<SequenceEvaluateOptions, 'temperature' | 'topP' | 'topK' | 'minP' | 'seed' | 'repeatPenalty'> {
    const presencePenalty = request.presencePenalty ?? 0;
    const frequencyPenalty = request.frequencyPenalty ?? 0;
    return {
        temperature: request.temperature ?? 1,
        topP: request.topP ?? 1,
        // 0 would sort the whole vocabulary for every token only to keep all of it, and undefined means 40: null is
        // what leaves the step out.
        topK: request.topK ? request.topK : (null as unknown as undefined),
        minP: 0,
        seed: seedOf(request.seed ?? randomInt(Seeds)),
        ...(presencePenalty !== 0 || frequencyPenalty !== 0
            ? {
                  repeatPenalty: {
                      penalty: 1,
                      presencePenalty,
                      frequencyPenalty,
                      maxPunishTokens: MaxPenaltyTokens,
                      punishTokens: () => generated.slice(-MaxPenaltyTokens),
                  },
              }
            : {}),
    };
}
