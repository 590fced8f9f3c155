import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { ModelFileError } from './errors';

/** Large reads: hashing is then bound by SHA-256 and not by system calls. */
const ChunkBytes = 4 * 1024 * 1024;

/** What identifies weights. */
export type WeightsHash = {
    /** SHA-256, lower-case hex. */
    readonly hash: string;
    /** Of all files together. */
    readonly bytes: number;
};

/**
 * Hashes weights: one file, or a folder with all that makes up a model.
 *
 * The hash of a file is its SHA-256. That of a folder is the SHA-256 of a list with a line for each file in it, at any
 * depth: `<SHA-256 in lower-case hex>  <path from the folder, with '/'>` and a line feed, sorted by the bytes of the
 * paths. Files and folders whose name begins with a dot do not count (download tools keep their notes there). A link
 * counts as the file that it leads to, which has to be in the same folder.
 * @param path of the file or the folder.
 * @param onProgress is told of the bytes of the file that were hashed so far; of a folder, of one file after the other.
 * @throws {ModelFileError} when it is missing or empty, a link leads out of the folder or to a folder, or something in
 *     it is neither file nor folder.
 */
export async function hashWeights(path: string, onProgress?: (bytes: number) => void): Promise<WeightsHash> {
    const found = await stat(path).catch((error: unknown) => {
        throw new ModelFileError(path, `There are no weights at ${path}.`, { cause: error });
    });
    return found.isDirectory() ? hashFolder(path, onProgress) : { hash: await hashFile(path, onProgress), bytes: found.size };
}

async function hashFolder(folder: string, onProgress?: (bytes: number) => void): Promise<WeightsHash> {
    const root = await realpath(folder);
    const files = await filesBelow(root, root);
    if (files.length === 0) throw new ModelFileError(folder, `The folder ${folder} has no weights in it.`);
    const named = files.map((file) => ({ file, name: relative(root, file).split(sep).join('/') }));
    named.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    const list = createHash('sha256');
    let bytes = 0;
    for (const { file, name } of named) {
        list.update(`${await hashFile(file, onProgress)}  ${name}\n`);
        bytes += (await stat(file)).size;
    }
    return { hash: list.digest('hex'), bytes };
}

async function filesBelow(folder: string, root: string): Promise<string[]> {
    const files: string[] = [];
    for (const name of await readdir(folder)) {
        if (name.startsWith('.')) continue;
        const path = join(folder, name);
        // A line feed would let one list stand for two folders.
        if (name.includes('\n')) throw new ModelFileError(root, `A file in ${root} has a line break in its name.`);
        const found = await lstat(path);
        if (found.isDirectory()) files.push(...(await filesBelow(path, root)));
        else if (await isFile(path, found, root)) files.push(path);
        else throw new ModelFileError(root, `${path} is neither a file nor a folder. Remove it from the weights.`);
    }
    return files;
}

async function isFile(path: string, found: Stats, root: string): Promise<boolean> {
    if (!found.isSymbolicLink()) return found.isFile();
    const target = await realpath(path).catch((error: unknown) => {
        throw new ModelFileError(root, `The link ${path} leads nowhere. Download the weights again.`, { cause: error });
    });
    if (!target.startsWith(root + sep)) {
        throw new ModelFileError(
            root,
            `The link ${path} leads out of the folder, so that its hash would say nothing of what is loaded. Copy the ` +
                'weights with `cp -rL`.',
        );
    }
    return (await stat(target)).isFile();
}

/** The file is streamed, so its size does not matter. */
async function hashFile(path: string, onProgress?: (bytes: number) => void): Promise<string> {
    const hash = createHash('sha256');
    const file = createReadStream(path, { highWaterMark: ChunkBytes });
    file.on('data', () => onProgress?.(file.bytesRead));
    await pipeline(file, hash);
    return hash.digest('hex');
}
