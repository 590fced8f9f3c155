import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { NetworkProvider } from '@ton/blueprint';
import { keyPairFromSeed } from '@ton/crypto';
import {
    addressOf,
    CoinSymbol,
    DefaultCloseWindow,
    escrowDeployment,
    isAcceptableEd25519Key,
    MaxCloseWindow,
    MinCloseWindow,
    OfferTerms,
    offerId,
    openSessionValue,
    packTerms,
    Provider,
    RejectReason,
    SessionEscrow,
    SessionStatus,
    Tier,
    unpackOffer,
} from '@ton-compute/contracts';
import { ScriptError } from '../tools/scripts/error';
import { address, bytes32, coins, integer, oneOf, publicKey, showCoins } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';
import { operationOf, Trace } from '../tools/scripts/trace';

const MaxUint64 = 2n ** 64n - 1n;

/** Opens a session with a provider: the wallet becomes its client. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, [
        'provider',
        'offer',
        'deposit',
        'creditWindow',
        'closeWindow',
        'salt',
        'sessionKey',
        'keyFile',
        'leastTier',
        'acceptedTcbStatuses',
        'measurement',
    ]);
    const { inputs } = script;
    const target = await inputs.read('provider', 'Address of the provider', address);
    await script.require(target, 'Provider');
    const { settlement, offers } = await provider.open(Provider.Provider.fromAddress(target)).getProviderData();

    const choices = offers.values().map(unpackOffer);
    const id = (offer: OfferTerms) => offerId(offer).toString('hex');
    const offer = await inputs.choose(
        'offer',
        'Which offer',
        choices,
        id,
        choices.length === 1 ? choices[0] : undefined,
    );
    const deposit = await inputs.read(
        'deposit',
        'Deposit that the provider may earn, coins',
        coins,
        showCoins(offer.minDeposit),
    );
    const creditWindow = await inputs.read(
        'creditWindow',
        'Coins that may be used beyond the last voucher',
        coins,
        '0',
    );
    requireWithin(deposit, creditWindow, offer);
    const closeWindow = await inputs.read(
        'closeWindow',
        'Seconds in which the provider may still claim when you close',
        integer(BigInt(MinCloseWindow), BigInt(MaxCloseWindow)),
        String(DefaultCloseWindow),
    );
    const tier = await inputs.read(
        'leastTier',
        'Least tier: open (no enclave, no privacy) or tdx',
        oneOf('open', 'tdx'),
        'open',
    );
    const statuses =
        tier === 'tdx'
            ? await inputs.read('acceptedTcbStatuses', 'Accepted TCB statuses, a bit each', integer(0n, 255n), '1')
            : 0n;
    const salt = inputs.optional('salt', integer(0n, MaxUint64)) ?? BigInt('0x' + randomBytes(8).toString('hex'));
    const sessionKey = inputs.optional('sessionKey', publicKey(isAcceptableEd25519Key)) ?? (await newKey(script));

    const terms = packTerms({
        provider: target,
        client: script.wallet,
        salt,
        creditWindow,
        closeWindow: Number(closeWindow),
        leastTier: tier === 'tdx' ? Tier.Tdx : Tier.Open,
        acceptedTcbStatuses: Number(statuses),
        measurement: inputs.optional('measurement', bytes32) ?? null,
        offer,
    });
    const deployment = await escrowDeployment(sessionKey, addressOf(settlement), terms);
    const session = provider.open(new SessionEscrow.SessionEscrow(deployment.address, deployment.init));
    const value = openSessionValue(await script.prices(), deposit);
    const trace = await script.spend('open a session', session.address, value, () =>
        session.send(provider.sender(), { value }, { $$type: 'OpenSession', queryId: 0n }),
    );
    requireConfirmed(trace);

    const { openedLt, status } = await session.getSessionData();
    if (Number(status) !== SessionStatus.Open) {
        throw new ScriptError(
            `The session ${script.format(session.address)} is not open: look at it with \`npx blueprint run show\`.`,
        );
    }
    script.address('session', 'SessionEscrow', session.address);
    script.line('deposit', `${showCoins(deposit)} ${CoinSymbol}`);
    script.value('openedLt', openedLt.toString());
    script.value('sessionKey', sessionKey.toString('hex'));
    script.value('settlement', script.format(addressOf(settlement)));
    script.finish();
}

function requireWithin(deposit: bigint, creditWindow: bigint, offer: OfferTerms): void {
    if (deposit < offer.minDeposit) {
        throw new ScriptError(
            `DEPOSIT is ${showCoins(deposit)}: the offer wants ${showCoins(offer.minDeposit)} ${CoinSymbol} or more.`,
        );
    }
    if (creditWindow > offer.maxCreditWindow) {
        throw new ScriptError(
            `CREDIT_WINDOW is ${showCoins(creditWindow)}: the offer allows ${showCoins(offer.maxCreditWindow)} ` +
                `${CoinSymbol} or less.`,
        );
    }
}

/** Makes a session key and keeps it in a file that only this user can read. @returns the public key. */
async function newKey(script: Script): Promise<Buffer> {
    const file = await script.inputs.read(
        'keyFile',
        'File for the new session key, which signs vouchers',
        (text) => text,
        'session-key.json',
    );
    if (existsSync(file)) {
        throw new ScriptError(
            `KEY_FILE is ${file}, which exists: name another file, or give SESSION_KEY to use a key that you have.`,
        );
    }
    const seed = randomBytes(32);
    const { publicKey: key } = keyPairFromSeed(seed);
    writeFileSync(file, JSON.stringify({ publicKey: key.toString('hex'), seed: seed.toString('hex') }) + '\n', {
        mode: 0o600,
        flag: 'wx',
    });
    script.line('session key', `${key.toString('hex')}, secret in ${file}`);
    return key;
}

/** @throws ScriptError with the provider's reason when it rejected the session. */
function requireConfirmed({ transactions }: Trace): void {
    const rejection = transactions.find(
        (transaction) => operationOf(transaction) === SessionEscrow.SessionEscrow.opcodes.SessionRejected,
    );
    if (rejection !== undefined) {
        const reason = rejection
            .inMessage!.body.beginParse()
            .skip(32 + 64)
            .loadUint(8);
        throw new ScriptError(
            `The provider rejected the session: ${RejectReason[reason] ?? `reason ${reason}`}. ` +
                'The deposit came back, less fees.',
        );
    }
}
