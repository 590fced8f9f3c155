import { existsSync } from 'node:fs';
import Database from 'libsql';

import { messageOf, StartError } from '../errors';

/** A database that is ours alone until it is closed. */
export type OwnedDatabase = {
    /** For reading; `Writer` writes. */
    database: Database.Database;
    close(): void;
};

/**
 * SQLite in WAL mode. Every COMMIT is synced to the disk (synchronous=FULL): what is acknowledged survives kill -9 and
 * a power cut.
 *
 * A second worker must never share a ledger. The lock is a transaction that stays open in a file beside it: the system
 * frees it when the process dies, however it dies. (locking_mode=EXCLUSIVE would do the same, but libsql keeps its
 * connection, and with it the lock, until the last prepared statement is garbage.)
 */
export function openDatabase(path: string, schema: string): OwnedDatabase {
    let lock: Database.Database | undefined;
    let database: Database.Database | undefined;
    try {
        lock = new Database(lockOf(path));
        lock.exec('BEGIN EXCLUSIVE');
        database = new Database(path);
        database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; ${schema}`);
    } catch (error) {
        database?.close();
        lock?.close();
        const reason = messageOf(error);
        throw new StartError(
            /locked|busy/i.test(reason)
                ? `Another worker uses the ledger ${path}. Stop it, or give this one its own data directory.`
                : `The ledger ${path} cannot be opened (${reason}). Check the directory's permissions and free space.`,
            1,
            { cause: error },
        );
    }
    const [owned, held] = [database, lock];
    const close = () => {
        owned.close();
        held.close();
    };
    return { database, close };
}

/** @returns whether a process holds the ledger now. Makes no file and changes none. */
export function isHeld(path: string): boolean {
    if (!existsSync(lockOf(path))) {
        return false;
    }
    const lock = new Database(lockOf(path));
    try {
        lock.exec('BEGIN EXCLUSIVE; ROLLBACK');
        return false;
    } catch (error) {
        if (/locked|busy/i.test(messageOf(error))) {
            return true;
        }
        throw error;
    } finally {
        lock.close();
    }
}

function lockOf(path: string): string {
    return `${path}.lock`;
}
