/** @param values at least one. @returns the middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
    return quantile(values, 0.5);
}

/** @param share from 0 to 1. @returns the value below which this share of the values lies, interpolated. */
export function quantile(values: readonly number[], share: number): number {
    if (values.length === 0) {
        throw new Error('There is no quantile of nothing.');
    }
    const sorted = [...values].sort((a, b) => a - b);
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.ceil(place);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** Slope of a straight line through points at 0, 1, 2, ... by least squares, in units of y for each step. */
export function slope(values: readonly number[]): number {
    const mean = (values.length - 1) / 2;
    const average = values.reduce((sum, next) => sum + next, 0) / values.length;
    const products = values.reduce((sum, value, index) => sum + (index - mean) * (value - average), 0);
    const squares = values.reduce((sum, _value, index) => sum + (index - mean) ** 2, 0);
    return squares === 0 ? 0 : products / squares;
}

/** Two ways to do the same, measured in turns: what disturbs the machine disturbs both. */
export type Pair<A, B> = { one: A; other: B };

/**
 * @param rounds how often each is measured, after one round that does not count.
 * @returns the measurements in the order in which they were made.
 */
export async function inTurns<A, B>(rounds: number, one: () => Promise<A>, other: () => Promise<B>): Promise<Pair<A, B>[]> {
    await one();
    await other();
    const pairs: Pair<A, B>[] = [];
    for (let round = 0; round < rounds; round += 1) {
        // Whoever comes second may find a warmer machine: each is second every other time.
        if (round % 2 === 0) {
            const first = await one();
            pairs.push({ one: first, other: await other() });
        } else {
            const first = await other();
            pairs.push({ one: await one(), other: first });
        }
    }
    return pairs;
}
