import { Writable } from 'node:stream';
import pino from 'pino';

export type Logger = pino.Logger;
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
export type LogFormat = 'json' | 'pretty';

/**
 * Logs to stderr. Nobody hands it a prompt, an answer, a key or the network address of a client: what it gets are route
 * names, numbers, account addresses and the messages of our own errors.
 */
export function createLogger(level: LogLevel, format: LogFormat, output: Writable | undefined = undefined): Logger {
    const options: pino.LoggerOptions = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
    if (format === 'pretty') {
        return pino(options, new PrettyLines(output ?? process.stderr));
    }
    return output === undefined ? pino(options, pino.destination({ fd: 2, sync: true })) : pino(options, output);
}

/** One line for a person: time, level, message, and the other fields as name=value. */
class PrettyLines extends Writable {
    constructor(private readonly output: Writable) {
        super({ decodeStrings: false });
    }

    override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
        for (const line of chunk.toString().split('\n')) {
            if (line !== '') {
                this.output.write(`${prettyLine(line)}\n`);
            }
        }
        done();
    }
}

function prettyLine(line: string): string {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const clock = String(time).slice(11, 19);
    const name = (pino.levels.labels[Number(level)] ?? '').toUpperCase().padEnd(5);
    const rest = Object.entries(fields).map(
        ([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    return [clock, name, String(msg ?? ''), ...rest].join(' ');
}
