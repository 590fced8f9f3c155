import { ProviderView } from './types';

/**
 * @returns by number of the provider, how many other active providers have a record of the same machine; null without a
 * record. A machine proves nothing about its neighbours, but one machine that stands in the list many times has the
 * capacity of one.
 */
export function sharingOf(
    providers: readonly Pick<ProviderView, 'index' | 'status' | 'machineId'>[],
): Map<number, number | null> {
    const active = new Map<string, number>();
    for (const { status, machineId } of providers) {
        if (status === 'active' && machineId !== null) {
            active.set(machineId, (active.get(machineId) ?? 0) + 1);
        }
    }
    return new Map(
        providers.map(({ index, status, machineId }) => [
            index,
            machineId === null ? null : (active.get(machineId) ?? 0) - (status === 'active' ? 1 : 0),
        ]),
    );
}
