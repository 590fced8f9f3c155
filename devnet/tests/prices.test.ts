import { Address, beginCell, Cell, Dictionary, internal, toNano, Transaction } from '@ton/core';
import { Blockchain, defaultConfig, internal as sandboxInternal } from '@ton/sandbox';
import { TonClient } from '@ton/ton';
import {
    config2026,
    configOld,
    configParameter,
    Devnet,
    prices2026,
    pricesConfig,
    PriceSet,
    readGlobalId,
    readPrices,
    startDevnet,
} from '../src';
import { counterCode, deploy, rpc, transfer } from './support';

const to = new Address(0, Buffer.alloc(32, 1));
const originalConfig = Cell.fromBase64(defaultConfig as unknown as string);

/** The transaction of a wallet that sends one message with a body of two cells. */
async function walletTransaction(devnet: Devnet): Promise<Transaction> {
    const body = beginCell().storeUint(1, 256).storeRef(beginCell().storeUint(2, 256).endCell()).endCell();
    await transfer(devnet, 'deployer', to, toNano(1), { body });
    const [transaction] = await devnet.client().getTransactions(devnet.wallet('deployer').address, { limit: 1 });
    return transaction;
}

function phases({ description }: Transaction) {
    if (description.type !== 'generic' || description.computePhase.type !== 'vm' || !description.actionPhase) {
        throw new Error('expected an ordinary transaction with all phases');
    }
    const { computePhase, actionPhase } = description;
    return { gas: computePhase.gasFees, gasUsed: computePhase.gasUsed, forward: actionPhase.totalFwdFees ?? 0n };
}

describe('the configuration', () => {
    it('of the old prices has those of the sandbox', () => {
        expect(readPrices(configOld())).toEqual(readPrices(originalConfig));
        expect(readPrices(configOld())).toMatchObject({
            gas: 26_214_400n,
            forwardLump: 400_000n,
            forwardBit: 26_214_400n,
            forwardCell: 2_621_440_000n,
            storageBit: 1n,
            storageCell: 500n,
        });
        for (const id of [18, 20, 21, 22, 23, 24, 25]) {
            expect(configParameter(configOld(), id)!.equals(configParameter(originalConfig, id)!)).toBe(true);
        }
    });

    it('of 2026 has the new basechain prices, and changes nothing else', () => {
        expect(readPrices(config2026())).toEqual(prices2026);
        // 66.67 nanoTON, six times less than 400.
        expect(Number(prices2026.gas) / 65_536).toBeCloseTo(400 / 6, 2);
        const ids = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), originalConfig).keys();
        const [now, before] = [config2026(), configOld()];
        const changed = ids.filter((id) => !configParameter(now, id)!.equals(configParameter(before, id)!));
        expect(changed.sort()).toEqual([18, 21, 25]);
    });

    it('is the original with short lists, so that looking up a parameter costs the same gas', () => {
        const oneValidator = Dictionary.empty(Dictionary.Keys.Uint(16), Dictionary.Values.BitString(360));
        oneValidator.set(
            0,
            beginCell().storeUint(0x53, 8).storeUint(0x8e81278a, 32).storeUint(0, 256).storeUint(1, 64).endCell().bits,
        );
        const validatorSet = beginCell()
            .storeUint(0x12, 8)
            .storeUint(0, 32)
            .storeUint(0xffffffff, 32)
            .storeUint(1, 16)
            .storeUint(1, 16)
            .storeUint(1, 64)
            .storeDict(oneValidator)
            .endCell();
        const expected = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), originalConfig);
        for (const id of [32, 34, 36]) {
            expected.set(id, validatorSet);
        }
        expected.set(44, beginCell().storeUint(0, 8).storeBit(false).storeUint(0, 32).endCell());
        expect(configOld().equals(beginCell().storeDictDirect(expected).endCell())).toBe(true);
        expect(configOld().toBoc().length).toBeLessThan(originalConfig.toBoc().length / 10);
    });

    it('gives the same fees as the untouched one of the sandbox', async () => {
        const fees = [];
        for (const config of [originalConfig, configOld()]) {
            const chain = await Blockchain.create({ config });
            chain.now = 1_800_000_000;
            const treasury = await chain.treasury('sender');
            const { transactions } = await treasury.send({ to, value: toNano(1), bounce: false });
            chain.now += 1_000_000;
            const later = await chain.sendMessage(
                sandboxInternal({ from: to, to: treasury.address, value: toNano(1), body: Cell.EMPTY }),
            );
            fees.push([...transactions, ...later.transactions].map((tx) => tx.totalFees.coins));
        }
        expect(fees[1]).toEqual(fees[0]);
        expect(fees[0].filter((fee) => fee > 0n).length).toBeGreaterThan(1);
    });

    it('takes the global id', () => {
        expect(readGlobalId(configOld())).toBe(-239);
        expect(readGlobalId(pricesConfig('2026', { globalId: 5 }))).toBe(5);
    });

    it('of something else is refused', () => {
        const incomplete = Dictionary.empty(Dictionary.Keys.Int(32), Dictionary.Values.Cell()).set(1, Cell.EMPTY);
        expect(() => readPrices(beginCell().storeDictDirect(incomplete).endCell())).toThrow('parameter 21 is missing');
        const broken = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), configOld());
        broken.set(25, beginCell().storeUint(0xeb, 8).storeUint(0, 256).endCell());
        expect(() => readPrices(beginCell().storeDictDirect(broken).endCell())).toThrow('expected 0xea');
    });
});

describe.each<PriceSet>(['2026', 'old'])('the network with prices %s', (set) => {
    let devnet: Devnet;
    let client: TonClient;

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0, prices: set });
        client = devnet.client();
    });
    afterAll(() => devnet.close());

    it('charges gas and forwarding as its configuration says', async () => {
        const prices = readPrices(pricesConfig(set));
        const { gas, gasUsed, forward } = phases(await walletTransaction(devnet));
        const ceil = (value: bigint) => (value + 65_535n) >> 16n;
        expect(gas).toBe(prices.flatGas + ceil((gasUsed - prices.flatGasLimit) * prices.gas));
        // The lump covers the root of the message, in which the root of the body fits: one cell of 256 bits is left.
        expect(forward).toBe(prices.forwardLump + ceil(prices.forwardCell + 256n * prices.forwardBit));
    });

    it('estimates what a transfer then costs', async () => {
        const { contract, keyPair, address } = devnet.wallet('provider');
        const body = (seqno: number) =>
            contract.createTransfer({
                seqno,
                secretKey: keyPair.secretKey,
                sendMode: 1,
                messages: [internal({ to, value: toNano(1), bounce: false, body: 'estimated' })],
            });
        const before = await client.getBalance(address);
        const { source_fees: estimate } = await client.estimateExternalMessageFee(address, {
            body: body(0),
            initCode: null,
            initData: null,
            ignoreSignature: false,
        });
        expect(await client.getBalance(address)).toBe(before);
        expect(await client.open(contract).getSeqno()).toBe(0);
        expect(await client.getTransactions(address, { limit: 1 })).toEqual([]);

        await client.sendExternalMessage(contract, body(0));
        const paid = before - (await client.getBalance(address)) - toNano(1);
        const { in_fwd_fee, storage_fee, gas_fee, fwd_fee } = estimate;
        expect(BigInt(in_fwd_fee + storage_fee + gas_fee + fwd_fee)).toBe(paid);
        expect(Math.min(in_fwd_fee, gas_fee, fwd_fee)).toBeGreaterThan(0);
    });

    it('estimates without a signature when told to ignore it, and refuses without', async () => {
        const { contract, address } = devnet.wallet('client');
        const args = {
            body: contract.createTransfer({ seqno: 0, secretKey: Buffer.alloc(64, 1), messages: [] }),
            initCode: null,
            initData: null,
        };
        const { source_fees } = await client.estimateExternalMessageFee(address, { ...args, ignoreSignature: true });
        expect(source_fees.gas_fee).toBeGreaterThan(0);
        const refused = await rpc(devnet, 'estimateFee', {
            address: address.toString(),
            body: args.body.toBoc().toString('base64'),
            ignore_chksig: false,
        });
        expect([refused.status, refused.error]).toEqual([500, expect.stringContaining('exitcode=35')]);
    });

    it('names its prices', async () => {
        const { result } = await rpc(devnet, 'devnet_info');
        const prices = readPrices(pricesConfig(set));
        expect(result.price_set).toBe(set);
        expect(result.prices).toMatchObject({
            gas_price: prices.gas.toString(),
            lump_price: prices.forwardLump.toString(),
            storage_cell_price: prices.storageCell.toString(),
        });
        const all = await rpc(devnet, 'getConfigAll');
        expect(readPrices(Cell.fromBase64(all.result.config.bytes))).toEqual(prices);
    });
});

it('makes everything six times cheaper when the prices change from old to 2026', async () => {
    const devnet = await startDevnet({ blockTime: 0, prices: 'old' });
    try {
        const counter = await deploy(devnet, counterCode);
        const yearOfRent = async () => {
            await devnet.increaseTime(365 * 86_400);
            await devnet.faucet(counter, 1000n);
            const { result } = await rpc(devnet, 'getTransactions', { address: counter.toString(), limit: 1 });
            return Number(result[0].storage_fee);
        };
        await walletTransaction(devnet);
        const old = { ...phases(await walletTransaction(devnet)), rent: await yearOfRent() };
        expect((await rpc(devnet, 'devnet_setPrices', { set: '2026' })).ok).toBe(true);
        await devnet.faucet(counter, 1000n);
        const now = { ...phases(await walletTransaction(devnet)), rent: await yearOfRent() };

        expect(now.gasUsed).toBe(old.gasUsed);
        expect(Number(old.gas) / Number(now.gas)).toBeCloseTo(6, 2);
        expect(Number(old.forward) / Number(now.forward)).toBeCloseTo(6, 2);
        // Bits are free now, and a cell costs 135 instead of 500.
        expect(old.rent / now.rent).toBeGreaterThan(500 / 135);

        const config = await devnet.client().getContractState(new Address(-1, Buffer.alloc(32, 0x55)));
        const stored = Cell.fromBoc(config.data!)[0].beginParse().loadRef();
        expect(readPrices(stored)).toEqual(prices2026);
    } finally {
        await devnet.close();
    }
});
