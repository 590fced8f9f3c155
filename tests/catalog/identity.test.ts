import { beginCell, Cell, contractAddress, toNano } from '@ton/core';
import '@ton/test-utils';
import {
    accountOf, catalogDeployment, codeOf, Errors, MeasurementCatalog, packNote, trusts, unpackCatalog,
} from '../../wrappers';
import { Start } from '../support/network';
import { Delay, measurementOf, TestCatalog } from './catalog';

const One = measurementOf(1);
const MaxDelay = 2_592_000;

describe('The address of a catalog', () => {
    let catalog: TestCatalog;

    beforeAll(async () => {
        catalog = await TestCatalog.create();
    });

    it('differs with curator, salt and delay', async () => {
        const { curator, stranger } = catalog;
        const all = await Promise.all([
            catalogDeployment(curator.address, 1n, Delay), catalogDeployment(stranger.address, 1n, Delay),
            catalogDeployment(curator.address, 2n, Delay), catalogDeployment(curator.address, 1n, Delay + 1),
        ]);
        expect(new Set(all.map(({ address }) => address.toRawString())).size).toBe(4);
        expect(all[0].address).toEqualAddress(catalog.address);
    });

    it.each([0, 1, 86_399, MaxDelay + 1, 2 ** 32 - 1, NaN])('a delay of %d seconds has none', (delay) =>
        expect(catalogDeployment(catalog.curator.address, 1n, delay)).rejects.toThrow(RangeError));

    /** Deploys an account with the catalog's code and these initial data. */
    async function deployed(data: Cell) {
        const init = { code: await codeOf('MeasurementCatalog'), data };
        const contract = catalog.chain.openContract(
            new MeasurementCatalog.MeasurementCatalog(contractAddress(0, init), init),
        );
        await contract.send(catalog.stranger.getSender(), { value: toNano('1') }, null);
        return contract;
    }

    const identity = (delay: number) => beginCell()
        .storeUint(accountOf(catalog.curator.address), 256).storeUint(5, 64).storeUint(delay, 32).asSlice();

    it.each([86_400, MaxDelay])('with a delay of %d seconds it works', async (delay) => {
        const contract = await deployed(beginCell().storeUint(0, 10).storeSlice(identity(delay)).endCell());
        const result = await contract.send(catalog.curator.getSender(), { value: toNano('0.2') }, {
            $$type: 'AddMeasurement', queryId: 0n, measurement: One, note: packNote('a'),
        });
        expect(result.transactions).toHaveTransaction({ on: contract.address, success: true });
        expect((await contract.getMeasurementData(One)).effectiveFrom).toBe(BigInt(Start + delay));
    });

    it.each([0, 86_399, MaxDelay + 1])('threat: curator key stolen: with a delay of %d seconds it lists nothing and answers nothing', async (delay) => {
        const contract = await deployed(beginCell().storeUint(0, 10).storeSlice(identity(delay)).endCell());
        const result = await contract.send(catalog.curator.getSender(), { value: toNano('0.2') }, {
            $$type: 'AddMeasurement', queryId: 0n, measurement: One, note: packNote('a'),
        });
        expect(result.transactions).toHaveTransaction({ on: contract.address, exitCode: Errors.BadDelay });
        await expect(contract.getIsTrusted(One)).rejects.toThrow(String(Errors.BadDelay));
        await expect(contract.getCatalogData()).rejects.toThrow(String(Errors.BadDelay));
    });

    it('threat: a list that nobody announced: an account whose initial data trust a measurement answers nothing', async () => {
        const genuine = await TestCatalog.deployed();
        await genuine.fill([One], Start - 1);
        const contract = await deployed((await genuine.data())!);
        for (const answer of [contract.getIsTrusted(One), contract.getMeasurementData(One), contract.getCatalogData()]) {
            await expect(answer).rejects.toThrow(String(Errors.NotGenuine));
        }
    });

    it('threat: a list that nobody announced: nor does one that began closed or with a count', async () => {
        for (const first of [0b10_0000_0000, 0b00_0000_0010]) {
            const contract = await deployed(beginCell().storeUint(first, 10).storeSlice(identity(Delay)).endCell());
            await expect(contract.getCatalogData()).rejects.toThrow(String(Errors.NotGenuine));
        }
    });
});

describe('Reading a catalog', () => {
    it('gives curator, terms and list as the wrappers unpack them', async () => {
        const catalog = await TestCatalog.create();
        await catalog.add(One, catalog.curator, packNote('https://example.org/image v1'));
        catalog.chain.now! += 10;
        await catalog.add(measurementOf(2), catalog.curator, packNote('ü'));
        const read = unpackCatalog(await catalog.contract.getCatalogData());
        expect(read.curator).toEqualAddress(catalog.curator.address);
        expect(read).toMatchObject({ salt: 1n, delay: Delay, closed: false });
        const bytes = (n: number) => Buffer.from(measurementOf(n).toString(16).padStart(64, '0'), 'hex');
        expect(read.measurements).toEqual([
            { measurement: bytes(1), effectiveFrom: Start + Delay, note: 'https://example.org/image v1' },
            { measurement: bytes(2), effectiveFrom: Start + 10 + Delay, note: 'ü' },
        ].sort((a, b) => a.measurement.compare(b.measurement)));
        for (const [n, now] of [[1, Start + Delay - 1], [1, Start + Delay], [2, Start + Delay], [3, Start + 9 * Delay]]) {
            catalog.chain.now = now;
            expect(trusts(read, bytes(n), now)).toBe(await catalog.contract.getIsTrusted(measurementOf(n)));
        }
        expect(trusts(read, bytes(1), Start + Delay)).toBe(true);
    });

    it('of a note: 1 to 127 bytes, counted in UTF-8', () => {
        expect(() => packNote('')).toThrow(RangeError);
        expect(() => packNote('ü'.repeat(64))).toThrow('A note has 1 to 127 bytes');
        expect(packNote('ü'.repeat(63)).bits.length).toBe(63 * 16);
    });
});
