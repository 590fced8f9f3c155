import { Address } from '@ton/core';
import { OfferTerms, packOffer, scoreOf } from '@ton-compute/contracts';
import { WorkerOffer, WorkerOffers } from '@ton-compute/protocol';
import { formatCoins } from './amounts';
import { Chain } from './chain/chain';
import { ProviderInfo, readProvider, readProviderCount } from './chain/providers';
import { ClientError, ClientErrorCode, reasonOf } from './errors';
import { CheckedPolicy, referencePrice, refuseOffer } from './policy';
import { WorkerApi } from './session/worker-api';
import { AttestationTrust } from './trust';

/** An offer that satisfies the policy, of a worker that answers. */
export type FoundOffer = {
    provider: ProviderInfo;
    offer: OfferTerms;
    /** Hash of the offer, hexadecimal. */
    offerId: string;
    /** Name that the worker gives the model. */
    name: string;
    /** Tokens. */
    contextLength: number;
    /** nanoTON for 1,000,000 tokens, three quarters of them prompt and one quarter completion. */
    referencePrice: bigint;
    /** nanoTON of protocol fees that the provider's record is worth; 0 for a new one. */
    score: bigint;
    /** Milliseconds until the worker answered a small request. */
    latency: number;
};

/** A provider, or one of its offers, that was passed over, and why. */
export type Skipped = { index: bigint; address: Address | null; reason: string };

export type FindResult = {
    /** Cheapest first, then the highest score, then fastest. */
    offers: FoundOffer[];
    skipped: Skipped[];
};

/** Errors that have nothing to do with one provider. */
const GeneralErrors: ReadonlySet<ClientErrorCode> = new Set(['chain_unreachable', 'invalid_option']);
/** Providers that are looked at at the same time. */
const Parallel = 8;

/**
 * Lists what is on offer, from the chain. Addresses, code and keys of the providers are checked, not believed; workers
 * that do not answer, or say something else than the chain, are left out with a reason.
 * @param globalId of the network.
 */
export async function findOffers(
    chain: Chain,
    registry: Address,
    globalId: number,
    policy: CheckedPolicy,
    trust: AttestationTrust,
    signal?: AbortSignal,
): Promise<FindResult> {
    const count = await readProviderCount(chain, registry);
    const result: FindResult = { offers: [], skipped: [] };
    let next = 0n;
    const work = async (): Promise<void> => {
        while (next < count) {
            const index = next;
            next += 1n;
            await examine(chain, registry, globalId, policy, trust, index, result, signal);
        }
    };
    await Promise.all(Array.from({ length: Parallel }, work));
    result.offers.sort(
        (a, b) =>
            (a.referencePrice < b.referencePrice ? -1 : a.referencePrice > b.referencePrice ? 1 : 0) ||
            (a.score > b.score ? -1 : a.score < b.score ? 1 : 0) ||
            a.latency - b.latency,
    );
    result.skipped.sort((a, b) => Number(a.index - b.index));
    return result;
}

async function examine(
    chain: Chain,
    registry: Address,
    globalId: number,
    policy: CheckedPolicy,
    trust: AttestationTrust,
    index: bigint,
    result: FindResult,
    signal?: AbortSignal,
): Promise<void> {
    let provider: ProviderInfo | null = null;
    try {
        provider = await readProvider(chain, registry, index);
        const refusal = refuseStanding(policy, provider) ?? (await trust.refuse(chain, policy, provider));
        if (refusal !== null) {
            result.skipped.push({ index, address: provider.address, reason: refusal });
            return;
        }
        const acceptable: OfferTerms[] = [];
        for (const offer of provider.offers) {
            const reason = refuseOffer(policy, offer);
            if (reason === null) {
                acceptable.push(offer);
            } else {
                result.skipped.push({ index, address: provider.address, reason });
            }
        }
        if (acceptable.length === 0) {
            if (provider.offers.length === 0) {
                result.skipped.push({ index, address: provider.address, reason: 'it offers nothing' });
            }
            return;
        }
        const { said, latency } = await askWorker(provider, globalId, signal);
        for (const offer of acceptable) {
            const match = matchOffer(said, offer);
            if (match === null) {
                const reason = `its worker does not serve the offer ${packOffer(offer).hash().toString('hex')}`;
                result.skipped.push({ index, address: provider.address, reason });
            } else {
                result.offers.push(foundOffer(provider, match, latency));
            }
        }
    } catch (error) {
        signal?.throwIfAborted();
        // The chain does not answer, or the policy itself is wrong: the same for all providers.
        const general = error instanceof ClientError && GeneralErrors.has(error.code);
        if (general) {
            throw error;
        }
        result.skipped.push({ index, address: provider?.address ?? null, reason: reasonOf(error) });
    }
}

/** @returns why nothing is agreed with a provider, whatever it offers, or null. */
export function refuseStanding({ leastScore }: CheckedPolicy, { status, record }: ProviderInfo): string | null {
    if (status !== 'active') {
        return `it is ${status}`;
    }
    const score = scoreOf(record);
    return score >= leastScore ? null : `its score is ${formatCoins(score)}, the policy asks for ${formatCoins(leastScore)}`;
}

/**
 * Asks a worker what it serves.
 * @throws ClientError when it does not answer, or belongs to another provider or network than the chain says.
 */
export async function askWorker(
    provider: Pick<ProviderInfo, 'address' | 'endpoint'>,
    globalId: number,
    signal?: AbortSignal,
): Promise<{ said: WorkerOffers; latency: number }> {
    const start = performance.now();
    const said = await new WorkerApi(provider.endpoint).offers(signal);
    const latency = Math.round(performance.now() - start);
    if (!said.provider.equals(provider.address) || said.globalId !== globalId) {
        throw new ClientError(
            'wrong_network',
            `The worker at ${provider.endpoint} works for ${said.provider.toString()} on network ${said.globalId}, ` +
                'not for ' +
                `${provider.address.toString()} on ${globalId}.`,
        );
    }
    return { said, latency };
}

/** @returns what the worker says of an offer of the chain, or null when it does not serve it. */
export function matchOffer(said: WorkerOffers, offer: OfferTerms): WorkerOffer | null {
    const id = packOffer(offer).hash();
    return said.offers.find(({ terms }) => packOffer(terms).hash().equals(id)) ?? null;
}

export function foundOffer(
    provider: ProviderInfo,
    { terms, name, contextLength }: WorkerOffer,
    latency: number,
): FoundOffer {
    return {
        provider,
        offer: terms,
        offerId: packOffer(terms).hash().toString('hex'),
        name,
        contextLength,
        referencePrice: referencePrice(terms.prices),
        score: scoreOf(provider.record),
        latency,
    };
}
