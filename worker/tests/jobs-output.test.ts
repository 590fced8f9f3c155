import { describe, expect, test } from '@jest/globals';
import { DeclineReason } from '@ton-compute/contracts';
import { JobDeclined } from '../src/jobs/declined';
import { storeOutput } from '../src/jobs/output';
import { StoreTrouble } from '../src/jobs/store-error';
import { AllowedStores } from '../src/jobs/stores';

/** A store that answers as told; only what `storeOutput` asks of it. */
function store(write: () => void, read: () => Buffer): { stores: AllowedStores; writes: () => number } {
    let writes = 0;
    const stores = {
        write: async () => {
            writes += 1;
            write();
        },
        read: async () => read(),
    } as unknown as AllowedStores;
    return { stores, writes: () => writes };
}

function trouble(): never {
    throw new StoreTrouble('trouble', 'The store does not answer.');
}

const bytes = Buffer.from('sealed output');
const urls = { writeUrl: 'https://store.example/out', readUrl: 'https://store.example/out' };

/** @param now what the clock shows from one try to the next. */
const send = (stores: AllowedStores, now: number[]) =>
    storeOutput(stores, urls, bytes, { until: 100, now: () => now.shift() ?? 100, onTrouble: () => undefined }, new AbortController().signal);

describe('bringing the output to the store', () => {
    test('ends when the store shows what was written', async () => {
        const { stores, writes } = store(() => undefined, () => bytes);
        await send(stores, [0]);
        expect(writes()).toBe(1);
    });

    test('is tried again while the store does not take it', async () => {
        let tries = 0;
        const { stores, writes } = store(() => void (++tries === 1 && trouble()), () => (tries === 1 ? trouble() : bytes));
        await send(stores, [0, 0]);
        expect(writes()).toBe(2);
    });

    test('is given up shortly before the deadline when the store never took it', async () => {
        const { stores } = store(trouble, trouble);
        const error = await send(stores, [100]).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(JobDeclined);
        expect((error as JobDeclined).reason).toBe(DeclineReason.StoreRefused);
    });

    test.each([
        ['nothing', trouble],
        ['other bytes', () => Buffer.from('other bytes')],
    ])('threat: a store that took the output and shows %s does not get the work for nothing', async (_what, read) => {
        const { stores } = store(() => undefined, read);
        await expect(send(stores, [100])).resolves.toBeUndefined();
    });
});
