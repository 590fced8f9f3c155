#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import {
    DEFAULT_BLOCK_TIME,
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_WALLETS,
    logLevels,
    LogLevel,
    priceSets,
    PriceSet,
} from './defaults';
import { banner } from './banner';
import { developmentKeys } from './developmentKeys';
import { DevnetError } from './errors';

interface CliOptions {
    port: number;
    host: string;
    prices?: PriceSet;
    globalId?: number;
    blockTime: number;
    automine?: boolean;
    state?: string;
    snapshots?: string;
    wallets?: number;
    showMnemonics?: boolean;
    logLevel: LogLevel;
}

function integer(min: number, max: number) {
    return (text: string): number => {
        const value = Number(text);
        if (!/^-?\d+$/.test(text) || value < min || value > max) {
            throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
        }
        return value;
    };
}

const program = new Command('devnet')
    .description('A local TON network: the real TVM behind the API of toncenter v2. For development only.')
    .option('--port <number>', 'port to listen at, 0 for a free one', integer(0, 65_535), DEFAULT_PORT)
    .option('--host <address>', 'address to listen at', DEFAULT_HOST)
    .addOption(
        new Option('--prices <set>', 'prices in force: of the state file, else the current ones').choices(priceSets),
    )
    .option(
        '--global-id <number>',
        "configuration parameter 19 (GLOBALID): of the state file, else the mainnet's -239",
        integer(-(2 ** 31), 2 ** 31 - 1),
    )
    .option(
        '--block-time <ms>',
        'milliseconds between two blocks, 0 for blocks only when something happens',
        integer(0, 3_600_000),
        DEFAULT_BLOCK_TIME,
    )
    .option('--automine', 'execute an external message and all that follows at once, without waiting for a block')
    .option('--state <file>', 'begin with this file if it exists, and save to it')
    .option('--snapshots <folder>', 'folder for snapshots that are asked for over HTTP')
    .option(
        '--wallets <number>',
        `how many funded wallets: of the state file, else ${DEFAULT_WALLETS}`,
        integer(0, developmentKeys.length),
    )
    .option('--show-mnemonics', 'print the words of every funded wallet')
    .addOption(
        new Option('--log-level <level>', 'what to log to the standard error').choices(logLevels).default('warn'),
    )
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows all options)');

async function main(): Promise<void> {
    const options = program.parse().opts<CliOptions>();
    // The TVM takes half a second to load, for which neither --help nor a wrong option should wait.
    const { startDevnet } = require('./devnet') as typeof import('./devnet');
    const devnet = await startDevnet({
        ...options,
        stateFile: options.state,
        snapshotDir: options.snapshots,
    });
    console.log(banner(await devnet.info(), options.showMnemonics === true));
    if (!['127.0.0.1', '::1', 'localhost'].includes(options.host)) {
        console.error(`Warning: other machines can reach this network at ${options.host} and control it`);
    }
    let ending = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
            if (ending) {
                // Asked twice: do not wait for the state file.
                process.exit(1);
            }
            ending = true;
            devnet.close().then(() => process.exit(0), fail);
        });
    }
}

function fail(error: unknown): void {
    console.error(error instanceof DevnetError ? `Error: ${error.message}` : error);
    process.exit(1);
}

main().catch(fail);
