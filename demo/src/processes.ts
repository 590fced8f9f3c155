import { ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Folder of the repository. */
export const Root = `${__dirname}/../..`;

export type CommandResult = { stdout: string; stderr: string };

/**
 * Runs a program to its end.
 * @param timeout seconds.
 * @throws Error with what it printed when it fails.
 */
export function run(command: string[], environment: NodeJS.ProcessEnv, timeout: number): Promise<CommandResult> {
    const child = spawn(command[0], command.slice(1), {
        cwd: Root,
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeout * 1000,
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (output.stdout += data));
    child.stderr.on('data', (data) => (output.stderr += data));
    return new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, signal) => {
            if (code === 0) {
                resolve(output);
            } else {
                const why = signal === null ? `exit code ${code}` : `${signal} after ${timeout} s at most`;
                reject(new Error(`${command.join(' ')} failed (${why}):\n${output.stdout}${output.stderr}`));
            }
        });
    });
}

/** A program that goes on running beside the demo. */
export class Service {
    private output = '';

    private constructor(
        readonly name: string,
        private readonly child: ChildProcess,
    ) {}

    /**
     * Starts a program and waits until it prints a line that `ready` recognises.
     * @param timeout seconds.
     */
    static async start<T>(
        name: string,
        command: string[],
        environment: NodeJS.ProcessEnv,
        ready: (line: string) => T | undefined,
        timeout: number,
    ): Promise<{ service: Service; value: T; lines: string[] }> {
        const child = spawn(command[0], command.slice(1), {
            cwd: Root,
            env: { ...process.env, ...environment },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const service = new Service(name, child);
        child.stderr.on('data', (data) => (service.output += data));
        const lines: string[] = [];
        const value = await new Promise<T>((resolve, reject) => {
            const fail = (why: string) => reject(new Error(`The ${name} did not start (${why}):\n${service.output}`));
            const timer = setTimeout(() => fail(`nothing for ${timeout} s`), timeout * 1000);
            child.once('error', (error) => fail(error.message));
            child.once('close', (code) => fail(`exit code ${code}`));
            createInterface({ input: child.stdout }).on('line', (line) => {
                lines.push(line);
                service.output += `${line}\n`;
                const found = ready(line);
                if (found !== undefined) {
                    clearTimeout(timer);
                    resolve(found);
                }
            });
        }).catch((error: unknown) => {
            child.kill('SIGKILL');
            throw error;
        });
        return { service, value, lines };
    }

    /** Asks it to end and waits for that. @throws Error when it did not end cleanly. */
    async stop(): Promise<void> {
        if (this.child.exitCode !== null || this.child.signalCode !== null) {
            return;
        }
        const ended = new Promise<number | null>((resolve) => this.child.once('close', resolve));
        this.child.kill('SIGTERM');
        const code = await ended;
        if (code !== 0) {
            throw new Error(`The ${this.name} ended with exit code ${code}:\n${this.output}`);
        }
    }

    /** Ends it at once, whatever it does. */
    kill(): void {
        this.child.kill('SIGKILL');
    }
}
