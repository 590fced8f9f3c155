import { Address } from '@ton/core';
import type { DBSchema, IDBPDatabase } from 'idb' with { 'resolution-mode': 'import' };
import { ClientError, reasonOf } from '../errors';

/** Name of the database when none is given. */
export const DefaultDatabase = 'ton-compute';
const Version = 1;

/** Records as the folder has them in files: text by the account's hash, hexadecimal digits. */
interface Records extends DBSchema {
    sessions: { key: string; value: string };
    jobs: { key: string; value: string };
}

export type Table = 'sessions' | 'jobs';

/** A database of the page's origin. It is opened at its first use, and again when the browser closed it. */
export class RecordDatabase {
    private opened: Promise<IDBPDatabase<Records>> | null = null;

    constructor(readonly name: string) {}

    /** Where it is, in words for errors. */
    get place(): string {
        return `the database "${this.name}" of this page's origin`;
    }

    /** Writes a record; it is on the disk, as far as the browser can tell, when the promise resolves. */
    async put(table: Table, account: Address, text: string): Promise<void> {
        const database = await this.open();
        const transaction = database.transaction(table, 'readwrite', { durability: 'strict' });
        await Promise.all([transaction.store.put(text, keyOf(account)), transaction.done]);
    }

    /** @returns the text of a record, or null when there is none. @throws ClientError `store_failed`. */
    async get(table: Table, account: Address): Promise<string | null> {
        try {
            const database = await this.open();
            return (await database.get(table, keyOf(account))) ?? null;
        } catch (error) {
            throw this.unreadable(error);
        }
    }

    /** @returns the accounts of all records. @throws ClientError `store_failed`. */
    async accounts(table: Table): Promise<Address[]> {
        try {
            const database = await this.open();
            const keys = await database.getAllKeys(table);
            return keys.filter((key) => /^[0-9a-f]{64}$/.test(key)).map((key) => new Address(0, Buffer.from(key, 'hex')));
        } catch (error) {
            throw this.unreadable(error);
        }
    }

    private open(): Promise<IDBPDatabase<Records>> {
        this.opened ??= this.openNow().catch((error: unknown) => {
            this.opened = null;
            throw error;
        });
        return this.opened;
    }

    private async openNow(): Promise<IDBPDatabase<Records>> {
        // An ES module: bundlers put it inline.
        const { openDB } = await import('idb');
        const database = await openDB<Records>(this.name, Version, {
            upgrade: (fresh) => {
                fresh.createObjectStore('sessions');
                fresh.createObjectStore('jobs');
            },
            terminated: () => (this.opened = null),
            // A page with a newer version waits for this one to let go.
            blocking: () => {
                this.opened = null;
                database.close();
            },
        });
        return database;
    }

    private unreadable(error: unknown): ClientError {
        return new ClientError('store_failed', `${this.place} cannot be read (${reasonOf(error)}).`, {}, { cause: error });
    }
}

/** @returns the name of an account's record. */
export function keyOf(account: Address): string {
    return account.hash.toString('hex');
}
