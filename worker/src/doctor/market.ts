import { Prices } from '@ton-compute/contracts';
import type { MarketView, OfferView } from '@ton-compute/client';

import { messageOf } from '../errors';
import { Examination, Facts } from './doctor';
import { earningsBound } from './figures';
import { Finding, ok, skipped, warning } from './finding';
import { rate, ton } from './text';

/** Providers that are read, newest first: enough for a price, few enough for a public API. */
const MostProviders = 200;
/** Calls in a second from which on several may run at once. */
const FastApi = 5;

/** What others ask for the same weights, and what this machine could earn at most. */
export async function* checkMarket(examination: Examination): AsyncIterable<Finding> {
    const { facts, signal } = examination;
    const { provider, weights } = facts;
    const offer = provider?.offers.find(({ model }) => model.toString('hex') === weights?.hash);
    if (provider === undefined || weights?.hash == null || offer === undefined) {
        yield skipped('price', 'no offer of the provider for these weights is known');
        return;
    }
    try {
        yield comparePrice(await readOffers(examination), Number(provider.index), offer.prices);
    } catch (error) {
        signal.throwIfAborted();
        yield skipped('price', `the market cannot be read: ${messageOf(error)}`);
    }
    yield describeEarnings(facts, offer.prices);
}

/** The client is loaded only here: nothing else of a worker needs it. */
async function readOffers({ facts, signal, progress }: Examination): Promise<MarketView> {
    const { readMarket } = await import('@ton-compute/client');
    const { network } = facts.config!;
    return readMarket({
        endpoint: network.endpoint,
        apiKey: network.apiKey ?? undefined,
        timeoutSeconds: network.timeoutSeconds,
        registry: facts.provider!.registry,
        model: facts.weights!.hash!,
        jobs: 0,
        historyPages: 0,
        providers: MostProviders,
        parallel: network.requestsPerSecond >= FastApi ? 4 : 1,
        signal,
        onProgress: ({ done, total }) => progress(`reading the market: ${done} of ${total}`),
    });
}

function comparePrice({ models, registry }: MarketView, own: number, prices: Prices): Finding {
    const others = (models[0]?.offers ?? []).filter(({ provider }) => provider !== own);
    const scope = registry.providerCount > MostProviders ? `, of the newest ${MostProviders} providers` : '';
    if (others.length === 0) {
        return ok('price', `nobody else offers these weights${scope}: the price is yours to find`);
    }
    const prompt = spread(others, 'prompt');
    const completion = spread(others, 'completion');
    const found =
        `prompt ${ton(prices.prompt)} (others: least ${ton(prompt.least)}, median ${ton(prompt.median)}), completion ` +
        `${ton(prices.completion)} (others: least ${ton(completion.least)}, median ${ton(completion.median)}), of ` +
        `${others.length} other offers${scope}`;
    return prices.completion <= completion.median || prices.prompt <= prompt.median
        ? ok('price', found)
        : warning('price', found, {
              expected: 'prompt or completion at the median or below: clients take the cheapest that suits them',
              next: 'change the offer with updateProvider (removeOffer and addModel in one message)',
          });
}

function spread(offers: readonly OfferView[], name: keyof Prices): { least: bigint; median: bigint } {
    const amounts = offers.map(({ prices }) => prices[name]).sort((a, b) => Number(a > b) - Number(a < b));
    const middle = Math.floor((amounts.length - 1) / 2);
    const upper = amounts[Math.ceil((amounts.length - 1) / 2)];
    return { least: amounts[0], median: (amounts[middle] + upper) / 2n };
}

function describeEarnings({ speed }: Facts, prices: Prices): Finding {
    if (speed === undefined) {
        return skipped('earnings in an hour', 'the speed was not measured');
    }
    return ok(
        'earnings in an hour',
        `at most ${ton(earningsBound(prices, speed))}: an UPPER BOUND at full load, with ${rate(speed.all)} in ` +
            `${speed.slots} slots, every token paid, prompts not counted, and fees not subtracted`,
    );
}
