import '@ton/test-utils';
import { Address, toNano } from '@ton/core';
import { BlockchainSnapshot, createEmptyShardAccount } from '@ton/sandbox';
import { Errors, SessionEscrow } from '../../wrappers';
import { forwardFeesOf, gasFeesOf, transactionOf } from '../support/chain';
import { TestNetwork, TestSession } from '../support/network';
import { allCoins, feesOf } from './ledger';
import * as message from './messages';
import { attempt, refused } from './outcome';
import { Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;
const Value = toNano('0.1');

let network: TestNetwork;
let session: TestSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await network.openSession(Deposit);
    open = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(open));

const tryToClaim = async (cumulative: bigint, from = network.stranger.address) =>
    attempt(network.chain, from, session.address, message.claimVoucher(await session.voucher(cumulative)), Value);

const payable = async () => (await network.balance(session.address)) - (await session.data()).reserve;

describe('a claim', () => {
    it('pays what the voucher adds, to the nanoTON, and claimed grows by exactly that', async () => {
        const balance = await network.balance(session.address);
        await session.claim(await session.voucher(toNano('0.02')));
        expect((await session.data()).claimed).toBe(toNano('0.02'));
        expect(await network.balance(session.address)).toBe(balance - toNano('0.02'));

        await session.claim(await session.voucher(toNano('0.05') + 1n));
        expect((await session.data()).claimed).toBe(toNano('0.05') + 1n);
        expect(await network.balance(session.address)).toBe(balance - toNano('0.05') - 1n);
    });

    it('sends the payment with what is left of the relayer\'s value to the settlement, not bounceable', async () => {
        const { transactions } = await session.claim(await session.voucher(toNano('0.02')), Value);
        const claim = transactionOf({ transactions }, session.address);
        expect(transactions).toHaveTransaction({
            from: session.address,
            to: network.settlement.address,
            op: opcodes.Payout,
            value: toNano('0.02') + Value - gasFeesOf(claim) - forwardFeesOf(claim),
            inMessageBounceable: false,
            success: true,
        });
        expect(claim.outMessagesCount).toBe(1);
    });

    it('loses no coin on the way: what relayer and escrow gave up, settlement and validators have', async () => {
        const all = allCoins(network.chain);
        const { transactions } = await session.claim(await session.voucher(toNano('0.02')), Value);
        expect(allCoins(network.chain)).toBe(all - feesOf(transactions));
    });

    it('may be relayed by anyone: client, provider, settlement, a wallet of the masterchain', async () => {
        const relayers = [
            network.client.address, network.provider.address, network.settlement.address,
            new Address(-1, network.stranger.address.hash),
        ];
        let cumulative = 0n;
        for (const relayer of relayers) {
            cumulative += toNano('0.01');
            expect((await tryToClaim(cumulative, relayer)).exitCode).toBe(0);
            expect((await session.data()).claimed).toBe(cumulative);
        }
    });

    it('of one nanoTON pays one nanoTON', async () => {
        const balance = await network.balance(session.address);
        expect((await tryToClaim(1n)).exitCode).toBe(0);
        expect(await network.balance(session.address)).toBe(balance - 1n);
        expect((await session.data()).claimed).toBe(1n);
    });

    it('changes nothing else of the state', async () => {
        const before = await session.data();
        await tryToClaim(toNano('0.3'));
        const { terms, ...after } = await session.data();
        expect(after).toEqual({ ...before, terms: undefined, claimed: toNano('0.3') });
        expect(terms).toEqualCell(before.terms);
    });
});

describe('a claim for which nothing is due returns its value', () => {
    it('a voucher of zero', async () => {
        expect(await tryToClaim(0n)).toEqual(refused(Errors.NothingDue));
    });

    it('the same voucher twice', async () => {
        await tryToClaim(toNano('0.1'));
        expect(await tryToClaim(toNano('0.1'))).toEqual(refused(Errors.NothingDue));
    });

    it('a voucher one nanoTON lower than what was claimed; one nanoTON higher pays one', async () => {
        await tryToClaim(toNano('0.1'));
        expect(await tryToClaim(toNano('0.1') - 1n)).toEqual(refused(Errors.NothingDue));
        const balance = await network.balance(session.address);
        await tryToClaim(toNano('0.1') + 1n);
        expect(await network.balance(session.address)).toBe(balance - 1n);
    });

    it('vouchers that arrive in the wrong order: the highest counts', async () => {
        for (const cumulative of ['0.3', '0.1', '0.2']) {
            await tryToClaim(toNano(cumulative));
        }
        expect((await session.data()).claimed).toBe(toNano('0.3'));
    });
});

describe('threat: Partial payout burns the claim', () => {
    it('pays what is there above the reserve and counts only that', async () => {
        const due = await payable();
        await tryToClaim(toNano('5'));
        expect((await session.data()).claimed).toBe(due);
        expect(await network.balance(session.address)).toBe((await session.data()).reserve);
        expect(await tryToClaim(toNano('5'))).toEqual(refused(Errors.NothingDue));
    });

    it('after a top-up the same voucher pays the rest', async () => {
        const first = await payable();
        const voucher = await session.voucher(toNano('5'));
        await session.claim(voucher);
        await session.contract.send(network.stranger.getSender(), { value: toNano('2') }, { $$type: 'TopUp', queryId: 0n });
        const second = await payable();
        await session.claim(voucher);
        expect((await session.data()).claimed).toBe(first + second);

        await session.contract.send(network.stranger.getSender(), { value: toNano('9') }, { $$type: 'TopUp', queryId: 0n });
        await session.claim(voucher);
        expect((await session.data()).claimed).toBe(toNano('5'));
    });

    it('the last payable nanoTON is paid, the reserve is not', async () => {
        const due = await payable();
        await tryToClaim(due - 1n);
        await tryToClaim(due);
        expect(await payable()).toBe(0n);
        expect(await tryToClaim(due + 1n)).toEqual(refused(Errors.NothingDue));
    });
});

describe('threat: Credit given before the coins are held', () => {
    it('the largest voucher that can be written pays no more than what the escrow holds', async () => {
        const due = await payable();
        await tryToClaim(2n ** 120n - 1n);
        expect((await session.data()).claimed).toBe(due);
    });

    it('the relayer\'s own value is not paid out as deposit: claimed does not count it', async () => {
        const due = await payable();
        await session.claim(await session.voucher(toNano('5')), toNano('3'));
        expect((await session.data()).claimed).toBe(due);
    });

    it('an escrow that is below its reserve pays nothing', async () => {
        await tryToClaim(toNano('5'));
        network.chain.now! += 86_400; // rent takes it below
        await session.claim(await session.voucher(toNano('5')));
        const { transactions } = await session.claim(await session.voucher(toNano('6')));
        expect(transactions).toHaveTransaction({ on: session.address, exitCode: Errors.NothingDue });
        expect(await payable()).toBeLessThan(0n);
    });
});

describe('threat: Counter advanced, payout then failed', () => {
    it('a payout to a settlement whose account is gone is not lost: it waits at the address', async () => {
        const settlement = await network.chain.getContract(network.settlement.address);
        settlement.account = createEmptyShardAccount(network.settlement.address);
        const { transactions } = await session.claim(await session.voucher(toNano('0.5')), Value);
        expect(transactions).toHaveTransaction({ on: network.settlement.address, aborted: true });
        expect(transactions).not.toHaveTransaction({ on: session.address, inMessageBounced: true });
        expect((await session.data()).claimed).toBe(toNano('0.5'));
        const claim = transactionOf({ transactions }, session.address);
        expect(await network.balance(network.settlement.address))
            .toBe(toNano('0.5') + Value - gasFeesOf(claim) - forwardFeesOf(claim));
    });
});

describe('a session that is not open pays nothing', () => {
    const claimAt = async (other: TestSession) => attempt(
        network.chain, network.stranger.address, other.address, message.claimVoucher(await other.voucher(toNano('0.1'))), Value,
    );

    it('when it was only deployed', async () => {
        const other = await network.escrow({ salt: 2n });
        await other.contract.send(network.stranger.getSender(), { value: Deposit }, null);
        expect(await claimAt(other)).toEqual(refused(Errors.NotOpen));
    });

    it('while the provider has not answered', async () => {
        const other = await StagedSession.opening(network);
        expect(await other.status()).toBe(Status.Opening);
        expect(await claimAt(other)).toEqual(refused(Errors.NotOpen));
    });

    it('after it has ended: the value comes back from an account that is not there', async () => {
        const voucher = await session.voucher(toNano('0.1'));
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        await session.finishClose();
        const { transactions } = await session.claim(voucher);
        expect(transactions).toHaveTransaction({ on: session.address, aborted: true });
        expect(transactions).toHaveTransaction({ from: session.address, to: network.stranger.address, inMessageBounced: true });
    });
});
