import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const bytes32 = z.string().regex(/^[0-9a-f]{64}$/);

const Content = z.strictObject({
    version: z.literal(1),
    quote: z.base64(),
    workerKey: bytes32,
    encryptionKey: bytes32,
    evidenceHash: bytes32,
    nonce: bytes32,
    until: z.int().min(0),
    attestedAt: z.int().min(0),
});

/** A quote that the provider contract has accepted, with what it binds; hashes, keys and nonce have 32 bytes. */
export type AcceptedQuote = {
    quote: Buffer;
    workerKey: Buffer;
    encryptionKey: Buffer;
    evidenceHash: Buffer;
    nonce: Buffer;
    /** End of the record, unix seconds. */
    until: number;
    /** When it was accepted, unix seconds. */
    attestedAt: number;
};

/** Keeps the accepted quote beside the ledger, so that a new process can show it without paying for another one. */
export class QuoteFile {
    constructor(private readonly path: string) {}

    /** @returns null when there is none, or none that can be read: then another one is made. */
    async load(): Promise<AcceptedQuote | null> {
        try {
            const content = Content.parse(JSON.parse(await readFile(this.path, 'utf8')));
            const { version: _, quote, until, attestedAt, ...rest } = content;
            const bytes = (name: keyof typeof rest) => Buffer.from(rest[name], 'hex');
            return {
                quote: Buffer.from(quote, 'base64'),
                workerKey: bytes('workerKey'),
                encryptionKey: bytes('encryptionKey'),
                evidenceHash: bytes('evidenceHash'),
                nonce: bytes('nonce'),
                until,
                attestedAt,
            };
        } catch {
            return null;
        }
    }

    async save({ quote, until, attestedAt, ...rest }: AcceptedQuote): Promise<void> {
        const hex = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, value.toString('hex')]));
        const content = { version: 1, quote: quote.toString('base64'), ...hex, until, attestedAt };
        const draft = `${this.path}.${process.pid}`;
        await writeFile(draft, JSON.stringify(content), { mode: 0o600 });
        await rename(draft, this.path);
    }
}
