import '@ton/test-utils';
import { toNano } from '@ton/core';
import { Blockchain, BlockchainSnapshot } from '@ton/sandbox';
import { escrowReserve } from '../../wrappers';
import { rentOf, transactionOf, valueOf } from '../support/chain';
import { PriceSet } from '../support/prices';
import { TestNetwork } from '../support/network';
import { pricesOf } from './ledger';
import * as message from './messages';
import { Deposit, StagedSession, Status } from './staged';

const Year = 31_536_000;

describe.each(['old', '2026'] as PriceSet[])('threat: Death by rent (prices: %s)', (prices) => {
    let network: TestNetwork;
    let chain: Blockchain;
    let session: StagedSession;
    let open: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create(prices);
        chain = network.chain;
        // The largest state that an escrow can have: a measurement in the terms, a record of a provider, coins at their longest.
        session = await StagedSession.open(network, { measurement: Buffer.alloc(32, 3), creditWindow: toNano('0.5') });
        open = chain.snapshot();
    });

    beforeEach(() => chain.loadFrom(open));

    const runway = () => session.contract.getRunway();
    const claimEverything = async () => session.claim(await session.voucher(toNano('100')));

    it('claims leave the reserve, which pays for a year, and the getter says so', async () => {
        await claimEverything();
        expect(await session.balance()).toBe(escrowReserve(pricesOf(chain)));
        expect(await runway()).toBe(BigInt(Year));
    });

    it('after that year the session still works: it is open, can be claimed after a top-up, and finished', async () => {
        await claimEverything();
        chain.now! += Year;
        const { transactions } = await session.deliver(network.stranger.address, message.topUp(), toNano('1'));
        const { paid, due } = rentOf(transactionOf({ transactions }, session.address));
        expect(paid).toBeLessThanOrEqual(escrowReserve(pricesOf(chain)));
        expect(due).toBe(0n);
        const claimed = (await session.data()).claimed;
        await claimEverything();
        expect((await session.data()).claimed).toBeGreaterThan(claimed + toNano('0.9'));
        await session.finish();
        expect(await session.exists()).toBe(false);
    });

    it('the rent of a year is more than half of the reserve: it locks up no more than it needs', async () => {
        await claimEverything();
        chain.now! += Year;
        const { transactions } = await session.deliver(network.stranger.address, message.topUp());
        expect(2n * rentOf(transactionOf({ transactions }, session.address)).paid).toBeGreaterThan(escrowReserve(pricesOf(chain)));
    });

    it('anyone may lengthen the runway, in proportion to what is added', async () => {
        await claimEverything();
        const before = await session.balance();
        await session.deliver(network.stranger.address, message.topUp(), toNano('1'));
        const after = await session.balance();
        expect(await runway()).toBe((BigInt(Year) * after) / before);
    });

    it('rent that came due in the close window is the client\'s, not the provider\'s: the last claim is paid in full', async () => {
        await session.startClose();
        chain.now! += session.agreement.closeWindow - 1;
        await session.claim(await session.voucher(toNano('0.9')));
        expect((await session.data()).claimed).toBe(toNano('0.9'));
    });

    it('the reserve goes back to the client in the end', async () => {
        await claimEverything();
        const { transactions } = await session.finish(null, toNano('0.2'));
        expect(valueOf(transactionOf({ transactions }, session.client))).toBeGreaterThan(
            escrowReserve(pricesOf(chain)) + toNano('0.2') - toNano('0.03'),
        );
    });

    it('a session of a few coins lasts for decades', async () => {
        await session.deliver(network.stranger.address, message.topUp(), toNano('2'));
        expect(await runway()).toBeGreaterThan(BigInt(30 * Year));
        expect(await session.status()).toBe(Status.Open);
        expect(await session.balance()).toBeGreaterThan(Deposit);
    });
});
