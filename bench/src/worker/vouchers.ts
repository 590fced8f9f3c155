import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Vouchers that are checked and on the disk; as `node worker/bench/vouchers.js --json` prints them. */
export type VoucherReport = {
    /** In a second, at the best number of sessions at once; median over the bursts. */
    perSecond: number;
    /** For each second of processor time, both threads of the worker together. */
    perCpuSecond: number;
    /** Milliseconds within which 99 % are acknowledged, with four sessions at once; median over the bursts. */
    p99: number;
    /** The same of the disk alone, without a ledger. */
    diskP99: number;
};

/** Runs in a process of its own: nothing else happens there. */
export async function measureVouchers(progress: (line: string) => void): Promise<VoucherReport> {
    progress('vouchers');
    const script = join(dirname(require.resolve('@ton-compute/worker')), '..', 'bench', 'vouchers.js');
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--json']);
    return JSON.parse(stdout) as VoucherReport;
}
