import { fromNano } from '@ton/core';
import { CoinSymbol } from '@ton-compute/contracts';

/** @param amount nanoTON. */
export function ton(amount: bigint): string {
    return `${fromNano(amount)} ${CoinSymbol}`;
}

/** @returns a size as people read it: "4.7 GB". */
export function size(bytes: number): string {
    const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
    let value = bytes;
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit += 1;
    }
    return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** @param count of tokens in a second. */
export function rate(count: number): string {
    return `${count < 10 ? count.toFixed(1) : Math.round(count)} tokens/s`;
}
