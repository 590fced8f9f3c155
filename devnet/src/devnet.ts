import { randomBytes } from 'node:crypto';
import { AddressInfo } from 'node:net';
import { dirname, resolve } from 'node:path';
import { Address } from '@ton/core';
import { TonClient } from '@ton/ton';
import { FastifyInstance } from 'fastify';
import { Chain } from './chain';
import { defaultGlobalId, readGlobalId, readPrices } from './config';
import { Control, DevnetInfo } from './control';
import {
    DEFAULT_BLOCK_TIME,
    DEFAULT_HOST,
    DEFAULT_WALLETS,
    LogLevel,
    PriceSet,
    priceSets,
} from './defaults';
import { DevnetError, messageOf } from './errors';
import { SerialQueue } from './serialQueue';
import { addRoutes, createServer } from './server';
import { ChainState, loadState, saveState } from './state';
import { developmentWallets, DevnetWallet, MAX_WALLETS, WALLET_BALANCE } from './wallets';

const SAVE_INTERVAL = 30_000;
const MAX_SNAPSHOTS = 16;

/** How to start a network. Everything may be left out. */
export interface DevnetOptions {
    /** Address to listen at; 127.0.0.1 when omitted, which no other machine can reach. */
    readonly host?: string;
    /** Port to listen at; 0 or omitted for a free one. */
    readonly port?: number;
    /** Prices in force; when omitted those of the state file, or the current ones. */
    readonly prices?: PriceSet;
    /** Configuration parameter 19; when omitted that of the state file, or the sandbox's, the mainnet's -239. */
    readonly globalId?: number;
    /** Milliseconds between two blocks, 400 when omitted. 0: blocks are made only for messages, and at once. */
    readonly blockTime?: number;
    /** Execute an external message and all that follows from it at once, before `sendBoc` answers. */
    readonly automine?: boolean;
    /** How many funded wallets, from 0 to 10; when omitted those of the state file, or 5. */
    readonly wallets?: number;
    /** File to begin with, if it exists, and to save to: at the end, and whenever something has happened. */
    readonly stateFile?: string;
    /** Milliseconds between two looks at whether there is something to save; 30,000 when omitted. */
    readonly saveInterval?: number;
    /** Folder for snapshots that are asked for over HTTP; that of the state file or `devnet-snapshots` when omitted. */
    readonly snapshotDir?: string;
    /** What is logged to the standard error; `warn` when omitted. */
    readonly logLevel?: LogLevel;
}

/** A running network. */
export class Devnet implements Control {
    /** URL without a path, such as `http://127.0.0.1:8081`. */
    readonly url: string;
    /** URL for TonClient, such as `http://127.0.0.1:8081/api/v2/jsonRPC`. */
    readonly endpoint: string;
    readonly port: number;
    readonly wallets: readonly DevnetWallet[];
    readonly snapshotDir: string;

    private readonly chain: Chain;
    private readonly app: FastifyInstance;
    private readonly settings: Settings;
    private readonly snapshots = new Map<string, ChainState>();
    private readonly saves = new SerialQueue();
    private readonly saveTimer: NodeJS.Timeout | undefined;
    private snapshotCount = 0;
    private savedVersion: number;
    private saving = false;
    private closing: Promise<void> | undefined;

    /** Use {@link startDevnet}. */
    constructor({ app, chain, settings, wallets, host, port }: Parts) {
        this.app = app;
        this.chain = chain;
        this.settings = settings;
        this.wallets = wallets;
        this.snapshotDir = settings.snapshotDir;
        this.port = port;
        this.url = `http://${reachable(host)}:${port}`;
        this.endpoint = `${this.url}/api/v2/jsonRPC`;
        this.savedVersion = chain.version;
        if (settings.stateFile !== undefined) {
            this.saveTimer = setInterval(() => this.saveInBackground(), settings.saveInterval);
        }
    }

    /** A client of this network. */
    client(): TonClient {
        return new TonClient({ endpoint: this.endpoint });
    }

    /**
     * A funded wallet by its name.
     *
     * @throws DevnetError when there is none
     */
    wallet(name: string): DevnetWallet {
        const wallet = this.wallets.find((candidate) => candidate.name === name);
        if (!wallet) {
            const names = this.wallets.map((candidate) => candidate.name).join(', ') || 'none';
            throw new DevnetError(`There is no wallet "${name}"; this network has ${names}`);
        }
        return wallet;
    }

    /** Balance of an account in nanoTON. */
    balance(address: Address | string): Promise<bigint> {
        return this.chain.read(({ accounts }) => accounts.get(toAddress(address)).balance);
    }

    info(): Promise<DevnetInfo> {
        return this.chain.read(({ accounts, blocks, history, config, prices, now, lt, pending }) => ({
            endpoint: this.endpoint,
            priceSet: prices,
            prices: readPrices(config),
            globalId: readGlobalId(config),
            blockTime: this.settings.blockTime,
            automine: this.settings.automine,
            seqno: blocks.lastSeqno,
            time: now,
            lt,
            accounts: accounts.size,
            transactions: history.size,
            pendingMessages: pending,
            wallets: this.wallets.map((wallet) => ({ ...wallet, balance: accounts.get(wallet.address).balance })),
            stateFile: this.settings.stateFile,
            snapshotDir: this.snapshotDir,
        }));
    }

    faucet(address: Address | string, amount: bigint): Promise<void> {
        return this.chain.faucet(toAddress(address), amount);
    }

    mine(blocks = 1): Promise<number> {
        return this.chain.mine(blocks);
    }

    increaseTime(seconds: number): Promise<number> {
        return this.chain.setTime((now) => now + seconds);
    }

    setTime(unixTime: number): Promise<number> {
        return this.chain.setTime(() => unixTime);
    }

    setPrices(set: PriceSet): Promise<void> {
        return this.chain.setPrices(set);
    }

    async snapshot(): Promise<string> {
        const state = await this.chain.exportState();
        const name = `snapshot-${++this.snapshotCount}`;
        this.snapshots.set(name, state);
        const [oldest] = this.snapshots.keys();
        if (this.snapshots.size > MAX_SNAPSHOTS) {
            this.snapshots.delete(oldest);
        }
        return name;
    }

    async restore(name: string): Promise<void> {
        const state = this.snapshots.get(name);
        if (!state) {
            const known = [...this.snapshots.keys()].join(', ') || 'none';
            throw new DevnetError(`There is no snapshot "${name}"; the last ${MAX_SNAPSHOTS} are kept: ${known}`);
        }
        await this.chain.importState(state);
    }

    async saveTo(path: string): Promise<void> {
        const state = await this.chain.exportState();
        await this.saves.run(() => saveState(path, state));
    }

    async loadFrom(path: string): Promise<void> {
        const state = await loadState(path);
        if (!state) {
            throw new DevnetError(`There is no snapshot file ${path}`);
        }
        await this.chain.importState(state);
    }

    /** Ends the network: no more requests, then the last block, then the state file. May be called twice. */
    close(): Promise<void> {
        return (this.closing ??= this.end());
    }

    private async end(): Promise<void> {
        clearInterval(this.saveTimer);
        await this.app.close();
        await this.chain.stop();
        if (this.settings.stateFile !== undefined) {
            await this.saveTo(this.settings.stateFile);
        }
    }

    private saveInBackground(): void {
        const { version } = this.chain;
        const { stateFile } = this.settings;
        if (version === this.savedVersion || this.saving || stateFile === undefined) {
            return;
        }
        this.saving = true;
        this.saveTo(stateFile)
            .then(() => (this.savedVersion = version))
            .catch((error: unknown) => this.app.log.error({ err: error }, messageOf(error)))
            .finally(() => (this.saving = false));
    }
}

interface Settings {
    readonly blockTime: number;
    readonly automine: boolean;
    readonly stateFile: string | undefined;
    readonly saveInterval: number;
    readonly snapshotDir: string;
}

interface Parts {
    readonly app: FastifyInstance;
    readonly chain: Chain;
    readonly settings: Settings;
    readonly wallets: readonly DevnetWallet[];
    readonly host: string;
    readonly port: number;
}

/**
 * Starts a local TON network with the HTTP API of toncenter v2.
 *
 * @returns the running network; call its `close()` when done
 * @throws DevnetError when an option is wrong, the port is taken, or the state file cannot be used
 */
export async function startDevnet(options: DevnetOptions = {}): Promise<Devnet> {
    checkOptions(options);
    const stateFile = options.stateFile === undefined ? undefined : resolve(options.stateFile);
    const state = stateFile === undefined ? undefined : await loadState(stateFile);
    const blockTime = options.blockTime ?? DEFAULT_BLOCK_TIME;
    const settings: Settings = {
        blockTime,
        automine: options.automine === true || blockTime === 0,
        stateFile,
        saveInterval: options.saveInterval ?? SAVE_INTERVAL,
        snapshotDir: resolve(options.snapshotDir ?? (stateFile ? dirname(stateFile) : 'devnet-snapshots')),
    };

    const app = createServer(options.logLevel ?? 'warn');
    const chain = new Chain({
        ...settings,
        prices: options.prices ?? state?.prices ?? '2026',
        globalId: options.globalId ?? state?.globalId ?? defaultGlobalId(),
        genesisHash: randomBytes(32),
        logger: app.log,
    });
    if (state) {
        await chain.importState(state);
        if (options.prices !== undefined && options.prices !== state.prices) {
            await chain.setPrices(options.prices);
        }
    }
    const wallets = developmentWallets(options.wallets ?? (state ? await knownWallets(chain) : DEFAULT_WALLETS));
    for (const { address, init } of wallets) {
        await chain.createAccount(address, init, WALLET_BALANCE);
    }

    if (stateFile !== undefined) {
        // A file that cannot be written must be known now, not when everything that has happened is to be kept.
        await saveState(stateFile, await chain.exportState());
    }

    const host = options.host ?? DEFAULT_HOST;
    // Routes need the network and the network its port, so the routes see it through this once it is there.
    let devnet: Devnet | undefined;
    addRoutes(app, {
        chain,
        get control(): Control {
            return devnet!;
        },
    });
    const port = await listen(app, host, options.port ?? 0);
    devnet = new Devnet({ app, chain, settings, wallets, host, port });
    chain.start();
    return devnet;
}

/** How many of the development wallets, in their order, a loaded network has. */
function knownWallets(chain: Chain): Promise<number> {
    return chain.read(({ accounts }) => {
        const wallets = developmentWallets(MAX_WALLETS);
        const missing = wallets.findIndex(({ address }) => accounts.get(address).status !== 'active');
        return missing === -1 ? wallets.length : missing;
    });
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
    try {
        await app.listen({ host, port });
    } catch (error) {
        await app.close();
        const { code } = error as NodeJS.ErrnoException;
        throw new DevnetError(
            code === 'EADDRINUSE'
                ? `Port ${port} of ${host} is in use. Stop the program that uses it, or choose another port; ` +
                  '0 takes a free one'
                : `Cannot listen at port ${port} of ${host}: ${messageOf(error)}`,
        );
    }
    return (app.server.address() as AddressInfo).port;
}

function checkOptions({ port, prices, globalId, blockTime, wallets, saveInterval }: DevnetOptions): void {
    checkInteger('port', port, 0, 65_535);
    checkInteger('globalId', globalId, -(2 ** 31), 2 ** 31 - 1);
    checkInteger('blockTime', blockTime, 0, 3_600_000);
    checkInteger('wallets', wallets, 0, MAX_WALLETS);
    checkInteger('saveInterval', saveInterval, 1, 86_400_000);
    if (prices !== undefined && !priceSets.includes(prices)) {
        throw new DevnetError(`prices is ${String(prices)}; expected one of ${priceSets.join(', ')}`);
    }
}

function checkInteger(name: string, value: number | undefined, min: number, max: number): void {
    if (value !== undefined && !(Number.isInteger(value) && value >= min && value <= max)) {
        throw new DevnetError(`${name} is ${value}; expected a whole number from ${min} to ${max}`);
    }
}

/** The host for a URL of a server that listens there; one that listens everywhere is reached through the loopback. */
function reachable(host: string): string {
    if (host === '0.0.0.0') {
        return DEFAULT_HOST;
    }
    return host.includes(':') ? `[${host === '::' ? '::1' : host}]` : host;
}

function toAddress(address: Address | string): Address {
    return typeof address === 'string' ? Address.parse(address) : address;
}
