import '@ton/test-utils';
import { toNano } from '@ton/core';
import { Blockchain, BlockchainSnapshot } from '@ton/sandbox';
import {
    claimValue, Errors, finishValue, openSessionValue, RewardSettlement, SessionEscrow,
} from '../../wrappers';
import { actionCodeOf, dataOf, exitCodeOf, forwardFeesOf, gasFeesOf, transactionOf, valueOf } from '../support/chain';
import { TestNetwork, TestOffer, TestSession } from '../support/network';
import { PriceSet } from '../support/prices';
import { pricesOf, spentBy } from './ledger';
import * as message from './messages';
import { attempt, refused } from './outcome';
import { Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;

describe.each(['old', '2026'] as PriceSet[])('the least values of a session (prices: %s)', (prices) => {
    let network: TestNetwork;
    let chain: Blockchain;
    let ready: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create(prices);
        chain = network.chain;
        await network.register();
        await network.addOffer(TestOffer);
        await network.addOffer({ ...TestOffer, minDeposit: 0n });
        ready = chain.snapshot();
    });

    beforeEach(() => chain.loadFrom(ready));

    const tryToOpen = (session: TestSession, value: bigint) =>
        attempt(chain, network.client.address, session.address, message.openSession(), value, session.deployment.init);

    it.each([TestOffer.minDeposit, 0n])('an opening: one nanoTON less than a deposit of %s needs is refused', async (minDeposit) => {
        const session = await network.escrow({ offer: { ...TestOffer, minDeposit } });
        const least = openSessionValue(pricesOf(chain), minDeposit);
        expect(await tryToOpen(session, least - 1n)).toEqual(refused(Errors.DepositTooLow));
        expect(await tryToOpen(session, least)).toMatchObject({ exitCode: 0 });
        const { status, reserve } = await session.data();
        expect(status).toBe(Status.Open);
        // What the messages cost came from their own budgets: all of the deposit can be claimed.
        expect((await network.balance(session.address)) - reserve).toBeGreaterThanOrEqual(minDeposit);
    });

    it('a claim: one nanoTON less is refused, with the least value all of the payment arrives', async () => {
        const session = await network.openSession(Deposit);
        const least = claimValue(pricesOf(chain));
        const claim = message.claimVoucher(await session.voucher(toNano('0.1')));
        expect(await attempt(chain, network.stranger.address, session.address, claim, least - 1n)).toEqual(refused(Errors.ValueTooLow));
        const before = await network.balance(network.settlement.address);
        const { transactions } = await session.claim(await session.voucher(toNano('0.1')), least);
        const [paying, receiving] = [session.address, network.settlement.address].map((at) => transactionOf({ transactions }, at));
        expect(valueOf(receiving)).toBe(toNano('0.1') + least - gasFeesOf(paying) - forwardFeesOf(paying));
        expect(valueOf(receiving)).toBeGreaterThan(toNano('0.1'));
        // The relayer's rest pays for the settlement's transaction too.
        expect((await network.balance(network.settlement.address)) - before).toBeGreaterThanOrEqual(toNano('0.1'));
    });

    it('a claim on an escrow that holds one nanoTON above its reserve works with the least value too', async () => {
        const session = await network.openSession(Deposit);
        await session.claim(await session.voucher((await network.balance(session.address)) - (await session.data()).reserve - 1n));
        const claim = message.claimVoucher(await session.voucher(toNano('5')));
        const least = claimValue(pricesOf(chain));
        expect(await attempt(chain, network.stranger.address, session.address, claim, least)).toMatchObject({ exitCode: 0 });
        expect(await network.balance(session.address)).toBe((await session.data()).reserve);
    });

    it('a finish: one nanoTON less is refused; the least value pays for counters and refund of an escrow that was emptied', async () => {
        const session = await network.openSession(Deposit);
        await session.claim(await session.voucher(toNano('50')));
        await session.startClose();
        chain.now! += session.agreement.closeWindow;
        await session.contract.send(network.stranger.getSender(), { value: toNano('0.01') }, { $$type: 'TopUp', queryId: 0n });
        await session.claim(await session.voucher(toNano('51')));
        const least = finishValue(pricesOf(chain));
        const finish = message.finishClose();
        expect(await attempt(chain, network.stranger.address, session.address, finish, least - 1n)).toEqual(refused(Errors.ValueTooLow));
        const { transactions } = await session.finishClose(network.stranger, least);
        expect(transactions).toHaveTransaction({ on: network.provider.address, op: opcodes.SessionClosed, success: true });
        expect(transactions).toHaveTransaction({ from: session.address, to: network.client.address, success: true });
        expect(await network.exists(session.address)).toBe(false);
    });

    it('threat: Compute succeeded, action failed: what a batch gives to each kind of item is enough for it', async () => {
        const { settlement } = network;
        const kinds = await Promise.all([1n, 2n, 3n].map((salt) => StagedSession.prepare(network, { salt }, settlement.address)));
        for (const session of kinds) {
            await session.open(Deposit);
            await session.confirm();
        }
        const [claimed, byReceipt, finished] = kinds;
        const receipt = await byReceipt.receiptFor({ completion: 1_000_000n });
        const { transactions } = await network.sendBatch([
            { kind: 'claimVoucher', escrow: claimed.address, voucher: await claimed.voucher(toNano('0.2')) },
            { kind: 'claimReceipt', escrow: byReceipt.address, receipt, voucher: await byReceipt.voucher(toNano('0.02')) },
            { kind: 'finish', escrow: finished.address, voucher: await finished.voucher(toNano('0.2')) },
        ]);
        for (const session of kinds) {
            const item = transactionOf({ transactions }, session.address);
            expect([exitCodeOf(item), actionCodeOf(item)]).toEqual([0, 0]);
        }
        expect((await claimed.data()).claimed).toBe(toNano('0.2'));
        expect((await byReceipt.data()).claimed).toBe(receipt.amount);
        expect(await finished.exists()).toBe(false);
        expect(transactions).toHaveTransaction({ on: finished.provider.address, op: opcodes.SessionClosed });
        expect(valueOf(transactionOf({ transactions }, network.client.address))).toBeGreaterThan(Deposit - toNano('0.22'));
        // The value of an item pays for all of its way: nothing is taken from the payment.
        expect(transactions).toHaveTransaction({
            from: byReceipt.address, to: settlement.address, op: RewardSettlement.RewardSettlement.opcodes.Payout,
            value: (value) => value! >= receipt.amount,
        });
    });

    it('the provider\'s answer arrives with what the question was given, also from a provider with 16 offers', async () => {
        for (let index = 2n; index < 16n; index++) {
            await network.addOffer({ ...TestOffer, minDeposit: 1_000_000n + index });
        }
        expect((await network.provider.getProviderData()).offers.size).toBe(16);
        const session = await network.escrow();
        await tryToOpen(session, openSessionValue(pricesOf(chain), TestOffer.minDeposit));
        expect((await session.data()).status).toBe(Status.Open);
        const rejected = await network.escrow({ leastTier: 1 });
        await tryToOpen(rejected, openSessionValue(pricesOf(chain), TestOffer.minDeposit));
        expect(await network.exists(rejected.address)).toBe(false);
    });

    it('a message that cannot pay for its own gas changes nothing', async () => {
        const session = await StagedSession.open(network);
        const data = await dataOf(chain, session.address);
        const messages = [
            [session.client, message.startClose()],
            [session.settlement, message.finishSession()],
            [session.settlement, message.claimReceipt(await session.receiptFor({ completion: 1_000n }))],
        ] as const;
        for (const [from, body] of messages) {
            const before = await session.balance();
            const { transactions } = await session.deliver(from, body, 30_000n);
            expect(transactions).toHaveTransaction({ on: session.address, aborted: true });
            expect(await dataOf(chain, session.address)).toEqualCell(data!);
            expect(await session.balance()).toBe(before + 30_000n - spentBy(transactionOf({ transactions }, session.address)));
        }
    });
});
