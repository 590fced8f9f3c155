import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { Address } from '@ton/core';
import { writeDurably } from '../durable-file';
import { ClientError, reasonOf } from '../errors';
import { recordFromText, SessionRecord, recordToText } from './record';
import { SessionStore } from './store';

/** @returns where sessions are kept when no folder is named. */
export function defaultStoreFolder(): string {
    return join(homedir(), '.ton-compute', 'sessions');
}

/**
 * One file per session, readable by its owner only: it holds the session key. A file is replaced as a whole and is on
 * the disk before `save` returns.
 */
export class FolderSessionStore implements SessionStore {
    constructor(readonly folder: string = defaultStoreFolder()) {}

    get place(): string {
        return this.folder;
    }

    async save(record: SessionRecord): Promise<void> {
        const path = this.path(record.escrow);
        try {
            await writeDurably(this.folder, basename(path), recordToText(record));
        } catch (error) {
            throw new ClientError(
                'store_failed',
                `The session cannot be written to ${path} (${reasonOf(error)}). Nothing was signed. ` +
                    'Make room, or name another folder.',
                {},
                { cause: error },
            );
        }
    }

    async load(escrow: Address): Promise<SessionRecord | null> {
        const path = this.path(escrow);
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
            const record = recordFromText(text);
            if (record.escrow.equals(escrow)) {
                return record;
            }
        } catch {
            // What is wrong with it is of no use to anyone, and may hold the key.
        }
        throw new ClientError(
            'store_failed',
            `${path} is damaged. Restore it from a backup; without it the deposit comes back through the wallet: ` +
                'start a close, wait for the window, and finish it.',
        );
    }

    async list(): Promise<SessionRecord[]> {
        let names: string[];
        try {
            names = await readdir(this.folder);
        } catch {
            return [];
        }
        const records: SessionRecord[] = [];
        for (const name of names) {
            const match = /^([0-9a-f]{64})\.json$/.exec(name);
            const record = match && (await this.load(new Address(0, Buffer.from(match[1], 'hex'))).catch(() => null));
            if (record) {
                records.push(record);
            }
        }
        return records.sort((a, b) => b.createdAt - a.createdAt);
    }

    async lock(escrow: Address): Promise<() => Promise<void>> {
        const path = `${this.path(escrow)}.lock`;
        await mkdir(this.folder, { recursive: true, mode: 0o700 });
        for (let attempt = 0; ; attempt += 1) {
            try {
                const file = await open(path, 'wx', 0o600);
                await file.writeFile(String(process.pid));
                await file.close();
                return () => rm(path, { force: true });
            } catch (error) {
                if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
                    throw new ClientError('store_failed', `${path} cannot be made (${reasonOf(error)}).`);
                }
            }
            const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
            if (attempt > 0 || holder === process.pid || isAlive(holder)) {
                throw new ClientError(
                    'session_in_use',
                    `Session ${escrow.toString()} is in use by ` +
                        `${holder === process.pid ? 'this process' : `process ${holder}`}. Use that one, ` +
                        'end it, or open another session.',
                    { process: holder },
                );
            }
            await rm(path, { force: true });
        }
    }

    private path(escrow: Address): string {
        return join(this.folder, `${escrow.hash.toString('hex')}.json`);
    }
}

function isAlive(pid: number): boolean {
    if (!Number.isInteger(pid) || pid <= 0) {
        return false;
    }
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        // No permission to signal it means that it is there.
        return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
}
