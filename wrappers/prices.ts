import { Builder } from '@ton/core';

/** Token counts by class. Cumulative over a session, each fits uint48. */
export type Tokens = {
    /** Prompt tokens that the engine had to evaluate. */
    prompt: bigint;
    /** Prompt tokens that the engine took from its cache. */
    cached: bigint;
    /** Generated tokens, without those counted as reasoning. */
    completion: bigint;
    /** Generated tokens of hidden reasoning. */
    reasoning: bigint;
};

/** nanoTON per 1,000,000 tokens of each class; each fits uint64. */
export type Prices = { prompt: bigint; cached: bigint; completion: bigint; reasoning: bigint };

/** Prices are quoted per this many tokens. */
export const TokensPerPrice = 1_000_000n;

/** Nothing used. */
export const NoTokens: Tokens = { prompt: 0n, cached: 0n, completion: 0n, reasoning: 0n };

/**
 * Amount = ceil( sum over classes of cumulative tokens x price / 1,000,000 ): the same integers as
 * `amountOf` in contracts/session/amounts.tact.
 * @param tokens cumulative tokens of a session; never negative.
 * @returns nanoTON.
 */
export function amountOf(tokens: Tokens, prices: Prices): bigint {
    const sum =
        tokens.prompt * prices.prompt +
        tokens.cached * prices.cached +
        tokens.completion * prices.completion +
        tokens.reasoning * prices.reasoning;
    return (sum + TokensPerPrice - 1n) / TokensPerPrice;
}

/** @returns the sums, class by class. */
export function addTokens(a: Tokens, b: Tokens): Tokens {
    return {
        prompt: a.prompt + b.prompt,
        cached: a.cached + b.cached,
        completion: a.completion + b.completion,
        reasoning: a.reasoning + b.reasoning,
    };
}

/** Writes `prompt:uint48 cached:uint48 completion:uint48 reasoning:uint48`. */
export function storeTokens(tokens: Tokens) {
    return (builder: Builder) => {
        builder
            .storeUint(tokens.prompt, 48)
            .storeUint(tokens.cached, 48)
            .storeUint(tokens.completion, 48)
            .storeUint(tokens.reasoning, 48);
    };
}
