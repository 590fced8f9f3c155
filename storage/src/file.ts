import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tooLarge } from './limits';
import { reasonOf } from './reason';
import { StoreError } from './store';

/**
 * Writes a file as a whole or not at all, and reads it back: whoever opens it never sees half of it.
 * @throws StoreError `refused` or `not_kept`.
 */
export async function writeFileWhole(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    // A name of its own: two writers of one object must not meet in one file.
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
    try {
        const file = await open(temporary, 'wx');
        try {
            await file.writeFile(bytes, { signal });
            await file.sync();
        } finally {
            await file.close();
        }
        await rename(temporary, path);
    } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        signal?.throwIfAborted();
        throw new StoreError(
            'refused',
            `${path} cannot be written (${reasonOf(error)}). Make room, or name a folder that may be written to.`,
            { cause: error },
        );
    }
    const kept = await readFileBounded(path, bytes.length, signal);
    if (kept === null || !kept.equals(bytes)) {
        throw new StoreError('not_kept', `${path} reads differently than it was written. Check the disk; do not use this folder.`);
    }
}

/** @returns the file, or null when there is none. @throws StoreError `too_large`, `refused`. */
export async function readFileBounded(path: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null> {
    signal?.throwIfAborted();
    try {
        const file = await open(path, 'r');
        try {
            const stat = await file.stat();
            if (!stat.isFile()) {
                throw new StoreError('refused', `${path} is no file. Remove it, or name another folder.`);
            }
            if (stat.size > maxBytes) {
                throw tooLarge(path, maxBytes);
            }
            return await file.readFile({ signal });
        } finally {
            await file.close();
        }
    } catch (error) {
        signal?.throwIfAborted();
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
            return null;
        }
        if (error instanceof StoreError) {
            throw error;
        }
        throw new StoreError('refused', `${path} cannot be read (${reasonOf(error)}). Check its permissions.`, { cause: error });
    }
}
