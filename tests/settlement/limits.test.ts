import '@ton/test-utils';
import { Address, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { BatchItem, batchCost, computeFee, distributeCost, Errors, RewardSettlement } from '../../wrappers';
import { forwardFeesOf, gasFeesOf, transactionOf, valueOf } from '../support/chain';
import { TestNetwork, TestSession } from '../support/network';
import { PriceSet } from '../support/prices';
import { carriageOf, pricesOf, spentBy } from '../session/ledger';
import { attempt, refused } from '../session/outcome';
import { refusedForNothing, submit, tryBatch } from './batches';
import * as message from './messages';

const Day = 86_400;

let network: TestNetwork;
let session: TestSession;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await network.openSession(toNano('1'));
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

const data = () => network.settlement.getSettlementData();
const cost = (count: number, distribute = false) => batchCost(pricesOf(network.chain), count, distribute);

const send = (from: Address, body: ReturnType<typeof message.fundFees>, value = toNano('0.2')) =>
    attempt(network.chain, from, network.settlement.address, body, value);
const byOwner = (body: ReturnType<typeof message.fundFees>, value?: bigint) => send(network.owner.address, body, value);
const setCap = (cap: bigint) => byOwner(message.setFeeLimits(cap, 0n));

const claim = async (cumulative = toNano('0.01')): Promise<BatchItem[]> =>
    [{ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(cumulative) }];
const tryClaim = async () => tryBatch(network, await network.batchBody(await claim()));

describe('the daily cap', () => {
    it('of exactly what the batch could cost is enough; one nanoTON less refuses it for nothing', async () => {
        await setCap(cost(1) - 1n);
        expect(await tryClaim()).toEqual(refusedForNothing(Errors.DailyCap));
        await setCap(cost(1));
        expect((await tryClaim()).accepted).toBe(true);
    });

    it('counts what was spent today, not what could have been', async () => {
        await tryClaim();
        const { spentToday } = await data();
        expect(spentToday).toBeLessThan(cost(1));
        await setCap(spentToday + cost(1) - 1n);
        expect(await tryClaim()).toEqual(refusedForNothing(Errors.DailyCap));
        await setCap(spentToday + cost(1));
        expect((await tryClaim()).accepted).toBe(true);
    });

    it('counts a distribution too', async () => {
        const batch = () => network.batchBody([], { distribute: true });
        await setCap(cost(0, true) - 1n);
        expect(await tryBatch(network, await batch())).toEqual(refusedForNothing(Errors.DailyCap));
        await setCap(cost(0, true));
        expect((await tryBatch(network, await batch())).accepted).toBe(true);
    });

    it('begins anew with the day, not a second before', async () => {
        await setCap(cost(1));
        expect((await tryClaim()).accepted).toBe(true);
        const midnight = (Math.floor(network.chain.now! / Day) + 1) * Day;
        network.chain.now = midnight - 1;
        expect(await tryClaim()).toEqual(refusedForNothing(Errors.DailyCap));
        network.chain.now = midnight;
        expect((await data()).spentToday).toBe(0n);
        expect((await tryClaim()).accepted).toBe(true);
        expect(await tryClaim()).toEqual(refusedForNothing(Errors.DailyCap));
    });

    it('of zero stops all batches; claims can still be relayed by anyone', async () => {
        await setCap(0n);
        expect(await tryBatch(network, await network.batchBody([]))).toEqual(refusedForNothing(Errors.DailyCap));
        await session.claim(await session.voucher(toNano('0.01')));
        expect((await session.data()).claimed).toBe(toNano('0.01'));
    });

    it('may be as high as the field allows', async () => {
        await setCap(2n ** 64n - 1n);
        expect((await tryClaim()).accepted).toBe(true);
    });
});

describe('the fee float', () => {
    const leave = async (float: bigint) => byOwner(message.releaseFees((await data()).feeFloat - float));

    it('of exactly what the batch could cost is enough; one nanoTON less refuses it for nothing', async () => {
        await leave(cost(1) - 1n);
        expect(await tryClaim()).toEqual(refusedForNothing(Errors.FeeFloat));
        await network.chain.loadFrom(ready);
        await leave(cost(1));
        expect((await tryClaim()).accepted).toBe(true);
    });

    it('is worth nothing where the balance is not there: exactly the worst cost above the reserve is enough', async () => {
        const contract = await network.chain.getContract(network.settlement.address);
        const body = await network.batchBody(await claim());
        const { transactions: [batch] } = await submit(network, body);
        const collected = batch.description.type === 'generic' ? batch.description.actionPhase!.totalActionFees ?? 0n : 0n;
        const importFee = batch.totalFees.coins - gasFeesOf(batch) - collected;
        expect(importFee).toBeGreaterThan(0n);
        for (const [missing, accepted] of [[1n, false], [0n, true]] as const) {
            await network.chain.loadFrom(ready);
            (await network.chain.getContract(network.settlement.address)).balance =
                (await data()).reserve + cost(1) + importFee - missing;
            const outcome = await tryBatch(network, body);
            expect(outcome.accepted ? outcome.exitCode : outcome).toEqual(accepted ? 0 : refusedForNothing(Errors.FeeFloat));
        }
        expect(contract).toBeDefined();
    });

    it('earnings do not count: a settlement full of them sends no batch when its float is used up', async () => {
        await leave(0n);
        await network.stranger.send({ to: network.settlement.address, value: toNano('100') });
        expect(await tryBatch(network, await network.batchBody([]))).toEqual(refusedForNothing(Errors.FeeFloat));
    });

    it('anyone may fund it: the value, less the gas that is set aside, is float to the nanoTON', async () => {
        const gas = computeFee(pricesOf(network.chain), RewardSettlement.FundFeesGas);
        const senders = [network.stranger, network.client, network.owner, network.provider].map(({ address }) => address);
        for (const sender of [...senders, new Address(-1, network.stranger.address.hash)]) {
            const { feeFloat } = await data();
            const earnings = await network.settlement.getEarnings();
            expect((await send(sender, message.fundFees(), toNano('0.7'))).exitCode).toBe(0);
            expect((await data()).feeFloat).toBe(feeFloat + toNano('0.7') - gas);
            expect(await network.settlement.getEarnings()).toBeGreaterThanOrEqual(earnings);
        }
    });

    it('funding it with no more than the gas that is set aside is refused', async () => {
        const gas = computeFee(pricesOf(network.chain), RewardSettlement.FundFeesGas);
        expect(await send(network.stranger.address, message.fundFees(), gas)).toEqual(refused(Errors.ValueTooLow));
        expect((await send(network.stranger.address, message.fundFees(), gas + 1n)).exitCode).toBe(0);
    });
});

describe('releasing the float', () => {
    it('gives the owner exactly what it names, less the message, and the change of the order', async () => {
        const { feeFloat } = await data();
        const { transactions } = await network.settlement.send(network.owner.getSender(), { value: toNano('0.2') }, {
            $$type: 'ReleaseFees', queryId: 0n, amount: toNano('1'),
        });
        expect((await data()).feeFloat).toBe(feeFloat - toNano('1'));
        expect(transactions).toHaveTransaction({
            from: network.settlement.address, to: network.owner.address, value: toNano('1') - carriageOf(network.chain),
        });
        const order = transactionOf({ transactions }, network.settlement.address);
        expect(spentBy(order)).toBe(toNano('1') + toNano('0.2'));
    });

    it('gives each beneficiary its share', async () => {
        await byOwner(message.setBeneficiaries([[network.client.address, 7_500], [network.stranger.address, 2_500]]));
        const { transactions } = await network.settlement.send(network.owner.getSender(), { value: toNano('0.2') }, {
            $$type: 'ReleaseFees', queryId: 0n, amount: toNano('1'),
        });
        const values = [network.client.address, network.stranger.address].map((to) => valueOf(transactionOf({ transactions }, to)));
        expect(values).toEqual([toNano('0.75') - carriageOf(network.chain), toNano('0.25') - carriageOf(network.chain)]);
    });

    it('of more than the float, by a nanoTON, is refused; of all of it is not', async () => {
        const { feeFloat } = await data();
        expect(await byOwner(message.releaseFees(feeFloat + 1n))).toEqual(refused(Errors.FeeFloat));
        expect((await byOwner(message.releaseFees(feeFloat))).exitCode).toBe(0);
        expect((await data()).feeFloat).toBe(0n);
    });

    it('never takes the reserve: where rent has eaten into the balance, the float gives less', async () => {
        const { reserve } = await data();
        (await network.chain.getContract(network.settlement.address)).balance = reserve + toNano('1');
        expect(await byOwner(message.releaseFees(toNano('1') + 1n))).toEqual(refused(Errors.FeeFloat));
        expect((await byOwner(message.releaseFees(toNano('1')))).exitCode).toBe(0);
        expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(reserve);
    });

    it('of nothing sends back the change', async () => {
        const { feeFloat } = await data();
        expect((await byOwner(message.releaseFees(0n))).exitCode).toBe(0);
        expect((await data()).feeFloat).toBe(feeFloat);
    });

    it('leaves the earnings alone', async () => {
        await network.stranger.send({ to: network.settlement.address, value: toNano('3') });
        const earnings = await network.settlement.getEarnings();
        await byOwner(message.releaseFees(toNano('1')));
        expect(await network.settlement.getEarnings()).toBe(earnings);
    });
});

describe('the owner\'s limits', () => {
    it('are stored, and the change comes back', async () => {
        const { transactions } = await network.settlement.send(network.owner.getSender(), { value: toNano('0.2') }, {
            $$type: 'SetFeeLimits', queryId: 0n, dailyCap: toNano('3'), floatBasisPoints: 1_500n,
        });
        expect(await data()).toMatchObject({ dailyCap: toNano('3'), floatBasisPoints: 1_500n });
        const order = transactionOf({ transactions }, network.settlement.address);
        expect(valueOf(transactionOf({ transactions: transactions.slice(2) }, network.owner.address)))
            .toBe(toNano('0.2') - gasFeesOf(order) - forwardFeesOf(order));
    });

    it('cannot send more than all net earnings to the float', async () => {
        expect(await byOwner(message.setFeeLimits(1n, 10_001n))).toEqual(refused(Errors.BadShares));
        expect((await byOwner(message.setFeeLimits(1n, 10_000n))).exitCode).toBe(0);
    });
});

describe.each(['old', '2026'] as PriceSet[])('least values (prices: %s)', (prices) => {
    it('releasing fees: one nanoTON less is refused; the least value pays for eight shares and the change', async () => {
        const priced = await TestNetwork.create(prices);
        await priced.register();
        const owner = priced.owner.address;
        const to = priced.settlement.address;
        const eight = Array.from({ length: 8 }, (_, index) => [new Address(0, Buffer.alloc(32, index + 1)), 1_250] as [Address, number]);
        await attempt(priced.chain, owner, to, message.setBeneficiaries(eight), toNano('0.5'));
        const least = distributeCost(pricesOf(priced.chain));
        const order = message.releaseFees(toNano('1'));
        expect(await attempt(priced.chain, owner, to, order, least - 1n)).toEqual(refused(Errors.ValueTooLow));
        const before = await priced.settlement.getEarnings();
        expect(await attempt(priced.chain, owner, to, order, least)).toMatchObject({ exitCode: 0 });
        for (const [address] of eight) {
            expect(await priced.balance(address)).toBe(toNano('0.125') - carriageOf(priced.chain));
        }
        expect(await priced.settlement.getEarnings()).toBe(before);
    });
});
