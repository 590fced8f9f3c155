/** A number in [0, 1), another one at each call. */
export type Random = () => number;

/**
 * @param seed the same one gives the same numbers: a failure can be looked for again.
 * @returns mulberry32: 32 bits of state, which is plenty for choosing moments.
 */
export function seededRandom(seed: number): Random {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

/** @returns one of `values`. */
export function pick<T>(random: Random, values: readonly T[]): T {
    return values[Math.floor(random() * values.length)];
}
