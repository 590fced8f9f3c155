#!/usr/bin/env node
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { ConfigDiskBytes, decodeConfigDisk } from './config-disk';
import { copyWeights } from './copy-weights';
import { OperatorConfigError, parseOperatorConfig, WorkerFile, workerFile } from './operator-config';

/** Disks are found by the serial that the host gives them. */
const ConfigDisk = '/dev/disk/by-id/virtio-ton-config';
const ModelDisk = '/dev/disk/by-id/virtio-ton-model';
/** What the image fixes; the GPU image has another one. */
const Pinned = '/usr/lib/ton-compute/guest/pinned.json';
/** Guest memory: a tmpfs of its own. */
const Memory = '/run/ton-compute';
const GasWalletFile = join(Memory, 'gas-wallet.json');
const WeightsFile = join(Memory, 'weights', 'model.gguf');

/** Runs once in the guest, before the worker: turns the operator's disk and the image's pins into the worker's file. */
async function main(): Promise<void> {
    const operator = parseOperatorConfig(decodeConfigDisk(await readDisk(ConfigDisk)));
    const pinned = JSON.parse(await readFile(Pinned, 'utf8')) as WorkerFile;
    if (operator.gasWallet !== null) {
        await writeFile(GasWalletFile, JSON.stringify(operator.gasWallet), { mode: 0o600, flag: 'wx' });
    }
    const config = workerFile(operator, pinned);
    if (operator.weights !== null) {
        await mkdir(dirname(WeightsFile), { recursive: true, mode: 0o700 });
        await copyWeights(ModelDisk, WeightsFile, operator.weights);
        config.model = { ...config.model, path: WeightsFile, weightsHash: operator.weights.sha256 };
    }
    await writeFile(join(Memory, 'worker.json'), JSON.stringify(config), { mode: 0o600, flag: 'wx' });
}

async function readDisk(path: string): Promise<Buffer> {
    let disk;
    try {
        disk = await open(path, 'r');
    } catch {
        throw new OperatorConfigError(
            `There is no configuration disk (${path}). Attach it as a virtio disk with the serial ton-config.`,
        );
    }
    try {
        const { buffer, bytesRead } = await disk.read(Buffer.alloc(ConfigDiskBytes), 0, ConfigDiskBytes, 0);
        return buffer.subarray(0, bytesRead);
    } finally {
        await disk.close();
    }
}

main().catch((error: unknown) => {
    // Only our own words: other errors could quote the operator's secrets, and this goes to the host's console.
    const { code } = error as NodeJS.ErrnoException;
    process.stderr.write(
        `${error instanceof OperatorConfigError ? error.message : `The setup failed (${code ?? 'unknown'}).`}\n`,
    );
    process.exitCode = 1;
});
