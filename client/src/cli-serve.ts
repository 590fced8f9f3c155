import { Address } from '@ton/core';
import { Command, Option } from 'commander';
import { formatCoins } from './amounts';
import { address, ChainFlags, coins, wholeNumber, withChainFlags } from './cli-options';
import { Client } from './client';
import { ClientError, reasonOf } from './errors';
import { Served, startLocalEndpoint } from './local-endpoint';
import { Logger } from './log';
import { FailoverEvent } from './pool/options';
import { takeUpSessions } from './pool/take-up';
import { Session } from './session/session';

type ServeFlags = ChainFlags & {
    deposit?: bigint;
    provider?: Address;
    session?: Address;
    providers: number;
    budget?: bigint;
    lifetime?: number;
    host: string;
    port: number;
    creditWindow?: bigint;
    closeWindow?: number;
};

export type ServeTools = {
    print(line: string): void;
    withClient(flags: ChainFlags, work: (client: Client, signal: AbortSignal) => Promise<void>): Promise<void>;
    createLogger(): Logger;
};

/** What the endpoint serves: a session, or several behind one `fetch`. */
type Serving = Served & {
    readonly model: string;
    sessions(): readonly Session[];
    pay(signal: AbortSignal): Promise<unknown>;
    dispose(): Promise<void>;
};

export function addServeCommand(root: Command, { print, withClient, createLogger }: ServeTools): void {
    withChainFlags(root.command('serve').description('resume or open a session and serve it on this machine'))
        .addOption(new Option('--deposit <ton>', 'deposit of a new session').argParser(coins))
        .addOption(new Option('--provider <address>', 'open with this provider; the best one').argParser(address))
        .addOption(new Option('--session <address>', 'resume this session').argParser(address))
        .addOption(
            new Option('--providers <number>', 'most providers to have a session with; above 1 it fails over between them')
                .argParser(wholeNumber(1, 16))
                .default(1),
        )
        .addOption(new Option('--budget <ton>', 'with --providers: the most for all sessions; twice the deposit').argParser(coins))
        .addOption(
            new Option('--lifetime <seconds>', 'until when the key of a new session is used').argParser(wholeNumber(60, 315_360_000)),
        )
        .addOption(new Option('--credit-window <ton>', 'credit of the worker in tier tdx').argParser(coins))
        .addOption(
            new Option('--close-window <seconds>', 'until a close can be ended').argParser(wholeNumber(900, 2_592_000)),
        )
        .addOption(new Option('--host <address>', 'whoever reaches it spends the deposit').default('127.0.0.1'))
        .addOption(new Option('--port <number>').argParser(wholeNumber(0, 65_535)).default(8088))
        .action((flags: ServeFlags) =>
            withClient(flags, async (client, signal) => {
                const serving = await open(client, flags, signal);
                try {
                    await serve(serving, flags, print, createLogger(), signal);
                } finally {
                    await serving.dispose();
                }
            }),
        );
}

async function serve(
    serving: Serving,
    { host, port }: ServeFlags,
    print: (line: string) => void,
    log: Logger,
    signal: AbortSignal,
): Promise<void> {
    const endpoint = await startLocalEndpoint({ session: serving, host, port, localKey: process.env.LOCAL_API_KEY, log });
    print(`OpenAI-compatible endpoint: ${endpoint.url}`);
    print(`model: ${serving.model}`);
    serving.sessions().forEach(({ address: session }) => print(`session: ${session.toString()}`));
    await new Promise<void>((resolve) => {
        if (signal.aborted) {
            resolve();
        }
        signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await endpoint.close();
    await serving.pay(AbortSignal.timeout(5_000)).catch((error: unknown) => {
        progress(`The last voucher did not reach the worker: ${reasonOf(error)}`);
    });
    for (const session of serving.sessions()) {
        progress(`Stopped. The session ${session.address.toString()} stays open and is resumed next time; \`close\` begins to close it.`);
    }
}

async function open(client: Client, flags: ServeFlags, signal: AbortSignal): Promise<Serving> {
    if (flags.providers === 1) {
        const session = await resumeOrOpen(client, flags, signal);
        return {
            baseURL: session.baseURL,
            model: session.model,
            fetch: session.fetch,
            sessions: () => [session],
            pay: (until) => session.pay(until),
            dispose: () => session.dispose(),
        };
    }
    const single = ['provider', 'session'].find((name) => flags[name as 'provider' | 'session'] !== undefined);
    if (single !== undefined) {
        throw new ClientError('invalid_option', `--${single} names one provider: leave it out, or --providers.`);
    }
    const { deposit } = flags;
    if (deposit === undefined) {
        throw new ClientError('invalid_option', 'Give --deposit: each session with a provider is opened with it.');
    }
    const { budget, providers, lifetime, creditWindow, closeWindow } = flags;
    const onFailover = ({ provider, rest, reason }: FailoverEvent) =>
        progress(`${provider} ${rest === null ? 'is not asked any more' : `rests for ${rest} s`}: ${reason}`);
    const pool = await client.pool({ deposit, budget, providers, lifetime, creditWindow, closeWindow, onFailover, signal });
    return {
        baseURL: pool.baseURL,
        model: pool.model,
        fetch: pool.fetch,
        sessions: () => pool.sessions,
        pay: (until) => pool.pay(until),
        dispose: () => pool.dispose(),
    };
}

/** Takes up a session that can still be used, or opens one. */
async function resumeOrOpen(client: Client, flags: ServeFlags, signal: AbortSignal): Promise<Session> {
    if (flags.session !== undefined) {
        return client.resume(flags.session, { signal });
    }
    const [session] = await takeUpSessions(client, {
        most: 1,
        weights: flags.model === 'auto' ? null : flags.model,
        signal,
        onTaken: ({ address: escrow }, remaining) => progress(`Resumed ${escrow.toString()}: ${formatCoins(remaining)} remain.`),
        onPassedOver: (escrow, reason) => progress(`Passed over session ${escrow.toString()}: ${reason}`),
    });
    if (session !== undefined) {
        return session;
    }
    if (flags.deposit === undefined) {
        throw new ClientError('invalid_option', 'There is no session to resume: give --deposit to open one.');
    }
    progress(`Opening a session with a deposit of ${formatCoins(flags.deposit)}...`);
    return client.open({
        deposit: flags.deposit,
        provider: flags.provider,
        lifetime: flags.lifetime,
        creditWindow: flags.creditWindow,
        closeWindow: flags.closeWindow,
        signal,
    });
}

function progress(line: string): void {
    process.stderr.write(`${line}\n`);
}
