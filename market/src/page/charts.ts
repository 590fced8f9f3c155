import { CoinSymbol } from '@ton-compute/contracts';
import { MarketView } from '@ton-compute/client';
import { ModelNames, modelName } from '../names';
import { printable, shortCoins } from '../text';

/** What the page's script draws: numbers only, in coins. */
export type ChartData = {
    id: string;
    title: string;
    /** For those who do not see the chart. */
    label: string;
    unit: string;
    labels: string[];
    series: Series[];
};

export type Series =
    | { kind: 'bars'; name: string; values: number[] }
    /** From least to highest. */
    | { kind: 'ranges'; name: string; values: [number, number][] }
    | { kind: 'points'; name: string; values: number[] }
    /** One value for all. */
    | { kind: 'level'; name: string; value: number };

/** The most bars that can be told apart. */
const MostBars = 30;
const MostModels = 8;

/** @returns the charts that there is something to show in. */
export function chartsOf(view: MarketView, names: ModelNames): ChartData[] {
    return [...priceCharts(view, names), volumeChart(view), earningsChart(view, names), jobsChart(view)].filter(
        ({ labels }) => labels.length > 0,
    );
}

function priceCharts(view: MarketView, names: ModelNames): ChartData[] {
    return view.models
        .filter(({ prices }) => prices !== null)
        .slice(0, MostModels)
        .map(({ model, offers, prices }, index) => {
            const shown = offers.slice(0, MostBars);
            return {
                id: `prices-${index}`,
                title: `Prices of ${clean(modelName(names, model))}`,
                label:
                    `${offers.length} offers; median ${shortCoins(prices!.prompt.median)} ${CoinSymbol} for prompt, ` +
                    `${shortCoins(prices!.completion.median)} ${CoinSymbol} for completion`,
                unit: `${CoinSymbol} per 1,000,000 tokens`,
                labels: shown.map(({ provider }) => `#${provider}`),
                series: [
                    { kind: 'bars', name: 'prompt', values: shown.map((offer) => coins(offer.prices.prompt)) },
                    { kind: 'bars', name: 'completion', values: shown.map((offer) => coins(offer.prices.completion)) },
                    { kind: 'level', name: 'median prompt', value: coins(prices!.prompt.median) },
                    { kind: 'level', name: 'median completion', value: coins(prices!.completion.median) },
                ],
            };
        });
}

function volumeChart(view: MarketView): ChartData {
    const shown = [...view.providers]
        .sort((a, b) => (a.volume < b.volume ? 1 : a.volume > b.volume ? -1 : a.index - b.index))
        .slice(0, MostBars);
    return {
        id: 'volume',
        title: 'Settled volume by provider',
        label: `${shortCoins(view.totals.volume)} ${CoinSymbol} in all`,
        unit: CoinSymbol,
        labels: shown.map(({ index, status }) => `#${index}${status === 'retired' ? ' (retired)' : ''}`),
        series: [{ kind: 'bars', name: 'settled volume', values: shown.map(({ volume }) => coins(volume)) }],
    };
}

function earningsChart(view: MarketView, names: ModelNames): ChartData {
    const shown = view.models.filter(({ earningsPerHour }) => earningsPerHour !== null).slice(0, MostBars);
    return {
        id: 'earnings',
        title: 'Earned per hour, by model',
        label: 'Least, median and highest of the providers that offer the model; ~: several models, split evenly',
        unit: `${CoinSymbol} per hour`,
        labels: shown.map(
            ({ model, earningSplitProviders }) => `${earningSplitProviders > 0 ? '~' : ''}${clean(modelName(names, model))}`,
        ),
        series: [
            {
                kind: 'ranges',
                name: 'least to highest',
                values: shown.map(({ earningsPerHour: e }) => [coins(e!.least), coins(e!.highest)]),
            },
            { kind: 'points', name: 'median', values: shown.map(({ earningsPerHour: e }) => coins(e!.median)) },
        ],
    };
}

function jobsChart(view: MarketView): ChartData {
    const { byState } = view.totals.jobs;
    const counts: [string, number][] = [
        ['bidding', byState.bidding],
        ['awarded', byState.awarded + byState.overdue],
        ['delivered', byState.delivered],
        ['declined', byState.declined],
        ['failed', byState.failed],
        ['not taken', view.totals.jobs.notTaken],
        ['cancelled', byState.cancelled],
        ['unknown', byState.unknown],
    ];
    const shown = view.jobs.length === 0 ? [] : counts;
    return {
        id: 'jobs',
        title: 'Jobs by outcome',
        label: `${view.jobs.length} jobs of the public list`,
        unit: 'jobs',
        labels: shown.map(([name]) => name),
        series: [{ kind: 'bars', name: 'jobs', values: shown.map(([, count]) => count) }],
    };
}

/** Exact enough to look at. */
function coins(nano: bigint): number {
    return Number(nano) / 1e9;
}

/** Names are the reader's own, but a chart's label is no place for control characters. */
function clean(name: string): string {
    return printable(name).slice(0, 24);
}
