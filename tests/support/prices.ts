import { beginCell, Cell, Dictionary } from '@ton/core';
import { defaultConfig } from '@ton/sandbox';

/** The two price sets under which every fee test runs; COSTS of the chain in docs/gas.md. */
export type PriceSet = 'old' | '2026';

/** Lists of validators and of suspended accounts: nine tenths of a configuration, read with every message. */
const Unused = [32, 34, 36, 44];

function oldConfig(): Cell {
    const whole = typeof defaultConfig === 'string' ? Cell.fromBase64(defaultConfig) : (defaultConfig as Cell);
    const config = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), whole);
    Unused.forEach((parameter) => config.delete(parameter));
    return beginCell().storeDictDirect(config).endCell();
}

/** The sandbox's own configuration with the basechain prices in force since 2026-04-29 in parameters 18, 21 and 25. */
function config2026(): Cell {
    const config = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), oldConfig());
    const gasLimits = config.get(21)!.beginParse().skip(8 + 64 + 64 + 8 + 64);
    config.set(
        21,
        beginCell()
            .storeUint(0xd1, 8).storeUint(100, 64).storeUint(6667, 64)
            .storeUint(0xde, 8).storeUint(4369067, 64).storeSlice(gasLimits)
            .endCell(),
    );
    config.set(
        25,
        beginCell()
            .storeUint(0xea, 8).storeUint(66667, 64).storeUint(4369067, 64).storeUint(436906667, 64)
            .storeUint(98304, 32).storeUint(21845, 16).storeUint(21845, 16)
            .endCell(),
    );
    const storage = Dictionary.loadDirect(Dictionary.Keys.Uint(32), Dictionary.Values.BitString(296), config.get(18)!);
    storage.set(
        1777500000,
        beginCell()
            .storeUint(0xcc, 8).storeUint(1777500000, 32).storeUint(0, 64).storeUint(135, 64)
            .storeUint(1000, 64).storeUint(500000, 64)
            .endCell().bits,
    );
    config.set(18, beginCell().storeDictDirect(storage).endCell());
    return beginCell().storeDictDirect(config).endCell();
}

const Configs = new Map<PriceSet, Cell>();

/** @returns the chain configuration of a price set; made once, because it is large. */
export function chainConfig(prices: PriceSet): Cell {
    const config = Configs.get(prices) ?? (prices === 'old' ? oldConfig() : config2026());
    Configs.set(prices, config);
    return config;
}
