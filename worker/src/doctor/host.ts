import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';

import { ModelConfig } from '../config/models';
import { Examination } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';
import { size } from './text';

/** A request needs a connection, and behind it the proxy's retry or a second one for vouchers. */
const FilesPerRequest = 2;
/** Model, ledger, libraries, calls to the chain, connections that are kept open. */
const OtherFiles = 256;
/** Room beside the weights for contexts and the process itself, as a share of the weights. */
const Overhead = 1.1;

/** What the operating system grants: memory and open files. */
export async function* checkHost({ facts }: Examination): AsyncIterable<Finding> {
    const { config, weights, running } = facts;
    if (config === undefined) {
        yield skipped('host', 'without a configuration it is not known what is needed');
        return;
    }
    const available = await availableMemory();
    if (weights === undefined || running !== undefined) {
        yield ok('memory', `${size(available)} available`);
    } else {
        const needed = weights.bytes * Overhead;
        const facing = `${size(available)} available, the model has ${size(weights.bytes)}`;
        yield needed <= available
            ? ok('memory', facing)
            : warning('memory', facing, {
                  expected: `at least ${size(needed)}, unless all of the model fits on a GPU`,
                  next: 'stop other programs, or choose a smaller quantisation',
              });
    }
    yield await checkFiles(config.models, config.limits.queue);
}

async function checkFiles(models: readonly ModelConfig[], queue: number): Promise<Finding> {
    const limit = await openFilesLimit();
    if (limit === null) {
        return skipped('open files', 'this system does not tell the limit');
    }
    // As many as 'auto' can give.
    const requests = models.reduce((sum, { slots }) => sum + (slots === 'auto' ? 64 : slots) + queue, 0);
    const needed = requests * FilesPerRequest + OtherFiles;
    return limit >= needed
        ? ok('open files', `limit ${limit}, ${requests} requests at once need about ${needed}`)
        : problem('open files', `limit ${limit}`, {
              expected: `at least ${needed}, for ${requests} requests at once`,
              next: `ulimit -n ${needed}, LimitNOFILE= of the systemd unit, or smaller limits.queue`,
          });
}

/** @returns the soft limit of open files; null where it is not known. */
async function openFilesLimit(): Promise<number | null> {
    const text = await readFile('/proc/self/limits', 'utf8').catch(() => '');
    const [, limit] = /^Max open files\s+(\d+|unlimited)/m.exec(text) ?? [];
    return limit === undefined ? null : limit === 'unlimited' ? Infinity : Number(limit);
}

/** @returns bytes that programs could still take, within the container's limit if there is one. */
async function availableMemory(): Promise<number> {
    const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
    const [, kilobytes] = /^MemAvailable:\s+(\d+) kB/m.exec(text) ?? [];
    const machine = kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
    const container = process.constrainedMemory?.() ?? 0;
    // Without a limit some systems answer 0, others a number beyond all machines.
    return container > 0 ? Math.min(machine, container) : machine;
}
