import '@ton/test-utils';
import { Address, beginCell, toNano } from '@ton/core';
import { BlockchainSnapshot, createEmptyShardAccount } from '@ton/sandbox';
import { Errors, hashToBigInt, packTerms, SessionEscrow } from '../../wrappers';
import { transactionOf, valueOf } from '../support/chain';
import { TestNetwork, TestSession } from '../support/network';
import { allCoins, feesOf, spentBy } from './ledger';
import * as message from './messages';
import { attempt, refused } from './outcome';
import { Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;

let network: TestNetwork;
/** With the real provider and the real settlement. */
let session: TestSession;
/** With wallets in their places. */
let staged: StagedSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await network.openSession(Deposit);
    staged = await StagedSession.open(network);
    open = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(open));

const tryAs = (from: Address, body: ReturnType<typeof message.startClose>, of: TestSession = session) =>
    attempt(network.chain, from, of.address, body, toNano('0.2'));

/** Time passes, and the rent for it is paid, so that a refusal leaves the balance as it is. */
async function waitUntil(now: bigint, of: TestSession = session) {
    network.chain.now = Number(now);
    await of.contract.send(network.stranger.getSender(), { value: toNano('0.01') }, null);
}

describe('the client starts the closing', () => {
    it('the close window of the terms begins; what came with the message stays in the deposit', async () => {
        const before = await network.balance(session.address);
        const { transactions } = await session.startClose();
        const { status, deadline } = await session.data();
        expect(status).toBe(Status.Closing);
        expect(deadline).toBe(BigInt(network.chain.now! + session.agreement.closeWindow));
        const closing = transactionOf({ transactions }, session.address);
        expect(await network.balance(session.address)).toBe(before + valueOf(closing) - spentBy(closing));
        expect(closing.outMessagesCount).toBe(0);
    });

    it('it changes nothing else: keys, amounts and terms are what they were', async () => {
        await session.claim(await session.voucher(toNano('0.1')));
        const { terms: _, ...before } = await session.data();
        await session.startClose();
        const { terms, ...after } = await session.data();
        expect(after).toEqual({ ...before, status: Status.Closing, deadline: after.deadline });
        expect(terms).toEqualCell(packTerms(session.agreement));
    });

    it('nobody else can: stranger, provider, settlement, owner, governance, a twin in the masterchain', async () => {
        for (const { address } of [network.stranger, network.provider, network.settlement, network.owner, network.governance]) {
            expect(await tryAs(address, message.startClose())).toEqual(refused(Errors.AccessDenied));
        }
        expect(await tryAs(new Address(-1, network.client.address.hash), message.startClose())).toEqual(refused(Errors.NotBasechain));
    });

    it('twice is refused: the window cannot be moved, neither later nor earlier', async () => {
        await session.startClose();
        const { deadline } = await session.data();
        await waitUntil(deadline - 1n);
        expect(await tryAs(network.client.address, message.startClose())).toEqual(refused(Errors.NotOpen));
        await waitUntil(deadline);
        expect(await tryAs(network.client.address, message.startClose())).toEqual(refused(Errors.NotOpen));
        expect((await session.data()).deadline).toBe(deadline);
    });

    it('before the session is open there is nothing to close', async () => {
        const opening = await StagedSession.opening(network, { salt: 8n });
        expect(await tryAs(network.client.address, message.startClose(), opening)).toEqual(refused(Errors.NotOpen));
        const fresh = await network.escrow({ salt: 9n });
        await fresh.contract.send(network.stranger.getSender(), { value: toNano('0.1') }, null);
        expect(await tryAs(network.client.address, message.startClose(), fresh)).toEqual(refused(Errors.NotOpen));
    });
});

describe('threat: Refund raced against delivery: claims accepted until the end of the close window', () => {
    let end: bigint;

    beforeEach(async () => {
        await session.startClose();
        end = (await session.data()).deadline;
    });

    const claim = async () => tryAs(network.stranger.address, message.claimVoucher(await session.voucher(toNano('0.4'))));

    it('in the last second a claim is paid in full, and the session cannot be finished', async () => {
        await waitUntil(end - 1n);
        expect(await tryAs(network.client.address, message.finishClose())).toEqual(refused(Errors.TooEarly));
        expect((await claim()).exitCode).toBe(0);
        expect((await session.data()).claimed).toBe(toNano('0.4'));
    });

    it('at the end a claim is refused, and anyone may finish the session', async () => {
        await waitUntil(end);
        expect(await claim()).toEqual(refused(Errors.NotOpen));
        await session.finishClose(network.stranger);
        expect(await network.exists(session.address)).toBe(false);
    });

    it('nothing is lost by waiting: long after the end the session can still be finished', async () => {
        await waitUntil(end + 86_400n * 300n);
        expect(await claim()).toEqual(refused(Errors.NotOpen));
        await session.finishClose(network.stranger);
        expect(await network.exists(session.address)).toBe(false);
    });

    it('while the session is open, not closing, it cannot be finished by FinishClose', async () => {
        await network.chain.loadFrom(open);
        expect(await tryAs(network.client.address, message.finishClose())).toEqual(refused(Errors.NotClosing));
        await waitUntil(end + 1n);
        expect(await tryAs(network.client.address, message.finishClose())).toEqual(refused(Errors.NotClosing));
    });

    it('nor before it is open', async () => {
        const opening = await StagedSession.opening(network, { salt: 8n });
        expect(await tryAs(network.client.address, message.finishClose(), opening)).toEqual(refused(Errors.NotClosing));
    });

    it('a voucher that comes with the provider\'s finish counts in the last second of the window', async () => {
        await staged.startClose();
        await waitUntil((await staged.data()).deadline - 1n, staged);
        const { transactions } = await staged.finish(await staged.voucher(toNano('0.4')));
        expect(transactions).toHaveTransaction({
            from: staged.address, to: staged.settlement, op: opcodes.Payout, value: toNano('0.4'),
        });
    });

    it('a voucher that comes with the provider\'s finish no longer counts at the end of the window', async () => {
        await staged.startClose();
        await waitUntil((await staged.data()).deadline, staged);
        const before = await network.balance(staged.settlement);
        await staged.finish(await staged.voucher(toNano('0.4')), toNano('0.1'));
        // At most the value of the message itself comes back.
        expect((await network.balance(staged.settlement)) - before).toBeLessThan(toNano('0.1'));
    });
});

describe('the refund', () => {
    it('is everything that is left, sent to the client in the same chain, not bounceable, and the account is gone', async () => {
        await session.claim(await session.voucher(toNano('0.3')));
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        const before = await network.balance(network.client.address);
        const held = await network.balance(session.address);
        const { transactions } = await session.finishClose(network.stranger, toNano('0.1'));
        const finish = transactionOf({ transactions }, session.address);
        const refund = transactionOf({ transactions }, network.client.address);
        expect(transactions).toHaveTransaction({
            from: session.address, to: network.client.address, inMessageBounceable: false, success: true,
        });
        expect(spentBy(finish)).toBe(held + toNano('0.1'));
        expect(await network.balance(network.client.address)).toBe(before + valueOf(refund) - refund.totalFees.coins);
        expect(await network.balance(session.address)).toBe(0n);
        expect(await network.exists(session.address)).toBe(false);
    });

    it('leaves the client with the deposit less what was claimed and a hundredth of a coin for fees', async () => {
        const before = await network.balance(network.client.address);
        await session.claim(await session.voucher(toNano('0.3')));
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        await session.finishClose(network.client);
        const back = (await network.balance(network.client.address)) - before;
        expect(back).toBeLessThan(Deposit - toNano('0.3'));
        expect(back).toBeGreaterThan(Deposit - toNano('0.31'));
    });

    it('goes to the client also when a stranger finishes; the stranger\'s value goes along', async () => {
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        const { transactions } = await session.finishClose(network.stranger, toNano('0.7'));
        expect(transactions).not.toHaveTransaction({ from: session.address, to: network.stranger.address });
        expect(valueOf(transactionOf({ transactions }, network.client.address))).toBeGreaterThan(Deposit + toNano('0.69'));
    });

    it('no coin is created or lost', async () => {
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        const all = allCoins(network.chain);
        const { transactions } = await session.finishClose();
        expect(allCoins(network.chain)).toBe(all - feesOf(transactions));
    });

    it('the provider counts the session and what it paid', async () => {
        await session.claim(await session.voucher(toNano('0.3')));
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        const { transactions } = await session.finishClose();
        expect(transactions).toHaveTransaction({ to: network.provider.address, op: opcodes.SessionClosed, success: true });
        expect(await network.provider.getProviderData()).toMatchObject({ sessions: 1n, volume: toNano('0.3') });
    });
});

describe('the provider finishes at once', () => {
    it('without a voucher: everything goes back to the client', async () => {
        const held = await staged.balance();
        const { transactions } = await staged.finish(null, toNano('0.1'));
        const finish = transactionOf({ transactions }, staged.address);
        expect(transactions).not.toHaveTransaction({ from: staged.address, op: opcodes.Payout });
        expect(transactions).toHaveTransaction({ from: staged.address, to: staged.client, inMessageBounceable: false, success: true });
        expect(spentBy(finish)).toBe(held + toNano('0.1'));
        expect(await staged.exists()).toBe(false);
    });

    it('with the last voucher: exactly what it adds to the settlement, the rest to the client', async () => {
        await staged.claim(await staged.voucher(toNano('0.1')));
        const held = await staged.balance();
        const { transactions } = await staged.finish(await staged.voucher(toNano('0.25')), toNano('0.1'));
        expect(transactions).toHaveTransaction({
            from: staged.address, to: staged.settlement, op: opcodes.Payout, value: toNano('0.15'), inMessageBounceable: false,
        });
        const refund = valueOf(transactionOf({ transactions }, staged.client));
        const finish = transactionOf({ transactions }, staged.address);
        expect(spentBy(finish)).toBe(held + toNano('0.1'));
        expect(refund).toBeGreaterThan(held + toNano('0.1') - toNano('0.15') - toNano('0.01'));
        expect(await staged.balance()).toBe(0n);
        expect(await staged.exists()).toBe(false);
    });

    it('reports what was paid in all, the last payout included', async () => {
        await staged.claim(await staged.voucher(toNano('0.1')));
        const { transactions } = await staged.finish(await staged.voucher(toNano('0.25')));
        const report = beginCell().store(SessionEscrow.storeSessionClosed({
            $$type: 'SessionClosed', claimed: toNano('0.25'),
            sessionKey: hashToBigInt(network.sessionKey.publicKey), terms: packTerms(staged.agreement),
        })).endCell();
        expect(transactions).toHaveTransaction({
            from: staged.address, to: staged.provider.address, body: report, inMessageBounceable: false,
        });
    });

    it('with a voucher above the deposit: everything but the reserve to the settlement, the reserve to the client', async () => {
        const due = await staged.payable();
        const { transactions } = await staged.finish(await staged.voucher(toNano('7')), toNano('0.1'));
        expect(transactions).toHaveTransaction({ from: staged.address, to: staged.settlement, op: opcodes.Payout, value: due });
        expect(transactions).toHaveTransaction({ from: staged.address, to: staged.client, success: true });
        expect(await staged.exists()).toBe(false);
    });

    it('with a voucher that adds nothing: no payout, the session ends all the same', async () => {
        await staged.claim(await staged.voucher(toNano('0.3')));
        for (const cumulative of ['0.3', '0.2']) {
            const again = network.chain.snapshot();
            const { transactions } = await staged.finish(await staged.voucher(toNano(cumulative)));
            expect(transactions).not.toHaveTransaction({ from: staged.address, op: opcodes.Payout });
            expect(await staged.exists()).toBe(false);
            await network.chain.loadFrom(again);
        }
    });

    it('also while the client\'s close window runs, and after it', async () => {
        await staged.startClose();
        await staged.finish(await staged.voucher(toNano('0.2')));
        expect(await staged.exists()).toBe(false);

        await network.chain.loadFrom(open);
        await staged.startClose();
        network.chain.now! += staged.agreement.closeWindow;
        await staged.finish();
        expect(await staged.exists()).toBe(false);
    });

    it('only through the settlement: client, stranger, provider, owner and governance are refused', async () => {
        for (const { address } of [network.client, network.stranger, staged.provider, network.owner, network.governance]) {
            expect(await staged.attempt(address, message.finishSession())).toEqual(refused(Errors.AccessDenied));
        }
        const twin = new Address(-1, staged.settlement.hash);
        expect(await staged.attempt(twin, message.finishSession())).toEqual(refused(Errors.NotBasechain));
    });

    it('not with a forged voucher: the session stays open', async () => {
        const forged = await staged.voucher(toNano('0.5'), {}, network.workerKey);
        expect(await staged.attempt(staged.settlement, message.finishSession(forged))).toEqual(refused(Errors.BadSignature));
        expect(await staged.status()).toBe(Status.Open);
    });

    it('not before the session is open', async () => {
        const opening = await StagedSession.opening(network, { salt: 8n });
        expect(await opening.attempt(opening.settlement, message.finishSession())).toEqual(refused(Errors.NotOpen));
        const fresh = await StagedSession.prepare(network, { salt: 9n });
        await fresh.contract.send(network.stranger.getSender(), { value: toNano('0.1') }, null);
        expect(await fresh.attempt(fresh.settlement, message.finishSession())).toEqual(refused(Errors.NotOpen));
    });
});

describe('threat: Counters that freeze a stake or leak when a message is lost: no counter gates an exit', () => {
    async function expectRefund(of: TestSession) {
        const before = await network.balance(network.client.address);
        const { transactions } = await of.finishClose(network.stranger);
        expect(transactions).toHaveTransaction({ from: of.address, to: network.client.address, success: true });
        expect((await network.balance(network.client.address)) - before).toBeGreaterThan(Deposit);
        expect(await network.exists(of.address)).toBe(false);
        expect(transactions).not.toHaveTransaction({ on: of.address, inMessageBounced: true });
        return transactions;
    }

    beforeEach(async () => {
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
    });

    it('the provider\'s account does not exist any more', async () => {
        (await network.chain.getContract(network.provider.address)).account = createEmptyShardAccount(network.provider.address);
        await expectRefund(session);
    });

    it('the provider\'s account is frozen', async () => {
        const provider = await network.chain.getContract(network.provider.address);
        const account = provider.account.account!;
        provider.account = {
            ...provider.account,
            account: { ...account, storage: { ...account.storage, state: { type: 'frozen', stateHash: 1n } } },
        };
        await expectRefund(session);
    });

    it('the provider has retired', async () => {
        await network.provider.send(network.owner.getSender(), { value: toNano('0.1') }, { $$type: 'Retire', queryId: 0n });
        await expectRefund(session);
    });

    it('the provider\'s account is another contract that throws', async () => {
        const provider = await network.chain.getContract(network.provider.address);
        const registry = (await network.chain.getContract(network.registry.address)).account.account!;
        const account = provider.account.account!;
        provider.account = {
            ...provider.account,
            account: { ...account, storage: { ...account.storage, state: registry.storage.state } },
        };
        const transactions = await expectRefund(session);
        expect(transactions).toHaveTransaction({
            on: network.provider.address, exitCode: Errors.InvalidIncomingMessage, outMessagesCount: 0,
        });
    });

    it('the message with the counters costs more than is there: the client gets the rest all the same', async () => {
        // All but the reserve is claimed, rent has eaten most of that, and the provider finishes with little value.
        await network.chain.loadFrom(open);
        await staged.claim(await staged.voucher(toNano('5')));
        network.chain.now! += 86_400 * 360;
        const { transactions } = await staged.finish(null, toNano('0.0008'));
        expect(transactions).not.toHaveTransaction({ from: staged.address, op: opcodes.SessionClosed });
        expect(transactions).toHaveTransaction({ from: staged.address, to: staged.client });
        expect(await staged.exists()).toBe(false);
    });
});

describe('threat: Payout bounces into an account that no longer exists', () => {
    it('the last payout and the refund are not bounceable: they stay where they were sent, whatever is there', async () => {
        for (const address of [staged.settlement, staged.client]) {
            (await network.chain.getContract(address)).account = createEmptyShardAccount(address);
        }
        const { transactions } = await staged.finish(await staged.voucher(toNano('0.25')));
        expect(transactions).toHaveTransaction({ to: staged.settlement, value: toNano('0.25'), aborted: true });
        expect(transactions).not.toHaveTransaction({ to: staged.address, inMessageBounced: true });
        expect(await network.balance(staged.settlement)).toBe(toNano('0.25'));
        expect(await network.balance(staged.client)).toBeGreaterThan(Deposit - toNano('0.26'));
        expect(await staged.balance()).toBe(0n);
    });
});

describe('threat: Slashing used as an instant exit', () => {
    const ends: [string, () => Promise<unknown>][] = [
        ['the provider at once', () => staged.finish(null)],
        ['the provider while the client closes', async () => {
            await staged.startClose();
            await staged.finish(null);
        }],
        ['the client after the window', async () => {
            await staged.startClose();
            network.chain.now! += staged.agreement.closeWindow;
            await staged.finishClose();
        }],
    ];

    it.each(ends)('nothing is slashed, whoever ends the session: %s', async (_, end) => {
        const client = await network.balance(staged.client);
        const settlement = await network.balance(staged.settlement);
        const { transactions } = await staged.claim(await staged.voucher(toNano('0.2')));
        const payout = transactionOf({ transactions }, staged.settlement);
        await end();
        expect(await network.balance(staged.settlement)).toBe(settlement + valueOf(payout) - payout.totalFees.coins);
        const back = (await network.balance(staged.client)) - client;
        expect(back).toBeGreaterThan(Deposit - toNano('0.21'));
        expect(await staged.exists()).toBe(false);
    });
});
