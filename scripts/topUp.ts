import { NetworkProvider } from '@ton/blueprint';
import { CoinSymbol, minimumValues, SessionEscrow } from '@ton-compute/contracts';
import { address, coins, showCoins } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

/** Adds to the deposit of a session; anyone may. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['session', 'amount']);
    const target = await script.inputs.read('session', 'Address of the session', address);
    await script.require(target, 'SessionEscrow');
    const amount = await script.inputs.read('amount', 'Coins to add', coins);

    const session = provider.open(SessionEscrow.SessionEscrow.fromAddress(target));
    const value = amount + minimumValues(await script.prices()).topUp;
    await script.spend('top up the session', target, value, () =>
        session.send(provider.sender(), { value }, { $$type: 'TopUp', queryId: 0n }),
    );
    const { reserve } = await session.getSessionData();
    const left = (await script.balance(target)) - reserve;
    script.address('session', 'SessionEscrow', target);
    script.line('deposit left', `${showCoins(left)} ${CoinSymbol}`);
    script.value('depositLeft', left.toString());
    script.finish();
}
