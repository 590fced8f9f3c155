import { createHash, Hash } from 'crypto';

/**
 * Stands in for the JavaScript implementation of SHA-2 with which every cell is hashed: the machine's own is many times
 * faster, and a test hashes millions of cells.
 */
export default class NativeSha {
    private readonly hash: Hash;

    constructor(variant: string, format: string) {
        if (format !== 'HEX') {
            throw new Error(`Expected hexadecimal input, got ${format}.`);
        }
        this.hash = createHash(variant.replace('-', '').toLowerCase());
    }

    update(hex: string): this {
        this.hash.update(hex, 'hex');
        return this;
    }

    getHash(): string {
        return this.hash.digest('hex');
    }
}
