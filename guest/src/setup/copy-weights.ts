import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';

import { OperatorConfigError } from './operator-config';

const ChunkBytes = 4 * 1024 * 1024;

/**
 * Copies weights from a raw disk into memory and hashes what was copied.
 * @param expected size in bytes, and SHA-256 in lower-case hexadecimal.
 * @throws {OperatorConfigError} when the disk is too small or holds something else; nothing is left then.
 */
export async function copyWeights(
    disk: string,
    target: string,
    expected: { bytes: number; sha256: string },
): Promise<void> {
    const hash = createHash('sha256');
    let copied = 0;
    const file = await open(target, 'wx', 0o600);
    try {
        const source = createReadStream(disk, { end: expected.bytes - 1, highWaterMark: ChunkBytes });
        for await (const chunk of source as AsyncIterable<Buffer>) {
            await file.write(chunk);
            hash.update(chunk);
            copied += chunk.length;
        }
    } finally {
        await file.close();
    }
    const sha256 = hash.digest('hex');
    if (copied !== expected.bytes || sha256 !== expected.sha256) {
        await rm(target);
        throw new OperatorConfigError(
            `The model disk holds ${copied} of ${expected.bytes} bytes with SHA-256 ${sha256}. Expected ` +
                `${expected.sha256}: attach the right file, or correct "weights".`,
        );
    }
}
