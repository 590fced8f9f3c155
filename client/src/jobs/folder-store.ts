import { join } from 'node:path';
import { Address } from '@ton/core';
import { RecordFolder } from '../record-folder';
import { JobRecord, jobRecordFromText, jobRecordToText } from './record';
import { JobStore } from './store';

/** Jobs in a folder: their files hold the keys of their content. */
export class FolderJobStore implements JobStore {
    private readonly records: RecordFolder<JobRecord>;

    /** @param sessions folder of the sessions: jobs lie in a folder of it. */
    constructor(sessions: string) {
        this.records = new RecordFolder(join(sessions, 'jobs'), {
            name: 'job',
            toText: jobRecordToText,
            fromText: jobRecordFromText,
            addressOf: ({ job }) => job,
            unwritten: 'Nothing was sent.',
            damaged:
                'Restore it from a backup; without it the output cannot be read. Before the award the wallet can still ' +
                'cancel the job, and after a deadline anyone can expire it.',
        });
    }

    get place(): string {
        return this.records.folder;
    }

    save(record: JobRecord): Promise<void> {
        return this.records.save(record);
    }

    load(job: Address): Promise<JobRecord | null> {
        return this.records.load(job);
    }

    list(): Promise<JobRecord[]> {
        return this.records.list();
    }
}
