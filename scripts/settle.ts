import { NetworkProvider } from '@ton/blueprint';
import { Cell } from '@ton/core';
import {
    addressOf,
    bigIntToHash,
    CoinSymbol,
    minimumValues,
    packSignedVoucher,
    SessionEscrow,
    unpackSignedVoucher,
    verifyPayload,
    voucherPayload,
} from '@ton-compute/contracts';
import { ScriptError } from '../tools/scripts/error';
import { distribute, settlementOf, syncFee } from '../tools/scripts/earnings';
import { readGlobalId } from '../tools/scripts/network';
import { address, oneOf, Parse, showCoins } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

/**
 * Settlement by hand; a worker does it by itself. `claim` relays a voucher to its session, `distribute` splits the
 * earnings of a provider, `syncFee` reads the protocol fee in force. Anyone may do all three and pays for it.
 */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['action', 'session', 'voucher', 'provider']);
    const action = await script.inputs.read(
        'action',
        'claim, distribute or syncFee',
        oneOf('claim', 'distribute', 'syncFee'),
        'claim',
    );
    if (action === 'claim') {
        await claim(provider, script);
    } else {
        const settlement = await settlementOf(script);
        await (action === 'distribute' ? distribute(script, settlement) : syncFee(script, settlement));
    }
    script.finish();
}

/** A SignedVoucher cell, as a bag of cells. */
const voucherCell: Parse<ReturnType<typeof unpackSignedVoucher>> = (text) => {
    try {
        const bytes = Buffer.from(text, /^[0-9a-f]+$/i.test(text) ? 'hex' : 'base64');
        return unpackSignedVoucher(Cell.fromBoc(bytes)[0]);
    } catch {
        throw new Error('expected a signed voucher (packSignedVoucher) as a bag of cells, hexadecimal or base64');
    }
};

async function claim(provider: NetworkProvider, script: Script): Promise<void> {
    const target = await script.inputs.read('session', 'Address of the session', address);
    await script.require(target, 'SessionEscrow');
    const voucher = await script.inputs.read('voucher', 'Signed voucher, a bag of cells', voucherCell);
    const session = provider.open(SessionEscrow.SessionEscrow.fromAddress(target));
    const before = await session.getSessionData();
    const domain = { globalId: await readGlobalId(provider), contract: target, openedLt: before.openedLt };
    if (!verifyPayload(voucherPayload(domain, voucher), voucher.signature, bigIntToHash(before.sessionKey))) {
        throw new ScriptError(
            'VOUCHER is not signed by the session key for this session, in its present life, on this network.',
        );
    }
    if (voucher.cumulative <= before.claimed) {
        throw new ScriptError(
            `VOUCHER promises ${showCoins(voucher.cumulative)} ${CoinSymbol} in all, of which ` +
                `${showCoins(before.claimed)} were claimed already: nothing is due. Use a newer voucher.`,
        );
    }
    const value = minimumValues(await script.prices()).claimVoucher;
    await script.spend('claim the voucher', target, value, () =>
        session.send(provider.sender(), { value }, { $$type: 'ClaimVoucher', voucher: packSignedVoucher(voucher) }),
    );
    const { claimed, settlement } = await session.getSessionData();
    script.address('session', 'SessionEscrow', target);
    script.address('settlement', 'RewardSettlement', addressOf(settlement));
    script.line('paid', `${showCoins(claimed - before.claimed)} ${CoinSymbol}`);
    script.value('paid', (claimed - before.claimed).toString());
}
