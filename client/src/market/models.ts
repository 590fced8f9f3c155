import { Prices } from '@ton-compute/contracts';
import { jobFigures } from './job-figures';
import { compareAmounts, evenPart, perHour, spreadOf, sumOf } from './statistics';
import { JobView, ModelView, OfferView, ProviderView } from './types';

type Earner = Pick<ProviderView, 'index' | 'status' | 'models' | 'volume' | 'earnings'>;

/**
 * Groups offers and jobs by model.
 * @param providers all that were read; only active ones count.
 * @param offers theirs.
 * @returns most settled volume first, then most offers, then by hash.
 */
export function groupByModel(
    providers: readonly Earner[],
    offers: readonly OfferView[],
    jobs: readonly JobView[],
): ModelView[] {
    const active = new Set(providers.filter(({ status }) => status === 'active').map(({ index }) => index));
    const live = offers.filter(({ provider }) => active.has(provider));
    const models = new Set([...live, ...jobs].map(({ model }) => model));
    return [...models]
        .map((model) => modelView(model, providers, live, jobs))
        .sort(
            (a, b) =>
                compareAmounts(b.settledVolume, a.settledVolume) ||
                b.offers.length - a.offers.length ||
                (a.model < b.model ? -1 : 1),
        );
}

function modelView(
    model: string,
    providers: readonly Earner[],
    live: readonly OfferView[],
    jobs: readonly JobView[],
): ModelView {
    const serving = providers.filter(({ status, models }) => status === 'active' && models.includes(model));
    const offers = live
        .filter((offer) => offer.model === model)
        .sort((a, b) => compareAmounts(a.referencePrice, b.referencePrice) || a.provider - b.provider);
    const earning = serving.filter(({ earnings }) => earnings !== null);
    return {
        model,
        providers: serving.length,
        offers,
        prices: pricesOf(offers),
        settledVolume: sumOf(serving.map((provider) => partOf(provider, model))),
        splitProviders: serving.filter(isSplit).length,
        earningsPerHour: spreadOf(
            earning.map((provider) => perHour(partOf(provider, model), provider.earnings!.seconds)),
        ),
        earningProviders: earning.length,
        earningSplitProviders: earning.filter(isSplit).length,
        jobs: jobFigures(jobs.filter((job) => job.model === model)),
    };
}

function isSplit({ models }: Earner): boolean {
    return models.length > 1;
}

/** @returns the part of a provider's volume that counts for a model: an even one, because contracts do not tell. */
function partOf({ volume, models }: Earner, model: string): bigint {
    return evenPart(volume, models.length, models.indexOf(model));
}

function pricesOf(offers: readonly OfferView[]): ModelView['prices'] {
    if (offers.length === 0) {
        return null;
    }
    const of = (name: keyof Prices) => spreadOf(offers.map(({ prices }) => prices[name]))!;
    return { prompt: of('prompt'), cached: of('cached'), completion: of('completion'), reasoning: of('reasoning') };
}
