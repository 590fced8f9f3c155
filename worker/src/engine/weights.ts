import { constants } from 'node:fs';
import { copyFile, mkdir, open, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { ModelFileError, WeightsMismatchError } from './errors';
import { type GgufFileInfo, loadLlamaModule } from './llama-module';
import { hashWeights } from './weights-hash';

const GgufMagic = 'GGUF';

/** Weights that were checked and can be loaded from `path`. */
export type Weights = {
    /** The file to load: the given one, or its copy in guest memory. */
    readonly path: string;
    /** SHA-256 of that file, lower-case hex. */
    readonly hash: string;
    readonly bytes: number;
    /** Removes the copy, if there is one. */
    dispose(): Promise<void>;
};

export type PrepareOptions = {
    /** SHA-256 in hex that the file must have. */
    readonly expectedHash?: string;
    /**
     * A directory in guest memory (tmpfs), for this worker alone. The weights are copied there, hashed there and loaded
     * from there, because a file on the host's disk can change after it was hashed.
     */
    readonly memoryDirectory?: string;
};

/**
 * Hashes the weights, after copying them into memory where that is asked for.
 * @throws {ModelFileError} when the copy fails.
 * @throws {WeightsMismatchError} when the hash is not the expected one.
 */
export async function prepareWeights(path: string, options: PrepareOptions): Promise<Weights> {
    const { memoryDirectory, expectedHash } = options;
    const loaded = memoryDirectory === undefined ? path : await copyWeights(path, memoryDirectory);
    const dispose = async () => {
        if (loaded !== path) await rm(loaded, { force: true });
    };
    try {
        const { hash, bytes } = await hashWeights(loaded);
        if (expectedHash !== undefined && hash !== expectedHash.toLowerCase()) {
            throw new WeightsMismatchError(path, expectedHash.toLowerCase(), hash);
        }
        return { path: loaded, hash, bytes, dispose };
    } catch (error) {
        await dispose();
        throw error;
    }
}

async function copyWeights(path: string, directory: string): Promise<string> {
    const copy = join(directory, basename(path));
    try {
        await mkdir(directory, { recursive: true });
        // A worker that was killed left its copy behind.
        await rm(copy, { force: true });
        await copyFile(path, copy, constants.COPYFILE_EXCL);
    } catch (error) {
        throw new ModelFileError(
            path,
            `The weights in ${path} could not be copied to ${directory}. ` +
                'Check that it is a directory in memory with room for the whole file.',
            { cause: error },
        );
    }
    return copy;
}

/**
 * Finds out, without loading it, whether a file is one complete model.
 * @throws {ModelFileError} that says what is wrong with the file and what to do.
 */
export async function checkModelFile(path: string): Promise<void> {
    const bytes = await fileSize(path);
    const magic = await readMagic(path);
    if (magic !== GgufMagic) {
        throw new ModelFileError(
            path,
            `${path} is not a GGUF file: it ${bytes === 0 ? 'is empty' : 'does not begin with "GGUF"'}. ` +
                'Download a model in GGUF format, or convert one with llama.cpp.',
        );
    }
    const info = await readHeader(path);
    if (info.splicedParts > 1 || (info.metadata as { split?: { count?: number } }).split?.count! > 1) {
        throw new ModelFileError(
            path,
            `${path} is one part of a model that is split into several files, and one hash must cover all weights. ` +
                'Join the parts with `llama-gguf-split --merge` and use the result.',
        );
    }
    const needed = bytesNeeded(info);
    if (bytes < needed) {
        throw new ModelFileError(
            path,
            `${path} is cut off: its header announces tensors up to byte ${needed}, but it has only ${bytes} bytes. ` +
                'Download it again.',
        );
    }
}

async function fileSize(path: string): Promise<number> {
    const found = await stat(path).catch((error: unknown) => {
        throw new ModelFileError(path, `There is no model at ${path}. Set the path to a GGUF file.`, { cause: error });
    });
    if (!found.isFile()) throw new ModelFileError(path, `${path} is not a file. Set the path to a GGUF file.`);
    return found.size;
}

async function readMagic(path: string): Promise<string> {
    const file = await open(path, 'r').catch((error: unknown) => {
        throw new ModelFileError(path, `${path} cannot be read. Check its permissions.`, { cause: error });
    });
    try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(GgufMagic.length), 0, GgufMagic.length, 0);
        return buffer.toString('latin1', 0, bytesRead);
    } finally {
        await file.close();
    }
}

async function readHeader(path: string): Promise<GgufFileInfo> {
    const { readGgufFileInfo } = await loadLlamaModule();
    try {
        return await readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false, spliceSplitFiles: false });
    } catch (error) {
        throw new ModelFileError(
            path,
            `The header of ${path} cannot be read: the file is cut off, damaged, or of a newer GGUF version. ` +
                'Download it again.',
            { cause: error },
        );
    }
}

/**
 * A lower bound, in bytes, of the size of a complete file: where its last tensor begins, and at least one byte more.
 * The size of a quantised tensor depends on tables of llama.cpp, which checks the rest when it loads the model.
 */
function bytesNeeded(info: GgufFileInfo): number {
    const starts = (info.tensorInfo ?? []).map((tensor) => Number(tensor.fileOffset));
    return starts.reduce((last, start) => Math.max(last, start + 1), info.infoEndOffset ?? 0);
}
