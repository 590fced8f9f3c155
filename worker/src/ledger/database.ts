import Database from 'libsql';

import { messageOf, StartError } from '../errors';

/**
 * SQLite in WAL mode. Every COMMIT is synced to the disk (synchronous=FULL): what is acknowledged survives kill -9 and
 * a power cut. The exclusive lock belongs to the process, so a crash frees it and a second worker never shares a ledger.
 */
export function openDatabase(path: string, schema: string): Database.Database {
    let database: Database.Database | undefined;
    try {
        database = new Database(path);
        database.pragma('locking_mode=EXCLUSIVE');
        database.pragma('journal_mode=WAL');
        database.pragma('synchronous=FULL');
        database.exec(schema);
        // The first write takes the lock that locking_mode then keeps.
        database.exec('BEGIN IMMEDIATE; COMMIT');
        return database;
    } catch (error) {
        database?.close();
        const reason = messageOf(error);
        throw new StartError(
            /locked|busy/i.test(reason)
                ? `Another worker uses the ledger ${path}. Stop it, or give this one its own data directory.`
                : `The ledger ${path} cannot be opened (${reason}). Check the directory's permissions and free space.`,
            1,
            { cause: error },
        );
    }
}

type Entry = { mutation: () => unknown; resolve: (value: unknown) => void; reject: (error: unknown) => void };

/**
 * Puts all writes of one turn of the event loop into one transaction: a sync to the disk costs as much as twenty of them,
 * and a promise resolves only when its own is on the disk.
 */
export class GroupCommit {
    private waiting: Entry[] = [];
    private readonly begin: Database.Statement;
    private readonly commit: Database.Statement;

    constructor(private readonly database: Database.Database) {
        this.begin = database.prepare('BEGIN IMMEDIATE');
        this.commit = database.prepare('COMMIT');
    }

    /**
     * @param mutation runs inside the transaction, after those that were handed in before it; must be synchronous.
     * @returns its result, once it is durable. Rejects when the disk refuses: nothing of the transaction then counts.
     */
    run<T>(mutation: () => T): Promise<T> {
        return new Promise<T>((resolve, reject) => {
            if (this.waiting.length === 0) {
                setImmediate(() => this.flush());
            }
            this.waiting.push({ mutation, resolve: resolve as (value: unknown) => void, reject });
        });
    }

    /** Writes what waits, now. */
    flush(): void {
        const group = this.waiting;
        if (group.length === 0) {
            return;
        }
        this.waiting = [];
        try {
            this.begin.run();
            const results = group.map(({ mutation }) => mutation());
            this.commit.run();
            group.forEach(({ resolve }, index) => resolve(results[index]));
        } catch (error) {
            this.rollBack();
            group.forEach(({ reject }) => reject(error));
        }
    }

    private rollBack(): void {
        if (this.database.inTransaction) {
            this.database.exec('ROLLBACK');
        }
    }
}
