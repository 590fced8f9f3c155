import { Run } from './writer';

/** Keys that were used once and must not be used again while they would be valid. */
export class ReplayTable {
    /**
     * Changes nothing when the key is there already.
     * @param expires unix seconds until which the key is remembered.
     */
    add(key: string, expires: number): Run {
        return { sql: 'INSERT OR IGNORE INTO replays (key, expires) VALUES (?, ?)', parameters: [key, expires] };
    }

    /** Forgets up to `limit` keys that expired before `now`. */
    forget(now: number, limit: number): Run {
        return {
            sql: 'DELETE FROM replays WHERE key IN (SELECT key FROM replays WHERE expires < ? LIMIT ?)',
            parameters: [now, limit],
        };
    }
}
