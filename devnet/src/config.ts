import { beginCell, Cell, Dictionary } from '@ton/core';
import { baseConfig } from './baseConfig';
import { PriceSet } from './defaults';

/** Basechain prices as they stand in configuration parameters 18, 21 and 25. */
export interface Prices {
    /** Parameter 21: nanoTON x 2^16 for one unit of gas. */
    readonly gas: bigint;
    /** Parameter 21: nanoTON for the first `flatGasLimit` units of gas. */
    readonly flatGas: bigint;
    /** Parameter 21: units of gas. */
    readonly flatGasLimit: bigint;
    /** Parameter 25: nanoTON for a message, whatever its size. */
    readonly forwardLump: bigint;
    /** Parameter 25: nanoTON x 2^16 for one bit of a message. */
    readonly forwardBit: bigint;
    /** Parameter 25: nanoTON x 2^16 for one cell of a message. */
    readonly forwardCell: bigint;
    /** Parameter 18: nanoTON x 2^16 for one bit kept for one second. */
    readonly storageBit: bigint;
    /** Parameter 18: nanoTON x 2^16 for one cell kept for one second. */
    readonly storageCell: bigint;
}

/**
 * Prices since 2026-04-29, six times lower than before.
 *
 * Source: two public repositories with copies of the configuration and press reports of the vote, not a live node.
 * Whoever can reach one should compare with `getConfigParam` 18, 21 and 25.
 */
export const prices2026: Prices = {
    gas: 4_369_067n, // 66.67 nanoTON
    flatGas: 6_667n,
    flatGasLimit: 100n,
    forwardLump: 66_667n,
    forwardBit: 4_369_067n,
    forwardCell: 436_906_667n,
    storageBit: 0n,
    storageCell: 135n,
};

type Parameters = Dictionary<number, Cell>;

const GAS_FLAT_PREFIX = 0xd1;
const GAS_EXTENDED = 0xde;
const MESSAGE_PRICES = 0xea;
const STORAGE_PRICES = 0xcc;

/** Masterchain storage prices did not change: nanoTON x 2^16 per second for a bit and a cell. */
const MASTERCHAIN_STORAGE = { bit: 1_000n, cell: 500_000n };

function readParameters(config: Cell): Parameters {
    return Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), config);
}

function writeParameters(parameters: Parameters): Cell {
    return beginCell().storeDictDirect(parameters).endCell();
}

function parameter(parameters: Parameters, id: number): Cell {
    const cell = parameters.get(id);
    if (!cell) {
        throw new Error(`Configuration parameter ${id} is missing: expected a complete network configuration`);
    }
    return cell;
}

function gasPrices(old: Cell, prices: Prices): Cell {
    const limits = old.beginParse();
    // gas_flat_pfx, flat limit and price, gas_prices_ext and the price itself are replaced; the limits stay.
    limits.skip(8 + 64 + 64 + 8 + 64);
    return beginCell()
        .storeUint(GAS_FLAT_PREFIX, 8)
        .storeUint(prices.flatGasLimit, 64)
        .storeUint(prices.flatGas, 64)
        .storeUint(GAS_EXTENDED, 8)
        .storeUint(prices.gas, 64)
        .storeSlice(limits)
        .endCell();
}

function forwardPrices(old: Cell, prices: Prices): Cell {
    const rest = old.beginParse();
    rest.skip(8 + 64 + 64 + 64);
    return beginCell()
        .storeUint(MESSAGE_PRICES, 8)
        .storeUint(prices.forwardLump, 64)
        .storeUint(prices.forwardBit, 64)
        .storeUint(prices.forwardCell, 64)
        .storeSlice(rest)
        .endCell();
}

function storagePrices(prices: Prices): Cell {
    // The key must repeat utime_since, or the emulator refuses the configuration. One entry that is valid from the
    // beginning makes the prices independent of the clock.
    const since = 0;
    const dictionary = Dictionary.empty(Dictionary.Keys.Uint(32), Dictionary.Values.BitString(296));
    const entry = beginCell()
        .storeUint(STORAGE_PRICES, 8)
        .storeUint(since, 32)
        .storeUint(prices.storageBit, 64)
        .storeUint(prices.storageCell, 64)
        .storeUint(MASTERCHAIN_STORAGE.bit, 64)
        .storeUint(MASTERCHAIN_STORAGE.cell, 64);
    dictionary.set(since, entry.endCell().bits);
    return beginCell().storeDictDirect(dictionary).endCell();
}

/**
 * Network configuration with one of the price sets, for `Blockchain.create({ config })` or a devnet.
 *
 * @param set which prices
 * @param options.globalId value of parameter 19, which GLOBALID returns; -239 (mainnet's) when omitted
 * @returns cell with the dictionary of all parameters
 */
export function pricesConfig(set: PriceSet, options: { globalId?: number } = {}): Cell {
    const parameters = readParameters(Cell.fromBase64(baseConfig));
    if (set === '2026') {
        parameters.set(18, storagePrices(prices2026));
        parameters.set(21, gasPrices(parameter(parameters, 21), prices2026));
        parameters.set(25, forwardPrices(parameter(parameters, 25), prices2026));
    }
    if (options.globalId !== undefined) {
        parameters.set(19, beginCell().storeInt(options.globalId, 32).endCell());
    }
    return writeParameters(parameters);
}

/** Global id of a network that was not given another one: the sandbox's, which is the mainnet's. */
export function defaultGlobalId(): number {
    return readGlobalId(Cell.fromBase64(baseConfig));
}

/** {@link pricesConfig} for the prices in force since 2026-04-29. */
export function config2026(): Cell {
    return pricesConfig('2026');
}

/** {@link pricesConfig} for the prices before 2026-04-29. */
export function configOld(): Cell {
    return pricesConfig('old');
}

/**
 * One parameter of a configuration.
 *
 * @param config cell with the dictionary of all parameters
 * @param id number of the parameter
 * @returns its cell, or undefined when it is not set
 */
export function configParameter(config: Cell, id: number): Cell | undefined {
    return readParameters(config).get(id);
}

/** Numbers of the parameters that a configuration sets, in ascending order. */
export function configParameterIds(config: Cell): number[] {
    return readParameters(config)
        .keys()
        .sort((a, b) => a - b);
}

/** Parameter 19, to which every payload that this project signs is bound. */
export function readGlobalId(config: Cell): number {
    return parameter(readParameters(config), 19).beginParse().loadInt(32);
}

/**
 * Basechain prices of any configuration, for instance one that was fetched from a live network.
 *
 * @param config cell with the dictionary of all parameters
 * @throws Error when parameter 18, 21 or 25 is missing or has another layout
 */
export function readPrices(config: Cell): Prices {
    const parameters = readParameters(config);
    const gas = parameter(parameters, 21).beginParse();
    expectTag(gas.loadUint(8), GAS_FLAT_PREFIX, 21);
    const flatGasLimit = gas.loadUintBig(64);
    const flatGas = gas.loadUintBig(64);
    expectTag(gas.loadUint(8), GAS_EXTENDED, 21);
    const gasPrice = gas.loadUintBig(64);

    const forward = parameter(parameters, 25).beginParse();
    expectTag(forward.loadUint(8), MESSAGE_PRICES, 25);
    const forwardLump = forward.loadUintBig(64);
    const forwardBit = forward.loadUintBig(64);
    const forwardCell = forward.loadUintBig(64);

    const history = Dictionary.loadDirect(
        Dictionary.Keys.Uint(32),
        Dictionary.Values.BitString(296),
        parameter(parameters, 18),
    );
    const latest = Math.max(...history.keys());
    const storage = beginCell().storeBits(history.get(latest)!).endCell().beginParse();
    expectTag(storage.loadUint(8), STORAGE_PRICES, 18);
    storage.skip(32);
    return {
        gas: gasPrice,
        flatGas,
        flatGasLimit,
        forwardLump,
        forwardBit,
        forwardCell,
        storageBit: storage.loadUintBig(64),
        storageCell: storage.loadUintBig(64),
    };
}

function expectTag(found: number, expected: number, id: number): void {
    if (found !== expected) {
        throw new Error(
            `Configuration parameter ${id} begins with 0x${found.toString(16)}, expected 0x${expected.toString(16)}`,
        );
    }
}
