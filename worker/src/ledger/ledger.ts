import { BatchTable } from './batches';
import { openDatabase, OwnedDatabase } from './database';
import { JobTable } from './jobs';
import { ReplayTable } from './replays';
import { Schema } from './schema';
import { SessionTable } from './sessions';
import { Run, RunResult, Writer } from './writer';

/**
 * The worker's memory of money: vouchers, receipts, use, claims, batches, jobs, and what must not be accepted twice. Its
 * tables read at once; changes are statements for `write`, whose promise resolves when they are on the disk. Whoever
 * awaits it before acting can be killed at any point.
 */
export class Ledger {
    readonly sessions: SessionTable;
    readonly batches: BatchTable;
    readonly jobs: JobTable;
    readonly replays = new ReplayTable();
    private readonly writer: Writer;
    private closing: Promise<void> | undefined;

    private constructor(
        private readonly owned: OwnedDatabase,
        path: string,
    ) {
        this.sessions = new SessionTable(owned.database);
        this.batches = new BatchTable(owned.database);
        this.jobs = new JobTable(owned.database);
        this.writer = new Writer(path);
    }

    /**
     * @param path of the database file; made if it is not there.
     * @throws {StartError} when another process holds it, or it cannot be written.
     */
    static open(path: string): Ledger {
        return new Ledger(openDatabase(path, Schema), path);
    }

    /** Whether the last write reached the disk. */
    get working(): boolean {
        return this.writer.working;
    }

    /**
     * @param runs all of them take effect, or none; after everything that was written before.
     * @returns what each did, once it is durable.
     */
    write(...runs: Run[]): Promise<RunResult[]> {
        return this.writer.run(runs);
    }

    /** As `write` with one statement. @returns whether it changed anything. */
    async change(run: Run): Promise<boolean> {
        const [{ changes }] = await this.write(run);
        return changes > 0;
    }

    /** Writes what waits and closes the file. May be called twice. */
    close(): Promise<void> {
        this.closing ??= this.writer.close().then(() => this.owned.close());
        return this.closing;
    }
}
