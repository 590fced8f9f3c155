import '@ton/test-utils';
import { Address, beginCell, Cell, Dictionary, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import fc from 'fast-check';
import { distributeCost, Errors, feesRemittedBudget, Provider, RewardSettlement } from '../../wrappers';
import { forwardFeesOf, gasFeesOf, sendAs, transactionOf, valueOf } from '../support/chain';
import { TestNetwork } from '../support/network';
import { PriceSet } from '../support/prices';
import { carriageOf, allCoins, feesOf, pricesOf } from '../session/ledger';
import { attempt, refused } from '../session/outcome';
import * as message from './messages';

const Value = toNano('0.2');
const Fee = 250n; // basis points, of the test registry

/** Accounts that hold nothing but what a distribution sends them. */
const share = (index: number) => new Address(0, Buffer.alloc(32, 0x40 + index));

let network: TestNetwork;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

const data = () => network.settlement.getSettlementData();
const byOwner = (body: Cell) => attempt(network.chain, network.owner.address, network.settlement.address, body, Value);
const setShares = (shares: message.Shares) => byOwner(message.setBeneficiaries(shares));

/** As if exactly this had been earned. */
async function earn(amount: bigint) {
    const { reserve, feeFloat } = await data();
    (await network.chain.getContract(network.settlement.address)).balance = reserve + feeFloat + amount;
    expect(await network.settlement.getEarnings()).toBe(amount);
}

/** nanoTON that telling the provider of the fee takes from the net earnings. */
const telling = () => feesRemittedBudget(pricesOf(network.chain));

const distribute = (from = network.stranger.address, value = Value) =>
    sendAs(network.chain, from, network.settlement.address, value, message.distribute());

describe('a distribution', () => {
    it('sends the protocol fee to the treasury and the rest to the owner, each less its message and what telling the provider costs', async () => {
        await earn(toNano('10'));
        const { transactions } = await distribute();
        const carriage = carriageOf(network.chain);
        expect(transactions).toHaveTransaction({
            from: network.settlement.address, to: network.treasury.address, value: toNano('0.25') - carriage,
            inMessageBounceable: false, success: true,
        });
        expect(transactions).toHaveTransaction({
            from: network.settlement.address, to: network.owner.address, value: toNano('9.75') - telling() - carriage,
            inMessageBounceable: false, success: true,
        });
        expect(await network.settlement.getEarnings()).toBe(0n);
    });

    it('returns the change to whoever asked for it, to the nanoTON', async () => {
        await earn(toNano('10'));
        const { transactions } = await distribute(network.stranger.address);
        const order = transactionOf({ transactions }, network.settlement.address);
        const shares = 3n * carriageOf(network.chain); // fee, word of it, earnings
        expect(valueOf(transactionOf({ transactions }, network.stranger.address)))
            .toBe(Value - gasFeesOf(order) - (forwardFeesOf(order) - shares));
    });

    it('may be asked for by anyone: the shares go where the owner said', async () => {
        for (const { address } of [network.stranger, network.client, network.governance, network.treasury, network.provider]) {
            await earn(toNano('1'));
            const before = await network.balance(network.owner.address);
            await distribute(address);
            expect((await network.balance(network.owner.address)) - before).toBeGreaterThan(toNano('0.97'));
        }
    });

    it('tells the provider of the fee, which counts it; the provider pays for that out of its share', async () => {
        const before = (await network.provider.getProviderData()).feesRemitted;
        await earn(toNano('10'));
        const { transactions } = await distribute();
        expect(transactions).toHaveTransaction({
            from: network.settlement.address, to: network.provider.address, op: Provider.Provider.opcodes.FeesRemitted,
            value: telling() - carriageOf(network.chain), inMessageBounceable: false, success: true,
        });
        expect((await network.provider.getProviderData()).feesRemitted).toBe(before + toNano('0.25'));
        await earn(toNano('4'));
        await distribute();
        expect((await network.provider.getProviderData()).feesRemitted).toBe(before + toNano('0.35'));
    });

    it('tells nobody of a fee that is not above the price of its message: it was not remitted', async () => {
        const least = (carriageOf(network.chain) + 1n) * (10_000n / Fee); // whose fee is one nanoTON above it
        for (const [earned, told] of [[least, true], [least - 1n, false]] as const) {
            await earn(earned);
            const before = (await network.provider.getProviderData()).feesRemitted;
            const { transactions } = await distribute();
            const counted = (await network.provider.getProviderData()).feesRemitted - before;
            expect([told, counted]).toEqual([told, told ? carriageOf(network.chain) + 1n : 0n]);
            const message = { from: network.settlement.address, to: network.provider.address };
            if (told) { expect(transactions).toHaveTransaction(message); } else { expect(transactions).not.toHaveTransaction(message); }
        }
    });

    it('touches neither float nor reserve', async () => {
        const { feeFloat, reserve } = await data();
        await earn(toNano('10'));
        await distribute();
        expect((await data()).feeFloat).toBe(feeFloat);
        expect(await network.balance(network.settlement.address)).toBe(feeFloat + reserve);
    });

    it('of nothing is refused; of one nanoTON it is not, and the nanoTON stays', async () => {
        await earn(0n);
        expect(await attempt(network.chain, network.stranger.address, network.settlement.address, message.distribute(), Value))
            .toEqual(refused(Errors.NothingToDistribute));
        await earn(1n);
        const { transactions } = await distribute();
        expect(transactions).toHaveTransaction({ on: network.settlement.address, success: true, outMessagesCount: 1 });
        expect(await network.settlement.getEarnings()).toBe(1n);
    });

    it('where the balance is below float and reserve, is refused: there are no earnings', async () => {
        const { reserve, feeFloat } = await data();
        (await network.chain.getContract(network.settlement.address)).balance = reserve + feeFloat - 1n;
        expect(await attempt(network.chain, network.stranger.address, network.settlement.address, message.distribute(), Value))
            .toEqual(refused(Errors.NothingToDistribute));
    });

    it('with another value than earnings: what comes with the message is not split', async () => {
        await earn(toNano('1'));
        const before = await network.balance(network.owner.address);
        await distribute(network.stranger.address, toNano('50'));
        expect((await network.balance(network.owner.address)) - before).toBeLessThan(toNano('1'));
    });

    it('the coins of a payout, of a plain transfer and of a bounced item are all earnings', async () => {
        await earn(0n);
        const { settlement, stranger } = network;
        await sendAs(network.chain, stranger.address, settlement.address, toNano('1'), message.payout());
        await sendAs(network.chain, stranger.address, settlement.address, toNano('1'));
        await sendAs(network.chain, stranger.address, settlement.address, toNano('1'), beginCell().storeUint(0, 32).endCell());
        expect(await network.settlement.getEarnings()).toBeGreaterThan(toNano('2.999'));
    });
});

describe('shares', () => {
    it.each([1, 2, 3, 4, 5, 6, 7, 8])('of %i beneficiaries: each gets its part, rounded down, less its message', async (count) => {
        const last = 10_000 - 1_001 * (count - 1);
        const shares: message.Shares = Array.from({ length: count }, (_, index) => [share(index), index < count - 1 ? 1_001 : last]);
        expect((await setShares(shares)).exitCode).toBe(0);
        const earned = toNano('7') + 12_345n;
        await earn(earned);
        await distribute();
        const net = earned - (earned * Fee) / 10_000n - telling();
        let paid = (earned * Fee) / 10_000n + telling();
        for (const [address, basisPoints] of shares) {
            const part = (net * BigInt(basisPoints)) / 10_000n;
            expect(await network.balance(address)).toBe(part - carriageOf(network.chain));
            paid += part;
        }
        // What rounding leaves is split next time.
        expect(await network.settlement.getEarnings()).toBe(earned - paid);
        expect(earned - paid).toBeLessThan(BigInt(count));
    });

    it('replace the former ones', async () => {
        await setShares([[share(0), 10_000]]);
        await setShares([[share(1), 10_000]]);
        await earn(toNano('1'));
        await distribute();
        expect(await network.balance(share(0))).toBe(0n);
        expect(await network.balance(share(1))).toBeGreaterThan(toNano('0.97'));
    });

    const refusals: [string, message.Shares][] = [
        ['none', []],
        ['nine', Array.from({ length: 9 }, (_, index) => [share(index), index === 0 ? 2_000 : 1_000])],
        ['sixteen', Array.from({ length: 16 }, (_, index) => [share(index), 625])],
        ['one basis point too little', [[share(0), 5_000], [share(1), 4_999]]],
        ['one basis point too much', [[share(0), 5_000], [share(1), 5_001]]],
        ['a share of zero', [[share(0), 10_000], [share(1), 0]]],
        ['all of it twice', [[share(0), 10_000], [share(1), 10_000]]],
        ['one share too large for the field to wrap', [[share(0), 65_535]]],
    ];

    it.each(refusals)('are refused: %s', async (_, shares) => {
        expect(await setShares(shares)).toEqual(refused(Errors.BadShares));
    });

    it('that cannot be read are refused: a dictionary that is none', async () => {
        const opcode = RewardSettlement.RewardSettlement.opcodes.SetBeneficiaries;
        for (const root of [Cell.EMPTY, beginCell().storeUint(0xffff, 16).endCell(), network.registration().registration]) {
            const body = beginCell().storeUint(opcode, 32).storeUint(0, 64).storeMaybeRef(root).endCell();
            expect(await byOwner(body)).toMatchObject({ returned: true, unchanged: true });
        }
    });

    it('to accounts that do not exist wait there', async () => {
        await setShares([[share(3), 10_000]]);
        await earn(toNano('1'));
        const { transactions } = await distribute();
        expect(transactions).toHaveTransaction({ on: share(3), aborted: true });
        expect(transactions).not.toHaveTransaction({ on: network.settlement.address, inMessageBounced: true });
        expect(await network.balance(share(3))).toBe(toNano('0.975') - telling() - carriageOf(network.chain));
    });
});

describe('dust: a share that is not worth its message stays and is split again', () => {
    it('a fee that is not worth its message stays, the share goes', async () => {
        const carriage = carriageOf(network.chain);
        const earned = carriage * 10n; // the fee is a quarter of a message's price
        await earn(earned);
        const before = await network.balance(network.treasury.address);
        await distribute();
        expect(await network.balance(network.treasury.address)).toBe(before);
        expect(await network.settlement.getEarnings()).toBe((earned * Fee) / 10_000n);
    });

    it('small shares stay, large ones go', async () => {
        const carriage = carriageOf(network.chain);
        await setShares([[share(0), 9_900], [share(1), 100]]);
        await earn(carriage * 50n);
        await distribute();
        expect(await network.balance(share(0))).toBeGreaterThan(carriage * 30n);
        expect(await network.balance(share(1))).toBe(0n);
        const rest = await network.settlement.getEarnings();
        expect(rest).toBeGreaterThan(0n);
        await earn(rest + toNano('1'));
        await distribute();
        expect(await network.balance(share(1))).toBeGreaterThan(0n);
    });
});

describe('the owner\'s share for the float', () => {
    it('is taken from the net earnings, and the fee is not less for it', async () => {
        await byOwner(message.setFeeLimits(toNano('10'), 2_000n));
        const { feeFloat } = await data();
        await earn(toNano('10'));
        const { transactions } = await distribute();
        const net = toNano('9.75') - telling();
        expect((await data()).feeFloat).toBe(feeFloat + net / 5n);
        expect(valueOf(transactionOf({ transactions }, network.treasury.address))).toBe(toNano('0.25') - carriageOf(network.chain));
        expect(valueOf(transactionOf({ transactions }, network.owner.address))).toBe(net - net / 5n - carriageOf(network.chain));
        expect(await network.settlement.getEarnings()).toBe(0n);
    });

    it('of all net earnings leaves nothing for the beneficiaries and the fee for the treasury', async () => {
        await byOwner(message.setFeeLimits(toNano('10'), 10_000n));
        const { feeFloat } = await data();
        await earn(toNano('10'));
        const { transactions } = await distribute();
        expect((await data()).feeFloat).toBe(feeFloat + toNano('9.75') - telling());
        expect(transactions).toHaveTransaction({ to: network.treasury.address, success: true });
        expect(transactions).not.toHaveTransaction({ to: network.owner.address });
    });

    it('works the same in a batch', async () => {
        await byOwner(message.setFeeLimits(toNano('10'), 2_000n));
        await earn(toNano('10'));
        const { feeFloat, spentToday } = await data();
        await network.sendBatch([], { distribute: true });
        const after = await data();
        const refill = after.feeFloat - feeFloat + (after.spentToday - spentToday);
        const net = toNano('9.75') - telling();
        expect(refill).toBeGreaterThan(net / 5n - toNano('0.001'));
        expect(refill).toBeLessThanOrEqual(net / 5n);
    });
});

describe('conservation', () => {
    it('whatever is earned, and however it is shared: what leaves is what was earned, what stays is split next time', async () => {
        const shares = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 8 }).map((weights) => {
            const sum = weights.reduce((total, weight) => total + weight, 0);
            const parts = weights.map((weight) => Math.max(1, Math.floor((weight * 9_990) / sum)));
            parts[0] += 10_000 - parts.reduce((total, part) => total + part, 0);
            return parts;
        }).filter((parts) => parts.every((part) => part > 0));
        await fc.assert(fc.asyncProperty(
            fc.bigInt(1n, toNano('1000')), fc.integer({ min: 0, max: 10_000 }), shares,
            async (earned, floatBasisPoints, parts) => {
                await network.chain.loadFrom(ready);
                await byOwner(message.setFeeLimits(toNano('10'), BigInt(floatBasisPoints)));
                expect((await setShares(parts.map((part, index) => [share(index), part]))).exitCode).toBe(0);
                await earn(earned);
                const { feeFloat } = await data();
                const all = allCoins(network.chain);
                const { transactions } = await distribute();
                expect(allCoins(network.chain)).toBe(all + Value - feesOf(transactions));
                const order = transactionOf({ transactions }, network.settlement.address);
                const sent = [...order.outMessages.values()].slice(0, -1).reduce((sum, { info }) =>
                    sum + (info.type === 'internal' ? info.value.coins + carriageOf(network.chain) : 0n), 0n);
                const refill = (await data()).feeFloat - feeFloat;
                expect(sent + refill + (await network.settlement.getEarnings())).toBe(earned);
            },
        ), { numRuns: 10, seed: 20_260_429 });
    });
});

describe.each(['old', '2026'] as PriceSet[])('least values (prices: %s)', (prices) => {
    it('one nanoTON less is refused; the least value pays for eight shares, the fee, word of it, and the change', async () => {
        const priced = await TestNetwork.create(prices);
        await priced.register();
        const to = priced.settlement.address;
        const eight: message.Shares = Array.from({ length: 8 }, (_, index) => [share(index), 1_250]);
        await attempt(priced.chain, priced.owner.address, to, message.setBeneficiaries(eight), toNano('0.5'));
        await priced.stranger.send({ to, value: toNano('10') });
        const least = distributeCost(pricesOf(priced.chain));
        expect(await attempt(priced.chain, priced.stranger.address, to, message.distribute(), least - 1n)).toEqual(refused(Errors.ValueTooLow));
        const { transactions } = await sendAs(priced.chain, priced.stranger.address, to, least, message.distribute());
        expect(transactions).toHaveTransaction({ on: to, exitCode: 0, actionResultCode: 0, outMessagesCount: 11 });
        expect(transactions).toHaveTransaction({ from: to, to: priced.stranger.address, success: true });
        expect(await priced.settlement.getEarnings()).toBeLessThan(10n);
    });
});
