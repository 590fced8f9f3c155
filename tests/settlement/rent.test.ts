import '@ton/test-utils';
import { Address, toNano } from '@ton/core';
import { Blockchain, BlockchainSnapshot } from '@ton/sandbox';
import { settlementReserve } from '../../wrappers';
import { rentOf, sendAs, transactionOf } from '../support/chain';
import { TestNetwork } from '../support/network';
import { PriceSet } from '../support/prices';
import { pricesOf } from '../session/ledger';
import * as message from './messages';

const Year = 31_536_000;

describe.each(['old', '2026'] as PriceSet[])('threat: Death by rent (settlement; prices: %s)', (prices) => {
    let network: TestNetwork;
    let chain: Blockchain;
    let ready: BlockchainSnapshot;

    // The largest state that a settlement can have: eight beneficiaries whose accounts share no prefix.
    beforeAll(async () => {
        network = await TestNetwork.create(prices);
        chain = network.chain;
        await network.register();
        const eight: message.Shares = Array.from({ length: 8 }, (_, index) => [new Address(0, Buffer.alloc(32, 0x20 * index + 7)), 1_250]);
        await sendAs(chain, network.owner.address, network.settlement.address, toNano('0.5'), message.setBeneficiaries(eight));
        ready = chain.snapshot();
    });

    beforeEach(() => chain.loadFrom(ready));

    const reserve = () => settlementReserve(pricesOf(chain));

    /** Owner and distribution take out all that can be taken out. */
    async function takeEverything() {
        const { feeFloat } = await network.settlement.getSettlementData();
        const { address } = network.settlement;
        await sendAs(chain, network.owner.address, address, toNano('0.5'), message.releaseFees(feeFloat));
        await sendAs(chain, network.stranger.address, address, toNano('0.5'), message.distribute());
    }

    it('neither distribution nor release takes the reserve, which pays for a year', async () => {
        await takeEverything();
        expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(reserve());
        expect(await network.settlement.getRunway()).toBeGreaterThanOrEqual(BigInt(Year));
    });

    it('after that year it is there, takes payouts and distributes them', async () => {
        await takeEverything();
        chain.now! += Year;
        const { transactions } = await sendAs(chain, network.stranger.address, network.settlement.address, toNano('5'), message.payout());
        const { paid, due } = rentOf(transactionOf({ transactions }, network.settlement.address));
        expect(paid).toBeLessThanOrEqual(reserve());
        expect(2n * paid).toBeGreaterThan(reserve());
        expect(due).toBe(0n);
        const distributed = await sendAs(chain, network.stranger.address, network.settlement.address, toNano('0.5'), message.distribute());
        expect(distributed.transactions).toHaveTransaction({ to: network.treasury.address, success: true });
        expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(reserve());
    });

    it('a batch leaves the reserve', async () => {
        const { feeFloat } = await network.settlement.getSettlementData();
        (await chain.getContract(network.settlement.address)).balance = reserve() + feeFloat;
        const thief = new Address(0, Buffer.alloc(32, 0x33));
        const voucher = { cumulative: 1n, receiptHash: 0n, signature: Buffer.alloc(64) };
        await network.sendBatch(Array.from({ length: 50 }, () => ({ kind: 'finish', escrow: thief, voucher })));
        expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(reserve());
    });
});
