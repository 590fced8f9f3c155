export { readMarket } from './read';
export type { MarketSource } from './read';
export type { MarketOptions, MarketProgress } from './options';
export { marketToJson } from './json';
export type { Json } from './json';
export { JobStates } from './types';
export type {
    EarningsView,
    JobFigures,
    JobState,
    JobView,
    MarketTotals,
    MarketView,
    ModelView,
    NetworkView,
    OfferView,
    ProviderView,
    RegistryView,
    ReputationView,
    Spread,
    Unreadable,
    WorkerClaims,
} from './types';
