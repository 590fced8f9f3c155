import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, SendMessageResult } from '@ton/sandbox';
import '@ton/test-utils';
import { Errors, MeasurementCatalog, packNote } from '../../wrappers';
import { bounceFeesOf, gasFeesOf, sendAs } from '../support/chain';
import { Delay, LongestNote, MaxMeasurements, measurementOf, TestCatalog } from './catalog';

const Value = toNano('0.2');
const [One, Two] = [measurementOf(1), measurementOf(2)];

describe('Curating', () => {
    let catalog: TestCatalog;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        catalog = await TestCatalog.deployed();
        start = catalog.chain.snapshot();
    });
    beforeEach(() => catalog.chain.loadFrom(start));

    const trusted = (measurement: bigint) => catalog.contract.getIsTrusted(measurement);
    const entry = (measurement: bigint) => catalog.contract.getMeasurementData(measurement);
    const pass = (seconds: number) => { catalog.chain.now! += seconds; };
    const now = () => BigInt(catalog.chain.now!);

    /** The message failed with this code, nothing changed, and the sender got everything back but the fees. */
    async function refused(action: () => Promise<SendMessageResult>, code: number, from: Address = catalog.curator.address): Promise<void> {
        const before = await catalog.data();
        const result = await action();
        const refusal = catalog.in(result);
        expect(result.transactions).toHaveTransaction({ on: catalog.address, exitCode: code, outMessagesCount: 1 });
        expect(result.transactions).toHaveTransaction({
            on: from, inMessageBounced: true, value: Value - gasFeesOf(refusal) - bounceFeesOf(refusal),
        });
        expect(await catalog.data()).toEqualCell(before!);
    }

    describe('adding', () => {
        it('announces a measurement with its note and the time from which it is trusted', async () => {
            await catalog.add(One);
            expect(await entry(One)).toMatchObject({ listed: true, trusted: false, effectiveFrom: now() + BigInt(Delay) });
            expect((await entry(One)).note).toEqualCell(packNote(LongestNote));
            expect(await entry(Two)).toMatchObject({ listed: false, trusted: false, effectiveFrom: 0n, note: null });
            const { count, measurements } = await catalog.contract.getCatalogData();
            expect([count, measurements.keys()]).toEqual([1n, [One]]);
        });

        it('is the curator\'s alone', () =>
            refused(() => catalog.add(One, catalog.stranger), Errors.AccessDenied, catalog.stranger.address));

        it('is refused to the account with the curator\'s own hash in the masterchain', async () => {
            const twin = new Address(-1, catalog.curator.address.hash);
            const body = beginCell().store(MeasurementCatalog.storeAddMeasurement({
                $$type: 'AddMeasurement', queryId: 0n, measurement: One, note: packNote('a'),
            })).endCell();
            expect((await sendAs(catalog.chain, twin, catalog.address, Value, body)).transactions)
                .toHaveTransaction({ on: catalog.address, exitCode: Errors.NotBasechain });
        });

        it.each<[string, Cell]>([
            ['no byte', Cell.EMPTY],
            ['7 bits', beginCell().storeUint(1, 7).endCell()],
            ['127 bytes and 1 bit', beginCell().storeBuffer(Buffer.alloc(127)).storeBit(1).endCell()],
            ['a second cell', beginCell().storeUint(1, 8).storeRef(Cell.EMPTY).endCell()],
        ])('threat: malformed cell: a note of %s is refused', (_, note) =>
            refused(() => catalog.add(One, catalog.curator, note), Errors.BadNote));

        it.each([1, 127])('takes a note of %i bytes', async (bytes) => {
            await catalog.add(One, catalog.curator, packNote('y'.repeat(bytes)));
            expect((await entry(One)).listed).toBe(true);
        });

        it('takes 64 measurements and not one more, until one is removed', async () => {
            await catalog.fill(Array.from({ length: MaxMeasurements - 1 }, (_, n) => measurementOf(n + 100)));
            await catalog.add(One);
            expect((await catalog.contract.getCatalogData()).count).toBe(BigInt(MaxMeasurements));
            await refused(() => catalog.add(Two), Errors.CatalogFull);
            await catalog.remove(One);
            await catalog.add(Two);
            const { count, measurements } = await catalog.contract.getCatalogData();
            expect([count, measurements.size, measurements.has(Two)]).toEqual([64n, 64, true]);
        });
    });

    describe('threat: curator key stolen: a measurement', () => {
        it('is not trusted one second before the delay has ended, and is at its end', async () => {
            await catalog.add(One);
            pass(Delay - 1);
            expect([await trusted(One), (await entry(One)).trusted]).toEqual([false, false]);
            pass(1);
            expect([await trusted(One), (await entry(One)).trusted]).toEqual([true, true]);
            expect(await trusted(Two)).toBe(false);
        });

        it('has a delay of its own', async () => {
            await catalog.add(One);
            pass(1000);
            await catalog.add(Two);
            pass(Delay - 1000);
            expect([await trusted(One), await trusted(Two)]).toEqual([true, false]);
            pass(1000);
            expect([await trusted(One), await trusted(Two)]).toEqual([true, true]);
        });

        it.each([['announced', Delay - 1], ['trusted', Delay]])('that is %s cannot be listed again, so neither its time nor its note moves', async (_, seconds) => {
            await catalog.add(One);
            const before = await entry(One);
            pass(seconds);
            await refused(() => catalog.add(One, catalog.curator, packNote('another')), Errors.AlreadyListed);
            expect((await entry(One)).effectiveFrom).toBe(before.effectiveFrom);
        });

        it('that was removed and is added again waits the whole delay anew', async () => {
            await catalog.add(One);
            pass(Delay - 1);
            await catalog.remove(One);
            await catalog.add(One);
            pass(Delay - 1);
            expect(await trusted(One)).toBe(false);
            pass(1);
            expect(await trusted(One)).toBe(true);
        });

        it('that a thief announces never comes to be trusted when the curator strikes it in time', async () => {
            await catalog.add(One);
            pass(Delay - 1);
            await catalog.remove(One);
            pass(10 * Delay);
            expect(await trusted(One)).toBe(false);
        });
    });

    describe('removing', () => {
        it.each([['announced', 0], ['trusted', Delay]])('strikes a measurement that is %s from the same second on', async (_, seconds) => {
            await catalog.add(One);
            await catalog.add(Two);
            pass(seconds);
            await catalog.remove(One);
            expect(await entry(One)).toMatchObject({ listed: false, trusted: false, note: null });
            expect(await entry(Two)).toMatchObject({ listed: true, trusted: seconds === Delay });
            expect((await catalog.contract.getCatalogData()).count).toBe(1n);
        });

        it('is the curator\'s alone', async () => {
            await catalog.add(One);
            await refused(() => catalog.remove(One, catalog.stranger), Errors.AccessDenied, catalog.stranger.address);
        });

        it('of what is not listed is refused', async () => {
            await refused(() => catalog.remove(One), Errors.NotListed);
            await catalog.add(One);
            await catalog.remove(One);
            await refused(() => catalog.remove(One), Errors.NotListed);
        });
    });

    describe('closing', () => {
        it('strikes everything at once, and for ever', async () => {
            await catalog.add(One);
            pass(Delay);
            await catalog.add(Two);
            await catalog.close();
            expect(await catalog.contract.getCatalogData()).toMatchObject({ closed: true, count: 0n });
            expect([await trusted(One), (await entry(One)).listed, (await entry(Two)).listed]).toEqual([false, false, false]);
            await refused(() => catalog.add(One), Errors.CatalogClosed);
            pass(100 * Delay);
            expect([await trusted(One), await trusted(Two)]).toEqual([false, false]);
            await refused(() => catalog.add(Two), Errors.CatalogClosed);
            await refused(() => catalog.remove(One), Errors.NotListed);
        });

        it('is the curator\'s alone, and may be repeated', async () => {
            await refused(() => catalog.close(catalog.stranger), Errors.AccessDenied, catalog.stranger.address);
            await catalog.close();
            const result = await catalog.close();
            expect(result.transactions).toHaveTransaction({ on: catalog.address, success: true });
            expect((await catalog.contract.getCatalogData()).closed).toBe(true);
        });

        it('leaves the curator its surplus', async () => {
            await catalog.close();
            await catalog.withdraw();
            expect(await catalog.balance()).toBe((await catalog.contract.getCatalogData()).reserve);
        });
    });
});
