#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { Address } from '@ton/core';
import { WalletContractV4 } from '@ton/ton';
import { Command, CommanderError, Option } from 'commander';

import { sendOrder } from './admin/client';
import { toJson } from './admin/server';
import { loadGasKey } from './attestation/gas-wallet';
import { gasWalletPath } from './attestation/open';
import { describeWorker } from './banner';
import { runDoctor } from './cli-doctor';
import { drain } from './cli-drain';
import { askReady } from './cli-ready';
import { describeWithdrawal, WithdrawalJson } from './cli-withdraw';
import { ConfigSources, fieldNames, loadConfig, loadDataDirectory, loadSection } from './config/load';
import { WorkerConfig } from './config/schema';
import { endAtUncaughtErrors } from './crash';
import { forbidDumps } from './dumps';
import { EngineError } from './engine';
import { ConfigError, messageOf, StartError } from './errors';
import { DefaultPrices } from './init/answers';
import { NetworkName, Networks } from './init/networks';
import { FileKeys } from './keys/file-keys';
import { createLogger } from './logger';
import { openOffice } from './office';
import { DefaultFile } from './own-command';
import { publicKeysOf } from './registration';
import { version } from './version';
import { startConfigured } from './worker';

/** Exit codes of a process that a signal ended: 128 and the signal's number. */
const Interrupted = 130;
/** Seconds beyond what draining may take by the configuration. */
const DrainMargin = 60;
/** Of a command that ended without an error. */
let exitCode = 0;

const program = new Command('ton-compute-worker')
    .description('Serves a model to the open confidential-compute network on TON, and is paid for it.')
    .option('--config <file>', `configuration in JSON; default: ${DefaultFile}, if it is there`)
    .version(version)
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
    .command('init')
    .description('ask for what is needed, write the configuration, make the keys, and say what comes next')
    .addOption(new Option('--network <name>', 'instead of --network-endpoint').choices(Object.keys(Networks)))
    .option('--price-prompt <ton>', 'price of 1,000,000 prompt tokens, for the offer')
    .option('--price-completion <ton>', 'price of 1,000,000 generated tokens, for the offer')
    .option('--yes', 'ask nothing: take defaults, and fail with what is missing')
    .option('--force', 'change a file that exists; what is not given anew is kept')
    .action(async (flags: InitFlags) => {
        // The questions are a library that no other command needs.
        const { init, parsePrice } = await import('./init/init.js');
        const { pricePrompt: prompt, priceCompletion: completion } = flags;
        const prices = {
            prompt: prompt === undefined ? DefaultPrices.prompt : parsePrice(prompt, '--price-prompt'),
            completion: completion === undefined ? DefaultPrices.completion : parsePrice(completion, '--price-completion'),
        };
        const { config: file = process.env.WORKER_CONFIG ?? DefaultFile } = program.opts<{ config?: string }>();
        const result = await init({
            sources: { ...sources(), file },
            network: flags.network,
            prices: prompt === undefined && completion === undefined ? undefined : prices,
            yes: flags.yes === true,
            force: flags.force === true,
        });
        process.stdout.write(`${result.file} is written. What comes next:\n\n${result.steps.join('\n')}\n`);
    });

program
    .command('doctor')
    .description('look for everything that would stop a host; starts nothing, sends nothing, pays nothing')
    .option('--quick', 'leave out what takes long: hashing the weights, generating, making a quote')
    .option('--json', 'one JSON object instead of lines')
    .action(async (flags: { quick?: boolean; json?: boolean }) => {
        exitCode = await runDoctor(sources(), { quick: flags.quick === true, json: flags.json === true });
    });

program
    .command('status')
    .description('what the running worker is doing; without one, what the ledger holds')
    .action(async () => {
        const directory = loadDataDirectory(sources());
        print((await sendOrder(directory, 'GET', '/status')) ?? (await offlineStatus(loadConfig(sources()))));
    });

program
    .command('ready')
    .description('whether a paid request would be served now, as /ready says; exit code 1 when not. For health checks')
    .action(async () => {
        const readiness = await askReady(loadSection('listen', sources()));
        print(readiness);
        exitCode = readiness.ready ? 0 : 1;
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
    .command('drain')
    .description('have the running worker take nothing new, finish, settle and exit; wait until it has')
    .option('--timeout <seconds>', 'longest wait; default: as long as the configuration allows for both, and a minute')
    .action(async (flags: { timeout?: string }) => {
        const directory = loadDataDirectory(sources());
        const ended = await drain(directory, drainTimeout(flags.timeout), (line) => process.stderr.write(`${line}\n`));
        print({ status: ended ? 'stopped' : 'not running' });
    });

program
    .command('withdraw')
    .description('split what was earned among the beneficiaries, paid from the fee float')
    .option('--json', 'one JSON object instead of lines')
    .action(async (flags: { json?: boolean }) => {
        const directory = loadDataDirectory(sources());
        const done = ((await sendOrder(directory, 'POST', '/withdraw')) ??
            toJson(await offlineWithdraw(loadConfig(sources())))) as WithdrawalJson;
        if (flags.json === true) {
            print(done);
        } else {
            process.stdout.write(`${describeWithdrawal(done).join('\n')}\n`);
        }
        exitCode = done.outcome === 'withdrawn' || done.outcome === 'nothing' ? 0 : 1;
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

type InitFlags = {
    network?: NetworkName;
    pricePrompt?: string;
    priceCompletion?: string;
    yes?: boolean;
    force?: boolean;
};

/** @returns seconds. */
function drainTimeout(text: string | undefined): number {
    if (text === undefined) {
        // Requests and the last settlement may take as long each; the rest is for letting go.
        return 2 * loadConfig(sources()).limits.drainSeconds + DrainMargin;
    }
    const seconds = Number(text);
    if (!(seconds > 0)) {
        throw new ConfigError(`--timeout ${text}: expected seconds, such as 300.`);
    }
    return seconds;
}

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
        // The owner's order to drain; an error of the same stop comes out here as well.
        worker.stopped.then(() => worker.close()).then(resolve, reject);
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

async function offlineWithdraw(config: WorkerConfig): Promise<unknown> {
    return withOffice(config, (office) => office.settler.withdraw());
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
        return exitCode;
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
