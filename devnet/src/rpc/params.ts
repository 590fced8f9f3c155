import { Address, Cell } from '@ton/core';
import { RpcError } from '../errors';

/** The status that toncenter gives to an address that it cannot read. */
const INCORRECT_ADDRESS = 416;

/** The status for every other parameter that is missing or cannot be read. */
const UNPROCESSABLE = 422;

const INT64_MAX = (1n << 63n) - 1n;

/** Parameters of one request. Values from a query string and from JSON read the same. */
export class Params {
    /**
     * @param method name of the method, for the errors
     * @param values what the caller sent
     */
    constructor(
        private readonly method: string,
        private readonly values: Readonly<Record<string, unknown>>,
    ) {}

    /** Whether the parameter is there and not empty. */
    has(name: string): boolean {
        return this.raw(name) !== undefined;
    }

    /** An address, friendly or raw. */
    address(name: string): Address {
        const value = this.required(name, 'a TON address');
        if (typeof value === 'string') {
            try {
                return Address.parse(value.trim());
            } catch {
                // Told below, together with values that are no text.
            }
        }
        throw new RpcError(
            INCORRECT_ADDRESS,
            `Incorrect address: "${name}" is ${show(value)}; expected an address such as ` +
                'EQBvW8Z5huBkMJYdnfAEM5JqTNkuWX3diqYENkWsIL0XggGG or ' +
                '0:6f5bc67986e06430961d9df00433926a4cd92e597ddd8aa6043645ac20bd1782',
        );
    }

    /** A text that may not be empty. */
    text(name: string): string {
        const value = this.required(name, 'a text');
        if (typeof value !== 'string') {
            throw this.wrong(name, value, 'a text');
        }
        return value;
    }

    /** One of several words. */
    oneOf<T extends string>(name: string, words: readonly T[]): T {
        const value = this.required(name, `one of ${words.join(', ')}`);
        const word = words.find((candidate) => candidate === String(value));
        if (word === undefined) {
            throw this.wrong(name, value, `one of ${words.join(', ')}`);
        }
        return word;
    }

    /** A whole number between `min` and `max`, in JSON as a number or as a text. */
    integer(name: string, { min, max, fallback }: { min: number; max: number; fallback?: number }): number {
        if (fallback !== undefined && !this.has(name)) {
            return fallback;
        }
        const expected = `a whole number from ${min} to ${max}`;
        const value = this.required(name, expected);
        const number = typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : value;
        if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
            throw this.wrong(name, value, expected);
        }
        return number;
    }

    /** A whole number of up to 64 bits that is not negative: a logical time or an amount. */
    uint64(name: string, fallback?: bigint): bigint {
        if (fallback !== undefined && !this.has(name)) {
            return fallback;
        }
        const expected = 'a whole number that is not negative, best as a text';
        const value = this.required(name, expected);
        const digits = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
        if (typeof digits !== 'string' || !/^\s*\d{1,20}\s*$/.test(digits) || BigInt(digits) > INT64_MAX) {
            throw this.wrong(name, value, expected);
        }
        return BigInt(digits);
    }

    /** A boolean, in a query string as true, false, 1 or 0. */
    flag(name: string, fallback: boolean): boolean {
        const value = this.raw(name);
        switch (value) {
            case undefined:
                return fallback;
            case true:
            case 'true':
            case '1':
            case 1:
                return true;
            case false:
            case 'false':
            case '0':
            case 0:
                return false;
            default:
                throw this.wrong(name, value, 'true or false');
        }
    }

    /** 32 bytes in hex or base64. */
    hash(name: string): Buffer {
        const value = this.required(name, 'a hash');
        const bytes = typeof value === 'string' ? parseHash(value.trim()) : undefined;
        if (!bytes) {
            throw this.wrong(name, value, '32 bytes in hex or base64');
        }
        return bytes;
    }

    /** The only root of a bag of cells in base64, and its size in bytes. */
    boc(name: string): { cell: Cell; size: number } {
        const value = this.required(name, 'a bag of cells in base64');
        if (typeof value === 'string') {
            const bytes = Buffer.from(value, 'base64');
            try {
                return { cell: singleRoot(bytes), size: bytes.length };
            } catch {
                // Told below, together with values that are no text.
            }
        }
        throw this.wrong(name, value, 'the base64 of a serialized bag of cells with one root');
    }

    /** Like {@link boc}, but undefined when the parameter is missing or empty. */
    optionalBoc(name: string): Cell | undefined {
        return this.has(name) ? this.boc(name).cell : undefined;
    }

    /** A list; in a query string as JSON. */
    list(name: string, fallback?: unknown[]): unknown[] {
        if (fallback !== undefined && !this.has(name)) {
            return fallback;
        }
        const value = this.required(name, 'a list');
        const list = typeof value === 'string' ? parseJson(value) : value;
        if (!Array.isArray(list)) {
            throw this.wrong(name, value, 'a list');
        }
        return list;
    }

    /** The value as it came, for parameters with several forms; undefined when missing or empty. */
    raw(name: string): unknown {
        const value = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
        return value === null || value === '' ? undefined : value;
    }

    /** An error that tells what is wrong with a parameter. */
    wrong(name: string, value: unknown, expected: string): RpcError {
        return new RpcError(UNPROCESSABLE, `${this.method}: "${name}" is ${show(value)}; expected ${expected}`);
    }

    private required(name: string, expected: string): unknown {
        const value = this.raw(name);
        if (value === undefined) {
            throw new RpcError(UNPROCESSABLE, `${this.method}: "${name}" is missing; expected ${expected}`);
        }
        return value;
    }
}

/** A cell from the bytes of a bag of cells with one root. */
export function singleRoot(bytes: Buffer): Cell {
    const roots = Cell.fromBoc(bytes);
    if (roots.length !== 1) {
        throw new Error(`expected one root, found ${roots.length}`);
    }
    return roots[0];
}

function parseHash(text: string): Buffer | undefined {
    if (/^[0-9a-fA-F]{64}$/.test(text)) {
        return Buffer.from(text, 'hex');
    }
    const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
    return bytes?.length === 32 ? bytes : undefined;
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function show(value: unknown): string {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
