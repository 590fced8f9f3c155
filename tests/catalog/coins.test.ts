import { beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, SendMessageResult } from '@ton/sandbox';
import '@ton/test-utils';
import { addMeasurementValue, catalogReserve, Errors, MeasurementCatalog, packNote } from '../../wrappers';
import {
    actionCodeOf, bounceFeesOf, computeFee, exitCodeOf, forwardFee, gasFeesOf, gasOf, operation, pricesOf, rentOf, sendAs, valueOf,
} from '../support/chain';
import { PriceSet } from '../support/prices';
import { deepest, measurementOf, TestCatalog } from './catalog';

const Value = toNano('0.2');
const Year = 31_536_000;
const One = measurementOf(1);
const Opcodes = { AddMeasurement: 0x5ecc0001, RemoveMeasurement: 0x5ecc0002 };

describe.each<PriceSet>(['old', '2026'])('A catalog at the prices of %s', (prices) => {
    let catalog: TestCatalog;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        catalog = await TestCatalog.create(prices);
        start = catalog.chain.snapshot();
    });
    beforeEach(() => catalog.chain.loadFrom(start));

    const reserve = () => catalogReserve(pricesOf(catalog.chain));
    const cost = () => addMeasurementValue(pricesOf(catalog.chain), reserve());
    const hold = async (coins: bigint) => {
        await catalog.contract.send(catalog.stranger.getSender(), { value: toNano('1') }, null);
        (await catalog.chain.getContract(catalog.address)).balance = coins;
    };
    /** The sender got everything back but the fees. */
    function bounced(result: SendMessageResult, value: bigint, code: number): void {
        const refusal = catalog.in(result);
        expect(exitCodeOf(refusal)).toBe(code);
        expect(result.transactions).toHaveTransaction({
            on: catalog.curator.address, inMessageBounced: true, value: value - gasFeesOf(refusal) - bounceFeesOf(refusal),
        });
    }
    /** The sender got everything back but the fees and what was kept. */
    function changed(result: SendMessageResult, value: bigint, kept = 0n): void {
        const done = catalog.in(result);
        expect([exitCodeOf(done), actionCodeOf(done)]).toEqual([0, 0]);
        expect(result.transactions).toHaveTransaction({
            from: catalog.address, to: catalog.curator.address, inMessageBounceable: false,
            value: value - kept - gasFeesOf(done) - forwardFee(catalog.chain),
        });
    }
    it('is deployed by its first addition, which fills the reserve to the nanoTON and returns the rest', async () => {
        const value = reserve() + cost() + 5n;
        changed(await catalog.add(One, catalog.curator, packNote('a'), value), value, reserve());
        expect(await catalog.balance()).toBe(reserve());
    });

    it.each([0n, 1n, 1_000_000n])('with %s nanoTON takes an addition with exactly what it asks for, and refuses one nanoTON less', async (held) => {
        await hold(held);
        const value = await catalog.contract.getAdditionValue();
        expect(value).toBe(reserve() - held + cost());
        bounced(await catalog.add(One, catalog.curator, packNote('a'), value - 1n), value - 1n, Errors.ValueTooLow);
        expect(await catalog.balance()).toBe(held);
        changed(await catalog.add(One, catalog.curator, packNote('a'), value), value, reserve() - held);
        expect(await catalog.balance()).toBe(reserve());
    });

    it('with its reserve or more keeps nothing of an addition', async () => {
        for (const [n, held] of [reserve(), reserve() + 1n, toNano('3')].entries()) {
            await hold(held);
            expect(await catalog.contract.getAdditionValue()).toBe(cost());
            bounced(await catalog.add(measurementOf(n), catalog.curator, packNote('a'), cost() - 1n), cost() - 1n, Errors.ValueTooLow);
            changed(await catalog.add(measurementOf(n), catalog.curator, packNote('a'), cost()), cost());
            expect(await catalog.balance()).toBe(held);
        }
    });

    it('threat: coins of a message stay behind when the action phase fails: an addition that costs more gas than its budget returns', async () => {
        await hold(0n);
        await catalog.fill(Array.from({ length: 63 }, (_, n) => deepest(n)));
        const before = await catalog.data();
        const value = await catalog.contract.getAdditionValue();
        const result = await catalog.add(deepest(63), catalog.curator, packNote('a'), value);
        const refusal = catalog.in(result);
        expect([exitCodeOf(refusal), actionCodeOf(refusal)]).toEqual([0, Errors.NotEnoughCoins]);
        expect(result.transactions).toHaveTransaction({ on: catalog.curator.address, inMessageBounced: true, value: (back) => back! > reserve() * 9n / 10n });
        expect(await catalog.data()).toEqualCell(before!);
        changed(await catalog.add(deepest(63), catalog.curator, packNote('a'), toNano('1')), toNano('1'), reserve());
    });

    it('returns the change of a removal and of closing', async () => {
        await hold(reserve());
        await catalog.add(One);
        changed(await catalog.remove(One), Value);
        changed(await catalog.close(), Value);
        expect(await catalog.balance()).toBe(reserve());
    });

    it('threat: compute succeeded, action failed: strikes a measurement even when the value pays its gas and nothing more', async () => {
        await hold(reserve());
        await catalog.add(One);
        const removal = (value: bigint) => catalog.send({ $$type: 'RemoveMeasurement', queryId: 0n, measurement: One }, catalog.curator, value);
        const listed = catalog.chain.snapshot();
        const gas = gasOf(catalog.in(await removal(Value)));
        await catalog.chain.loadFrom(listed);
        const struck = catalog.in(await removal(computeFee(catalog.chain, gas) + 1n));
        expect([exitCodeOf(struck), actionCodeOf(struck), struck.outMessagesCount]).toEqual([0, 0, 0]);
        expect((await catalog.contract.getMeasurementData(One)).listed).toBe(false);
    });

    it.each([['bounceable', true], ['not bounceable', false]])('threat: death by rent: owing rent, it strikes a measurement and closes, with a message that is %s', async (_, bounce) => {
        await hold(0n);
        await catalog.add(One);
        (await catalog.chain.getContract(catalog.address)).balance = 0n;
        catalog.chain.now! += prices === '2026' ? 3 * Year : Year / 2;
        const remove = beginCell().store(MeasurementCatalog.storeRemoveMeasurement({ $$type: 'RemoveMeasurement', queryId: 0n, measurement: One })).endCell();
        const removal = catalog.in(await sendAs(catalog.chain, catalog.curator.address, catalog.address, toNano('0.1'), remove, { bounce }));
        expect(rentOf(removal).due + rentOf(removal).paid).toBeGreaterThan(0n);
        expect([exitCodeOf(removal), actionCodeOf(removal)]).toEqual([0, 0]);
        expect((await catalog.contract.getMeasurementData(One)).listed).toBe(false);
        await catalog.close();
        expect((await catalog.contract.getCatalogData()).closed).toBe(true);
    });

    it('threat: death by rent: tells how long it lasts, and with 64 measurements lives at least that long; anyone may prolong it', async () => {
        await hold(toNano('5'));
        await catalog.fill(Array.from({ length: 63 }, (_, n) => measurementOf(n)));
        await catalog.add(measurementOf(63));
        await catalog.withdraw();
        const runway = Number(await catalog.contract.getRunway());
        expect(runway).toBeGreaterThanOrEqual(Year - 1);
        catalog.chain.now! += runway;
        const result = await sendAs(catalog.chain, catalog.stranger.address, catalog.address, toNano('0.3'));
        expect(rentOf(catalog.in(result)).due).toBe(0n);
        expect(catalog.in(result)).toMatchObject({ oldStatus: 'active', endStatus: 'active' });
        expect(await catalog.contract.getRunway()).toBeGreaterThan(BigInt(Year));
        expect(await catalog.contract.getIsTrusted(measurementOf(63))).toBe(true);
    });

    it('gives its curator what is above the reserve, and nobody else', async () => {
        await hold(reserve() + toNano('1'));
        const stolen = await catalog.withdraw(catalog.stranger);
        expect(exitCodeOf(catalog.in(stolen))).toBe(Errors.AccessDenied);
        changed(await catalog.withdraw(), Value, -toNano('1'));
        expect(await catalog.balance()).toBe(reserve());
        bounced(await catalog.withdraw(), Value, Errors.NothingToWithdraw);
    });

    it('threat: coins of a message stay behind when the action phase fails: a surplus that is not worth its message is refused', async () => {
        for (const [surplus, code] of [[forwardFee(catalog.chain), Errors.NothingToWithdraw], [forwardFee(catalog.chain) + 1n, 0]] as const) {
            await hold(reserve() + surplus);
            const result = await catalog.withdraw();
            expect([exitCodeOf(catalog.in(result)), await catalog.balance()]).toEqual([code, code === 0 ? reserve() : reserve() + surplus]);
        }
    });

    it('never counts the value that comes with a withdrawal as its own', async () => {
        await hold(reserve() - 1n);
        bounced(await catalog.withdraw(catalog.curator, toNano('5')), toNano('5'), Errors.NothingToWithdraw);
    });
});

describe('threat: unknown operation, empty body, malformed cell, extra bits or references: a catalog', () => {
    let catalog: TestCatalog;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        catalog = await TestCatalog.deployed();
        await catalog.add(One);
        start = catalog.chain.snapshot();
    });
    beforeEach(() => catalog.chain.loadFrom(start));

    async function returned(body: Cell, code: number): Promise<void> {
        const [data, balance] = [await catalog.data(), await catalog.balance()];
        const result = await catalog.curator.send({ to: catalog.address, value: Value, body });
        const refusal = catalog.in(result);
        expect(exitCodeOf(refusal)).toBe(code);
        expect(result.transactions).toHaveTransaction({
            on: catalog.curator.address, inMessageBounced: true, value: Value - gasFeesOf(refusal) - bounceFeesOf(refusal),
        });
        expect(await catalog.data()).toEqualCell(data!);
        expect(await catalog.balance()).toBe(balance);
    }

    it.each(['0x5ecc0000', '0x5ecc0005', '0xffffffff', '0x00000001'])('returns operation %s', (code) =>
        returned(operation(Number(code)), Errors.InvalidIncomingMessage));
    it('returns a text comment', () =>
        returned(beginCell().storeUint(0, 32).storeStringTail('hello').endCell(), Errors.InvalidIncomingMessage));
    it.each(Object.entries(Opcodes))('returns %s without its fields', (_, code) => returned(operation(code), Errors.CellUnderflow));
    it('returns AddMeasurement without a note', () =>
        returned(beginCell().storeUint(Opcodes.AddMeasurement, 32).storeUint(0, 64).storeUint(9, 256).endCell(), Errors.CellUnderflow));

    it.each([['nothing', Cell.EMPTY], ['the operation 0 alone', operation(0)], ['a single bit', beginCell().storeBit(1).endCell()]])(
        'takes a message of %s as a gift for the rent, which moves nothing', async (_, body) => {
            const [data, balance] = [await catalog.data(), await catalog.balance()];
            const gift = catalog.in(await catalog.stranger.send({ to: catalog.address, value: Value, body }));
            expect(exitCodeOf(gift)).toBe(0);
            expect(await catalog.balance()).toBe(balance + valueOf(gift) - gasFeesOf(gift));
            expect(await catalog.data()).toEqualCell(data!);
        });

    it('takes a bounced message for nothing but its coins, even with the body of a removal', async () => {
        const data = await catalog.data();
        const contract = await catalog.chain.getContract(catalog.address);
        const transaction = await contract.receiveMessage({
            info: {
                type: 'internal', ihrDisabled: true, bounce: false, bounced: true, src: catalog.curator.address,
                dest: catalog.address, value: { coins: Value }, ihrFee: 0n, forwardFee: 0n, createdLt: catalog.chain.lt, createdAt: 0,
            },
            body: beginCell().storeUint(0xffffffff, 32).storeUint(Opcodes.RemoveMeasurement, 32).storeUint(0, 64).storeUint(One, 256).endCell(),
        });
        expect([exitCodeOf(transaction), transaction.outMessagesCount]).toEqual([0, 0]);
        expect(await catalog.data()).toEqualCell(data!);
    });

    it('is moved by no stranger\'s coins: a gift shortens no delay', async () => {
        const { effectiveFrom } = await catalog.contract.getMeasurementData(One);
        await catalog.contract.send(catalog.stranger.getSender(), { value: Value }, null);
        expect((await catalog.contract.getMeasurementData(One)).effectiveFrom).toBe(effectiveFrom);
        catalog.chain.now = Number(effectiveFrom) - 1;
        expect(await catalog.contract.getIsTrusted(One)).toBe(false);
    });
});
