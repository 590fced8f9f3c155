import { Spread } from './types';

/** @returns the middle amount, or the mean of the two in the middle, rounded down; null without any. */
export function median(amounts: readonly bigint[]): bigint | null {
    if (amounts.length === 0) {
        return null;
    }
    const sorted = [...amounts].sort(compareAmounts);
    const middle = Math.floor(sorted.length / 2);
    if (sorted.length % 2 === 1) {
        return sorted[middle];
    }
    const sum = sorted[middle - 1] + sorted[middle];
    return (sum - (((sum % 2n) + 2n) % 2n)) / 2n; // down also below zero
}

/** @returns least, median and highest; null without any. */
export function spreadOf(amounts: readonly bigint[]): Spread | null {
    const middle = median(amounts);
    if (middle === null) {
        return null;
    }
    return {
        least: amounts.reduce((a, b) => (b < a ? b : a)),
        median: middle,
        highest: amounts.reduce((a, b) => (b > a ? b : a)),
    };
}

/** @returns nanoTON per 1,000,000 tokens, rounded down; null without tokens. */
export function perMillion(amount: bigint, tokens: bigint): bigint | null {
    return tokens > 0n ? (amount * 1_000_000n) / tokens : null;
}

/**
 * Splits an amount into equal parts whose sum is the amount again: the first ones get what does not divide.
 * @returns part number `index` of `count`.
 */
export function evenPart(amount: bigint, count: number, index: number): bigint {
    const parts = BigInt(count);
    return amount / parts + (BigInt(index) < amount % parts ? 1n : 0n);
}

/** @returns nanoTON per hour, rounded down. @param seconds above 0. */
export function perHour(amount: bigint, seconds: number): bigint {
    return (amount * 3600n) / BigInt(seconds);
}

export function compareAmounts(a: bigint, b: bigint): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

export function sumOf(amounts: readonly bigint[]): bigint {
    return amounts.reduce((a, b) => a + b, 0n);
}
