import { Address } from '@ton/core';
import { OfferTerms, packOffer } from '@ton-compute/contracts';
import { Chain } from './chain/chain';
import { ProviderInfo, readProviderAt } from './chain/providers';
import { ClientError } from './errors';
import { askWorker, findOffers, FindResult, matchOffer, refuseStanding } from './find';
import { CheckedPolicy, refuseOffer } from './policy';
import { AttestationTrust } from './trust';

/** With what, and under which rules, a choice is made. */
export type Choosing = {
    chain: Chain;
    registry: Address;
    /** Of the network. */
    globalId: number;
    policy: CheckedPolicy;
    trust: AttestationTrust;
    signal?: AbortSignal;
};

/** Whom to open a session with, and under which name the worker serves the model. */
export type Choice = { provider: ProviderInfo; offer: OfferTerms; name: string };

/** An offer, or its hash in hexadecimal digits; any when omitted. */
export type WantedOffer = OfferTerms | string | undefined;

/** Every offer that the policy accepts, and what was passed over. */
export function findAll({ chain, registry, globalId, policy, trust, signal }: Choosing): Promise<FindResult> {
    return findOffers(chain, registry, globalId, policy, trust, signal);
}

/**
 * @param deposit of the session, nanoTON.
 * @returns the best offer of all.
 * @throws ClientError `no_provider`.
 */
export async function chooseBest(choosing: Choosing, offer: WantedOffer, deposit: bigint): Promise<Choice> {
    const { offers, skipped } = await findAll(choosing);
    const wanted = offerId(offer);
    const best = offers.find(
        (found) => (wanted === null || found.offerId === wanted) && found.offer.minDeposit <= deposit,
    );
    if (best === undefined) {
        const reasons = skipped.slice(0, 5).map(({ index, reason }) => `${index}: ${reason}`);
        throw new ClientError(
            'no_provider',
            `No provider satisfies the policy and the deposit (${offers.length} offers do otherwise, ` +
                `${skipped.length} were passed over). ${reasons.join('; ')}`,
        );
    }
    return { provider: best.provider, offer: best.offer, name: best.name };
}

/**
 * @returns the first acceptable offer of one provider.
 * @throws ClientError `provider_refused` with the reasons.
 */
export async function chooseOf(choosing: Choosing, address: Address, wantedOffer: WantedOffer): Promise<Choice> {
    const { chain, registry, globalId, policy, trust, signal } = choosing;
    const provider = await readProviderAt(chain, registry, address);
    const refusal = refuseStanding(policy, provider) ?? (await trust.refuse(chain, policy, provider));
    if (refusal !== null) {
        throw new ClientError(
            'provider_refused',
            `Provider ${provider.address.toString()} was refused: ${refusal}.`,
        );
    }
    const wanted = offerId(wantedOffer);
    const reasons: string[] = [];
    const { said } = await askWorker(provider, globalId, signal);
    for (const offer of provider.offers) {
        if (wanted !== null && wanted !== offerId(offer)) {
            continue;
        }
        const match = matchOffer(said, offer);
        const unserved = match === null ? 'its worker does not serve the offer' : null;
        const reason = refuseOffer(policy, offer) ?? unserved;
        if (reason === null) {
            return { provider, offer, name: match!.name };
        }
        reasons.push(reason);
    }
    throw new ClientError(
        'provider_refused',
        `Provider ${provider.address.toString()} has no ` +
            (wanted === null ? 'acceptable offer' : `offer ${wanted}`) +
            `${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}.`,
    );
}

/**
 * @param excluded providers in use, resting or refused.
 * @param weights hash in hexadecimal digits; any when null.
 * @param deposit of the session, nanoTON.
 * @returns the best offer of the weights whose provider is none of these.
 * @throws ClientError `no_provider`.
 */
export async function chooseElsewhere(
    choosing: Choosing,
    excluded: readonly Address[],
    weights: string | null,
    deposit: bigint,
): Promise<{ provider: Address; offer: OfferTerms }> {
    const { offers, skipped } = await findAll(choosing);
    const best = offers.find(
        ({ provider, offer }) =>
            !excluded.some((other) => other.equals(provider.address)) &&
            (weights === null || offer.model.toString('hex') === weights) &&
            offer.minDeposit <= deposit,
    );
    if (best === undefined) {
        throw new ClientError(
            'no_provider',
            `No other provider serves ${weights ?? 'a model'} under the policy: of ${offers.length} offers, ` +
                `${excluded.length} providers are in use, resting or refused; ${skipped.length} were passed over.`,
        );
    }
    return { provider: best.provider.address, offer: best.offer };
}

function offerId(offer: WantedOffer): string | null {
    if (offer === undefined) {
        return null;
    }
    return typeof offer === 'string' ? offer.toLowerCase() : packOffer(offer).hash().toString('hex');
}
