import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { FileHandle, link, lstat, open, realpath, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';

import { StoreTrouble } from './store-error';

/** Neither follows a link at the end of the path, nor waits for the other end of a pipe. */
const ReadFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a file below a folder that is shared with strangers: links that lead out of it, devices and pipes are refused.
 * @param folder as the owner allows it. @param path below it, without `..`.
 * @throws {StoreTrouble}
 */
export async function readShared(folder: string, path: string, maxBytes: number): Promise<Buffer> {
    const handle = await openShared(path);
    try {
        const opened = await handle.stat();
        const real = await realpath(path);
        const named = await stat(real);
        // What was opened must be what the path without links names, also if somebody is exchanging folders meanwhile.
        if (!opened.isFile() || opened.ino !== named.ino || opened.dev !== named.dev || !(await isInside(folder, real))) {
            throw new StoreTrouble('missing', 'The folder of the store has no plain file there.');
        }
        if (opened.size > maxBytes) {
            throw new StoreTrouble('other', `The file has ${opened.size} bytes, at most ${maxBytes} were expected.`);
        }
        const bytes = Buffer.alloc(opened.size);
        const { bytesRead } = await handle.read(bytes, 0, opened.size, 0);
        return bytes.subarray(0, bytesRead);
    } catch (error) {
        throw asTrouble(error);
    } finally {
        await handle.close();
    }
}

/**
 * Writes a file below a shared folder. What is there already stays: a stranger may have named somebody else's file.
 * @throws {StoreTrouble}
 */
export async function writeShared(folder: string, path: string, bytes: Uint8Array): Promise<void> {
    const parent = await realpath(dirname(path)).catch((error: unknown) => Promise.reject(asTrouble(error)));
    if (!(await isInside(folder, join(parent, 'x')))) {
        throw new StoreTrouble('other', 'The folder of the output is a link that leads out of the store.');
    }
    const target = join(parent, basename(path));
    const draft = join(parent, `.${randomBytes(12).toString('hex')}.part`);
    try {
        const handle = await open(draft, 'wx', 0o644);
        try {
            await handle.writeFile(bytes);
            await handle.sync();
        } finally {
            await handle.close();
        }
        // A link, unlike a rename, never replaces.
        await link(draft, target);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await holds(target, bytes))) {
            throw asTrouble(error);
        }
    } finally {
        await unlink(draft).catch(() => undefined);
    }
}

/** Whether our own earlier try got as far as this. */
async function holds(target: string, bytes: Uint8Array): Promise<boolean> {
    const entry = await lstat(target);
    if (!entry.isFile() || entry.size !== bytes.length) {
        return false;
    }
    const handle = await open(target, ReadFlags);
    try {
        return (await handle.readFile()).equals(bytes);
    } finally {
        await handle.close();
    }
}

async function isInside(folder: string, real: string): Promise<boolean> {
    const root = await realpath(folder);
    return real.startsWith(root.endsWith(sep) ? root : root + sep);
}

async function openShared(path: string): Promise<FileHandle> {
    try {
        return await open(path, ReadFlags);
    } catch (error) {
        throw asTrouble(error);
    }
}

/** The system's own message names the path; the code says enough. */
function asTrouble(error: unknown): StoreTrouble {
    if (error instanceof StoreTrouble) {
        return error;
    }
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') {
        return new StoreTrouble('missing', `The folder of the store has no such file (${code}).`);
    }
    return code === 'EEXIST'
        ? new StoreTrouble('other', 'Another file is there already; it is not overwritten.')
        : new StoreTrouble('trouble', `The folder of the store cannot be used (${code}). Check its permissions and free space.`);
}
