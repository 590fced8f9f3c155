import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Address } from '@ton/core';
import { writeDurably } from './durable-file';
import { ClientError, reasonOf } from './errors';

/** What the records of a folder are. */
export type RecordKind<R> = {
    /** For errors: "session". */
    name: string;
    toText(record: R): string;
    /** Throws when the text is no record. */
    fromText(text: string): R;
    /** The contract that a record is about. */
    addressOf(record: R): Address;
    /** What it means that a record could not be written. */
    unwritten: string;
    /** What can be done when a record is damaged. */
    damaged: string;
};

/**
 * One file per contract, readable by its owner only, because records hold keys. A file is replaced as a whole and is on
 * the disk before `save` returns.
 */
export class RecordFolder<R extends { createdAt: number }> {
    constructor(
        readonly folder: string,
        private readonly kind: RecordKind<R>,
    ) {}

    /** @throws ClientError `store_failed`. */
    async save(record: R): Promise<void> {
        const { name, unwritten, toText, addressOf } = this.kind;
        const address = addressOf(record);
        try {
            await writeDurably(this.folder, fileName(address), toText(record));
        } catch (error) {
            throw new ClientError(
                'store_failed',
                `The ${name} cannot be written to ${this.path(address)} (${reasonOf(error)}). ${unwritten} ` +
                    'Make room, or name another folder.',
                {},
                { cause: error },
            );
        }
    }

    /** @returns null when there is no such record. @throws ClientError `store_failed`. */
    async load(address: Address): Promise<R | null> {
        const path = this.path(address);
        let text: string;
        try {
            text = await readFile(path, 'utf8');
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
                return null;
            }
            throw new ClientError('store_failed', `${path} cannot be read (${reasonOf(error)}).`, {}, { cause: error });
        }
        try {
            const record = this.kind.fromText(text);
            if (this.kind.addressOf(record).equals(address)) {
                return record;
            }
        } catch {
            // What is wrong with it is of no use to anyone, and may hold the key.
        }
        throw new ClientError('store_failed', `${path} is damaged. ${this.kind.damaged}`);
    }

    /** @returns all records, newest first; damaged ones are left out. */
    async list(): Promise<R[]> {
        const names = await readdir(this.folder).catch(() => [] as string[]);
        const records: R[] = [];
        for (const name of names) {
            const match = /^([0-9a-f]{64})\.json$/.exec(name);
            const record = match && (await this.load(new Address(0, Buffer.from(match[1], 'hex'))).catch(() => null));
            if (record) {
                records.push(record);
            }
        }
        return records.sort((a, b) => b.createdAt - a.createdAt);
    }

    /** Where the record of a contract lies. */
    path(address: Address): string {
        return join(this.folder, fileName(address));
    }
}

function fileName(address: Address): string {
    return `${address.hash.toString('hex')}.json`;
}
