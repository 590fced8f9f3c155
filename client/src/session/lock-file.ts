import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError, reasonOf } from '../errors';

/** Milliseconds in which another process that saw the same dead holder has taken over as well. */
const TakeoverPause = 50;

/**
 * Takes something for this process. A lock whose process is gone is taken over.
 * @param inUse the error for the process that holds it.
 * @returns a function that gives it back.
 * @throws ClientError `store_failed` when the file cannot be made; what `inUse` gives.
 */
export async function lockFile(path: string, inUse: (holder: number) => ClientError): Promise<() => Promise<void>> {
    const release = () => rm(path, { force: true });
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (await create(path)) {
        return release;
    }
    const holder = await holderOf(path);
    if (holder === process.pid || isAlive(holder)) {
        throw inUse(holder);
    }
    await release();
    const taken = await create(path);
    // Of several that took over at once, the one whose file is there in the end has it.
    await sleep(TakeoverPause);
    const now = await holderOf(path);
    if (!taken || now !== process.pid) {
        throw inUse(now);
    }
    return release;
}

/** @returns false when it is there already. */
async function create(path: string): Promise<boolean> {
    const own = `${path}.${randomUUID()}`;
    try {
        // It appears with its content: an empty one would look like that of a dead process.
        await writeFile(own, String(process.pid), { mode: 0o600 });
        await link(own, path);
        return true;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
            return false;
        }
        throw new ClientError('store_failed', `${path} cannot be made (${reasonOf(error)}).`);
    } finally {
        await rm(own, { force: true });
    }
}

async function holderOf(path: string): Promise<number> {
    return Number(await readFile(path, 'utf8').catch(() => '0'));
}

function isAlive(pid: number): boolean {
    if (!Number.isInteger(pid) || pid <= 0) {
        return false;
    }
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        // No permission to signal it means that it is there.
        return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
}
