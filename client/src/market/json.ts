import { Address } from '@ton/core';
import { MarketView } from './types';

/** A value as JSON has it: amounts are decimal strings of nanoTON, addresses their usual form. */
export type Json<T> = T extends bigint | Address
    ? string
    : T extends readonly (infer E)[]
      ? Json<E>[]
      : T extends object
        ? { [K in keyof T]: Json<T[K]> }
        : T;

/** @returns the view for `JSON.stringify`: amounts as decimal strings, because JSON's numbers lose digits. */
export function marketToJson(view: MarketView): Json<MarketView> {
    return plain(view) as Json<MarketView>;
}

function plain(value: unknown): unknown {
    if (typeof value === 'bigint') {
        return value.toString();
    }
    if (value instanceof Address) {
        return value.toString();
    }
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    if (typeof value === 'object' && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
    }
    return value;
}
