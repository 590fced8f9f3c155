import { ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a worker is started. */
export type WorkerCommand = {
    /** The worker's cli.js. */
    cli: string;
    /** Flags of `run`. */
    flags: readonly string[];
    url: string;
    /** Working directory. */
    directory: string;
};

/** Milliseconds from the start of the process. */
export type StartTimes = {
    /** To the first answer of /health with 200. */
    health: number;
    /** Of it, for the engine: library, device, hash and weights. Null where the worker has not said so. */
    model: number | null;
};

/** Milliseconds between two looks at /health. */
const LookMs = 10;
/** Milliseconds for a start, on a machine that does other things too. */
const StartPatience = 60_000;
/** What pino calls an error. */
const ErrorLevel = 50;

/** The worker as its owner runs it, until it is killed. */
export class WorkerProcess {
    /** Lines of its log that say error or worse. */
    readonly complaints: string[] = [];
    /** Resolves when it answers, with the milliseconds that it took; rejects when it ends before. */
    readonly ready: Promise<number>;
    readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
    /** Resolves when its log said how long the start took, which is just before or after `ready`; or when it ended. */
    readonly told: Promise<void>;
    private tell: () => void = () => undefined;
    private readonly child: ChildProcess;
    private readonly startedAt = performance.now();
    private model: number | null = null;
    private last = '';
    private over = false;

    constructor(private readonly command: WorkerCommand) {
        this.child = spawn(process.execPath, [command.cli, ...command.flags], {
            cwd: command.directory,
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        createInterface({ input: this.child.stderr! }).on('line', (line) => this.read(line));
        this.told = new Promise((resolve) => {
            this.tell = resolve;
        });
        this.exited = new Promise((resolve) => {
            this.child.once('close', (code, signal) => {
                this.over = true;
                this.tell();
                resolve({ code, signal });
            });
        });
        this.ready = this.awaitHealth();
        // Whoever kills it before does not wait for it.
        this.ready.catch(() => undefined);
    }

    /** Milliseconds that the engine took to load, as the log tells it; null before. */
    get modelMs(): number | null {
        return this.model;
    }

    async kill(): Promise<void> {
        this.child.kill('SIGKILL');
        await this.exited;
    }

    /** Asks it to end. @throws Error when it does not end cleanly. */
    async stop(): Promise<void> {
        this.child.kill('SIGTERM');
        const { code, signal } = await this.exited;
        if (code !== 0) {
            throw new Error(`The worker ended with ${signal ?? `exit code ${code}`} instead of 0: ${this.last}`);
        }
    }

    private async awaitHealth(): Promise<number> {
        for (const end = this.startedAt + StartPatience; performance.now() < end; await sleep(LookMs)) {
            if (this.over) {
                throw new Error(`The worker ended before it answered: ${this.last}`);
            }
            const response = await fetch(`${this.command.url}/health`).catch(() => null);
            if (response?.status === 200) {
                const health = performance.now() - this.startedAt;
                await response.arrayBuffer();
                return health;
            }
        }
        throw new Error(`The worker did not answer within ${StartPatience / 1000} s: ${this.last}`);
    }

    private read(line: string): void {
        this.last = line;
        const entry = parse(line);
        if (entry === null || Number(entry.level) >= ErrorLevel) {
            this.complaints.push(line);
        }
        if (typeof entry?.modelMs === 'number') {
            this.model = entry.modelMs;
            this.tell();
        }
    }
}

function parse(line: string): Record<string, unknown> | null {
    try {
        return JSON.parse(line) as Record<string, unknown>;
    } catch {
        return null;
    }
}
