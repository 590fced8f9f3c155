import { Address } from '@ton/core';
import { JobRecord } from './record';

/**
 * Where the state of jobs is kept, with the keys of their content. It is kept before the wallet sends anything: a job
 * whose key is lost can be awarded to nobody, and its output read by nobody.
 */
export interface JobStore {
    /** Where it is, in words for errors. */
    readonly place: string;

    /** @throws ClientError `store_failed`. */
    save(record: JobRecord): Promise<void>;

    /** @returns the record of a job, or null when there is none. @throws ClientError `store_failed`. */
    load(job: Address): Promise<JobRecord | null>;

    /** @returns the records of all jobs, newest first; damaged ones are left out. */
    list(): Promise<JobRecord[]>;
}
