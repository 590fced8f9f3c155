import { Address } from '@ton/core';
import { WireFormatError } from './wire-error';

/** Strict readers of the values that docs/wire.md allows; each says which field was wrong and what was expected. */

const MaxCoins = 1n << 120n;

/** @returns a shortened, printable form of what was received, for messages. */
function shown(value: unknown): string {
    const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? typeof value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export function parseObject(value: unknown, field: string): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new WireFormatError(field, `${field}: expected a JSON object, got ${shown(value)}.`);
    }
    return value as Record<string, unknown>;
}

export function parseString(value: unknown, field: string): string {
    if (typeof value !== 'string') {
        throw new WireFormatError(field, `${field}: expected a string, got ${shown(value)}.`);
    }
    return value;
}

export function parseInteger(value: unknown, field: string, least: number, most: number): number {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
        throw new WireFormatError(
            field,
            `${field}: expected an integer from ${least} to ${most}, got ${shown(value)}.`,
        );
    }
    return value;
}

/** A decimal string without sign or leading zeros, below `limit`. */
export function parseDecimal(value: unknown, field: string, limit: bigint): bigint {
    if (typeof value !== 'string' || !/^(0|[1-9][0-9]{0,39})$/.test(value) || BigInt(value) >= limit) {
        throw new WireFormatError(
            field,
            `${field}: expected a decimal string, at least 0 and below ${limit}, got ${shown(value)}.`,
        );
    }
    return BigInt(value);
}

/** nanoTON as a decimal string. */
export function parseAmount(value: unknown, field: string): bigint {
    return parseDecimal(value, field, MaxCoins);
}

/** 64 lower-case hexadecimal digits. */
export function parseHash(value: unknown, field: string): Buffer {
    if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) {
        throw new WireFormatError(field, `${field}: expected 64 lower-case hexadecimal digits, got ${shown(value)}.`);
    }
    return Buffer.from(value, 'hex');
}

/** Base64, standard alphabet, padded. @param length bytes expected, if fixed. */
export function parseBase64(value: unknown, field: string, length?: number): Buffer {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null;
    // Node skips characters that are not base64: only what encodes to the same text was base64.
    if (bytes === null || bytes.toString('base64') !== value || bytes.length === 0) {
        throw new WireFormatError(field, `${field}: expected base64 (standard alphabet, padded), got ${shown(value)}.`);
    }
    if (length !== undefined && bytes.length !== length) {
        throw new WireFormatError(field, `${field}: expected base64 of ${length} bytes, got ${bytes.length} bytes.`);
    }
    return bytes;
}

/** A raw basechain address: `0:` and 64 hexadecimal digits. */
export function parseRawAddress(value: unknown, field: string): Address {
    if (typeof value !== 'string' || !/^0:[0-9a-fA-F]{64}$/.test(value)) {
        throw new WireFormatError(
            field,
            `${field}: expected a raw basechain address ("0:" and 64 hexadecimal digits), got ${shown(value)}.`,
        );
    }
    return Address.parseRaw(value);
}
