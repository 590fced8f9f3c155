import { Address, fromNano, toNano } from '@ton/core';
import { CoinSymbol } from '@ton-compute/contracts';

/** Turns what a person wrote into a value, or throws an Error that says what was expected. */
export type Parse<T> = (text: string) => T;

function expected(what: string): never {
    throw new Error(`expected ${what}`);
}

export const address: Parse<Address> = (text) => {
    if (!Address.isFriendly(text) && !Address.isRaw(text)) {
        return expected('an address such as EQ... or 0:...');
    }
    const parsed = Address.parse(text);
    return parsed.workChain === 0 ? parsed : expected('an address in the basechain (workchain 0)');
};

/** Coins with up to nine decimals. @returns nanoTON. */
export const coins: Parse<bigint> = (text) =>
    /^\d+(\.\d{1,9})?$/.test(text)
        ? toNano(text)
        : expected(`an amount in ${CoinSymbol} such as 1.5, with at most nine decimals`);

export const integer =
    (min: bigint, max: bigint): Parse<bigint> =>
    (text) => {
        const value = /^\d+$/.test(text) ? BigInt(text) : -1n;
        return value >= min && value <= max ? value : expected(`a whole number from ${min} to ${max}`);
    };

/** @returns 32 bytes. */
export const bytes32: Parse<Buffer> = (text) =>
    /^(0x)?[0-9a-f]{64}$/i.test(text)
        ? Buffer.from(text.replace(/^0x/, ''), 'hex')
        : expected('32 bytes as 64 hexadecimal digits');

export const url: Parse<string> = (text) => {
    const valid = URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
    return valid && Buffer.byteLength(text) <= 127 ? text : expected('an http or https URL of at most 127 bytes');
};

/** What a contract keeps in one cell. */
export const shortText: Parse<string> = (text) =>
    text !== '' && Buffer.byteLength(text) <= 127 ? text : expected('a text of 1 to 127 bytes');

export const text: Parse<string> = (given) => (given !== '' ? given : expected('a text'));

/** An address, or `none`. */
export const addressOrNone: Parse<Address | null> = (given) => (given === 'none' ? null : address(given));

export const oneOf =
    <T extends string>(...values: T[]): Parse<T> =>
    (text) =>
        values.find((value) => value === text) ?? expected(`one of ${values.join(', ')}`);

/** A public key that a contract will take. @param accepts the contracts' rule for this kind of key. */
export const publicKey =
    (accepts: (key: Buffer) => boolean): Parse<Buffer> =>
    (text) => {
        const key = bytes32(text);
        return accepts(key) ? key : expected('a public key that is not of small order and canonically encoded');
    };

/** @returns nanoTON as coins, for output and as a default of {@link coins}. */
export const showCoins = (nano: bigint): string => fromNano(nano);
