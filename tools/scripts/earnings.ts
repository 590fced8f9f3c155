import { OpenedContract } from '@ton/core';
import { addressOf, CoinSymbol, minimumValues, Provider, RewardSettlement } from '@ton-compute/contracts';
import { address, showCoins } from './parsing';
import { Script } from './script';

// What scripts do with the earnings of a provider.

type Settlement = OpenedContract<RewardSettlement.RewardSettlement>;

/** @returns the settlement of the provider that the input names: its own address, or that of the settlement. */
export async function settlementOf(script: Script): Promise<Settlement> {
    const { provider } = script;
    const target = await script.inputs.read('provider', 'Address of the provider', address);
    const kind = await script.require(target, 'Provider', 'RewardSettlement');
    const account =
        kind === 'RewardSettlement'
            ? target
            : addressOf((await provider.open(Provider.Provider.fromAddress(target)).getProviderData()).settlement);
    script.address('settlement', 'RewardSettlement', account);
    return provider.open(RewardSettlement.RewardSettlement.fromAddress(account));
}

/** Splits the earnings among the beneficiaries, if there are any. */
export async function distribute(script: Script, settlement: Settlement): Promise<void> {
    const earnings = await settlement.getEarnings();
    if (earnings === 0n) {
        script.write('There is nothing to distribute: claim first.');
    } else {
        const { treasury } = await settlement.getSettlementData();
        if (treasury === 0n) {
            await syncFee(script, settlement);
        }
        const value = minimumValues(await script.prices()).distribute;
        await script.spend('distribute the earnings', settlement.address, value, () =>
            settlement.send(script.provider.sender(), { value }, { $$type: 'Distribute', queryId: 0n }),
        );
        script.line('distributed', `${showCoins(earnings)} ${CoinSymbol}, the protocol fee included`);
    }
    script.value('distributed', earnings.toString());
}

/** Asks the registry for the protocol fee in force. */
export async function syncFee(script: Script, settlement: Settlement): Promise<void> {
    const value = minimumValues(await script.prices()).syncFee;
    await script.spend('read the protocol fee', settlement.address, value, () =>
        settlement.send(script.provider.sender(), { value }, { $$type: 'SyncFee', queryId: 0n }),
    );
    const { feeBasisPoints } = await settlement.getSettlementData();
    script.line('protocol fee', `${feeBasisPoints} basis points`);
    script.value('feeBasisPoints', feeBasisPoints.toString());
}
