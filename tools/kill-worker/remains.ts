import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';

/** What a killed worker left on the disk. */
export type Remains = {
    /** Batches that were signed and whose fate was not known. */
    batches: number;
    /** What SQLite finds wrong with the file; 'ok' for nothing. */
    integrity: string;
};

/**
 * Looks at a copy: opening the ledger itself would recover it, and that is the worker's to do.
 * @param ledger path of its file.
 */
export function inspectRemains(ledger: string): Remains {
    const folder = mkdtempSync(join(tmpdir(), 'kill-worker-'));
    const copy = join(folder, 'ledger.sqlite');
    try {
        ['', '-wal'].filter((end) => existsSync(ledger + end)).forEach((end) => copyFileSync(ledger + end, copy + end));
        const database = new Database(copy);
        const tables = database.prepare("SELECT COUNT(*) AS count FROM sqlite_master WHERE name = 'batches'").get();
        const made = (tables as { count: number }).count > 0;
        const sent = made ? database.prepare("SELECT COUNT(*) AS count FROM batches WHERE state = 'sent'").get() : { count: 0 };
        const check = database.prepare('PRAGMA integrity_check').get() as { integrity_check: string };
        database.close();
        return { batches: (sent as { count: number }).count, integrity: check.integrity_check };
    } finally {
        rmSync(folder, { recursive: true });
    }
}
