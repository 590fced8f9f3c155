import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import {
    BatchItem, batchCost, claimValue, packReceiptClaim, packSignedVoucher, SessionEscrow,
} from '../../wrappers';
import { gasOf, transactionOf } from '../support/chain';
import { TestNetwork, TestSession } from '../support/network';
import { PriceSet } from '../support/prices';
import { allCoins, feesOf, pricesOf } from '../session/ledger';
import { StagedSession } from '../session/staged';
import { submit } from './batches';

const { opcodes } = SessionEscrow.SessionEscrow;
const Each = toNano('0.02');

const claimOf = async (session: TestSession, cumulative = Each): Promise<BatchItem> =>
    ({ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(cumulative) });

/** A network with open sessions, and a claim of `Each` on every one of them. */
async function withSessions(count: bigint) {
    const network = await TestNetwork.ready();
    const sessions: TestSession[] = [];
    for (let salt = 0n; salt < count; salt++) {
        sessions.push(await network.openSession(toNano('0.5'), { salt }));
    }
    const claims = await Promise.all(sessions.map((session) => claimOf(session)));
    return { network, sessions, claims, ready: network.chain.snapshot() };
}

const claimedOf = (sessions: TestSession[]) => Promise.all(sessions.map(async (session) => (await session.data()).claimed));

describe('a batch of fifty claims', () => {
    let fifty: Awaited<ReturnType<typeof withSessions>>;

    beforeAll(async () => {
        fifty = await withSessions(50n);
    });

    beforeEach(() => fifty.network.chain.loadFrom(fifty.ready));

    it('is paid by every escrow, for less gas each than one transaction for each would take', async () => {
        const { network, sessions, claims } = fifty;
        const all = allCoins(network.chain);
        const { outcome, transactions } = await submit(network, await network.batchBody(claims));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(await claimedOf(sessions)).toEqual(sessions.map(() => Each));
        expect(await network.settlement.getEarnings()).toBeGreaterThan(50n * Each);
        expect(allCoins(network.chain)).toBe(all - feesOf(transactions));
        const gas = transactions.reduce((sum, transaction) => sum + gasOf(transaction), 0n);
        expect(gas / 50n).toBeLessThanOrEqual(8_600n);
    });

    it('with one bad claim among them: the other forty-nine are paid', async () => {
        const { network, sessions, claims } = fifty;
        const forged = await sessions[17].voucher(Each, {}, network.workerKey);
        const items = claims.map((claim, index): BatchItem =>
            index === 17 ? { kind: 'claimVoucher', escrow: sessions[17].address, voucher: forged } : claim);
        const { outcome, transactions } = await submit(network, await network.batchBody(items));
        expect(outcome).toMatchObject({ exitCode: 0, sequence: 'next' });
        expect(await claimedOf(sessions)).toEqual(sessions.map((_, index) => (index === 17 ? 0n : Each)));
        // Its value bounced, and is the provider's again.
        expect(transactions).toHaveTransaction({
            from: sessions[17].address, to: network.settlement.address, inMessageBounced: true, success: true,
        });
    });
});

describe('a batch of claims', () => {
    let network: TestNetwork;
    let sessions: TestSession[];
    let claims: BatchItem[];
    let ready: BlockchainSnapshot;

    beforeAll(async () => {
        ({ network, sessions, claims, ready } = await withSessions(5n));
    });

    beforeEach(() => network.chain.loadFrom(ready));

    const data = () => network.settlement.getSettlementData();

    it.each([1, 3, 4])('of %i: each escrow pays what its voucher says, and the others nothing', async (count) => {
        const { sequence } = await data();
        const earnings = await network.settlement.getEarnings();
        const all = allCoins(network.chain);
        const { outcome, transactions } = await submit(network, await network.batchBody(claims.slice(0, count)));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(await claimedOf(sessions)).toEqual(sessions.map((_, index) => (index < count ? Each : 0n)));
        expect((await data()).sequence).toBe(sequence + 1n);
        expect((await network.settlement.getEarnings()) - earnings).toBeGreaterThan(BigInt(count) * Each);
        expect(allCoins(network.chain)).toBe(all - feesOf(transactions));
    });

    it('takes the same from the float and from the day: what it really sent, no more than was set aside', async () => {
        const before = await data();
        const { outcome } = await submit(network, await network.batchBody(claims));
        const after = await data();
        const spent = before.feeFloat - after.feeFloat;
        expect(after.spentToday - before.spentToday).toBe(spent);
        expect(spent).toBeLessThan(batchCost(pricesOf(network.chain), claims.length, false));
        expect(spent).toBeGreaterThanOrEqual(outcome.charged);
    });

    it('of none costs what is set aside for any batch, and counts', async () => {
        const before = await data();
        const { outcome } = await submit(network, await network.batchBody([]));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, sequence: 'next' });
        expect(before.feeFloat - (await data()).feeFloat).toBe(batchCost(pricesOf(network.chain), 0, false));
    });

    it('with items for escrows that are gone: their value bounces, nothing else happens', async () => {
        const nowhere = await network.escrow({ salt: 999n });
        const voucher = await sessions[0].voucher(Each);
        const items: BatchItem[] = [{ kind: 'claimVoucher', escrow: nowhere.address, voucher }, claims[1]];
        const { outcome, transactions } = await submit(network, await network.batchBody(items));
        expect(outcome).toMatchObject({ exitCode: 0, sequence: 'next' });
        expect(transactions).toHaveTransaction({
            from: nowhere.address, to: network.settlement.address, inMessageBounced: true, success: true,
            value: (value) => value! > claimValue(pricesOf(network.chain)) / 2n,
        });
        expect((await sessions[1].data()).claimed).toBe(Each);
    });

    it('with the same claim three times: it is paid once', async () => {
        const { outcome } = await submit(network, await network.batchBody([claims[0], claims[0], claims[0]]));
        expect(outcome).toMatchObject({ exitCode: 0, sequence: 'next' });
        expect((await sessions[0].data()).claimed).toBe(Each);
    });

    it('can be followed by another at once: sequences go up by one', async () => {
        const start = (await data()).sequence;
        for (let batch = 0; batch < 3; batch++) {
            await submit(network, await network.batchBody([await claimOf(sessions[0], Each * BigInt(batch + 1))]));
        }
        expect((await data()).sequence).toBe(start + 3n);
        expect((await sessions[0].data()).claimed).toBe(3n * Each);
    });
});

describe.each(['2026', 'old'] as PriceSet[])('threat: a stolen worker key (what a batch costs; prices: %s)', (prices) => {
    let network: TestNetwork;
    let ready: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready(prices);
        ready = network.chain.snapshot();
    });

    beforeEach(() => network.chain.loadFrom(ready));

    // The longest arguments that each kind can have, for accounts that are not there: what counts is the batch itself.
    const signature = Buffer.alloc(64, 0xff);
    const voucher = { cumulative: 2n ** 120n - 1n, receiptHash: 0n, signature };
    const receipt = {
        sequence: 1, tokens: { prompt: 1n, cached: 1n, completion: 1n, reasoning: 1n }, amount: 0n, transcriptHash: 0n, signature,
    };
    const account = (index: number) => new Address(0, Buffer.alloc(32, index + 1));
    const kinds: Record<string, (index: number) => BatchItem> = {
        'voucher claims': (index) =>
            ({ kind: 'claimVoucher', escrow: account(index), voucher: { ...voucher, receiptHash: BigInt(index) } }),
        'receipt claims without a voucher': (index) =>
            ({ kind: 'claimReceipt', escrow: account(index), receipt: { ...receipt, sequence: index }, voucher: null }),
        'receipt claims with a voucher': (index) => ({
            kind: 'claimReceipt', escrow: account(index), receipt: { ...receipt, sequence: index },
            voucher: { ...voucher, receiptHash: BigInt(index) },
        }),
        'finishes': (index) => ({ kind: 'finish', escrow: account(index), voucher: { ...voucher, receiptHash: BigInt(index) } }),
    };
    const cases: [number, string][] = [
        [0, 'items'], [50, 'voucher claims'], [50, 'receipt claims with a voucher'],
        ...Object.keys(kinds).map((kind): [number, string] => [1, kind]),
    ];

    it.each(cases)(
        'of %i %s takes no more from the balance than from the float: earnings pay for no batch', async (count, kind) => {
            const items = Array.from({ length: count }, (_, index) => kinds[kind](index));
            const before = (await network.settlement.getSettlementData()).feeFloat;
            const { outcome } = await submit(network, await network.batchBody(items));
            expect(outcome).toMatchObject({ exitCode: 0, actionCode: 0, sequence: 'next' });
            expect(outcome.charged).toBeLessThanOrEqual(before - (await network.settlement.getSettlementData()).feeFloat);
        },
    );
});

describe('the kinds of items', () => {
    let network: TestNetwork;
    let session: StagedSession;
    let ready: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        session = await StagedSession.open(network, {}, network.settlement.address);
        ready = network.chain.snapshot();
    });

    beforeEach(() => network.chain.loadFrom(ready));

    it('a receipt claim, without and with a voucher', async () => {
        const receipt = await session.receiptFor({ completion: 500_000n });
        const item: BatchItem = { kind: 'claimReceipt', escrow: session.address, receipt, voucher: null };
        await network.sendBatch([item]);
        expect(await session.data()).toMatchObject({ claimed: receipt.amount, receiptClaimUsed: true });

        await network.chain.loadFrom(ready);
        const large = await session.receiptFor({ completion: 1_000_000_000n });
        await network.sendBatch([{ ...item, receipt: large, voucher: await session.voucher(toNano('0.2')) }]);
        expect((await session.data()).claimed).toBe(toNano('0.2') + session.agreement.creditWindow);
    });

    it('a finish, without and with a voucher', async () => {
        const item: BatchItem = { kind: 'finish', escrow: session.address, voucher: null };
        const { transactions } = await network.sendBatch([item]);
        expect(await session.exists()).toBe(false);
        expect(transactions).toHaveTransaction({ from: session.address, to: session.client, success: true });

        await network.chain.loadFrom(ready);
        const last = await network.sendBatch([{ ...item, voucher: await session.voucher(toNano('0.3')) }]);
        expect(last.transactions).toHaveTransaction({
            from: session.address, to: network.settlement.address, op: opcodes.Payout, value: toNano('0.3'),
        });
        expect(await session.exists()).toBe(false);
    });

    it('a claim, a receipt claim and a finish of one session in one batch come in that order', async () => {
        const receipt = await session.receiptFor({ completion: 1_000_000_000n });
        await network.sendBatch([
            { kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.1')) },
            { kind: 'claimReceipt', escrow: session.address, receipt, voucher: null },
            { kind: 'finish', escrow: session.address, voucher: await session.voucher(toNano('0.4')) },
        ]);
        expect(await session.exists()).toBe(false);
        expect(await network.settlement.getEarnings()).toBeGreaterThan(toNano('0.4'));
    });

    it('a distribution of what was earned before: the claims of the same batch are split next time', async () => {
        await network.stranger.send({ to: network.settlement.address, value: toNano('2') });
        const earned = await network.settlement.getEarnings();
        const owner = await network.balance(network.owner.address);
        const treasury = await network.balance(network.treasury.address);
        const claim: BatchItem = { kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.3')) };
        const { transactions } = await network.sendBatch([claim], { distribute: true });
        expect(transactions).toHaveTransaction({ from: network.settlement.address, to: network.treasury.address, success: true });
        expect(transactions).toHaveTransaction({ from: network.settlement.address, to: network.owner.address, success: true });
        expect((await network.balance(network.treasury.address)) - treasury).toBeGreaterThan((earned * 249n) / 10_000n);
        expect((await network.balance(network.owner.address)) - owner).toBeGreaterThan((earned * 974n) / 1_000n);
        expect(await network.settlement.getEarnings()).toBeGreaterThan(toNano('0.3'));
        expect(await network.settlement.getEarnings()).toBeLessThan(toNano('0.35'));
    });

    it('a distribution in a batch that finds nothing to distribute does nothing else', async () => {
        await network.sendBatch([], { distribute: true });
        const { transactions } = await network.sendBatch([], { distribute: true });
        expect(transactions[0].outMessagesCount).toBeLessThanOrEqual(3); // what the first left over, its fee, and word of it
        expect((await network.settlement.getSettlementData()).sequence).toBe(2n);
    });
});

describe('threat: A batch item makes a contract send a forged message in its own name', () => {
    let network: TestNetwork;
    let session: StagedSession;
    let ready: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        session = await StagedSession.open(network, {}, network.settlement.address);
        ready = network.chain.snapshot();
    });

    beforeEach(() => network.chain.loadFrom(ready));

    it('what leaves is the operation that the contract wrote, and a reference to the arguments; nothing of the list is body', async () => {
        const voucher = await session.voucher(toNano('0.2'));
        const receipt = await session.receiptFor({ completion: 1_000n });
        const body = await network.batchBody([
            { kind: 'claimVoucher', escrow: session.address, voucher },
            { kind: 'claimReceipt', escrow: session.address, receipt, voucher },
            { kind: 'finish', escrow: session.address, voucher: null },
        ]);
        const { transactions: [batch] } = await submit(network, body);
        const sent = [...batch.outMessages.values()];
        const expected: [number, Cell][] = [
            [opcodes.ClaimVoucher, packSignedVoucher(voucher)],
            [opcodes.ClaimReceipt, packReceiptClaim(receipt, voucher)],
            [opcodes.FinishSession, Cell.EMPTY],
        ];
        expect(sent).toHaveLength(3);
        expected.forEach(([operation, args], index) => {
            expect(sent[index].body).toEqualCell(beginCell().storeUint(operation, 32).storeRef(args).endCell());
            expect(sent[index].info).toMatchObject({ type: 'internal', bounce: true, bounced: false });
            expect(sent[index].info.dest!.toString()).toBe(session.address.toString());
            expect(sent[index].init ?? null).toBeNull();
        });
    });

    it('an item for another contract of the network moves none of its coins and none of its state', async () => {
        const voucher = await session.voucher(toNano('0.2'));
        const targets = [network.registry.address, network.provider.address, network.settlement.address, network.treasury.address];
        const items: BatchItem[] = targets.flatMap((escrow) => [
            { kind: 'claimVoucher', escrow, voucher }, { kind: 'finish', escrow, voucher: null },
        ]);
        const before = await Promise.all(targets.map((target) => network.balance(target)));
        const { outcome, transactions } = await submit(network, await network.batchBody(items));
        expect(outcome).toMatchObject({ exitCode: 0, actionCode: 0, sequence: 'next' });
        for (const [index, target] of targets.entries()) {
            if (!target.equals(network.settlement.address)) {
                expect(await network.balance(target)).toBeGreaterThanOrEqual(before[index]);
            }
        }
        // An item of its own is a message to itself, with an operation that it does not know.
        expect(transactions).toHaveTransaction({
            from: network.settlement.address, to: network.settlement.address, exitCode: 130,
        });
    });

    it('an item for an escrow of another provider claims for that provider, and finishes nothing', async () => {
        const other = await StagedSession.open(network, { salt: 2n });
        const items: BatchItem[] = [
            { kind: 'claimVoucher', escrow: other.address, voucher: await other.voucher(toNano('0.2')) },
            { kind: 'claimReceipt', escrow: other.address, receipt: await other.receiptFor({ completion: 9n }), voucher: null },
            { kind: 'finish', escrow: other.address, voucher: null },
        ];
        const { transactions } = await network.sendBatch(items);
        expect(transactions).toHaveTransaction({ from: other.address, to: other.settlement, op: opcodes.Payout });
        expect(await other.data()).toMatchObject({ claimed: toNano('0.2'), receiptClaimUsed: false });
        expect(await other.exists()).toBe(true);
    });
});
