import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address } from '@ton/core';
import { Devnet, DevnetWallet, WALLET_VERSION } from '@ton-compute/devnet';
import { run } from './processes';

/** Seconds that one script may take. */
const ScriptTimeout = 60;

/**
 * Runs one of the repository's Blueprint scripts, the same that deploy to testnet and mainnet, against the local network.
 * @param inputs what the script would ask for otherwise, as environment variables.
 * @returns what the script wrote as its machine-readable result.
 */
export async function runScript(
    devnet: Devnet,
    wallet: DevnetWallet,
    script: string,
    inputs: Record<string, string>,
): Promise<Record<string, string>> {
    const folder = await mkdtemp(join(tmpdir(), 'ton-compute-'));
    const resultFile = join(folder, 'result.json');
    try {
        const network = ['--custom', `${devnet.url}/api/v2/`, '--custom-version', 'v2', '--custom-type', 'custom', '--mnemonic'];
        await run(
            ['npx', '--no-install', 'blueprint', 'run', script, ...network],
            {
                ...inputs,
                WALLET_MNEMONIC: wallet.mnemonic.join(' '),
                WALLET_VERSION,
                RESULT_FILE: resultFile,
            },
            ScriptTimeout,
        );
        return JSON.parse(await readFile(resultFile, 'utf8'));
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

/** @returns SHA-256 of a file. */
export async function sha256Of(path: string): Promise<Buffer> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) {
        hash.update(chunk);
    }
    return hash.digest();
}

/** @returns the address that a script reported under `name`. */
export function addressIn(result: Record<string, string>, name: string): Address {
    const value = result[name];
    if (value === undefined) {
        throw new Error(`The script reported no "${name}": ${JSON.stringify(result)}`);
    }
    return Address.parse(value);
}
