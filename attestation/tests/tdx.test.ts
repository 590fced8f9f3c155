import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigfsQuoteSource, parseQuote, TsmFiles } from '../src';
import { TestAuthority } from '../src/testing';

const platform = new TestAuthority().platform();
const reportData = Buffer.alloc(64, 3);

function systemError(code: string): Error {
    return Object.assign(new Error(`${code}: simulated`), { code });
}

/** The kernel's side of configfs-tsm in an ordinary folder: entries have their attributes from the start. */
class SimulatedTsm implements TsmFiles {
    provider = 'tdx_guest';
    /** Errors of the next reads of outblob. */
    failures: string[] = [];
    /** How often another process will write to the report between two reads. */
    races = 0;

    async mkdir(path: string): Promise<void> {
        if (!existsSync(dirname(path))) {
            throw systemError('ENOENT');
        }
        mkdirSync(path);
        writeFileSync(join(path, 'provider'), `${this.provider}\n`);
        writeFileSync(join(path, 'generation'), '0\n');
    }

    async rmdir(path: string): Promise<void> {
        rmSync(path, { recursive: true });
    }

    async write(path: string, data: Buffer): Promise<void> {
        expect(basename(path)).toBe('inblob');
        writeFileSync(join(dirname(path), 'outblob'), platform.quote({ td: { reportData: data } }));
        this.advance(dirname(path));
    }

    async read(path: string): Promise<Buffer> {
        if (basename(path) === 'outblob') {
            const failure = this.failures.shift();
            if (failure !== undefined) {
                throw systemError(failure);
            }
            if (this.races > 0) {
                this.races -= 1;
                this.advance(dirname(path));
            }
        }
        return readFileSync(path);
    }

    private advance(entry: string): void {
        const file = join(entry, 'generation');
        writeFileSync(file, `${Number(readFileSync(file, 'latin1')) + 1}\n`);
    }
}

describe('Quotes through configfs-tsm', () => {
    let root: string;
    let files: SimulatedTsm;
    let source: ConfigfsQuoteSource;

    beforeEach(() => {
        root = mkdtempSync(join(tmpdir(), 'tsm-'));
        files = new SimulatedTsm();
        source = new ConfigfsQuoteSource({ root, files });
    });

    afterEach(() => {
        expect(readdirSync(root)).toEqual([]);
        rmSync(root, { recursive: true });
    });

    test('a quote over the report data is read, and the entry is removed', async () => {
        expect(parseQuote(await source.quote(reportData)).body.reportData).toEqual(reportData);
    });

    test('several at a time do not disturb each other', async () => {
        const quotes = await Promise.all([1, 2, 3].map((fill) => source.quote(Buffer.alloc(64, fill))));
        expect(quotes.map((quote) => parseQuote(quote).body.reportData[0])).toEqual([1, 2, 3]);
    });

    test('a report that another process changed is taken again, three times at most', async () => {
        files.races = 2;
        expect((await source.quote(reportData)).length).toBeGreaterThan(4_000);
        files.races = 3;
        await expect(source.quote(reportData)).rejects.toThrow(/keeps writing to the report/);
    });

    test('a busy channel is waited for', async () => {
        files.failures = ['EBUSY', 'EINTR'];
        expect((await source.quote(reportData)).length).toBeGreaterThan(4_000);
    });

    test('a host that does not answer in time is reported', async () => {
        files.failures = Array<string>(50).fill('EBUSY');
        const hasty = new ConfigfsQuoteSource({ root, files, timeoutSeconds: 0.15 });
        await expect(hasty.quote(reportData)).rejects.toThrow(/no answer within 0.15 s.*QGS/);
    });

    test('the caller can stop', async () => {
        files.failures = Array<string>(50).fill('EBUSY');
        await expect(source.quote(reportData, AbortSignal.timeout(20))).rejects.toThrow(/abort|timeout/i);
    });

    test('another kind of guest is refused', async () => {
        files.provider = 'sev_guest';
        await expect(source.quote(reportData)).rejects.toThrow(/come from "sev_guest".*TDX guest/);
    });

    test('an error of the kernel is reported with advice', async () => {
        files.failures = ['EIO'];
        await expect(source.quote(reportData)).rejects.toThrow(/EIO.*dmesg/);
        files.failures = ['EACCES'];
        await expect(source.quote(reportData)).rejects.toThrow(/root/);
    });

    test('report data of another length are refused', async () => {
        await expect(source.quote(Buffer.alloc(63))).rejects.toThrow(/64 bytes, got 63/);
    });
});

test('outside a TDX guest the error says what is missing', async () => {
    const source = new ConfigfsQuoteSource({ root: join(tmpdir(), 'no-such-folder', 'report') });
    await expect(source.quote(reportData)).rejects.toThrow(/does not exist.*TDX guest with Linux 6.7.*tdx_guest/);
});
