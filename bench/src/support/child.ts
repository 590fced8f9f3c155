import { ChildProcess, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process of our own that is asked by messages: its work does not disturb the clock of whoever measures. */
export class Helper<Request, Answer> {
    private constructor(private readonly child: ChildProcess) {}

    /** @param file compiled module that answers messages, beside this one. */
    static async start<Request, Answer>(file: string, args: string[]): Promise<Helper<Request, Answer>> {
        const child = fork(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
        const helper = new Helper<Request, Answer>(child);
        await helper.answer();
        return helper;
    }

    get pid(): number {
        return this.child.pid!;
    }

    async ask(request: Request): Promise<Answer> {
        const answer = this.answer();
        this.child.send(request as object);
        return answer;
    }

    async stop(): Promise<void> {
        if (this.child.exitCode === null) {
            const ended = new Promise((resolve) => this.child.once('exit', resolve));
            this.child.kill('SIGKILL');
            await ended;
        }
    }

    private answer(): Promise<Answer> {
        return new Promise((resolve, reject) => {
            const lost = (code: number | null) => reject(new Error(`A helper process ended with code ${code}.`));
            this.child.once('exit', lost);
            this.child.once('message', (message) => {
                this.child.off('exit', lost);
                resolve(message as Answer);
            });
        });
    }
}

/** In a helper process: says that it is ready, and answers one message after the other. */
export function answerMessages<Request, Answer>(handle: (request: Request) => Promise<Answer>): void {
    process.on('message', (request: Request) => {
        handle(request).then(
            (answer) => process.send!(answer as object),
            (error: unknown) => {
                console.error(error);
                process.exit(1);
            },
        );
    });
    process.once('disconnect', () => process.exit(0));
    process.send!({ ready: true });
}

/** A program that runs beside the measurement. */
export class Program {
    private output = '';

    private constructor(private readonly child: ChildProcess) {}

    /** @param ready part of the line of stdout that it prints when it is ready. */
    static async start(command: string[], environment: NodeJS.ProcessEnv, ready: string): Promise<Program> {
        const child = spawn(command[0], command.slice(1), {
            env: { ...process.env, ...environment },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const program = new Program(child);
        child.stderr.on('data', (data) => (program.output += data));
        await new Promise<void>((resolve, reject) => {
            child.once('error', reject);
            child.once('close', (code) => reject(new Error(`${command.join(' ')} ended with ${code}:\n${program.output}`)));
            createInterface({ input: child.stdout }).on('line', (line) => {
                program.output += `${line}\n`;
                if (line.includes(ready)) {
                    resolve();
                }
            });
        });
        return program;
    }

    get pid(): number {
        return this.child.pid!;
    }

    /** Seconds of processor time so far, all threads. */
    get cpuSeconds(): number {
        return cpuSecondsOf(this.pid);
    }

    /** Bytes of memory that are in use. */
    get residentBytes(): number {
        const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
        return Number(line?.[1]) * 1024;
    }

    async end(signal: NodeJS.Signals): Promise<void> {
        if (this.child.exitCode !== null || this.child.signalCode !== null) {
            return;
        }
        const ended = new Promise((resolve) => this.child.once('close', resolve));
        this.child.kill(signal);
        await ended;
    }
}

/** Ticks of the kernel's accounting in a second: 100 on all Linux systems that Node.js runs on. */
const TicksPerSecond = 100;

function cpuSecondsOf(pid: number): number {
    // Fields after the name, which may hold spaces: utime and stime are the 12th and 13th of them (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
}
