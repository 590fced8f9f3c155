import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

export type PreparedModel = { modelPath: string; weightsHash: string };

/** The small model that comes with the worker: for what does not depend on the model. */
export const ShippedModel = join(dirname(require.resolve('@ton-compute/worker')), '..', 'model', 'tiny-chat.gguf');

/** Random weights of real shapes: small enough for two cores, large enough that a token takes milliseconds. */
const RandomSize = '100m';

/** @param path a GGUF file; random weights are written once and kept when it is omitted. */
export async function prepareModel(path: string | undefined, progress: (line: string) => void): Promise<PreparedModel> {
    const modelPath = path ?? join(tmpdir(), `ton-compute-random-${RandomSize}-q4_0.gguf`);
    if (path === undefined && !existsSync(modelPath)) {
        progress(`writing random weights (${RandomSize}) to ${modelPath}`);
        const written = `${modelPath}.${process.pid}`;
        await promisify(execFile)('npm', ['run', '-s', 'random-model', '--', '--size', RandomSize, '--type', 'q4_0', '--out', written]);
        await rename(written, modelPath);
    }
    return { modelPath, weightsHash: await hashFile(modelPath) };
}

/** @returns SHA-256 of a file, hexadecimal. */
export async function hashFile(path: string): Promise<string> {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
}
