import '@ton/test-utils';
import { Address, beginCell, contractAddress, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import {
    accountOf, Errors, hashToBigInt, MaxCloseWindow, MinCloseWindow, openSessionValue, packTerms,
    SessionAgreement, SessionEscrow, Tier,
} from '../../wrappers';
import { Start, TestNetwork, TestOffer, TestSession } from '../support/network';
import { attest } from '../support/provider_state';
import { allCoins, feesOf, pricesOf } from './ledger';
import * as message from './messages';
import { attempt, fingerprint, refused } from './outcome';
import { Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;

let network: TestNetwork;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

/** Deploys and opens in one message, in the name of `from`. */
function tryToOpen(session: TestSession, from = network.client.address, value = Deposit) {
    return attempt(session.network.chain, from, session.address, message.openSession(), value, session.deployment.init);
}

/** Deploys without opening, as anyone can. */
function deployByStranger(session: TestSession, value: bigint) {
    return session.contract.send(network.stranger.getSender(), { value }, null);
}

describe('an opening that the provider confirms', () => {
    it('keeps the deposit and remembers the provider as it was when it confirmed', async () => {
        const session = await network.escrow();
        const { transactions } = await session.open(Deposit);
        expect(transactions).toHaveTransaction({
            from: session.address, to: network.provider.address, op: opcodes.ConfirmSession, success: true,
        });
        expect(transactions).toHaveTransaction({
            from: network.provider.address, to: session.address, op: opcodes.SessionConfirmed, success: true,
        });
        const opened = transactions.find(({ inMessage }) => inMessage?.body.equals(message.openSession()))!;
        expect(await session.data()).toMatchObject({
            status: Status.Open,
            openedLt: opened.lt,
            claimed: 0n,
            deadline: 0n,
            receiptClaimUsed: false,
            sessionKey: hashToBigInt(network.sessionKey.publicKey),
            settlement: accountOf(network.settlement.address),
            workerKey: hashToBigInt(network.workerKey.publicKey),
            attestedUntil: 0n,
        });
        expect((await session.data()).terms).toEqualCell(packTerms(session.agreement));
    });

    it('remembers until when the provider is attested, if it is, and on whose terms', async () => {
        await attest(network, { expiry: Start + 1_000, tcbStatus: 3, measurement: 7n });
        const measurement = Buffer.alloc(32);
        measurement[31] = 7;
        const session = await network.openSession(Deposit, { leastTier: Tier.Tdx, acceptedTcbStatuses: 0b1000, measurement });
        expect(await session.data()).toMatchObject({ status: Status.Open, attestedUntil: BigInt(Start + 1_000) });
    });

    it('costs the client exactly the deposit and what the validators took', async () => {
        const session = await network.escrow();
        const all = allCoins(network.chain);
        const before = await network.balance(network.client.address);
        const { transactions } = await session.open(Deposit);
        const spent = before - (await network.balance(network.client.address));
        expect(await network.balance(session.address)).toBe(spent - feesOf(transactions));
        expect(allCoins(network.chain)).toBe(all - feesOf(transactions));
    });

    it('leaves the provider as it was: it keeps nothing of the question', async () => {
        const before = await fingerprint(network.chain, network.provider.address);
        await network.openSession();
        expect(await fingerprint(network.chain, network.provider.address)).toBe(before);
    });

    it('does not happen twice: OpenSession is refused while opening, open and closing', async () => {
        const session = await StagedSession.opening(network);
        expect(await session.attempt(session.client, message.openSession())).toEqual(refused(Errors.AlreadyOpened));
        await session.confirm();
        expect(await session.attempt(session.client, message.openSession())).toEqual(refused(Errors.AlreadyOpened));
        await session.startClose();
        expect(await session.attempt(session.client, message.openSession())).toEqual(refused(Errors.AlreadyOpened));
    });
});

describe('threat: A stranger opens or deploys the client\'s escrow first', () => {
    it('only the client opens: stranger, provider, settlement, owner and governance are refused', async () => {
        const session = await network.escrow();
        const others = [network.stranger, network.provider, network.settlement, network.owner, network.governance];
        for (const { address } of others) {
            expect(await tryToOpen(session, address)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await tryToOpen(session)).toMatchObject({ exitCode: 0 });
    });

    it('the client\'s account hash in the masterchain is not the client', async () => {
        const session = await network.escrow();
        const twin = new Address(-1, network.client.address.hash);
        expect(await tryToOpen(session, twin)).toEqual(refused(Errors.NotBasechain));
    });

    it('a stranger who deploys it changes nothing: the client opens it all the same', async () => {
        const session = await network.escrow();
        await deployByStranger(session, toNano('0.1'));
        expect((await session.data()).status).toBe(Status.New);
        await session.open(Deposit);
        expect((await session.data()).status).toBe(Status.Open);
    });

    it('or the client takes everything out, to the last nanoTON, the stranger\'s coins too', async () => {
        const session = await network.escrow();
        await deployByStranger(session, toNano('0.3'));
        const held = await network.balance(session.address);
        const before = await network.balance(network.client.address);
        const { transactions } = await session.contract.send(
            network.client.getSender(), { value: toNano('0.05') }, { $$type: 'Reclaim', queryId: 0n },
        );
        expect(await network.balance(network.client.address)).toBe(before + held - feesOf(transactions));
        expect(await network.exists(session.address)).toBe(false);
        expect(await network.balance(session.address)).toBe(0n);
    });

    it('coins that a stranger left there count as deposit', async () => {
        const session = await network.escrow();
        const least = openSessionValue(pricesOf(network.chain), TestOffer.minDeposit);
        await deployByStranger(session, least);
        expect(await tryToOpen(session, network.client.address, toNano('0.01'))).toMatchObject({ exitCode: 0 });
        expect((await session.data()).status).toBe(Status.Open);
    });
});

describe('threat: terms changed ahead of the opening', () => {
    it('the terms make the address: every field of them moves the escrow', async () => {
        const changes: Partial<SessionAgreement>[] = [
            {},
            { provider: network.owner.address },
            { client: network.stranger.address },
            { salt: 2n },
            { creditWindow: toNano('0.06') },
            { closeWindow: 901 },
            { leastTier: Tier.Tdx },
            { acceptedTcbStatuses: 1 },
            { measurement: Buffer.alloc(32, 1) },
            { offer: { ...TestOffer, minDeposit: 1n } },
        ];
        const sessions = await Promise.all(changes.map((change) => network.escrow(change)));
        expect(new Set(sessions.map(({ address }) => address.toRawString())).size).toBe(changes.length);
    });

    it('a session key or settlement that is not the provider\'s is another address too, and refused by the provider', async () => {
        const session = await network.escrow({}, network.stranger.address);
        const { transactions } = await session.open(Deposit);
        expect(transactions).toHaveTransaction({
            from: session.address, to: network.provider.address, exitCode: Errors.AccessDenied,
        });
        expect(await network.exists(session.address)).toBe(false);
    });

    it('initial data that already say "open" are another address: the provider answers nothing that they ask', async () => {
        const session = await network.escrow();
        const identity = session.deployment.init.data.beginParse().skip(160);
        const data = beginCell()
            .storeUint(0, 64).storeUint(0, 32).storeUint(77, 64).storeSlice(identity).endCell();
        const init = { code: session.deployment.init.code, data };
        const forged = contractAddress(0, init);
        const question = beginCell().store(SessionEscrow.storeConfirmSession({
            $$type: 'ConfirmSession', openedLt: 77n, sessionKey: hashToBigInt(network.sessionKey.publicKey),
            terms: packTerms(session.agreement),
        })).endCell();
        expect(await attempt(network.chain, forged, network.provider.address, question, toNano('0.1')))
            .toEqual(refused(Errors.AccessDenied));
    });
});

describe('terms that are refused', () => {
    const openWith = async (changes: Partial<SessionAgreement>) => tryToOpen(await network.escrow(changes));

    it.each([0, 1, MinCloseWindow - 1, MaxCloseWindow + 1, 0xffffffff])('a close window of %i seconds', async (closeWindow) => {
        expect(await openWith({ closeWindow })).toEqual(refused(Errors.CloseWindow));
    });

    it.each([MinCloseWindow, MaxCloseWindow])('but a close window of %i seconds is accepted', async (closeWindow) => {
        expect(await openWith({ closeWindow })).toMatchObject({ exitCode: 0 });
    });

    it('a credit window of one nanoTON more than the offer grants', async () => {
        expect(await openWith({ creditWindow: TestOffer.maxCreditWindow + 1n })).toEqual(refused(Errors.CreditWindow));
        expect(await openWith({ creditWindow: TestOffer.maxCreditWindow })).toMatchObject({ exitCode: 0 });
        expect(await openWith({ creditWindow: 0n })).toMatchObject({ exitCode: 0 });
    });
});

describe('an opening that the provider rejects is a full refund', () => {
    async function openAndExpectRefund(session: TestSession, question: object, answer: object) {
        const before = await network.balance(network.client.address);
        const { transactions } = await session.open(Deposit);
        expect(transactions).toHaveTransaction({ from: session.address, to: session.agreement.provider, ...question });
        expect(transactions).toHaveTransaction({ from: session.agreement.provider, to: session.address, success: true, ...answer });
        expect(transactions).toHaveTransaction({
            from: session.address, to: network.client.address, inMessageBounceable: false,
        });
        expect(await network.balance(network.client.address)).toBe(before - feesOf(transactions));
        expect(feesOf(transactions)).toBeLessThan(toNano('0.01'));
        expect(await network.exists(session.address)).toBe(false);
        expect(await network.balance(session.address)).toBe(0n);
    }

    const asked = { op: opcodes.ConfirmSession, success: true };
    const rejected = (reason: number) => ({
        op: opcodes.SessionRejected,
        body: (body: { beginParse(): { skip(bits: number): { loadUint(bits: number): number } } } | undefined) =>
            body!.beginParse().skip(32 + 64).loadUint(8) === reason,
    });

    it('because it has retired (reason 1)', async () => {
        const session = await network.escrow();
        await network.provider.send(network.owner.getSender(), { value: toNano('0.1') }, { $$type: 'Retire', queryId: 0n });
        await openAndExpectRefund(session, asked, rejected(1));
    });

    it('because the offer is not one of its offers (reason 2)', async () => {
        const session = await network.escrow({ offer: { ...TestOffer, prices: { ...TestOffer.prices, prompt: 1n } } });
        await openAndExpectRefund(session, asked, rejected(2));
    });

    it('because it has withdrawn the offer while the client was on its way (reason 2)', async () => {
        const session = await network.escrow();
        const { offers } = await network.provider.getProviderData();
        await network.provider.send(network.owner.getSender(), { value: toNano('0.1') }, {
            $$type: 'UpdateOffers', queryId: 0n, remove: offers.keys()[0], add: null,
        });
        await openAndExpectRefund(session, asked, rejected(2));
    });

    it.each([Tier.Tdx, 2, 255])('because it is not attested and the client asks for tier %i (reason 3)', async (leastTier) => {
        await openAndExpectRefund(await network.escrow({ leastTier }), asked, rejected(3));
    });

    it('because its TCB status is not one that the client accepts (reason 4)', async () => {
        await attest(network, { expiry: Start + 1_000, tcbStatus: 3 });
        await openAndExpectRefund(await network.escrow({ leastTier: Tier.Tdx, acceptedTcbStatuses: 0b0111 }), asked, rejected(4));
    });

    it('because it runs another image than the client demands (reason 5)', async () => {
        await attest(network, { expiry: Start + 1_000, tcbStatus: 3, measurement: 7n });
        const demand = { leastTier: Tier.Tdx, acceptedTcbStatuses: 0b1000, measurement: Buffer.alloc(32, 7) };
        await openAndExpectRefund(await network.escrow(demand), asked, rejected(5));
    });

    const bounced = { inMessageBounced: true };

    it('because there is no such provider: the question bounces', async () => {
        const session = await network.escrow({ provider: new Address(0, Buffer.alloc(32, 9)) });
        await openAndExpectRefund(session, { aborted: true }, bounced);
    });

    it('because the provider\'s account is not a provider: the question bounces', async () => {
        const session = await network.escrow({ provider: network.registry.address });
        await openAndExpectRefund(session, { exitCode: Errors.InvalidIncomingMessage }, bounced);
    });

    it('because the settlement is not the provider\'s: the question bounces', async () => {
        const session = await network.escrow({}, network.stranger.address);
        await openAndExpectRefund(session, { exitCode: Errors.AccessDenied }, bounced);
    });

    it('and the client can open the same address again', async () => {
        const session = await network.escrow({ provider: (await network.chain.treasury('staged provider')).address });
        await session.open(Deposit);
        const { openedLt } = await session.data();
        const provider = await network.chain.treasury('staged provider');
        await provider.send({ to: session.address, value: toNano('0.01'), body: message.sessionRejected(openedLt) });
        expect(await network.exists(session.address)).toBe(false);
        await session.open(Deposit);
        expect((await session.data()).status).toBe(Status.Opening);
        expect((await session.data()).openedLt).toBeGreaterThan(openedLt);
    });
});
