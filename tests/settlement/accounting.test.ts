import { Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import fc from 'fast-check';
import { BatchItem } from '../../wrappers';
import { sendAs } from '../support/chain';
import { TestNetwork } from '../support/network';
import { coinsOf, feesOf } from '../session/ledger';
import { StagedSession } from '../session/staged';
import { rawItem, rawList, submit } from './batches';
import * as message from './messages';

// A settlement driven by a random sequence of earnings, batches, distributions and orders of its owner. Whatever comes,
// its balance covers its reserve and its float, and no coin is created or lost.

type Move =
    | { kind: 'payout' | 'fund' | 'release'; amount: bigint }
    | { kind: 'claims'; count: number; amount: bigint; distribute: boolean }
    | { kind: 'malformed'; count: number }
    | { kind: 'limits'; floatBasisPoints: number }
    | { kind: 'shares'; first: number }
    | { kind: 'distribute' | 'sync' };

const amount = fc.bigInt(1n, toNano('3'));
const moves = fc.array(
    fc.oneof(
        fc.record({ kind: fc.constantFrom('payout' as const, 'fund' as const, 'release' as const), amount }),
        fc.record({ kind: fc.constant('claims' as const), count: fc.integer({ min: 0, max: 3 }), amount, distribute: fc.boolean() }),
        fc.record({ kind: fc.constant('malformed' as const), count: fc.integer({ min: 1, max: 50 }) }),
        fc.record({ kind: fc.constant('limits' as const), floatBasisPoints: fc.integer({ min: 0, max: 10_000 }) }),
        fc.record({ kind: fc.constant('shares' as const), first: fc.integer({ min: 1, max: 9_999 }) }),
        fc.record({ kind: fc.constantFrom('distribute' as const, 'sync' as const) }),
    ),
    { minLength: 6, maxLength: 10 },
);

let network: TestNetwork;
let sessions: StagedSession[];
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    sessions = [];
    for (let salt = 0n; salt < 3n; salt++) {
        sessions.push(await StagedSession.open(network, { salt }, network.settlement.address));
    }
    ready = network.chain.snapshot();
});

const Value = toNano('0.3');

async function play(move: Move) {
    const { chain, owner, stranger, settlement, client } = network;
    const order = async (from: typeof owner, body: Cell, value = Value) =>
        ({ brought: value, transactions: (await sendAs(chain, from.address, settlement.address, value, body)).transactions });
    switch (move.kind) {
        case 'payout': return order(stranger, message.payout(), move.amount);
        case 'fund': return order(stranger, message.fundFees(), move.amount);
        case 'release': return order(owner, message.releaseFees(move.amount));
        case 'limits': return order(owner, message.setFeeLimits(toNano('10'), BigInt(move.floatBasisPoints)));
        case 'shares':
            return order(owner, message.setBeneficiaries([[client.address, move.first], [stranger.address, 10_000 - move.first]]));
        case 'distribute': return order(stranger, message.distribute());
        case 'sync': return order(stranger, message.syncFee());
        case 'claims': {
            const items = await Promise.all(sessions.slice(0, move.count).map(async (session): Promise<BatchItem> =>
                ({ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(move.amount) })));
            const body = await network.batchBody(items, { distribute: move.distribute });
            return { brought: 0n, transactions: (await submit(network, body)).transactions };
        }
        case 'malformed': {
            const items = rawList(Array.from({ length: move.count - 1 }, () => rawItem()));
            const body = await network.batchBody([], { count: move.count, items });
            return { brought: 0n, transactions: (await submit(network, body)).transactions };
        }
    }
}

describe('whatever happens to a settlement', () => {
    it('its balance covers reserve and float, and coins in are shares, fees, batches and balance', async () => {
        const parties = [
            network.settlement, network.provider, network.registry, network.treasury, network.owner, network.client, network.stranger, ...sessions,
        ].map(({ address }) => address);
        await fc.assert(fc.asyncProperty(moves, async (sequence) => {
            await network.chain.loadFrom(ready);
            for (const move of sequence) {
                const before = await network.settlement.getSettlementData();
                const all = await coinsOf(network.chain, parties);
                const { brought, transactions } = await play(move);
                expect(await coinsOf(network.chain, parties)).toBe(all + brought - feesOf(transactions));

                const { feeFloat, reserve, spentToday, dailyCap } = await network.settlement.getSettlementData();
                expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(reserve + feeFloat);
                expect(spentToday).toBeLessThanOrEqual(dailyCap);
                if (move.kind === 'payout' || move.kind === 'shares' || move.kind === 'sync' || move.kind === 'limits') {
                    expect(feeFloat).toBe(before.feeFloat);
                }
                if (move.kind === 'distribute') {
                    expect(feeFloat).toBeGreaterThanOrEqual(before.feeFloat);
                }
            }
        }), { numRuns: 6, seed: 20_260_429 });
    });
});
