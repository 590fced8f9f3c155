import Database from 'libsql';

/** Keys that were used once and must not be used again while they would be valid. */
export class ReplayTable {
    private readonly insert: Database.Statement;
    private readonly prune: Database.Statement;

    constructor(database: Database.Database) {
        this.insert = database.prepare('INSERT OR IGNORE INTO replays (key, expires) VALUES (?, ?)');
        this.prune = database.prepare(
            'DELETE FROM replays WHERE key IN (SELECT key FROM replays WHERE expires < ? ORDER BY expires LIMIT ?)',
        );
    }

    /**
     * @param expires unix seconds until which the key is remembered.
     * @returns false when it was there already.
     */
    add(key: string, expires: number): boolean {
        return this.insert.run(key, expires).changes === 1;
    }

    /** Forgets up to `limit` keys that expired before `now`. @returns how many. */
    forget(now: number, limit: number): number {
        return this.prune.run(now, limit).changes;
    }
}
