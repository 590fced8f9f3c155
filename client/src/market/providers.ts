import { OfferTerms, packOffer, scoreOf, FailureWeight, FullTime, tcbStatusName, TrackRecord } from '@ton-compute/contracts';
import { checkEndpoint, ProviderState } from '../chain/providers';
import { ClientError } from '../errors';
import { referencePrice } from '../policy';
import { earningsOf, perAttestedHour } from './earnings';
import { OfferView, ProviderView, ReputationView, WorkerClaims } from './types';

/**
 * @param registeredAt unix seconds, or null when it is not known.
 * @param now unix seconds.
 * @returns what is shown of a provider; `sharing` is filled in when all are read.
 */
export function providerView(
    state: ProviderState,
    registeredAt: number | null,
    claims: WorkerClaims | null,
    now: number,
): ProviderView {
    const { record } = state;
    const attestedSeconds = Number(record.attestedSeconds);
    const recorded = state.attestedUntil > 0;
    const base = { status: state.status, volume: record.volume, registeredAt, attestedSeconds };
    return {
        index: Number(state.index),
        address: state.address,
        owner: state.owner,
        ...endpointOf(state),
        tier: state.attestedUntil > now ? 'tdx' : 'open',
        attestedUntil: recorded ? state.attestedUntil : null,
        tcbStatus: recorded ? tcbStatusName(state.tcbStatus) : null,
        measurement: recorded ? state.measurement.toString('hex') : null,
        machineId: recorded ? state.machineId.toString('hex') : null,
        sharing: null,
        ...base,
        sessions: record.sessions,
        jobsDelivered: record.jobsDelivered,
        jobsFailed: record.jobsFailed,
        jobsDeclined: record.jobsDeclined,
        feesRemitted: record.feesRemitted,
        reputation: reputationOf(record),
        earnings: earningsOf(base, now),
        perAttestedHour: perAttestedHour(base),
        models: [...new Set(state.offers.map(({ model }) => model.toString('hex')))].sort(),
        claims,
    };
}

export function offerViews(state: ProviderState): OfferView[] {
    return state.offers.map((offer: OfferTerms) => ({
        id: packOffer(offer).hash().toString('hex'),
        model: offer.model.toString('hex'),
        provider: Number(state.index),
        prices: offer.prices,
        referencePrice: referencePrice(offer.prices),
        minDeposit: offer.minDeposit,
        maxCreditWindow: offer.maxCreditWindow,
    }));
}

/** @returns the URL, or why it cannot be used: then the provider can still be paid for jobs. */
export function endpointOf({ address, endpointText }: Pick<ProviderState, 'address' | 'endpointText'>): {
    endpoint: string | null;
    endpointProblem: string | null;
} {
    try {
        return { endpoint: checkEndpoint(address, endpointText), endpointProblem: null };
    } catch (error) {
        if (!(error instanceof ClientError)) {
            throw error;
        }
        return { endpoint: null, endpointProblem: `no plain http(s) URL: ${JSON.stringify(endpointText)}` };
    }
}

/** @returns the score with its factors; the factors are rounded, the score is not made from them. */
export function reputationOf(record: TrackRecord): ReputationView {
    const { jobsDelivered, jobsDeclined, jobsFailed, attestedSeconds, feesRemitted } = record;
    const answered = jobsDelivered + 1;
    const time = attestedSeconds < FullTime ? Number(attestedSeconds) / Number(FullTime) : 1;
    return {
        score: scoreOf(record),
        fees: feesRemitted,
        reliability: answered / (answered + jobsDeclined + Number(FailureWeight) * jobsFailed),
        time: (1 + time) / 2,
    };
}
