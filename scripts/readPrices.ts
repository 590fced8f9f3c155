import { NetworkProvider } from '@ton/blueprint';
import { ChainPrices, PricesSince2026, PricesUntil2026 } from '@ton-compute/contracts';
import { readGlobalId } from '../tools/scripts/network';
import { Script } from '../tools/scripts/script';

const Labels: [string, (prices: ChainPrices) => bigint][] = [
    ['18 storage, bit', ({ storage }) => storage.bit],
    ['18 storage, cell', ({ storage }) => storage.cell],
    ['21 gas', ({ gas }) => gas.price],
    ['21 gas, flat limit', ({ gas }) => gas.flatLimit],
    ['21 gas, flat price', ({ gas }) => gas.flatPrice],
    ['25 forward, lump', ({ forward }) => forward.lump],
    ['25 forward, bit', ({ forward }) => forward.bit],
    ['25 forward, cell', ({ forward }) => forward.cell],
];

const Sets = { 'since 2026-04-29': PricesSince2026, 'until 2026-04-29': PricesUntil2026 };

/**
 * Reads the basechain's prices (configuration parameters 18, 21 and 25) from the network and compares them with the two
 * sets under which everything here is tested. Numbers as in the configuration: nanoTON, most of them times 65,536.
 */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, []);
    const prices = await script.prices();
    script.line('network', `${provider.network()}, global id ${await readGlobalId(provider)}`);
    script.write(row('parameter', 'here', ...Object.keys(Sets)));
    for (const [label, read] of Labels) {
        const known = Object.values(Sets).map((set) => `${read(set)}${read(set) === read(prices) ? '' : ' differs'}`);
        script.write(row(label, read(prices).toString(), ...known));
    }
    const same = Object.entries(Sets).filter(([, set]) => Labels.every(([, read]) => read(set) === read(prices)));
    const [[name] = ['none']] = same;
    script.write(
        same.length > 0
            ? `These are the prices ${name}.`
            : 'These are other prices than both sets: add them to wrappers/fees.ts and to the tests.',
    );
    script.value('prices', name);
    Labels.forEach(([label, read]) => script.value(label, read(prices).toString()));
    script.finish();
}

function row(...cells: string[]): string {
    return cells.map((cell, index) => (index === 0 ? cell.padEnd(22) : cell.padStart(20))).join(' ');
}
