#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { Address } from '@ton/core';
import { WalletContractV4 } from '@ton/ton';
import { Command, CommanderError } from 'commander';

import { sendOrder } from './admin/client';
import { loadGasKey } from './attestation/gas-wallet';
import { gasWalletPath } from './attestation/open';
import { describeWorker } from './banner';
import { ConfigSources, fieldNames, loadConfig, loadDataDirectory, loadSection } from './config/load';
import { WorkerConfig } from './config/schema';
import { endAtUncaughtErrors } from './crash';
import { forbidDumps } from './dumps';
import { EngineError } from './engine';
import { messageOf, StartError } from './errors';
import { FileKeys } from './keys/file-keys';
import { createLogger } from './logger';
import { openOffice } from './office';
import { publicKeysOf } from './registration';
import { startConfigured } from './worker';

const DefaultFile = 'worker.json';
/** Exit codes of a process that a signal ended: 128 and the signal's number. */
const Interrupted = 130;

const program = new Command('ton-compute-worker')
    .description('Serves a model to the open confidential-compute network on TON, and is paid for it.')
    .option('--config <file>', `configuration in JSON; default: ${DefaultFile}, if it is there`)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
for (const { flag, info } of fieldNames) {
    program.option(`${flag} <value>`, info.meaning);
}

program
    .command('run', { isDefault: true })
    .description('start the worker (default)')
    .action(async () => run(loadConfig(sources())));

program
    .command('status')
    .description('what the running worker is doing; without one, what the ledger holds')
    .action(async () => {
        const directory = loadDataDirectory(sources());
        print((await sendOrder(directory, 'GET', '/status')) ?? (await offlineStatus(loadConfig(sources()))));
    });

program
    .command('settle')
    .description('claim everything that is worth its fees')
    .action(async () => {
        const directory = loadDataDirectory(sources());
        print((await sendOrder(directory, 'POST', '/settle')) ?? (await offlineSettle(loadConfig(sources()))));
    });

program
    .command('close')
    .argument('<session>', "address of the session's escrow")
    .description("claim a session's last voucher and end it: the rest goes back to its client")
    .action(async (text: string) => {
        const session = parseAddress(text);
        const directory = loadDataDirectory(sources());
        const path = `/sessions/${session.toRawString()}/close`;
        print((await sendOrder(directory, 'POST', path)) ?? (await offlineClose(loadConfig(sources()), session)));
    });

program
    .command('keys')
    .description('print the public keys to register the provider with; makes them at the first time')
    .action(async () => {
        const { directory, keys: folder } = loadSection('data', sources());
        const keys = new FileKeys(folder ?? directory);
        print({ ...publicKeysOf(await keys.load()), file: keys.path });
    });

program
    .command('gas-wallet')
    .description('print the wallet that pays for quotes, which the owner funds and names as attester; makes it if missing')
    .action(async () => {
        const { gasWallet } = loadSection('attestation', sources());
        const path = gasWalletPath(loadDataDirectory(sources()), gasWallet);
        const { address } = WalletContractV4.create({ workchain: 0, publicKey: (await loadGasKey(path)).publicKey });
        print({ address: address.toString({ bounceable: false }), file: path });
    });

program
    .command('check-config')
    .description('check the configuration without starting anything')
    .action(() => {
        const config = loadConfig(sources());
        print({ ...config, network: { ...config.network, apiKey: config.network.apiKey === null ? null : '(set)' } });
    });

function sources(): ConfigSources {
    const flags = program.opts<Record<string, string | undefined>>();
    const named = flags.config ?? process.env.WORKER_CONFIG;
    return {
        // Commander makes camel case of the flags' names.
        flags: Object.fromEntries(
            fieldNames.map(({ flag }) => [
                flag.slice(2),
                flags[flag.slice(2).replace(/-(.)/g, (_, c: string) => c.toUpperCase())],
            ]),
        ),
        environment: process.env,
        file: named ?? (existsSync(DefaultFile) ? DefaultFile : undefined),
    };
}

async function run(config: WorkerConfig): Promise<void> {
    const logger = createLogger(config.log.level, config.log.format);
    endAtUncaughtErrors(logger);
    await forbidDumps(config.provider.tier, (message) => logger.warn(message));
    const worker = await startConfigured(config, { logger, processMetrics: true });
    process.stdout.write(describeWorker(worker, config));
    let signals = 0;
    await new Promise<void>((resolve, reject) => {
        const stop = () => {
            signals += 1;
            if (signals === 1) {
                worker.close().then(resolve, reject);
            } else {
                // Whoever asks twice does not want to wait; the ledger has everything.
                process.exit(Interrupted);
            }
        };
        process.on('SIGTERM', stop);
        process.on('SIGINT', stop);
    });
}

async function offlineStatus(config: WorkerConfig): Promise<unknown> {
    return withOffice(config, async ({ provider, book }) => {
        await book.restore();
        return {
            status: 'not running',
            provider: provider.address.toString(),
            due: book.due,
            sessions: book.all().map((session) => ({ session: session.address.toRawString(), due: session.due })),
        };
    });
}

async function offlineSettle(config: WorkerConfig): Promise<unknown> {
    return withOffice(config, async (office) => {
        await office.book.restore();
        return office.settler.settle(true);
    });
}

async function offlineClose(config: WorkerConfig, address: Address): Promise<unknown> {
    return withOffice(config, async (office) => office.settler.finish(await office.book.get(address)));
}

async function withOffice<T>(
    config: WorkerConfig,
    use: (office: Awaited<ReturnType<typeof openOffice>>) => Promise<T>,
): Promise<T> {
    const office = await openOffice(config, createLogger(config.log.level, config.log.format));
    try {
        return await use(office);
    } finally {
        await office.close();
    }
}

function parseAddress(text: string): Address {
    try {
        return Address.parse(text);
    } catch {
        throw new StartError(`'${text}' is not an address. Expected a session's escrow, such as 0:83df....`);
    }
}

function print(value: unknown): void {
    const text = JSON.stringify(
        value,
        (_key, part: unknown) =>
            typeof part === 'bigint' ? part.toString() : part instanceof Address ? part.toString() : part,
        2,
    );
    process.stdout.write(`${text}\n`);
}

async function main(): Promise<number> {
    try {
        await program.parseAsync();
        return 0;
    } catch (error) {
        if (error instanceof CommanderError) {
            return error.exitCode;
        }
        process.stderr.write(`${messageOf(error)}\n`);
        if (!(error instanceof StartError || error instanceof EngineError)) {
            process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : ''}\n`);
        }
        return error instanceof StartError ? error.exitCode : 1;
    }
}

void main().then((code) => process.exit(code));
