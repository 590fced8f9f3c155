/** Most parallel sequences of one context in llama.cpp (LLAMA_MAX_SEQ). */
export const MaxSlots = 256;

/** Where 'auto' stops: beyond it each stream gets slow, and what is generated in a second hardly grows. */
export const MaxAutomaticSlots = 64;

/** Bytes that something takes, or that are free. */
export type Memory = { readonly ram: number; readonly vram: number };

/** What can be handed out. `unified`: the GPU's memory is a part of the RAM, so both come out of the same. */
export type FreeMemory = Memory & { readonly unified: boolean };

/** Whether everything in `needs` together fits into what is free. */
export function fits(needs: readonly Memory[], free: FreeMemory): boolean {
    const vram = needs.reduce((sum, need) => sum + need.vram, 0);
    const ram = needs.reduce((sum, need) => sum + need.ram, 0);
    return vram <= free.vram && ram + (free.unified ? vram : 0) <= free.ram;
}

/**
 * The most of something of which each more takes more memory.
 * @param most where to stop.
 * @param fitsIn whether so many fit; asked for about log2(most) numbers.
 * @returns from 0, when not even one fits, to `most`.
 */
export async function mostThatFit(most: number, fitsIn: (count: number) => Promise<boolean>): Promise<number> {
    let fitting = 0;
    let tooMany = most + 1;
    while (tooMany - fitting > 1) {
        // The best case is tried first: it is the usual one.
        const count = tooMany > most ? most : Math.floor((fitting + tooMany) / 2);
        if (await fitsIn(count)) fitting = count;
        else tooMany = count;
    }
    return fitting;
}

export type FreeMemoryReadings = {
    /** Bytes of RAM that the system could give, the page cache included. */
    readonly ramAvailable: number;
    /** Bytes of mapped weights: they count as page cache, but must stay where they are. */
    readonly mappedWeights: number;
    /** Bytes of RAM to leave to others. */
    readonly ramReserve: number;
    readonly vramTotal: number;
    /** Bytes that the driver says are free; some drivers say the total. */
    readonly vramFree: number;
    /** Bytes that llama.cpp has allocated on the GPU itself. */
    readonly vramAllocated: number;
    /** Bytes of GPU memory to leave free, because estimates are not exact. */
    readonly vramReserve: number;
    /** Bytes of GPU memory that are RAM as well. */
    readonly vramUnified: number;
};

/** @returns what can be handed out, never below 0. */
export function freeMemory(readings: FreeMemoryReadings): FreeMemory {
    const vram = Math.min(readings.vramFree, readings.vramTotal - readings.vramAllocated) - readings.vramReserve;
    const ram = readings.ramAvailable - readings.mappedWeights - readings.ramReserve;
    return { ram: Math.max(0, ram), vram: Math.max(0, vram), unified: readings.vramUnified > 0 };
}
