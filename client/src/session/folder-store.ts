import { homedir } from 'node:os';
import { join } from 'node:path';
import { Address } from '@ton/core';
import { ClientError } from '../errors';
import { RecordFolder } from '../record-folder';
import { lockFile } from './lock-file';
import { recordFromText, SessionRecord, recordToText } from './record';
import { SessionStore } from './store';

/** @returns where sessions are kept when no folder is named. */
export function defaultStoreFolder(): string {
    return join(homedir(), '.ton-compute', 'sessions');
}

/** Sessions in a folder: their files hold the session keys. */
export class FolderSessionStore implements SessionStore {
    private readonly records: RecordFolder<SessionRecord>;

    constructor(readonly folder: string = defaultStoreFolder()) {
        this.records = new RecordFolder(folder, {
            name: 'session',
            toText: recordToText,
            fromText: recordFromText,
            addressOf: ({ escrow }) => escrow,
            unwritten: 'Nothing was signed.',
            damaged:
                'Restore it from a backup; without it the deposit comes back through the wallet: start a close, wait ' +
                'for the window, and finish it.',
        });
    }

    get place(): string {
        return this.folder;
    }

    save(record: SessionRecord): Promise<void> {
        return this.records.save(record);
    }

    load(escrow: Address): Promise<SessionRecord | null> {
        return this.records.load(escrow);
    }

    list(): Promise<SessionRecord[]> {
        return this.records.list();
    }

    lock(escrow: Address): Promise<() => Promise<void>> {
        return lockFile(`${this.records.path(escrow)}.lock`, (holder) => {
            const who = holder === process.pid ? 'this process' : `process ${holder}`;
            return new ClientError(
                'session_in_use',
                `Session ${escrow.toString()} is in use by ${who}. Use that one, end it, or open another session.`,
                { process: holder },
            );
        });
    }
}
