import { Address } from '@ton/core';
import { SessionRecord } from './record';

/**
 * Where the state of sessions is kept, with their keys. A record is kept as a whole, and for good when `save` returns, so
 * a voucher that has left is never forgotten, whenever the process or the page dies.
 */
export interface SessionStore {
    /** Where it is, in words for errors. */
    readonly place: string;

    /** @throws ClientError `store_failed`: then nothing that depends on the record may leave. */
    save(record: SessionRecord): Promise<void>;

    /**
     * @returns the record of a session, or null when there is none.
     * @throws ClientError `store_failed` when it cannot be read or is damaged.
     */
    load(escrow: Address): Promise<SessionRecord | null>;

    /** @returns the records of all sessions, newest first; damaged ones are left out. */
    list(): Promise<SessionRecord[]>;

    /**
     * Takes a session for this process or page: two that sign vouchers of one session would both count wrong.
     * @returns a function that gives it back.
     * @throws ClientError `session_in_use`.
     */
    lock(escrow: Address): Promise<() => Promise<void>>;
}
