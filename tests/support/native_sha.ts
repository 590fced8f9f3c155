import { createHash, createHmac, Hash, Hmac } from 'node:crypto';

type Options = { hmacKey?: { value: string; format: string } };

/**
 * Stands in, in all tests, for the JavaScript implementation of SHA-2 with which every cell is hashed (jssha): the
 * machine's own is many times faster, and a test hashes millions of cells.
 */
export default class NativeSha {
    private readonly hash: Hash | Hmac;

    constructor(variant: string, format: string, { hmacKey }: Options = {}) {
        if (format !== 'HEX' || (hmacKey !== undefined && hmacKey.format !== 'HEX')) {
            throw new Error(`Expected hexadecimal input, got ${format}.`);
        }
        const algorithm = variant.replace('-', '').toLowerCase();
        this.hash =
            hmacKey === undefined ? createHash(algorithm) : createHmac(algorithm, Buffer.from(hmacKey.value, 'hex'));
    }

    update(hex: string): this {
        this.hash.update(hex, 'hex');
        return this;
    }

    getHash(): string {
        return this.hash.digest('hex');
    }
}
