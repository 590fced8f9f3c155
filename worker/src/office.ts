import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Address } from '@ton/core';

import { Chain } from './chain/chain';
import { locateProvider, ProviderRecord, readProvider } from './chain/provider-record';
import { ChainError, ChainUnreachable } from './chain/transport';
import { WorkerConfig } from './config/schema';
import { StartError } from './errors';
import { FileKeys } from './keys/file-keys';
import { KeySource, WorkerKeys } from './keys/keys';
import { Ledger } from './ledger/ledger';
import { Logger } from './logger';
import { publicKeysOf, setKeysCommand } from './registration';
import { SessionBook } from './sessions/book';
import { BatchCourier } from './settlement/courier';
import { BatchResult, Settler } from './settlement/settler';

/** Everything of a worker that deals with money and the chain, and nothing that generates. */
export type Office = {
    keys: WorkerKeys;
    ledger: Ledger;
    chain: Chain;
    globalId: number;
    provider: ProviderRecord;
    book: SessionBook;
    settler: Settler;
    /** Ends all calls to the chain and closes the ledger. May be called twice. */
    close(): Promise<void>;
};

/** The file of the ledger in the data directory. */
export const LedgerFile = 'ledger.sqlite';

/**
 * Opens keys and ledger and proves, on the chain, that this machine is the provider's worker.
 * @throws {StartError} with what to do about it.
 */
export async function openOffice(
    config: WorkerConfig,
    logger: Logger,
    onBatch: (result: BatchResult) => void = () => undefined,
    keySource: KeySource = new FileKeys(config.data.keys ?? config.data.directory),
): Promise<Office> {
    const directory = config.data.directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const keys = await keySource.load();
    const ledger = Ledger.open(join(directory, LedgerFile));
    const closing = new AbortController();
    const close = async () => {
        closing.abort();
        await ledger.close();
    };
    try {
        const { network } = config;
        const chain = new Chain({ ...network, signal: closing.signal });
        const { globalId, provider } = await meetProvider(config, chain, keys);
        const common = { chain, ledger, logger, globalId };
        const book = new SessionBook({ ...common, provider: provider.address, settlement: provider.settlement });
        const { settlement } = config;
        const courier = new BatchCourier({
            ...common,
            key: keys.worker,
            address: provider.settlement,
            resendAfter: settlement.resendSeconds,
        });
        const settler = new Settler({
            ...common,
            book,
            courier,
            address: provider.settlement,
            provider: provider.address,
            policy: {
                claimAbove: settlement.claimAbove,
                maxAge: settlement.maxAgeSeconds,
                maxCostBasisPoints: BigInt(Math.round(settlement.maxCostShare * 10_000)),
            },
            distributeAbove: settlement.distributeAbove,
            onBatch,
        });
        return { keys, ledger, chain, globalId, provider, book, settler, close };
    } catch (error) {
        await close();
        throw error;
    }
}

async function meetProvider(
    config: WorkerConfig,
    chain: Chain,
    keys: WorkerKeys,
): Promise<{ globalId: number; provider: ProviderRecord }> {
    try {
        const address = await providerAddress(config);
        const [globalId, provider] = await Promise.all([chain.globalId(), readProvider(chain, address)]);
        requireSame(config, provider, keys);
        return { globalId, provider };
    } catch (error) {
        if (error instanceof ChainUnreachable || error instanceof ChainError) {
            throw new StartError(
                `The chain cannot be read: ${error.message} Check network.endpoint and the connection; with a public ` +
                    'endpoint an API key may be needed.',
                1,
                { cause: error },
            );
        }
        throw error;
    }
}

function providerAddress({ provider }: WorkerConfig): Promise<Address> {
    if (typeof provider.id !== 'bigint') {
        return locateProvider({ address: provider.id });
    }
    if (provider.registry === null) {
        throw new StartError('provider.id is a number, so provider.registry is needed.');
    }
    return locateProvider({ registry: provider.registry, index: provider.id });
}

/**
 * Whoever runs with other keys than the chain shows cannot be paid and cannot open what clients seal. In tier tdx the
 * worker puts its keys there itself, with a quote.
 */
function requireSame(config: WorkerConfig, provider: ProviderRecord, keys: WorkerKeys): void {
    const name = provider.address.toString();
    if (config.provider.registry !== null && !config.provider.registry.equals(provider.registry)) {
        throw new StartError(
            `The provider ${name} belongs to the registry ${provider.registry.toString()}, but provider.registry is ` +
                `${config.provider.registry.toString()}. Correct one of the two.`,
        );
    }
    if (config.provider.tier === 'tdx') {
        return;
    }
    const own = publicKeysOf(keys);
    const shown = {
        workerKey: provider.workerKey.toString('hex'),
        encryptionKey: provider.encryptionKey.toString('hex'),
    };
    if (shown.workerKey !== own.workerKey || shown.encryptionKey !== own.encryptionKey) {
        throw new StartError(
            `The provider ${name} shows other keys than this worker holds. Shown: worker ${shown.workerKey}, ` +
                `encryption ${shown.encryptionKey}. If the data directory is right, let the provider's owner run: ` +
                `${setKeysCommand(name, own)}`,
        );
    }
}

/** @throws {StartError} when the provider has retired: there is nothing to serve, only something to claim. */
export function requireActive(provider: ProviderRecord): void {
    if (!provider.active) {
        throw new StartError(
            `The provider ${provider.address.toString()} has retired and takes no sessions. Claim what is left with ` +
                "'settle', or register a new provider.",
        );
    }
}
