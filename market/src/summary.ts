import { CoinSymbol } from '@ton-compute/contracts';
import { MarketView } from '@ton-compute/client';
import { shortCoins, shortTime } from './text';

/** What an attestation of this network means, for everyone who reads a tier. */
const RootText = {
    production: "attestations rest on Intel's root",
    test: 'TEST ROOT: tier tdx proves NOTHING about hardware here',
    none: 'no verifier that is known: tier tdx proves NOTHING here',
} as const;

export function networkName(globalId: number): string {
    // Whoever runs a local network may give it any id.
    const known = globalId === -239 ? " (mainnet's)" : globalId === -3 ? " (testnet's)" : '';
    return `global id ${globalId}${known}`;
}

/** @returns what the view is of, and its sums, as lines. */
export function summaryLines({ network, registry, totals, providers, jobs, ...view }: MarketView): string[] {
    const shown = providers.length + view.unreadableProviders.length;
    const listed = jobs.length + view.unreadableJobs.length;
    return [
        `Registry ${registry.address.toString()}, ${networkName(network.globalId)}, ${shortTime(network.readAt)} UTC; ` +
            RootText[registry.root ?? 'none'],
        `${totals.active} active providers, ${totals.attested} of them attested, ${totals.retired} retired; ${totals.offers} ` +
            `offers; ${shortCoins(totals.volume)} ${CoinSymbol} settled, ${totals.sessions} sessions ended; protocol fee ` +
            `${registry.feeBasisPoints / 100} %, ${shortCoins(totals.feesRemitted)} ${CoinSymbol} remitted`,
        `${jobs.length} jobs read; ${totals.jobs.byState.bidding} open for bids, ${totals.jobs.notTaken} not taken; median paid per ` +
            `1,000,000 tokens: ${shortCoins(totals.jobs.paidPerMillion?.median ?? null)} ${CoinSymbol}`,
        ...(shown < registry.providerCount || listed < registry.jobCount
            ? [`Part of the market: ${shown} of ${registry.providerCount} providers, ${listed} of ${registry.jobCount} listed jobs.`]
            : []),
    ];
}
