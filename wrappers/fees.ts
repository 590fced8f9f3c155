import { beginCell, Cell, Dictionary, Slice } from '@ton/core';

/**
 * Basechain prices as they stand in the chain's configuration. Those that are times 2^16 are kept as they are, so that
 * the functions below round like the virtual machine.
 */
export type ChainPrices = {
    /** Parameter 18: nanoTON x 2^16 for one bit, and one cell, kept for one second. */
    readonly storage: { readonly bit: bigint; readonly cell: bigint };
    /** Parameter 21: nanoTON x 2^16 for one gas; the first `flatLimit` gas cost `flatPrice` nanoTON together. */
    readonly gas: { readonly price: bigint; readonly flatLimit: bigint; readonly flatPrice: bigint };
    /** Parameter 25: nanoTON for a message, and nanoTON x 2^16 for each bit and each cell below its root. */
    readonly forward: { readonly lump: bigint; readonly bit: bigint; readonly cell: bigint };
};

/** Numbers of the configuration parameters that hold the basechain's prices. */
export const PriceParameters = { storage: 18, gas: 21, forward: 25 } as const;

/** In force since 2026-04-29, as published; `npx blueprint run readPrices` compares with a live network. */
export const PricesSince2026: ChainPrices = {
    storage: { bit: 0n, cell: 135n },
    gas: { price: 4_369_067n, flatLimit: 100n, flatPrice: 6_667n },
    forward: { lump: 66_667n, bit: 4_369_067n, cell: 436_906_667n },
};

/** In force until 2026-04-29. */
export const PricesUntil2026: ChainPrices = {
    storage: { bit: 1n, cell: 500n },
    gas: { price: 26_214_400n, flatLimit: 100n, flatPrice: 40_000n },
    forward: { lump: 400_000n, bit: 26_214_400n, cell: 2_621_440_000n },
};

/**
 * @param parameters the cells of configuration parameters 18, 21 and 25.
 * @param now unix seconds of the chain: parameter 18 lists prices with the time from which they hold.
 * @throws Error when a parameter has another layout.
 */
export function parseChainPrices(parameters: { storage: Cell; gas: Cell; forward: Cell }, now: number): ChainPrices {
    return {
        storage: parseStorage(parameters.storage, now),
        gas: parseGas(parameters.gas.beginParse()),
        forward: parseForward(parameters.forward.beginParse()),
    };
}

/**
 * @param config the whole configuration: a dictionary of parameters by number.
 * @param now unix seconds of the chain.
 * @throws Error when parameter 18, 21 or 25 is missing or has another layout.
 */
export function chainPricesOf(config: Cell, now: number): ChainPrices {
    const all = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), config);
    const parameter = (id: number): Cell => {
        const cell = all.get(id);
        if (cell === undefined) {
            throw new Error(`Configuration parameter ${id} is missing: expected the configuration of a TON network.`);
        }
        return cell;
    };
    const { storage, gas, forward } = PriceParameters;
    return parseChainPrices({ storage: parameter(storage), gas: parameter(gas), forward: parameter(forward) }, now);
}

/** As GETSTORAGEFEE. @returns nanoTON for keeping `cells` and `bits` for `seconds`, rounded up. */
export function storageFee({ storage }: ChainPrices, cells: bigint, bits: bigint, seconds: bigint): bigint {
    return divideUp((storage.cell * cells + storage.bit * bits) * seconds);
}

/** As GETGASFEE (getComputeFee). @returns nanoTON for `gas`, rounded up. */
export function computeFee({ gas: { price, flatLimit, flatPrice } }: ChainPrices, gas: bigint): bigint {
    return gas <= flatLimit ? flatPrice : flatPrice + divideUp((gas - flatLimit) * price);
}

/**
 * As GETFORWARDFEE.
 * @param cells cells below the root of the message; each different one counts once.
 * @param bits bits in these cells.
 * @returns nanoTON for a message, rounded up.
 */
export function forwardFee({ forward }: ChainPrices, cells: bigint, bits: bigint): bigint {
    return forward.lump + divideUp(forward.cell * cells + forward.bit * bits);
}

function divideUp(value: bigint): bigint {
    return (value + 0xffffn) >> 16n;
}

// Layouts: block.tlb of the reference implementation.

function parseStorage(cell: Cell, now: number): ChainPrices['storage'] {
    const periods = Dictionary.loadDirect(Dictionary.Keys.Uint(32), Dictionary.Values.BitString(296), cell);
    const started = periods.keys().filter((since) => since <= now);
    if (started.length === 0) {
        throw new Error(
            `Configuration parameter 18 has no price that holds at ${now}: expected unix seconds of the chain.`,
        );
    }
    const period = beginCell()
        .storeBits(periods.get(Math.max(...started))!)
        .asSlice();
    expectTag(period.loadUint(8), [0xcc], PriceParameters.storage);
    period.skip(32);
    return { bit: period.loadUintBig(64), cell: period.loadUintBig(64) };
}

function parseGas(slice: Slice): ChainPrices['gas'] {
    let flat = { flatLimit: 0n, flatPrice: 0n };
    if (slice.preloadUint(8) === 0xd1) {
        slice.skip(8);
        flat = { flatLimit: slice.loadUintBig(64), flatPrice: slice.loadUintBig(64) };
    }
    expectTag(slice.loadUint(8), [0xdd, 0xde], PriceParameters.gas);
    return { price: slice.loadUintBig(64), ...flat };
}

function parseForward(slice: Slice): ChainPrices['forward'] {
    expectTag(slice.loadUint(8), [0xea], PriceParameters.forward);
    return { lump: slice.loadUintBig(64), bit: slice.loadUintBig(64), cell: slice.loadUintBig(64) };
}

function expectTag(found: number, expected: number[], parameter: number): void {
    if (!expected.includes(found)) {
        const hex = (tag: number) => '0x' + tag.toString(16);
        throw new Error(
            `Configuration parameter ${parameter} begins with ${hex(found)}, expected ` +
                `${expected.map(hex).join(' or ')}: its layout has changed, and these prices cannot be read.`,
        );
    }
}
