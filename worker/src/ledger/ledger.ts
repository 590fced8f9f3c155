import Database from 'libsql';

import { BatchTable } from './batches';
import { GroupCommit, openDatabase } from './database';
import { ReplayTable } from './replays';
import { Schema } from './schema';
import { SessionTable } from './sessions';

/**
 * The worker's memory of money: vouchers, receipts, use, claims, batches, and what must not be accepted twice. A promise
 * that it returns resolves when the fact is on the disk, so whoever awaits it before acting can be killed at any point.
 */
export class Ledger {
    readonly sessions: SessionTable;
    readonly replays: ReplayTable;
    readonly batches: BatchTable;
    private readonly commits: GroupCommit;
    private open = true;

    private constructor(private readonly database: Database.Database) {
        this.commits = new GroupCommit(database);
        this.sessions = new SessionTable(database);
        this.replays = new ReplayTable(database);
        this.batches = new BatchTable(database);
    }

    /**
     * @param path of the database file; made if it is not there.
     * @throws {StartError} when another process holds it, or it cannot be written.
     */
    static open(path: string): Ledger {
        return new Ledger(openDatabase(path, Schema));
    }

    /**
     * @param mutation calls the tables' methods; synchronous.
     * @returns its result, once durable.
     */
    write<T>(mutation: () => T): Promise<T> {
        return this.commits.run(mutation);
    }

    /** Writes what waits and closes the file. May be called twice. */
    close(): void {
        if (this.open) {
            this.open = false;
            this.commits.flush();
            this.database.close();
        }
    }
}
