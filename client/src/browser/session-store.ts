import { Address } from '@ton/core';
import { ClientError, reasonOf } from '../errors';
import { recordFromText, SessionRecord, recordToText } from '../session/record';
import { SessionStore } from '../session/store';
import { keyOf, RecordDatabase } from './database';

/** Sessions in a database of the page's origin: every script of the origin can read their keys. */
export class DatabaseSessionStore implements SessionStore {
    constructor(private readonly database: RecordDatabase) {}

    get place(): string {
        return this.database.place;
    }

    async save(record: SessionRecord): Promise<void> {
        try {
            await this.database.put('sessions', record.escrow, recordToText(record));
        } catch (error) {
            throw new ClientError(
                'store_failed',
                `The session cannot be written to ${this.place} (${reasonOf(error)}). Nothing was signed. Make room for ` +
                    'this site, or leave the private window.',
                {},
                { cause: error },
            );
        }
    }

    async load(escrow: Address): Promise<SessionRecord | null> {
        const text = await this.database.get('sessions', escrow);
        if (text === null) {
            return null;
        }
        try {
            const record = recordFromText(text);
            if (record.escrow.equals(escrow)) {
                return record;
            }
        } catch {
            // What is wrong with it is of no use to anyone, and may hold the key.
        }
        throw new ClientError(
            'store_failed',
            `Session ${escrow.toString()} in ${this.place} is damaged. Without it the deposit comes back through the ` +
                'wallet: start a close, wait for the window, and finish it.',
        );
    }

    async list(): Promise<SessionRecord[]> {
        const accounts = await this.database.accounts('sessions');
        const records = await Promise.all(accounts.map((escrow) => this.load(escrow).catch(() => null)));
        return records.filter((record) => record !== null).sort((a, b) => b.createdAt - a.createdAt);
    }

    /** The browser gives the lock back when the page goes, however it goes. */
    async lock(escrow: Address): Promise<() => Promise<void>> {
        let release = (): void => undefined;
        const held = new Promise<void>((resolve) => (release = resolve));
        let over: Promise<void> = Promise.resolve();
        const taken = await new Promise<boolean>((resolve, reject) => {
            const hold = async (lock: Lock | null): Promise<void> => {
                resolve(lock !== null);
                await (lock === null ? undefined : held);
            };
            const name = `${this.database.name} ${keyOf(escrow)}`;
            over = navigator.locks
                .request(name, { ifAvailable: true }, hold)
                .then(() => undefined, (error: unknown) => reject(this.unlockable(error)));
        });
        if (!taken) {
            throw new ClientError(
                'session_in_use',
                `Session ${escrow.toString()} is in use by this page or by another tab of this site. Use that one, close ` +
                    'it, or open another session.',
            );
        }
        return async () => {
            release();
            await over;
        };
    }

    private unlockable(error: unknown): ClientError {
        return new ClientError(
            'store_failed',
            `The browser gives no lock for the session (${reasonOf(error)}). Nothing was signed.`,
            {},
            { cause: error },
        );
    }
}
