import { beginCell, Cell } from '@ton/core';
import { Provider } from '../../wrappers';
import { dataOf, setDataOf } from './chain';
import { TestNetwork } from './network';

// States of a provider without the messages that bring them about, and counters that are full.

/** What stands in a provider's data beside its identity. */
export async function standingOf(network: TestNetwork): Promise<{ state: Provider.ProviderState; standing: Provider.Standing }> {
    const data = await dataOf(network.chain, network.provider.address);
    const state = Provider.loadProviderState(data!.beginParse());
    return { state, standing: Provider.loadStanding(state.standing.clone()) };
}

/** Rewrites the provider's data. */
export async function rewriteProvider(
    network: TestNetwork, changes: { state?: Partial<Provider.ProviderState>; standing?: Partial<Provider.Standing> },
): Promise<void> {
    const { state, standing } = await standingOf(network);
    const rewritten = beginCell().store(Provider.storeStanding({ ...standing, ...changes.standing })).asSlice();
    await setDataOf(network.chain, network.provider.address, beginCell()
        .store(Provider.storeProviderState({ ...state, ...changes.state, standing: rewritten })).endCell());
}

/** Gives the provider an attestation record, as an accepted verdict would. */
export function attest(
    network: TestNetwork, record: { expiry: number; tcbStatus?: number; measurement?: bigint; admission?: Cell },
): Promise<void> {
    const attestation = beginCell().store(Provider.storeAttestation({
        $$type: 'Attestation', expiry: BigInt(record.expiry), tcbStatus: BigInt(record.tcbStatus ?? 0), measurement: record.measurement ?? 1n,
        evaluationNumber: 0n, evidenceHash: 0n, machineId: 0n,
        attestedSeconds: BigInt(Math.max(0, record.expiry - network.chain.now!)), // it counts up to the expiry
        admission: record.admission ?? null,
    })).endCell();
    return rewriteProvider(network, { standing: { attestation } });
}
