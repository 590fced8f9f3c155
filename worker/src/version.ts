import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Version of the worker, as its package says; 'unknown' where it was copied without it. */
export const version: string = readVersion();

function readVersion(): string {
    try {
        const text = readFileSync(join(__dirname, '..', 'package.json'), 'utf8');
        return (JSON.parse(text) as { version: string }).version;
    } catch {
        return 'unknown';
    }
}
