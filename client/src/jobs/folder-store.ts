import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Address } from '@ton/core';
import { writeDurably } from '../durable-file';
import { ClientError, reasonOf } from '../errors';
import { JobRecord, jobRecordFromText, jobRecordToText } from './record';
import { JobStore } from './store';

/** One file per job, readable by its owner only: it holds the key of the job's content. */
export class FolderJobStore implements JobStore {
    readonly folder: string;

    /** @param sessions folder of the sessions: jobs lie in a folder of it. */
    constructor(sessions: string) {
        this.folder = join(sessions, 'jobs');
    }

    get place(): string {
        return this.folder;
    }

    async save(record: JobRecord): Promise<void> {
        const name = fileName(record.job);
        try {
            await writeDurably(this.folder, name, jobRecordToText(record));
        } catch (error) {
            throw new ClientError(
                'store_failed',
                `The job cannot be written to ${join(this.folder, name)} (${reasonOf(error)}). Nothing was sent. ` +
                    'Make room, or name another folder.',
                {},
                { cause: error },
            );
        }
    }

    async load(job: Address): Promise<JobRecord | null> {
        const path = join(this.folder, fileName(job));
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
            const record = jobRecordFromText(text);
            if (record.job.equals(job)) {
                return record;
            }
        } catch {
            // What is wrong with it is of no use to anyone, and may hold the key.
        }
        throw new ClientError(
            'store_failed',
            `${path} is damaged. Restore it from a backup; without it the output cannot be read. Before the award the ` +
                'wallet can still cancel the job, and after a deadline anyone can expire it.',
        );
    }

    async list(): Promise<JobRecord[]> {
        const names = await readdir(this.folder).catch(() => [] as string[]);
        const records: JobRecord[] = [];
        for (const name of names) {
            const match = /^([0-9a-f]{64})\.json$/.exec(name);
            const record = match && (await this.load(new Address(0, Buffer.from(match[1], 'hex'))).catch(() => null));
            if (record) {
                records.push(record);
            }
        }
        return records.sort((a, b) => b.createdAt - a.createdAt);
    }
}

function fileName(job: Address): string {
    return `${job.hash.toString('hex')}.json`;
}
