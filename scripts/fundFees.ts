import { NetworkProvider } from '@ton/blueprint';
import { addressOf, CoinSymbol, minimumValues } from '@ton-compute/contracts';
import { settlementOf } from '../tools/scripts/earnings';
import { ScriptError } from '../tools/scripts/error';
import { coins, integer, showCoins } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

const BasisPoints = 10_000n;

/**
 * The coins that pay for a worker's batches: `amount` refills the fee float, which anyone may; `dailyCap` bounds what the
 * worker key may spend of it in a day, and `floatBasisPoints` is the share of net earnings that refills it by itself,
 * which only the owner sets.
 */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['provider', 'amount', 'dailyCap', 'floatBasisPoints']);
    const { inputs } = script;
    const settlement = await settlementOf(script);
    const dailyCap = inputs.optional('dailyCap', coins);
    const floatBasisPoints = inputs.optional('floatBasisPoints', integer(0n, BasisPoints));
    const limits = dailyCap !== undefined || floatBasisPoints !== undefined;
    const amount = limits
        ? inputs.optional('amount', coins)
        : await inputs.read('amount', 'Coins to add to the fee float', coins);
    const values = minimumValues(await script.prices());
    const before = await settlement.getSettlementData();

    if (amount !== undefined) {
        if (amount === 0n) {
            throw new ScriptError('AMOUNT is 0: expected the coins to add to the fee float.');
        }
        const value = amount + values.fundFees;
        await script.spend('fund the fees', settlement.address, value, () =>
            settlement.send(provider.sender(), { value }, { $$type: 'FundFees', queryId: 0n }),
        );
    }
    if (limits) {
        script.requireWallet(addressOf(before.owner), 'the owner');
        await script.spend('set the limits of the fees', settlement.address, values.setFeeLimits, () =>
            settlement.send(
                provider.sender(),
                { value: values.setFeeLimits },
                {
                    $$type: 'SetFeeLimits',
                    queryId: 0n,
                    dailyCap: dailyCap ?? before.dailyCap,
                    floatBasisPoints: floatBasisPoints ?? before.floatBasisPoints,
                },
            ),
        );
    }
    const after = await settlement.getSettlementData();
    script.line('fee float', `${showCoins(after.feeFloat)} ${CoinSymbol}`);
    script.line('daily cap', `${showCoins(after.dailyCap)} ${CoinSymbol}`);
    script.line('refill', `${after.floatBasisPoints} basis points of net earnings`);
    script.value('feeFloat', after.feeFloat.toString());
    script.value('dailyCap', after.dailyCap.toString());
    script.value('floatBasisPoints', after.floatBasisPoints.toString());
    script.finish();
}
