import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FolderSessionStore } from '../src/session/folder-store';
import { recordToText } from '../src/session/record';
import { openRecord, receiptOf } from './support/session';

let folder: string;
let store: FolderSessionStore;

beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'client-store-'));
    store = new FolderSessionStore(join(folder, 'sessions'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function fullRecord() {
    const record = await openRecord();
    record.receipt = receiptOf(record, 3, { prompt: 7n });
    record.voucher = { cumulative: 5n, receiptHash: 9n, signature: Buffer.alloc(64, 1) };
    record.stopped = { code: 'overcharged', message: 'It cheated.' };
    return record;
}

function fileOf(record: { escrow: { hash: Buffer } }): string {
    return join(store.folder, `${record.escrow.hash.toString('hex')}.json`);
}

describe('the store of sessions', () => {
    it('keeps everything, readable by its owner only', async () => {
        const record = await fullRecord();
        expect(await store.load(record.escrow)).toBeNull();
        await store.save(record);
        const loaded = (await store.load(record.escrow))!;
        expect(recordToText(loaded)).toBe(recordToText(record));
        expect(loaded.voucher).toEqual(record.voucher);
        expect(loaded.receipt).toEqual(record.receipt);
        expect(((await stat(fileOf(record))).mode & 0o777).toString(8)).toBe('600');
        expect(((await stat(store.folder)).mode & 0o777).toString(8)).toBe('700');
        expect((await store.list()).map(({ escrow }) => escrow.toRawString())).toEqual([record.escrow.toRawString()]);
    });

    it('refuses a damaged file by name, and shows nothing of it', async () => {
        const record = await fullRecord();
        await store.save(record);
        const text = await readFile(fileOf(record), 'utf8');
        for (const damaged of [
            '',
            text.slice(0, -10),
            text.replace('"version": 1', '"version": 2'),
            text.replace(/"sessionKey": "../, '"sessionKey": "zz'),
        ]) {
            await writeFile(fileOf(record), damaged);
            const error = await store.load(record.escrow).catch((thrown: Error) => thrown);
            expect(error).toMatchObject({ code: 'store_failed', message: expect.stringContaining('is damaged') });
            expect((error as Error).message).not.toContain(record.sessionKey.toString('hex').slice(0, 8));
        }
        expect(await store.list()).toEqual([]);
    });

    it('refuses a record that was put under another session\'s name', async () => {
        const record = await fullRecord();
        const other = { ...record, escrow: record.provider };
        await store.save(record);
        await writeFile(fileOf(other), recordToText(record));
        await expect(store.load(other.escrow)).rejects.toMatchObject({ code: 'store_failed' });
    });

    it('says when it cannot write', async () => {
        await writeFile(join(folder, 'a-file'), '');
        const blocked = new FolderSessionStore(join(folder, 'a-file'));
        await expect(blocked.save(await fullRecord())).rejects.toMatchObject({ code: 'store_failed' });
    });

    it('gives a session to one process at a time, and takes it from a dead one', async () => {
        const { escrow } = await fullRecord();
        const unlock = await store.lock(escrow);
        await expect(store.lock(escrow)).rejects.toMatchObject({ code: 'session_in_use' });
        await unlock();
        await (await store.lock(escrow))();
        const lock = fileOf({ escrow }).replace('.json', '.json.lock');
        await writeFile(lock, String(process.ppid));
        await expect(store.lock(escrow)).rejects.toThrow(`process ${process.ppid}`);
        const child = spawn(process.execPath, ['-e', '']);
        await new Promise((resolve) => child.once('exit', resolve));
        await writeFile(lock, String(child.pid));
        await (await store.lock(escrow))();
    });

    it('forgets no voucher that has left, whenever the process is killed', async () => {
        let last = 0n;
        for (const count of [1, 7, 20, 40]) {
            const lines = await runAndKill(count);
            const resumed = BigInt(lines[0].split(' ')[1]);
            expect(resumed).toBeGreaterThanOrEqual(last);
            const vouchers = lines.slice(1).map((line) => BigInt(line.split(' ')[1]));
            expect(vouchers.length).toBeGreaterThanOrEqual(count);
            expect(vouchers).toEqual([...vouchers].sort((x, y) => (x < y ? -1 : 1)));
            expect(vouchers[0]).toBeGreaterThanOrEqual(resumed);
            last = vouchers.at(-1)!;
            const [kept] = await store.list();
            expect(kept.voucher!.cumulative).toBeGreaterThanOrEqual(last);
        }
    });
});

/** Runs the writer and kills it when it has printed `count` vouchers. @returns the complete lines that it printed. */
async function runAndKill(count: number): Promise<string[]> {
    const writer = join(__dirname, 'support/store-writer.ts');
    const child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', writer, store.folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: join(__dirname, '../..'),
    });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
        lines.push(line);
        if (lines.length === count + 1) {
            child.kill('SIGKILL');
        }
    }
    return lines;
}
