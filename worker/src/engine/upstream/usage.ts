import type { Tokens } from '@ton-compute/contracts';

import type { StatedUsage } from './chunks';

/**
 * Tokens that an answer may have without showing a byte of text: the end of the turn, and the marks around reasoning
 * and tool calls.
 */
export const InvisibleTokens = 32;

/** What is known of an answer beside what the server states at its end. */
export type Counted = {
    /** Tokens of the prompt by the server's tokenizer, or a bound from above. */
    prompt: number;
    /** What counts when the server states nothing: the same, or an estimate where `prompt` is only a bound. */
    promptUnstated: number;
    /** Tokens that were given out, as they were counted on the way. */
    completion: number;
    /** Of these, the ones that came as reasoning. */
    reasoning: number;
    /** The most tokens that what was given out can be: those that were asked for, and not more than its bytes explain. */
    most: number;
};

/**
 * Brings together what a server states and what was counted. Nothing is believed that goes beyond what can be: a prompt
 * longer than its count, an answer longer than was asked for or than its text. What was given out counts in any case.
 * @param stated null when the server said nothing at the end.
 */
export function settleUsage(stated: StatedUsage | null, counted: Counted): { tokens: Tokens; disputed: boolean } {
    const prompt = Math.min(stated?.prompt ?? counted.promptUnstated, counted.prompt);
    const completion = Math.max(Math.min(stated?.completion ?? 0, counted.most), counted.completion);
    const cached = Math.min(stated?.cached ?? 0, prompt);
    const reasoning = Math.min(stated?.reasoning ?? counted.reasoning, completion);
    const believed =
        stated === null ||
        ((stated.prompt ?? prompt) <= prompt &&
            stated.completion === completion &&
            stated.cached <= prompt &&
            (stated.reasoning ?? 0) <= completion);
    return {
        tokens: {
            prompt: BigInt(prompt - cached),
            cached: BigInt(cached),
            completion: BigInt(completion - reasoning),
            reasoning: BigInt(reasoning),
        },
        disputed: !believed,
    };
}
