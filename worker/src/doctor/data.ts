import { constants, existsSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { sendOrder } from '../admin/client';
import { messageOf } from '../errors';
import { FileKeys } from '../keys/file-keys';
import { isHeld } from '../ledger/database';
import { LedgerFile } from '../office';
import { ownCommand } from '../own-command';
import { publicKeysOf } from '../registration';
import { Examination, Facts } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';
import { size } from './text';

/** Bytes: below the first nothing should be started, below the second somebody should look soon. */
const LeastSpace = 100e6;
const ComfortableSpace = 1e9;

/** Kinds of file systems as statfs(2) numbers them. */
const Memory = new Map([
    [0x01021994, 'tmpfs'],
    [0x858458f6, 'ramfs'],
]);
const Network = new Map([
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [0xfe534d42, 'SMB'],
    [0x517b, 'SMB'],
    [0x65735546, 'FUSE'],
    [0x01021997, '9p'],
]);

/** The directory of keys and ledger: is it there, is it safe, and is it this worker's alone. */
export async function* checkData({ facts, sources }: Examination): AsyncIterable<Finding> {
    const { config } = facts;
    if (config === undefined) {
        yield skipped('data directory', 'without a configuration it is not known');
        return;
    }
    const directory = resolve(config.data.directory);
    if (existsSync(directory)) {
        yield await checkDirectory(directory);
        yield* checkOwner(directory, facts);
    } else {
        yield await checkParent(directory);
    }
    yield* checkFileSystem(existing(directory));
    yield await checkKeys(resolve(config.data.keys ?? directory), facts, sources.file);
}

async function checkDirectory(directory: string): Promise<Finding> {
    const found = await stat(directory);
    if (!found.isDirectory()) {
        return problem('data directory', `${directory} is no directory`, {
            next: 'move the file away, or set data.directory',
        });
    }
    if (!(await isWritable(directory))) {
        return problem('data directory', `${directory} cannot be written by this user`, {
            next: `chown ${process.getuid?.() ?? ''} ${directory}, or run doctor as the user that the worker runs as`,
        });
    }
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
        return warning('data directory', `${directory} is open to other users of this machine`, {
            expected: 'mode 700: whoever may enter can give the worker orders',
            next: `chmod 700 ${directory}`,
        });
    }
    return ok('data directory', directory);
}

async function checkParent(directory: string): Promise<Finding> {
    const parent = existing(directory);
    return (await isWritable(parent))
        ? ok('data directory', `${directory} is made at the first start`)
        : problem('data directory', `${directory} is not there, and ${parent} cannot be written by this user`, {
              next: `mkdir -p -m 700 ${directory}, and give it to the user that the worker runs as`,
          });
}

async function* checkFileSystem(directory: string): AsyncIterable<Finding> {
    const { type, bavail, bsize } = await statfs(directory);
    const memory = Memory.get(type);
    const network = Network.get(type);
    if (memory !== undefined) {
        yield warning('file system', `${directory} is in memory (${memory}): a restart of the machine forgets the ledger`, {
            expected: 'a disk: vouchers that are not claimed yet are money',
            next: 'set data.directory to a folder on a disk; in tier tdx only data.keys belongs into memory',
        });
    } else if (network !== undefined) {
        yield warning('file system', `${directory} is on ${network}`, {
            expected: 'a local disk: over a network neither locks nor syncs are certain, and the ledger needs both',
            next: 'set data.directory to a folder on a local disk',
        });
    }
    const free = bavail * bsize;
    if (free >= ComfortableSpace) {
        yield ok('free space', size(free));
    } else {
        const complaint = { expected: `at least ${size(ComfortableSpace)}`, next: 'make room, or set data.directory' };
        yield (free < LeastSpace ? problem : warning)('free space', size(free), complaint);
    }
}

/** Finds out whether another process holds the ledger, without making a file. */
async function* checkOwner(directory: string, facts: Facts): AsyncIterable<Finding> {
    try {
        const status = (await sendOrder(directory, 'GET', '/status')) as Facts['running'] | null;
        if (status !== null) {
            facts.running = status;
            yield ok('running worker', `one runs with this directory and says '${status?.status ?? 'nothing'}'`);
            return;
        }
    } catch (error) {
        yield warning('running worker', `one runs, but does not answer: ${messageOf(error)}`, {
            next: 'run doctor as the user that the worker runs as',
        });
        return;
    }
    if (isHeld(join(directory, LedgerFile))) {
        yield problem('running worker', `another process holds the ledger in ${directory} and takes no orders`, {
            expected: 'one worker for each data directory',
            next: `find it: fuser -v ${join(directory, `${LedgerFile}.lock`)}; it may be about to start or to stop`,
        });
    } else {
        yield ok('running worker', 'none: the directory is free');
    }
}

async function checkKeys(folder: string, facts: Facts, file: string | undefined): Promise<Finding> {
    const keys = new FileKeys(folder);
    try {
        const found = await keys.peek();
        if (found === null) {
            return facts.config?.provider.tier === 'tdx'
                ? ok('keys', `${keys.path} is made at the start, as after each boot of the guest`)
                : problem('keys', `${keys.path} is not there yet`, {
                      expected: 'the keys whose public halves the provider is registered with',
                      next: `make them: ${ownCommand('keys', file)}; or restore your backup`,
                  });
        }
        facts.keys = publicKeysOf(found);
        return ok('keys', `${keys.path}, worker key ${facts.keys.workerKey.slice(0, 16)}...`);
    } catch (error) {
        return problem('keys', messageOf(error), { expected: `a readable key file of mode 600` });
    }
}

function existing(path: string): string {
    let folder = path;
    while (!existsSync(folder)) {
        folder = dirname(folder);
    }
    return folder;
}

async function isWritable(path: string): Promise<boolean> {
    return access(path, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
    );
}
