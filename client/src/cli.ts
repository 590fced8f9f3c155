#!/usr/bin/env node
import { Address } from '@ton/core';
import { Command, CommanderError, Option } from 'commander';
import pino from 'pino';
import { formatCoins } from './amounts';
import { addJobCommands } from './cli-jobs';
import { addKeyCommands } from './cli-keys';
import { address, ChainFlags, clientOptions, coins, withChainFlags } from './cli-options';
import { offerLines, reportLines, totalLine } from './cli-output';
import { addServeCommand } from './cli-serve';
import { Client } from './client';
import { createClient } from './create-client';
import { ClientError, reasonOf } from './errors';
import { Logger } from './log';
import { Session } from './session/session';

/** Exit codes: 1 something failed, 2 the command line is wrong. */
const Failed = 1;
const WrongUsage = 2;

function print(line: string): void {
    process.stdout.write(`${line}\n`);
}

/** Progress goes to stderr, results to stdout. */
function createLogger(): Logger {
    return pino({ level: process.env.LOG_LEVEL ?? 'info', base: null }, pino.destination(2));
}

/** Runs with a client whose work ends at the first interruption. */
async function withClient(
    flags: ChainFlags,
    work: (client: Client, signal: AbortSignal) => Promise<void>,
): Promise<void> {
    const interrupted = new AbortController();
    const stop = () => interrupted.abort(new Error('Interrupted.'));
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
        const client = await createClient({ ...clientOptions(flags), log: createLogger() });
        await work(client, interrupted.signal);
    } finally {
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
    }
}

/** @returns the session that was named, or the only one that is open. */
async function onlySession(client: Client, named: Address | undefined): Promise<Address> {
    const open = named === undefined ? await client.openSessions() : [named];
    if (open.length !== 1) {
        throw new ClientError(
            'unknown_session',
            open.length === 0
                ? 'No open session of this registry is in the store.'
                : `There are ${open.length} open sessions: name one of ${open.map(String).join(', ')}.`,
        );
    }
    return open[0];
}

async function resumeOnly(client: Client, named: Address | undefined, signal: AbortSignal): Promise<Session> {
    return client.resume(await onlySession(client, named), { signal });
}

function program(): Command {
    const root = new Command('ton-compute')
        .description('Finds a provider, opens a session and serves an OpenAI-compatible endpoint on this machine; posts jobs.')
        .addHelpText(
            'after',
            '\nEnvironment: WALLET_MNEMONIC (24 words), LOCAL_API_KEY (bearer token of `serve`), JOB_STORE, LOG_LEVEL.',
        );

    addServeCommand(root, { print, withClient, createLogger });
    addKeyCommands(root, { print, withClient });

    withChainFlags(root.command('find').description('list offers, cheapest first')).action((flags: ChainFlags) =>
        withClient(flags, async (client, signal) => {
            offerLines(await client.find(undefined, signal)).forEach(print);
        }),
    );

    withChainFlags(
        root.command('check').argument('<provider>', 'address', address).description('check a provider'),
    ).action(
        (provider: Address, flags: ChainFlags) =>
            withClient(flags, async (client, signal) => {
                const { ok, findings } = await client.check(provider, signal);
                for (const { ok: fine, what, detail } of findings) {
                    print(`${fine ? 'ok ' : 'NO '} ${what}: ${detail}`);
                }
                process.exitCode = ok ? 0 : Failed;
            }),
    );

    withChainFlags(root.command('sessions').description('list the sessions of the store')).action((flags: ChainFlags) =>
        withClient(flags, async (client) => {
            const reports = await client.sessions();
            reports.forEach((report) => {
                print(
                    `${report.session.toString()}  ${report.model}  ${report.requests} requests, used ` +
                        `${formatCoins(report.amount)}, remaining ${formatCoins(report.remaining)}`,
                );
            });
            print(reports.length === 0 ? 'No sessions.' : totalLine(reports));
        }),
    );

    const onSession = (name: string, description: string) =>
        withChainFlags(root.command(name).description(description)).argument(
            '[session]',
            'address; the only one',
            address,
        );

    onSession('report', 'what a session used and paid').action((named: Address | undefined, flags: ChainFlags) =>
        withClient(flags, async (client, signal) => {
            reportLines(await client.report(await onlySession(client, named), signal)).forEach(print);
        }),
    );

    onSession('topup', 'add to the deposit')
        .addOption(new Option('--amount <ton>').argParser(coins).makeOptionMandatory())
        .addOption(new Option('--raise-cap', 'raise the spending cap by the same amount'))
        .action((named: Address | undefined, flags: ChainFlags & { amount: bigint; raiseCap?: boolean }) =>
            withClient(flags, async (client, signal) => {
                const session = await resumeOnly(client, named, signal);
                try {
                    process.stderr.write(`Adding ${formatCoins(flags.amount)}...\n`);
                    await session.topUp(flags.amount, signal);
                    const { spendingCap } = await session.report(signal);
                    if (flags.raiseCap) {
                        await session.setSpendingCap(spendingCap + flags.amount);
                    }
                    print(`${formatCoins((await session.report(signal)).remaining)} remain.`);
                } finally {
                    await session.dispose();
                }
            }),
        );

    onSession('close', 'begin to close a session; the same again when the window is over ends it').action(
        (named: Address | undefined, flags: ChainFlags) =>
            withClient(flags, async (client, signal) => {
                const session = await resumeOnly(client, named, signal);
                try {
                    process.stderr.write('Closing...\n');
                    const end = await session.startClose(signal);
                    const ended = await session.finishClose(signal).then(
                        () => true,
                        (error: unknown) => {
                            if (error instanceof ClientError && error.code === 'too_early') {
                                return false;
                            }
                            throw error;
                        },
                    );
                    print(
                        ended
                            ? 'Closed: what was left went to the wallet.'
                            : `Closing until ${new Date(end * 1000).toISOString()}; run this again then.`,
                    );
                } finally {
                    await session.dispose();
                }
            }),
    );

    withChainFlags(
        root
            .command('reclaim')
            .argument('<session>', 'address', address)
            .description('take back what was never agreed'),
    ).action((session: Address, flags: ChainFlags) =>
        withClient(flags, async (client, signal) => {
            process.stderr.write('Reclaiming...\n');
            await client.reclaim(session, signal);
            print('Reclaimed: everything went to the wallet.');
        }),
    );

    addJobCommands(root, { print, withClient });
    return root;
}

function exitOverride(command: Command): void {
    command.exitOverride();
    command.commands.forEach(exitOverride);
}

async function main(): Promise<void> {
    const root = program();
    exitOverride(root);
    try {
        await root.parseAsync();
    } catch (error) {
        if (error instanceof CommanderError) {
            // Commander has said what is wrong; help and version are no errors.
            process.exitCode = error.exitCode === 0 ? 0 : WrongUsage;
            return;
        }
        process.stderr.write(`${reasonOf(error)}\n`);
        process.exitCode = error instanceof ClientError && error.code === 'invalid_option' ? WrongUsage : Failed;
    }
}

void main();
