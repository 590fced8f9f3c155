import { ChildProcess, spawn } from 'node:child_process';

export type CliOptions = {
    cli: string;
    /** Flags of node. */
    execArgv?: readonly string[];
    flags: readonly string[];
    directory: string;
    environment?: NodeJS.ProcessEnv;
};

/** The worker's command line as a process of its own, with all that it prints. */
export class CliProcess {
    readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
    private readonly child: ChildProcess;
    private readonly parts: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };

    constructor({ cli, execArgv = [], flags, directory, environment = {} }: CliOptions) {
        // A limit that would allow core dumps, where the machine lets us: the worker has to lower it by itself.
        this.child = spawn('sh', ['-c', 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', 'sh', process.execPath, ...execArgv, cli, ...flags], {
            cwd: directory,
            env: { PATH: process.env.PATH, HOME: directory, ...environment },
            stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        });
        this.child.stdout!.on('data', (part: Buffer) => this.parts.out.push(part));
        this.child.stderr!.on('data', (part: Buffer) => this.parts.err.push(part));
        this.exited = new Promise((resolve) => this.child.once('close', (code, signal) => resolve({ code, signal })));
    }

    get pid(): number {
        return this.child.pid!;
    }

    /** What it has printed so far. */
    get printed(): { out: Buffer; err: Buffer } {
        return { out: Buffer.concat(this.parts.out), err: Buffer.concat(this.parts.err) };
    }

    /** Waits for the banner. @returns the URL that it listens at. @throws Error with its log when it ends before. */
    async listening(): Promise<string> {
        for (;;) {
            const url = /listening at (\S+)\n[^]*^requests/m.exec(this.printed.out.toString())?.[1];
            if (url !== undefined) {
                return url;
            }
            const ended = await Promise.race([
                this.exited.then(() => true),
                new Promise<boolean>((resolve) => this.child.stdout!.once('data', () => setImmediate(resolve, false))),
            ]);
            if (ended) {
                throw new Error(`The worker ended before it listened: ${this.printed.err.toString()}`);
            }
        }
    }

    /** Sends a message to what was loaded into it with --require, and waits for the answer. */
    async tell(message: object): Promise<void> {
        const answered = new Promise((resolve) => this.child.once('message', resolve));
        this.child.send(message);
        await answered;
    }

    kill(signal: NodeJS.Signals): void {
        this.child.kill(signal);
    }
}
