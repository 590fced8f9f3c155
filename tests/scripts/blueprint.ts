import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Devnet, WALLET_VERSION } from '../../devnet/src';

const Root = join(__dirname, '../..');
const QuickStart = join(__dirname, 'quick_start.cjs');

/** Starts as it does for everybody, by ts-node, so that this is tested once too: it takes three times as long. */
const SlowlyStarted = 'readPrices';

/** How a script ended. */
export type Run = {
    /** Exit status. */
    status: number;
    /** What it printed, without what moves the cursor. */
    output: string;
    /** What it wrote to RESULT_FILE; empty when it failed. */
    result: Record<string, string>;
};

/**
 * Runs `npx blueprint run SCRIPT` against a local network, as a process of its own, with a funded wallet.
 * @param network what the script is told that the network is.
 */
export async function runScript(
    devnet: Devnet,
    wallet: string,
    script: string,
    inputs: Record<string, string>,
    args: string[] = [],
    network = 'custom',
): Promise<Run> {
    const folder = mkdtempSync(join(tmpdir(), 'ton-compute-script-'));
    const resultFile = join(folder, 'result.json');
    const connection = [
        '--custom',
        `${devnet.url}/api/v2/`,
        '--custom-version',
        'v2',
        '--custom-type',
        network,
        '--mnemonic',
    ];
    const env = {
        ...process.env,
        ...inputs,
        // Jest's own are not for the child.
        NODE_OPTIONS: script === SlowlyStarted ? '' : `--require ${JSON.stringify(QuickStart)}`,
        TS_NODE_TRANSPILE_ONLY: '1', // types are checked before the tests
        WALLET_MNEMONIC: devnet.wallet(wallet).mnemonic.join(' '),
        WALLET_VERSION,
        RESULT_FILE: resultFile,
    };
    try {
        return await new Promise((resolve) => {
            const command = [
                join(Root, 'node_modules/@ton/blueprint/dist/cli/cli.js'),
                'run',
                script,
                ...args,
                ...connection,
            ];
            execFile(process.execPath, command, { cwd: Root, env, timeout: 60_000 }, (error, stdout, stderr) => {
                const result = existsSync(resultFile)
                    ? (JSON.parse(readFileSync(resultFile, 'utf8')) as Record<string, string>)
                    : {};
                const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
                // eslint-disable-next-line no-control-regex
                resolve({ status, output: (stdout + stderr).replace(/\x1b\[[0-9;]*[A-Za-z]/g, ''), result });
            });
        });
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}
