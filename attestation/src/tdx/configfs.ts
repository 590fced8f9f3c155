import { constants } from 'node:fs';
import { mkdir, open, readFile, rmdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AttestationError } from '../errors';
import { QuoteSource } from './quote-source';

/** The few operations on files that reports need; tests put a simulation in their place. */
export type TsmFiles = {
    mkdir(path: string): Promise<void>;
    rmdir(path: string): Promise<void>;
    /** Writes to an attribute that exists, in one call. */
    write(path: string, data: Buffer): Promise<void>;
    read(path: string, signal?: AbortSignal): Promise<Buffer>;
};

export type ConfigfsOptions = {
    /** Folder of the kernel's reports; the usual one if left out. */
    root?: string;
    /** For one quote, seconds; 30 if left out. The host's quoting enclave takes well under a second. */
    timeoutSeconds?: number;
    files?: TsmFiles;
};

const DefaultRoot = '/sys/kernel/config/tsm/report';
const TdxProvider = 'tdx_guest';
/** Somebody else may write to the same report, however unlikely. */
const Attempts = 3;
const BusyPauseMs = 100;

const realFiles: TsmFiles = {
    mkdir: async (path) => {
        await mkdir(path);
    },
    rmdir: (path) => rmdir(path),
    write: async (path, data) => {
        // Attributes are write-only, and are neither created nor truncated.
        const file = await open(path, constants.O_WRONLY);
        try {
            const { bytesWritten } = await file.write(data);
            if (bytesWritten !== data.length) {
                throw new Error(`${bytesWritten} of ${data.length} bytes written`);
            }
        } finally {
            await file.close();
        }
    },
    read: (path, signal) => readFile(path, { signal }),
};

/**
 * Quotes of the TDX guest that this process runs in, through configfs-tsm of Linux 6.7 and later
 * (Documentation/ABI/testing/configfs-tsm-report). Needs root, or write access to the folder.
 */
export class ConfigfsQuoteSource implements QuoteSource {
    private readonly root: string;
    private readonly files: TsmFiles;
    private readonly timeoutSeconds: number;

    constructor({ root = DefaultRoot, timeoutSeconds = 30, files = realFiles }: ConfigfsOptions = {}) {
        this.root = root;
        this.files = files;
        this.timeoutSeconds = timeoutSeconds;
    }

    /** @throws AttestationError when this is no TDX guest, or the host gives no quote. */
    async quote(reportData: Buffer, signal?: AbortSignal): Promise<Buffer> {
        if (reportData.length !== 64) {
            throw new AttestationError('bad_argument', `Report data have 64 bytes, got ${reportData.length}.`);
        }
        const timeout = AbortSignal.timeout(this.timeoutSeconds * 1000);
        const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
        const entry = join(this.root, `ton-compute-${process.pid}-${randomBytes(6).toString('hex')}`);
        await this.create(entry);
        try {
            for (let attempt = 1; attempt <= Attempts; attempt += 1) {
                const quote = await this.read(entry, reportData, either);
                if (quote !== null) {
                    return quote;
                }
            }
            throw noQuote('somebody else keeps writing to the report', 'Look for another process that uses it.');
        } catch (error) {
            signal?.throwIfAborted();
            if (timeout.aborted) {
                throw noQuote(
                    `there was no answer within ${this.timeoutSeconds} s`,
                    "Check the quote generation service (QGS) on the host, and the guest's vsock.",
                    error,
                );
            }
            throw error instanceof AttestationError ? error : this.explain(error);
        } finally {
            // Whatever happened to the quote counts, not this: an empty entry left behind does no harm.
            await this.files.rmdir(entry).catch(() => undefined);
        }
    }

    private async create(entry: string): Promise<void> {
        try {
            await this.files.mkdir(entry);
        } catch (error) {
            const code = codeOf(error);
            if (code === 'ENOENT' || code === 'ENOTDIR') {
                throw noQuote(
                    `${this.root} does not exist`,
                    'Expected a TDX guest with Linux 6.7 or later, configfs mounted and the module tdx_guest loaded ' +
                        '(modprobe tdx_guest). Outside a TDX guest only the tier "open" is possible.',
                    error,
                );
            }
            if (code === 'ENXIO') {
                throw noQuote(
                    'no provider of reports is registered with the kernel',
                    'Load the module tdx_guest (modprobe tdx_guest); it loads in TDX guests only.',
                    error,
                );
            }
            throw this.explain(error);
        }
    }

    /** @returns the quote, or null if another process changed the report meanwhile. */
    private async read(entry: string, reportData: Buffer, signal: AbortSignal): Promise<Buffer | null> {
        const provider = (await this.files.read(join(entry, 'provider'), signal)).toString('latin1').trim();
        if (provider !== TdxProvider) {
            throw noQuote(
                `this machine's reports come from "${provider}"`,
                `Expected "${TdxProvider}": run the worker in a TDX guest.`,
            );
        }
        await this.unlessBusy(() => this.files.write(join(entry, 'inblob'), reportData), signal);
        const before = await this.generation(entry, signal);
        const quote = await this.unlessBusy(() => this.files.read(join(entry, 'outblob'), signal), signal);
        const after = await this.generation(entry, signal);
        if (before !== after) {
            return null;
        }
        if (quote.length === 0) {
            throw noQuote('the report is empty', 'Check the quote generation service (QGS) on the host.');
        }
        return quote;
    }

    private async generation(entry: string, signal: AbortSignal): Promise<string> {
        return (await this.files.read(join(entry, 'generation'), signal)).toString('latin1').trim();
    }

    /** A TDX guest has one channel to its host: another process may just be using it. */
    private async unlessBusy<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
        for (;;) {
            try {
                return await operation();
            } catch (error) {
                const code = codeOf(error);
                if (code !== 'EBUSY' && code !== 'EINTR' && code !== 'EAGAIN') {
                    throw error;
                }
                signal.throwIfAborted();
                await new Promise((resolve) => setTimeout(resolve, BusyPauseMs));
            }
        }
    }

    private explain(error: unknown): AttestationError {
        const code = codeOf(error);
        if (code === 'EACCES' || code === 'EPERM') {
            return noQuote(
                `this process may not use ${this.root}`,
                'Run the worker as root, or give its user write access to that folder.',
                error,
            );
        }
        return noQuote(
            `${code ?? 'an error'} came from ${this.root}`,
            "Look at the guest's kernel log (dmesg) and at the quote generation service (QGS) on the host.",
            error,
        );
    }
}

function noQuote(problem: string, advice: string, cause?: unknown): AttestationError {
    return new AttestationError('no_quote', `No TDX quote: ${problem}. ${advice}`, { cause });
}

function codeOf(error: unknown): string | undefined {
    return (error as { code?: string } | null)?.code;
}
