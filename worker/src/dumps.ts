import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { ConfigError } from './errors';

/** Options of node that write its memory to a file, or open it to a debugger; and what makes it print what it carries. */
const DumpOptions =
    /^--(report-(on-fatalerror|on-signal|uncaught-exception)|heapsnapshot-|heap-prof|abort-on-uncaught-exception|inspect)/;
const TalkativeVariables = ['NODE_DEBUG', 'NODE_DEBUG_NATIVE'];

/** What node was told, by its flags and its environment. */
export type NodeSettings = { execArgv: readonly string[]; environment: NodeJS.ProcessEnv };

/** @returns the settings of node by which prompts could get into a file or a log. */
export function dumpSettings({ execArgv, environment }: NodeSettings): string[] {
    const options = [...execArgv, ...(environment.NODE_OPTIONS ?? '').split(/[\s"']+/)];
    // Node takes an underscore for a dash.
    const dumping = options.filter((option) => DumpOptions.test(option.replace(/_/g, '-')));
    return [...dumping, ...TalkativeVariables.filter((name) => environment[name])];
}

/** Where Linux says which core dumps it writes. Another system has no such files, and is taken at its word. */
export type CoreDumpFiles = { limits: string; pattern: string };

const KernelFiles: CoreDumpFiles = { limits: '/proc/self/limits', pattern: '/proc/sys/kernel/core_pattern' };

/**
 * Refuses core dumps: they hold the memory, and so what clients have sealed.
 *
 * A dump into a file needs a limit of more than nothing. One that is piped to a program is not bound by the limit,
 * except that a limit of 1 byte makes the kernel give it up; see do_coredump in fs/coredump.c and core(5). So 1 does
 * for both. Node cannot set limits; prlimit of util-linux can.
 * @returns why there could be a core dump all the same, or null.
 */
export async function refuseCoreDumps(files = KernelFiles): Promise<string | null> {
    if (await coreDumpsRefused(files)) {
        return null;
    }
    const reason = await promisify(execFile)('prlimit', ['--pid', process.pid.toString(), '--core=1:1'])
        .then(() => 'the limit is as before')
        .catch((error: { code?: unknown }) => (error.code === 'ENOENT' ? 'there is no prlimit' : 'prlimit was refused'));
    return (await coreDumpsRefused(files)) ? null : reason;
}

async function coreDumpsRefused({ limits, pattern }: CoreDumpFiles): Promise<boolean> {
    const text = await readFile(limits, 'utf8').catch(() => null);
    const soft = text === null ? '0' : /^Max core file size +(\S+)/m.exec(text)?.[1];
    const piped = (await readFile(pattern, 'utf8').catch(() => '')).startsWith('|');
    return soft === '1' || (soft === '0' && !piped);
}

/**
 * Makes sure that a crash leaves no memory behind: an error where privacy was promised, a warning in tier open.
 * @throws {ConfigError} in tier tdx.
 */
export async function forbidDumps(
    tier: 'open' | 'tdx',
    warn: (message: string) => void,
    settings: NodeSettings = { execArgv: process.execArgv, environment: process.env },
    files = KernelFiles,
): Promise<void> {
    const told = dumpSettings(settings);
    const core = await refuseCoreDumps(files);
    const faults = [
        ...(told.length === 0
            ? []
            : [`Node was told ${told.join(', ')}, by which prompts can get into a file or a log. Leave that out.`]),
        ...(core === null
            ? []
            : [`A crash could write the worker's memory to a core dump (${core}). Set LimitCORE=1, or ulimit -c 1.`]),
    ];
    if (faults.length > 0 && tier === 'tdx') {
        throw new ConfigError(faults.join(' '));
    }
    faults.forEach(warn);
}
