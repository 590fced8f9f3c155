import { EarningsView, ProviderView } from './types';
import { perHour } from './statistics';

/** Nothing is extrapolated from a shorter time, seconds. */
export const LeastTime = 3600;

/**
 * What a provider earned per hour. The contract counts its volume and its attested time, but not since when it is there:
 * the API's history tells that, where it reaches back far enough. A retired provider's history goes on after its work
 * ended, so only its attested time counts.
 * @param now unix seconds.
 */
export function earningsOf(
    provider: Pick<ProviderView, 'status' | 'volume' | 'registeredAt' | 'attestedSeconds'>,
    now: number,
): EarningsView | null {
    const { status, volume, registeredAt, attestedSeconds } = provider;
    if (status === 'active' && registeredAt !== null) {
        return over(volume, now - registeredAt, 'registered');
    }
    return attestedSeconds > 0 ? over(volume, attestedSeconds, 'attested') : null;
}

/** @returns volume per attested hour, or null without attested time. */
export function perAttestedHour({ volume, attestedSeconds }: Pick<ProviderView, 'volume' | 'attestedSeconds'>): bigint | null {
    return attestedSeconds > 0 ? perHour(volume, Math.max(LeastTime, attestedSeconds)) : null;
}

function over(volume: bigint, time: number, basis: EarningsView['basis']): EarningsView {
    const seconds = Math.max(LeastTime, time);
    return { perHour: perHour(volume, seconds), seconds, basis };
}
