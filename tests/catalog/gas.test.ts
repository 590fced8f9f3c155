import '@ton/test-utils';
import { exitCodeOf, gasOf } from '../support/chain';
import { deepest, measurementOf, TestCatalog } from './catalog';

type Gas = { add: bigint; remove: bigint; close: bigint; read: bigint };

/** What each operation takes in a catalog that lists `size` others. */
async function gasAt(size: number, measurement = measurementOf): Promise<Gas> {
    const catalog = await TestCatalog.deployed();
    await catalog.fill(Array.from({ length: size }, (_, n) => measurement(n)));
    const added = catalog.in(await catalog.add(measurement(size)));
    const { gasUsed } = await catalog.chain.runGetMethod(catalog.address, 'is_trusted', [{ type: 'int', value: measurement(size) }]);
    const removed = catalog.in(await catalog.remove(measurement(size)));
    const closed = catalog.in(await catalog.close());
    expect([added, removed, closed].map(exitCodeOf)).toEqual([0, 0, 0]);
    return { add: gasOf(added), remove: gasOf(removed), close: gasOf(closed), read: gasUsed };
}

describe('Gas of a catalog', () => {
    it('hardly grows with what it lists: the 64th measurement costs at most 6,000 gas more than the first', async () => {
        const gas = await Promise.all([0, 1, 16, 32, 63].map((size) => gasAt(size)));
        if (process.env.SHOW_FIGURES) {
            console.log(gas);
        }
        const [first, last] = [gas[0], gas[gas.length - 1]];
        expect(last.add - first.add).toBeLessThan(6_000n);
        expect(last.remove - first.remove).toBeLessThan(6_000n);
        expect(last.read - first.read).toBeLessThan(1_000n);
        expect(new Set(gas.map(({ close }) => close)).size).toBe(1);
        expect(last.add).toBeLessThan(14_000n);
    });

    it('is bounded even for measurements that no hash could be: at most 50,000', async () => {
        const { add, remove, read } = await gasAt(63, deepest);
        expect([add < 50_000n, remove < 50_000n, read < 12_000n]).toEqual([true, true, true]);
    });
});
