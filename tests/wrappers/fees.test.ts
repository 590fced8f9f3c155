import { Address, beginCell, Cell, Dictionary, TupleItem, TupleReader } from '@ton/core';
import { Blockchain, createShardAccount } from '@ton/sandbox';
import fc from 'fast-check';
import {
    chainPricesOf,
    ChainPrices,
    computeFee,
    forwardFee,
    parseChainPrices,
    PricesSince2026,
    PricesUntil2026,
    storageFee,
} from '../../wrappers';
import { chainConfig, PriceSet } from '../support/prices';
import { Start } from '../support/network';

const sets: [PriceSet, ChainPrices][] = [
    ['old', PricesUntil2026],
    ['2026', PricesSince2026],
];

/** Get-methods that are a single instruction: SETCP0, DROP, instruction. */
const instructions = { GETGASFEE: 'f836', GETSTORAGEFEE: 'f837', GETFORWARDFEE: 'f838' };

/** The virtual machine's own fee instructions under a price set. */
async function machine(set: PriceSet) {
    const chain = await Blockchain.create({ config: chainConfig(set) });
    chain.now = Start;
    const addresses = await Promise.all(
        Object.values(instructions).map(async (instruction, index) => {
            const address = new Address(0, Buffer.alloc(32, index + 1));
            const code = beginCell()
                .storeBuffer(Buffer.from(`ff0030${instruction}`, 'hex'))
                .endCell();
            await chain.setShardAccount(
                address,
                createShardAccount({ address, code, data: new Cell(), balance: 10n ** 9n }),
            );
            return address;
        }),
    );
    const names = Object.keys(instructions);
    return async (instruction: keyof typeof instructions, ...numbers: bigint[]): Promise<bigint> => {
        const basechain: TupleItem = { type: 'int', value: 0n };
        const stack = [...numbers.map((value): TupleItem => ({ type: 'int', value })), basechain];
        const result = await chain.runGetMethod(addresses[names.indexOf(instruction)], 1, stack);
        return new TupleReader(result.stack).readBigNumber();
    };
}

describe.each(sets)('with prices %s', (set, prices) => {
    it('the configuration is read as published', () => {
        expect(chainPricesOf(chainConfig(set), Start)).toEqual(prices);
    });

    it('fees are those of the virtual machine', async () => {
        const run = await machine(set);
        const count = (max: number) => fc.integer({ min: 0, max }).map(BigInt);
        await fc.assert(
            fc.asyncProperty(
                count(8_192),
                count(8_192 * 1_023),
                count(100 * 31_536_000),
                count(1_000_000),
                async (cells, bits, seconds, gas) => {
                    expect(storageFee(prices, cells, bits, seconds)).toBe(
                        await run('GETSTORAGEFEE', cells, bits, seconds),
                    );
                    expect(forwardFee(prices, cells, bits)).toBe(await run('GETFORWARDFEE', cells, bits));
                    expect(computeFee(prices, gas)).toBe(await run('GETGASFEE', gas));
                },
            ),
            { numRuns: 25, seed: 1 },
        );
        for (const gas of [0n, 99n, 100n, 101n]) {
            expect(computeFee(prices, gas)).toBe(await run('GETGASFEE', gas));
        }
    });
});

describe('reading configuration parameters', () => {
    const config = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), chainConfig('2026'));
    const cells = { storage: config.get(18)!, gas: config.get(21)!, forward: config.get(25)! };

    it('takes the storage price that holds at the time, as the virtual machine does', () => {
        const before = parseChainPrices(cells, 1_777_499_999).storage;
        expect(before).toEqual(PricesUntil2026.storage);
        expect(parseChainPrices(cells, 1_777_500_000).storage).toEqual(PricesSince2026.storage);
        expect(() => parseChainPrices(cells, -1)).toThrow('has no price that holds at -1');
    });

    it('reads gas prices without a flat part', () => {
        const plain = beginCell().storeUint(0xdd, 8).storeUint(7, 64).storeUint(0, 320).endCell();
        expect(parseChainPrices({ ...cells, gas: plain }, Start).gas).toEqual({
            price: 7n,
            flatLimit: 0n,
            flatPrice: 0n,
        });
    });

    it('refuses another layout and says which parameter it is', () => {
        expect(() => parseChainPrices({ ...cells, forward: cells.gas }, Start)).toThrow(
            'Configuration parameter 25 begins with 0xd1, expected 0xea',
        );
        config.delete(21);
        const without = beginCell().storeDictDirect(config).endCell();
        expect(() => chainPricesOf(without, Start)).toThrow('Configuration parameter 21 is missing');
    });
});
