import { NetworkProvider } from '@ton/blueprint';
import { addressOf, minimumValues, Provider, ProviderStatus } from '@ton-compute/contracts';
import { ScriptError } from '../tools/scripts/error';
import { distribute, settlementOf } from '../tools/scripts/earnings';
import { oneOf } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

/**
 * Sends the earnings of a provider to its beneficiaries; with retire=yes the provider also takes no sessions any more
 * and its deposit goes back to the owner, which is final.
 */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['provider', 'retire']);
    const retire = await script.inputs.read('retire', 'Retire for ever: yes or no', oneOf('yes', 'no'), 'no');
    const settlement = await settlementOf(script);
    const target = addressOf((await settlement.getSettlementData()).provider);
    const contract = provider.open(Provider.Provider.fromAddress(target));
    const { owner, status } = await contract.getProviderData();
    if (retire === 'yes') {
        script.requireWallet(addressOf(owner), 'the owner');
    }
    await distribute(script, settlement);
    if (retire === 'yes') {
        const value = minimumValues(await script.prices()).retire;
        const what = Number(status) === ProviderStatus.Retired ? 'take out what came in since retiring' : 'retire';
        await script.spend(what, target, value, () =>
            contract.send(provider.sender(), { value }, { $$type: 'Retire', queryId: 0n }),
        );
        if (Number((await contract.getProviderData()).status) !== ProviderStatus.Retired) {
            throw new ScriptError(
                `${script.format(target)} has not retired: look at it with \`npx blueprint run show\`.`,
            );
        }
    }
    script.address('provider', 'Provider', target);
    script.finish();
}
