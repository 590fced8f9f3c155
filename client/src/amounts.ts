import { CoinSymbol } from '@ton-compute/contracts';

const NanoPerCoin = 1_000_000_000n;

/**
 * @param text decimal coins, such as `1.5`.
 * @returns nanoTON.
 * @throws RangeError unless it is a number of at most nine decimals.
 */
export function parseCoins(text: string): bigint {
    const match = /^([0-9]{1,18})(?:\.([0-9]{1,9}))?$/.exec(text);
    if (match === null) {
        throw new RangeError(`"${text}" is no amount: expected ${CoinSymbol} with up to nine decimals, such as 1.5.`);
    }
    return BigInt(match[1]) * NanoPerCoin + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** @param nano nanoTON. @returns for people, such as `1.5 TON`. */
export function formatCoins(nano: bigint): string {
    const sign = nano < 0n ? '-' : '';
    const digits = (nano < 0n ? -nano : nano).toString().padStart(10, '0');
    const decimals = digits.slice(-9).replace(/0+$/, '');
    return `${sign}${digits.slice(0, -9)}${decimals === '' ? '' : `.${decimals}`} ${CoinSymbol}`;
}
