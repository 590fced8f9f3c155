import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** One statement to run. */
export type Run = { sql: string; parameters: (string | number | null)[] };

/** What a statement did: rows that it changed, and the id of the last one that it inserted. */
export type RunResult = { changes: number; id: number };

type Write = { id: number; runs: Run[] };
type Answer = { results: { id: number; results: RunResult[] }[] } | { failed: number[]; reason: string };
type Waiting = { resolve: (results: RunResult[]) => void; reject: (error: Error) => void };

/** Writes to a database in a thread of its own; see writer-thread.js. */
export class Writer {
    private readonly thread: Worker;
    private readonly waiting = new Map<number, Waiting>();
    private readonly exited: Promise<void>;
    private count = 0;
    /** Writes of this turn of the event loop: they travel together, which costs as much as one. */
    private outgoing: Write[] = [];
    private broken: Error | null = null;
    private failed = false;

    /** @param path of the database, which must have its schema already. */
    constructor(path: string) {
        this.thread = new Worker(join(__dirname, 'writer-thread.js'), { workerData: { path } });
        this.thread.on('message', (answer: Answer) => this.settle(answer));
        this.thread.on('error', (error) => this.breakDown(error));
        this.exited = new Promise((resolve) => {
            this.thread.once('exit', () => {
                this.breakDown(new Error('The ledger is closed.'));
                resolve();
            });
        });
    }

    /** Whether the last transaction reached the disk. */
    get working(): boolean {
        return this.broken === null && !this.failed;
    }

    /**
     * Runs statements in one transaction, after all that was handed in before.
     * @returns their results, once they are on the disk. Rejects when the disk refuses: then none of them counts.
     */
    run(runs: Run[]): Promise<RunResult[]> {
        if (this.broken !== null) {
            return Promise.reject(this.broken);
        }
        const id = (this.count += 1);
        return new Promise((resolve, reject) => {
            this.waiting.set(id, { resolve, reject });
            if (this.outgoing.length === 0) {
                setImmediate(() => this.post());
            }
            this.outgoing.push({ id, runs });
        });
    }

    /** Writes what waits and ends the thread. */
    async close(): Promise<void> {
        this.post();
        this.thread.postMessage(null);
        await this.exited;
    }

    private post(): void {
        if (this.outgoing.length > 0) {
            this.thread.postMessage(this.outgoing);
            this.outgoing = [];
        }
    }

    private settle(answer: Answer): void {
        this.failed = 'failed' in answer;
        if ('results' in answer) {
            answer.results.forEach(({ id, results }) => this.take(id)?.resolve(results));
        } else {
            const error = new Error(`The ledger cannot be written: ${answer.reason}`);
            answer.failed.forEach((id) => this.take(id)?.reject(error));
        }
    }

    private take(id: number): Waiting | undefined {
        const entry = this.waiting.get(id);
        this.waiting.delete(id);
        return entry;
    }

    private breakDown(error: Error): void {
        this.broken ??= error;
        this.waiting.forEach(({ reject }) => reject(error));
        this.waiting.clear();
    }
}
