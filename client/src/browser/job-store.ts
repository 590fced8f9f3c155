import { Address } from '@ton/core';
import { ClientError, reasonOf } from '../errors';
import { JobRecord, jobRecordFromText, jobRecordToText } from '../jobs/record';
import { JobStore } from '../jobs/store';
import { RecordDatabase } from './database';

/** Jobs in a database of the page's origin: every script of the origin can read the keys of their content. */
export class DatabaseJobStore implements JobStore {
    constructor(private readonly database: RecordDatabase) {}

    get place(): string {
        return this.database.place;
    }

    async save(record: JobRecord): Promise<void> {
        try {
            await this.database.put('jobs', record.job, jobRecordToText(record));
        } catch (error) {
            throw new ClientError(
                'store_failed',
                `The job cannot be written to ${this.place} (${reasonOf(error)}). Nothing was sent. Make room for this ` +
                    'site, or leave the private window.',
                {},
                { cause: error },
            );
        }
    }

    async load(job: Address): Promise<JobRecord | null> {
        const text = await this.database.get('jobs', job);
        if (text === null) {
            return null;
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
            `Job ${job.toString()} in ${this.place} is damaged: its output cannot be read. Before the award the wallet can ` +
                'still cancel the job, and after a deadline anyone can expire it.',
        );
    }

    async list(): Promise<JobRecord[]> {
        const accounts = await this.database.accounts('jobs');
        const records = await Promise.all(accounts.map((job) => this.load(job).catch(() => null)));
        return records.filter((record) => record !== null).sort((a, b) => b.createdAt - a.createdAt);
    }
}
