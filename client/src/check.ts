import { Address } from '@ton/core';
import { OfferTerms } from '@ton-compute/contracts';
import { Chain } from './chain/chain';
import { ProviderInfo, readProviderAt } from './chain/providers';
import { reasonOf } from './errors';
import { askWorker, FoundOffer, foundOffer, matchOffer, refuseStanding } from './find';
import { CheckedPolicy, refuseOffer } from './policy';
import { AttestationTrust, rootOf } from './trust';

const RootText = {
    production: 'PRODUCTION: Intel SGX Root CA',
    test: 'TEST ROOT: proves NOTHING about hardware',
} as const;

/** One thing that was looked at. */
export type Finding = { what: string; ok: boolean; detail: string };

export type ProviderCheck = {
    /** Whether everything is as it should be and at least one offer satisfies the policy. */
    ok: boolean;
    findings: Finding[];
    /** Null when the chain shows no provider there. */
    provider: ProviderInfo | null;
    /** Offers that satisfy the policy and that the worker serves. */
    offers: FoundOffer[];
};

/**
 * Checks a provider with get-methods only, and its worker against the chain. Nothing is sent to the chain.
 * @param globalId of the network.
 */
export async function checkProvider(
    chain: Chain,
    registry: Address,
    address: Address,
    globalId: number,
    policy: CheckedPolicy,
    trust: AttestationTrust,
    signal?: AbortSignal,
): Promise<ProviderCheck> {
    const findings: Finding[] = [];
    const note = (what: string, ok: boolean, detail: string) => findings.push({ what, ok, detail });
    let provider: ProviderInfo;
    try {
        provider = await readProviderAt(chain, registry, address);
    } catch (error) {
        signal?.throwIfAborted();
        note('account', false, reasonOf(error));
        return { ok: false, findings, provider: null, offers: [] };
    }
    note('account', true, `provider ${provider.index} of the registry, with the known code and proper keys`);
    const inactive = refuseStanding(policy, provider);
    note('status', inactive === null, inactive ?? 'takes sessions');
    const refusal = await trust.refuse(chain, policy, provider);
    note('tier', refusal === null, refusal ?? tierOf(provider));
    if (policy.leastTier === 'tdx') {
        const root = await rootOf(chain, provider.verifier);
        const known = typeof root === 'string';
        note('root', known && (root === 'production' || policy.allowTestRoot), known ? RootText[root] : root.refusal);
    }
    const acceptable: OfferTerms[] = [];
    for (const offer of provider.offers) {
        const reason = refuseOffer(policy, offer);
        note(`offer of ${offer.model.toString('hex')}`, reason === null, reason ?? 'satisfies the policy');
        if (reason === null) {
            acceptable.push(offer);
        }
    }
    if (provider.offers.length === 0) {
        note('offers', false, 'offers nothing');
    }
    const offers: FoundOffer[] = [];
    try {
        const { said, latency } = await askWorker(provider, globalId, signal);
        note('worker', true, `answers at ${provider.endpoint} in ${latency} ms`);
        for (const offer of acceptable) {
            const match = matchOffer(said, offer);
            note(
                `service of ${offer.model.toString('hex')}`,
                match !== null,
                match?.name ?? 'the worker does not serve it',
            );
            if (match !== null) {
                offers.push(foundOffer(provider, match, latency));
            }
        }
    } catch (error) {
        signal?.throwIfAborted();
        note('worker', false, reasonOf(error));
    }
    const sound = inactive === null && refusal === null;
    return { ok: sound && offers.length > 0, findings, provider, offers: sound ? offers : [] };
}

function tierOf({ tier, attestedUntil }: ProviderInfo): string {
    return tier === 0
        ? 'open: no privacy is promised'
        : `tdx, attested until ${new Date(attestedUntil * 1000).toISOString()}`;
}
