import { Address } from '@ton/core';
import { listingDeployment, providerDeployment } from '@ton-compute/contracts';
import { Chain } from '../chain/chain';
import { ProviderState, readProviderState } from '../chain/providers';
import { ClientError, reasonOf } from '../errors';
import { requireBasechain } from '../opening';
import { throwGeneral } from './failures';
import { readJob } from './jobs';
import { groupByModel } from './models';
import { CheckedMarketOptions, checkMarketOptions, MarketOptions } from './options';
import { mapParallel } from './parallel';
import { endpointOf, offerViews, providerView } from './providers';
import { registrationTime } from './registration';
import { readRegistry } from './registry';
import { sharingOf } from './sharing';
import { totalsOf } from './totals';
import { JobView, MarketView, OfferView, ProviderView, Unreadable } from './types';
import { readClaims } from './worker-claims';

/** Where the market is. */
export type MarketSource = {
    /** URL of a toncenter v2 API. Whoever runs it is believed where nothing can be recomputed. */
    endpoint: string;
    /** Address of the ProviderRegistry. */
    registry: Address;
    apiKey?: string;
    /** Refuse any other network: -239 mainnet, -3 testnet. */
    globalId?: number;
    /** Seconds for one call; 15. */
    timeoutSeconds?: number;
};

/**
 * Reads the market without a wallet: get-methods, states and histories of accounts, nothing else. What cannot be read, or
 * is not what its address proves, is listed with the reason; the view never fails because of one entry.
 * @throws ClientError `chain_unreachable`, `wrong_network` or `invalid_option`; `chain_error` when the API refuses.
 */
export async function readMarket(options: MarketSource & MarketOptions): Promise<MarketView> {
    const { endpoint, apiKey, timeoutSeconds, signal } = options;
    const checked = checkMarketOptions(options);
    const registry = requireBasechain(options.registry, 'registry');
    const chain = new Chain({ endpoint, apiKey, timeoutSeconds }, signal);
    const globalId = await chain.globalId();
    if (options.globalId !== undefined && options.globalId !== globalId) {
        throw new ClientError(
            'wrong_network',
            `The chain at ${endpoint} has global id ${globalId}, expected ${options.globalId} (-239 mainnet, -3 ` +
                'testnet). Check the endpoint.',
        );
    }
    return marketOf(chain, registry, globalId, checked);
}

/** The same through a chain that is open already. */
export async function marketOf(
    chain: Chain,
    registry: Address,
    globalId: number,
    options: CheckedMarketOptions,
): Promise<MarketView> {
    const { onProgress, model } = options;
    onProgress({ stage: 'registry', done: 0, total: 0 });
    const entry = await readRegistry(chain, registry);
    const read = await readProviders(chain, registry, globalId, entry.providerCount, options);
    const listed = await readJobs(chain, registry, entry.jobCount, options);

    const sharing = sharingOf(read.providers);
    const all = read.providers.map((provider) => ({ ...provider, sharing: sharing.get(provider.index) ?? null }));
    // Machines are shared also with those who offer other models, so the selection comes last.
    const providers = model === null ? all : all.filter(({ models }) => models.includes(model));
    const offers = read.offers.filter((offer) => model === null || offer.model === model);
    const jobs = listed.jobs.filter((job) => model === null || job.model === model);
    return {
        network: { globalId, readAt: chain.now() },
        registry: entry,
        providers,
        unreadableProviders: read.unreadable,
        models: groupByModel(providers, offers, jobs).filter((group) => model === null || group.model === model),
        jobs,
        unreadableJobs: listed.unreadable,
        totals: totalsOf(providers, offers, jobs),
    };
}

async function readProviders(
    chain: Chain,
    registry: Address,
    globalId: number,
    count: number,
    options: CheckedMarketOptions,
): Promise<{ providers: ProviderView[]; offers: OfferView[]; unreadable: Unreadable[] }> {
    const providers: ProviderView[] = [];
    const offers: OfferView[] = [];
    const address = async (index: number) => (await providerDeployment(registry, BigInt(index))).address;
    const unreadable = await readNewest('providers', count, options.providers, options, address, async (index) => {
        const state = await readProviderState(chain, registry, BigInt(index));
        const registeredAt = await registrationOf(chain, registry, state, options);
        const claims = await claimsOf(state, globalId, options);
        providers.push(providerView(state, registeredAt, claims, chain.now()));
        offers.push(...offerViews(state));
    });
    providers.sort((a, b) => a.index - b.index);
    offers.sort((a, b) => a.provider - b.provider);
    return { providers, offers, unreadable };
}

async function readJobs(
    chain: Chain,
    registry: Address,
    count: number,
    options: CheckedMarketOptions,
): Promise<{ jobs: JobView[]; unreadable: Unreadable[] }> {
    const jobs: JobView[] = [];
    const address = async (index: number) => (await listingDeployment(registry, BigInt(index))).address;
    const unreadable = await readNewest('jobs', count, options.jobs, options, address, async (index) => {
        jobs.push(await readJob(chain, registry, index));
    });
    jobs.sort((a, b) => b.index - a.index);
    return { jobs, unreadable };
}

/** Reads the newest of `count` numbered entries. @returns those that could not be read, newest first. */
async function readNewest(
    stage: 'providers' | 'jobs',
    count: number,
    most: number,
    { parallel, signal, onProgress }: CheckedMarketOptions,
    addressOfEntry: (index: number) => Promise<Address>,
    read: (index: number) => Promise<void>,
): Promise<Unreadable[]> {
    const total = Math.min(count, most);
    const newest = Array.from({ length: total }, (_, place) => count - 1 - place);
    const unreadable: Unreadable[] = [];
    onProgress({ stage, done: 0, total });
    await mapParallel(
        newest,
        parallel,
        async (index) => {
            try {
                await read(index);
            } catch (error) {
                throwGeneral(error, signal);
                unreadable.push({ index, address: await addressOfEntry(index), reason: reasonOf(error) });
            }
        },
        (done) => onProgress({ stage, done, total }),
    );
    return unreadable.sort((a, b) => b.index - a.index);
}

/** A history is a nicety: one that cannot be read is one that does not reach back. */
async function registrationOf(
    chain: Chain,
    registry: Address,
    { address }: ProviderState,
    { historyPages, signal }: CheckedMarketOptions,
): Promise<number | null> {
    try {
        return await registrationTime(chain, registry, address, historyPages);
    } catch (error) {
        throwGeneral(error, signal);
        return null;
    }
}

async function claimsOf(state: ProviderState, globalId: number, { askWorkers, signal }: CheckedMarketOptions) {
    const { endpoint } = endpointOf(state);
    if (!askWorkers || endpoint === null || state.status !== 'active') {
        return null;
    }
    return readClaims({ address: state.address, endpoint }, globalId, signal);
}
