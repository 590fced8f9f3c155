import { jobFigures } from './job-figures';
import { sumOf } from './statistics';
import { JobView, MarketTotals, OfferView, ProviderView } from './types';

/** @returns the sums over all that was read. */
export function totalsOf(
    providers: readonly ProviderView[],
    offers: readonly OfferView[],
    jobs: readonly JobView[],
): MarketTotals {
    const active = providers.filter(({ status }) => status === 'active');
    return {
        active: active.length,
        retired: providers.filter(({ status }) => status === 'retired').length,
        attested: active.filter(({ tier }) => tier === 'tdx').length,
        offers: offers.length,
        volume: sumOf(providers.map(({ volume }) => volume)),
        sessions: providers.reduce((sum, { sessions }) => sum + sessions, 0),
        feesRemitted: sumOf(providers.map(({ feesRemitted }) => feesRemitted)),
        jobs: jobFigures(jobs),
    };
}
