import '@ton/test-utils';
import { Address, beginCell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, OpeningDeadline, SessionEscrow } from '../../wrappers';
import { rentOf, transactionOf } from '../support/chain';
import { Start, TestNetwork } from '../support/network';
import { feesOf, spentBy } from './ledger';
import * as message from './messages';
import { fingerprint, refused } from './outcome';
import { Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;

let network: TestNetwork;
let session: StagedSession;
let asked: BlockchainSnapshot;

// The provider has been asked and has not answered.
beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await StagedSession.opening(network);
    asked = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(asked));

const confirmation = (openedLt: bigint) => message.sessionConfirmed(openedLt, 1n, 0n);

describe('threat: confirmation lost', () => {
    it('the deadline is 600 seconds after the opening', async () => {
        expect(await session.data()).toMatchObject({ status: Status.Opening, deadline: BigInt(Start + OpeningDeadline) });
    });

    it('one second before the deadline the client cannot take the deposit back', async () => {
        network.chain.now = Start + OpeningDeadline - 1;
        await session.deliver(session.client, message.topUp()); // pays the rent until now
        expect(await session.attempt(session.client, message.reclaim())).toEqual(refused(Errors.TooEarly));
    });

    it('at the deadline everything goes back, less rent and fees, and the account is gone', async () => {
        network.chain.now = Start + OpeningDeadline;
        const held = await session.balance();
        const before = await network.balance(session.client);
        const { transactions } = await session.deliver(session.client, message.reclaim(), toNano('0.1'));
        expect(await network.balance(session.client)).toBe(before + held + toNano('0.1') - feesOf(transactions));
        expect(rentOf(transactionOf({ transactions }, session.address)).paid).toBeGreaterThan(0n);
        expect(transactions).toHaveTransaction({ from: session.address, to: session.client, inMessageBounceable: false });
        expect(await session.exists()).toBe(false);
        expect(await session.balance()).toBe(0n);
    });

    it('nobody but the client can take it back', async () => {
        network.chain.now = Start + OpeningDeadline;
        await session.deliver(session.client, message.topUp());
        const others = [session.provider, network.stranger, network.owner, network.governance].map(({ address }) => address);
        for (const other of [...others, session.settlement]) {
            expect(await session.attempt(other, message.reclaim())).toEqual(refused(Errors.AccessDenied));
        }
        const twin = new Address(-1, session.client.hash);
        expect(await session.attempt(twin, message.reclaim())).toEqual(refused(Errors.NotBasechain));
    });
});

describe('threat: confirmation late', () => {
    it('a confirmation after the deadline counts as long as the client has not taken the deposit back', async () => {
        network.chain.now = Start + OpeningDeadline + 1;
        await session.confirm();
        expect(await session.status()).toBe(Status.Open);
        expect(await session.attempt(session.client, message.reclaim())).toEqual(refused(Errors.AlreadyOpened));
    });

    it('a confirmation after that finds no contract and makes none', async () => {
        const { openedLt } = await session.data();
        network.chain.now = Start + OpeningDeadline;
        await session.deliver(session.client, message.reclaim());
        const { transactions } = await session.confirm({ openedLt });
        expect(transactions).toHaveTransaction({ on: session.address, aborted: true });
        expect(await session.exists()).toBe(false);
    });

    it('its coins are the client\'s at the next opening', async () => {
        const { openedLt } = await session.data();
        network.chain.now = Start + OpeningDeadline;
        await session.deliver(session.client, message.reclaim());
        await session.confirm({ openedLt }, toNano('0.01'));
        expect(await session.balance()).toBe(toNano('0.01'));
        const { transactions } = await session.open(Deposit);
        const spent = spentBy(transactionOf({ transactions }, session.address));
        expect(await session.balance()).toBe(toNano('0.01') + Deposit - spent);
    });
});

describe('threat: A confirmation of an earlier life arrives after reopening', () => {
    let earlier: bigint;

    beforeEach(async () => {
        // Destroyed and opened again within the same second.
        earlier = (await session.data()).openedLt;
        await session.deliver(session.provider.address, message.sessionRejected(earlier));
        expect(await session.exists()).toBe(false);
        await session.open(Deposit);
        expect(network.chain.now).toBe(Start);
    });

    it('each life has its own logical time, also within one second', async () => {
        expect((await session.data()).openedLt).toBeGreaterThan(earlier);
    });

    it('the old confirmation has no effect', async () => {
        expect(await session.attempt(session.provider.address, confirmation(earlier))).toEqual(refused(Errors.OtherLife));
        expect(await session.status()).toBe(Status.Opening);
    });

    it('the old rejection has no effect', async () => {
        expect(await session.attempt(session.provider.address, message.sessionRejected(earlier))).toEqual(refused(Errors.OtherLife));
    });

    it('the old question, bounced, has no effect; its coins stay in the deposit', async () => {
        const state = (await session.data()).openedLt;
        const before = await session.balance();
        const { transactions } = await session.deliverBounce(session.provider.address, message.bouncedConfirmation(earlier));
        expect(transactions).toHaveTransaction({ on: session.address, exitCode: Errors.OtherLife });
        expect((await session.data()).openedLt).toBe(state);
        expect(await session.balance()).toBe(before + toNano('0.01') - feesOf(transactions));
    });

    it('the new confirmation counts', async () => {
        await session.confirm();
        expect(await session.status()).toBe(Status.Open);
    });
});

describe('threat: Unauthenticated child or sibling (answers to an opening)', () => {
    const others = () => [network.stranger.address, session.client, session.settlement, network.provider.address];

    it('only the provider of the terms confirms or rejects', async () => {
        const { openedLt } = await session.data();
        for (const other of others()) {
            expect(await session.attempt(other, confirmation(openedLt))).toEqual(refused(Errors.AccessDenied));
            expect(await session.attempt(other, message.sessionRejected(openedLt))).toEqual(refused(Errors.AccessDenied));
        }
    });

    it('the provider\'s account hash in the masterchain is not the provider', async () => {
        const { openedLt } = await session.data();
        const twin = new Address(-1, session.provider.address.hash);
        expect(await session.attempt(twin, confirmation(openedLt))).toEqual(refused(Errors.NotBasechain));
        expect(await session.attempt(twin, message.sessionRejected(openedLt))).toEqual(refused(Errors.NotBasechain));
    });

    it('a bounce counts only from the account that was asked', async () => {
        const { openedLt } = await session.data();
        for (const other of others()) {
            const { transactions } = await session.deliverBounce(other, message.bouncedConfirmation(openedLt));
            expect(transactions).toHaveTransaction({ on: session.address, exitCode: Errors.AccessDenied });
        }
        expect(await session.status()).toBe(Status.Opening);
    });

    it('a bounce of the question, from it, is a full refund', async () => {
        const { openedLt } = await session.data();
        const held = await session.balance();
        const before = await network.balance(session.client);
        const { transactions } = await session.deliverBounce(session.provider.address, message.bouncedConfirmation(openedLt));
        expect(await network.balance(session.client)).toBe(before + held + toNano('0.01') - feesOf(transactions));
        expect(await session.exists()).toBe(false);
    });

    it('a bounce of anything else moves nothing', async () => {
        const { openedLt } = await session.data();
        const other = message.bouncedConfirmation(openedLt).beginParse().skip(64).loadBits(224);
        const data = (await fingerprint(network.chain, session.address)).split(' ').slice(0, 2);
        for (const code of [0, opcodes.SessionClosed, opcodes.Payout, 0xffffffff]) {
            const body = beginCell()
                .storeUint(0xffffffff, 32).storeUint(code, 32).storeBits(other).endCell();
            await session.deliverBounce(session.provider.address, body);
        }
        expect((await fingerprint(network.chain, session.address)).split(' ').slice(0, 2)).toEqual(data);
    });
});

describe('once the session is open', () => {
    beforeEach(() => session.confirm());

    it('neither a rejection nor a bounce of the question can end it; tests/session/refresh.test.ts has what answers do then', async () => {
        const { openedLt } = await session.data();
        for (const status of [Status.Open, Status.Closing]) {
            const before = await session.balance();
            await session.deliver(session.provider.address, message.sessionRejected(openedLt));
            await session.deliverBounce(session.provider.address, message.bouncedConfirmation(openedLt));
            expect(await session.status()).toBe(status);
            expect(await session.balance()).toBeGreaterThan(before);
            await session.startClose();
        }
    });
});

describe('before anything was asked', () => {
    it('an answer to the opening 0 is no answer', async () => {
        const fresh = await StagedSession.prepare(network, { salt: 9n });
        await fresh.contract.send(network.stranger.getSender(), { value: toNano('0.1') }, null);
        expect(await fresh.attempt(fresh.provider.address, confirmation(0n))).toEqual(refused(Errors.OtherLife));
        expect(await fresh.attempt(fresh.provider.address, message.sessionRejected(0n))).toEqual(refused(Errors.OtherLife));
        const { transactions } = await fresh.deliverBounce(fresh.provider.address, message.bouncedConfirmation(0n));
        expect(transactions).toHaveTransaction({ on: fresh.address, exitCode: Errors.OtherLife });
        expect(await fresh.status()).toBe(Status.New);
    });
});
