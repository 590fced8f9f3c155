import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JobItem, JobItemResult } from '@ton-compute/protocol';
import { ClientError, reasonOf } from './errors';

/**
 * Reads the items of a job: one on each line. A line is JSON, such as {"prompt": "..."}, {"messages": [...]},
 * {"input": "..."} or "text", or plain text. Empty lines are left out.
 * @throws ClientError `invalid_option` naming the line.
 */
export async function readItems(path: string): Promise<(string | JobItem)[]> {
    let text: string;
    try {
        text = await readFile(path, 'utf8');
    } catch (error) {
        throw new ClientError('invalid_option', `--input: ${path} cannot be read (${reasonOf(error)}).`);
    }
    const items: (string | JobItem)[] = [];
    text.split(/\r?\n/).forEach((line, index) => {
        if (line.trim() !== '') {
            items.push(parseLine(line, `${path}, line ${index + 1}`));
        }
    });
    return items;
}

function parseLine(line: string, where: string): string | JobItem {
    if (!/^\s*["{]/.test(line)) {
        return line;
    }
    let value: unknown;
    try {
        value = JSON.parse(line);
    } catch (error) {
        // A text may begin with a quotation mark; what begins with a brace was meant as JSON.
        if (/^\s*"/.test(line)) {
            return line;
        }
        throw new ClientError('invalid_option', `${where}: expected JSON or plain text (${reasonOf(error)}).`);
    }
    const known = typeof value === 'string' || ['prompt', 'messages', 'input'].some((name) => Object.hasOwn(value as object, name));
    if (!known) {
        throw new ClientError('invalid_option', `${where}: expected {"prompt": ...}, {"messages": [...]} or {"input": ...}.`);
    }
    return value as string | JobItem;
}

/** A file that is begun before money is spent, so that a result never has nowhere to go, and appears when it is whole. */
export class ResultFile {
    private constructor(
        private readonly path: string,
        private readonly temporary: string,
    ) {}

    /** @throws ClientError `invalid_option` when nothing can be written there. */
    static async begin(path: string): Promise<ResultFile> {
        const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
        try {
            await (await open(temporary, 'wx', 0o600)).close();
        } catch (error) {
            throw new ClientError('invalid_option', `--output: ${path} cannot be written (${reasonOf(error)}).`);
        }
        return new ResultFile(path, temporary);
    }

    /** One line of JSON for each item, in order. */
    async finish(items: readonly JobItemResult[]): Promise<void> {
        const file = await open(this.temporary, 'w', 0o600);
        try {
            await file.writeFile(items.map((item, index) => `${JSON.stringify({ index, ...item })}\n`).join(''));
            await file.sync();
        } finally {
            await file.close();
        }
        await rename(this.temporary, this.path);
    }

    /** Leaves nothing behind, unless it was finished. */
    async discard(): Promise<void> {
        await rm(this.temporary, { force: true });
    }
}
