import { Address } from '@ton/core';

const NanoPerCoin = 1_000_000_000;

/**
 * Text that strangers wrote, for a terminal: whatever could move the cursor, change colours or turn the direction of the
 * writing is shown by its number.
 */
export function printable(text: string): string {
    return text.replace(/[^\x20-\x7e]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** @returns the beginning of a text that is too long. */
export function cut(text: string, length: number): string {
    return text.length <= length ? text : `${text.slice(0, length - 2)}..`;
}

/**
 * @param digits that are significant.
 * @returns coins in at most 8 characters with four digits, for people. Exact amounts are in the JSON.
 */
export function shortCoins(nano: bigint | null, digits = 4): string {
    if (nano === null) {
        return '-';
    }
    const coins = Number(nano) / NanoPerCoin;
    const size = Math.abs(coins);
    if (size !== 0 && (size >= 999_999.5 || size < 0.001)) {
        return coins.toExponential(2).replace('e+', 'e');
    }
    // Number() drops zeros at the end.
    return Number(size >= 1000 ? coins.toFixed(0) : coins.toPrecision(digits)).toString();
}

/** @returns a time as `2026-02-19 08:30`, UTC. @param time unix seconds. */
export function shortTime(time: number | null): string {
    if (time === null) {
        return '-';
    }
    const date = new Date(time * 1000);
    return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 16).replace('T', ' ');
}

/** @returns a duration in its largest fitting unit, such as `36.5 h`. */
export function shortDuration(seconds: number): string {
    const units: [number, string][] = [
        [86_400, 'd'],
        [3_600, 'h'],
        [60, 'min'],
    ];
    const [unit, name] = units.find(([size]) => seconds >= 2 * size) ?? [1, 's'];
    return `${Math.round((10 * seconds) / unit) / 10} ${name}`;
}

export function shortAddress(address: Address | null): string {
    const text = address?.toString();
    return text === undefined ? '-' : `${text.slice(0, 4)}..${text.slice(-4)}`;
}

export function shortHash(hash: string | null): string {
    return hash === null ? '-' : `${hash.slice(0, 8)}..`;
}

/** @returns a count in at most 7 characters. */
export function shortCount(count: number): string {
    if (count < 100_000) {
        return count.toString();
    }
    return count < 1e9 ? `${Number((count / 1e6).toPrecision(3))}M` : count.toExponential(1).replace('e+', 'e');
}

/** @returns 0 to 1 as a whole percentage. */
export function percent(share: number | null): string {
    return share === null ? '-' : `${Math.round(share * 100)}%`;
}
