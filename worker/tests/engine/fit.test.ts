import { explainTooLarge } from '../../src/engine/contexts';
import { fits, freeMemory, type FreeMemoryReadings, mostThatFit } from '../../src/engine/fit';

const GiB = 2 ** 30;

/** An H200 with 16 GiB of weights on it, in a machine with 128 GiB. */
const Readings: FreeMemoryReadings = {
    ramAvailable: 100 * GiB,
    mappedWeights: GiB,
    ramReserve: GiB,
    vramTotal: 140 * GiB,
    vramFree: 124 * GiB,
    vramAllocated: 16 * GiB,
    vramReserve: 4 * GiB,
    vramUnified: 0,
};

describe('Free memory', () => {
    it('leaves the reserves, and the mapped weights, which the system counts as available', () => {
        expect(freeMemory(Readings)).toEqual({ ram: 98 * GiB, vram: 120 * GiB, unified: false });
    });

    it('is what is left of the total where the driver keeps no count', () => {
        expect(freeMemory({ ...Readings, vramFree: 140 * GiB }).vram).toBe(120 * GiB);
    });

    it('is what the driver says where other programs use the GPU too', () => {
        expect(freeMemory({ ...Readings, vramFree: 30 * GiB }).vram).toBe(26 * GiB);
    });

    it('is never negative', () => {
        expect(freeMemory({ ...Readings, ramAvailable: 0, vramFree: 0 })).toMatchObject({ ram: 0, vram: 0 });
    });
});

describe('What fits', () => {
    const free = { ram: 10, vram: 10, unified: false };

    it('fits into both memories, together with everything else', () => {
        const half = { ram: 5, vram: 5 };
        expect(fits([half, half], free)).toBe(true);
        expect(fits([half, half, { ram: 1, vram: 0 }], free)).toBe(false);
        expect(fits([half, half, { ram: 0, vram: 1 }], free)).toBe(false);
    });

    it('takes from the RAM for the GPU too where they are one memory', () => {
        const need = { ram: 6, vram: 6 };
        expect(fits([need], free)).toBe(true);
        expect(fits([need], { ...free, unified: true })).toBe(false);
    });
});

describe('The most that fit', () => {
    /** 1 GiB for the graph and half a GiB a slot, as a model with 8B parameters takes for 4096 tokens. */
    const within = (gib: number) => async (slots: number) => 1 + slots / 2 <= gib;

    it.each([
        [120, 64],
        [33, 64],
        [32.9, 63],
        [6, 10],
        [1.5, 1],
        [1.4, 0],
    ])('in %d GiB are %i slots', async (gib, slots) => {
        expect(await mostThatFit(64, within(gib))).toBe(slots);
    });

    it('are found with few questions', async () => {
        let questions = 0;
        await mostThatFit(64, async (slots) => {
            questions += 1;
            return slots <= 37;
        });
        expect(questions).toBeLessThanOrEqual(8);
    });
});

describe('A context that does not fit', () => {
    it.each([
        [37, /^A context for 64 slots of 8192 tokens .*: only 37 fit .* Set at most 37 slots, or a shorter context\.$/],
        [0, /not even one slot fits .* Set a shorter context\.$/],
        [64, /most likely it does not fit/],
        [undefined, /most likely it does not fit/],
    ])('says that %p slots would', (fitting, sentence) => {
        expect(explainTooLarge(64, 8192, fitting)).toMatch(sentence);
    });
});
