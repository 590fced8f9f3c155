import type { Tokens } from '@ton-compute/contracts';

import type { StatedUsage } from './chunks';

/** What is known of an answer beside what the server states at its end. */
export type Counted = {
    /** Tokens of the prompt by the server's tokenizer, or a bound from above. */
    prompt: number;
    /** What counts when the server states nothing: the same, or an estimate where `prompt` is only a bound. */
    promptUnstated: number;
    /** Tokens that were given out, as they were counted on the way. */
    completion: number;
    /** The most that was asked for; null for no limit. */
    maxTokens: number | null;
};

/**
 * Brings together what a server states and what was counted. Nothing is believed that goes beyond what can be: a prompt
 * longer than its count, an answer longer than was asked for. Where they disagree the client pays for the lower number.
 * @param stated null when the server said nothing at the end, or the answer was ended early.
 */
export function settleUsage(stated: StatedUsage | null, counted: Counted): { tokens: Tokens; disputed: boolean } {
    const most = counted.maxTokens ?? Infinity;
    const prompt = Math.min(stated?.prompt ?? counted.promptUnstated, counted.prompt);
    const completion = Math.min(Math.max(stated?.completion ?? 0, counted.completion), most);
    const cached = Math.min(stated?.cached ?? 0, prompt);
    const reasoning = Math.min(stated?.reasoning ?? 0, completion);
    return {
        tokens: {
            prompt: BigInt(prompt - cached),
            cached: BigInt(cached),
            completion: BigInt(completion - reasoning),
            reasoning: BigInt(reasoning),
        },
        disputed: stated !== null && ((stated.prompt ?? prompt) > prompt || stated.completion !== completion),
    };
}
