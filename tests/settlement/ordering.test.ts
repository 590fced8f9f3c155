import { Address, Cell, toNano } from '@ton/core';
import { Blockchain, BlockchainSnapshot, internal } from '@ton/sandbox';
import { BatchItem, hashToBigInt } from '../../wrappers';
import { testKey, TestNetwork } from '../support/network';
import { Flight, inEveryOrder } from '../session/interleave';
import { allCoins, feesOf } from '../session/ledger';
import * as sessionMessage from '../session/messages';
import { Deposit, StagedSession } from '../session/staged';
import { external } from './batches';
import * as message from './messages';

const Value = toNano('0.2');

let network: TestNetwork;
let chain: Blockchain;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    chain = network.chain;
    ready = chain.snapshot();
});

beforeEach(() => chain.loadFrom(ready));

const send = (from: Address, to: Address, body: Cell, value = Value) => Flight.launch(chain, internal({ from, to, value, body }));

const toSettlement = (from: Address, body: Cell) => send(from, network.settlement.address, body);

/** Departs in the sandbox's own time: a batch is sent when the settlement is free to take it. */
const sendBatch = async (items: BatchItem[], changes = {}) => Flight.launch(chain, external(network, await network.batchBody(items, changes)));

describe('threat: Message reordering between contracts (settlement)', () => {
    it('a batch that claims and the client\'s finish after the window, crossing: the deposit is paid out once', async () => {
        const session = await network.openSession(Deposit);
        await session.startClose();
        const end = Number((await session.data()).deadline);
        chain.now = end - 1;
        const claim: BatchItem = { kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.6')) };
        const client = await network.balance(network.client.address);
        const depart = async () => {
            chain.now = end - 1;
            const batch = await sendBatch([claim]);
            await batch.step(); // sent in time
            chain.now = end;
            return [batch, await send(network.client.address, session.address, sessionMessage.finishClose())];
        };
        const orders = await inEveryOrder(chain, depart, async ({ order }) => {
            // It was sent in time and arrived too late: the client has everything, the provider its voucher unpaid.
            expect([order, await network.exists(session.address)]).toEqual([order, false]);
            expect((await network.balance(network.client.address)) - client).toBeGreaterThan(Deposit + Value - toNano('0.02'));
            expect(await network.settlement.getEarnings()).toBeLessThan(toNano('0.01'));
        });
        expect(orders.length).toBeGreaterThanOrEqual(2);
    });

    it('two batches that finish the same session: it ends once, and no coin is created or lost', async () => {
        const session = await StagedSession.open(network, {}, network.settlement.address);
        const finish: BatchItem = { kind: 'finish', escrow: session.address, voucher: null };
        const all = allCoins(chain);
        const client = await network.balance(session.client);
        let departed = 0n;
        const depart = async () => {
            const first = await sendBatch([finish], { sequence: 0 });
            const sent = [await first.step()];
            const second = await sendBatch([finish], { sequence: 1 });
            sent.push(await second.step());
            departed = feesOf(sent);
            return [first, second];
        };
        const orders = await inEveryOrder(chain, depart, async ({ transactions }) => {
            expect(await session.exists()).toBe(false);
            expect(allCoins(chain)).toBe(all - departed - feesOf(transactions));
            expect((await network.balance(session.client)) - client).toBeGreaterThan(Deposit - toNano('0.01'));
        });
        expect(orders.length).toBeGreaterThanOrEqual(4);
    });

    it('a payout and a distribution that cross: what arrives later is split next time, nothing is lost', async () => {
        const session = await network.openSession(Deposit);
        const claim = sessionMessage.claimVoucher(await session.voucher(toNano('0.6')));
        await network.stranger.send({ to: network.settlement.address, value: toNano('1') });
        const { feeFloat, reserve } = await network.settlement.getSettlementData();
        const rests = new Set<boolean>();
        const depart = async () => [
            await send(network.stranger.address, session.address, claim),
            await toSettlement(network.stranger.address, message.distribute()),
        ];
        await inEveryOrder(chain, depart, async () => {
            const rest = await network.settlement.getEarnings();
            expect(await network.balance(network.settlement.address)).toBe(feeFloat + reserve + rest);
            rests.add(rest > toNano('0.6'));
        });
        expect(rests).toEqual(new Set([true, false]));
    });

    it('a change of the worker key and a batch that cross: the batch counts, or it costs nothing', async () => {
        const key = hashToBigInt(testKey('next worker').publicKey);
        const body = await network.batchBody([]);
        const change = async () => toSettlement(network.provider.address, message.setWorkerKey(key));
        const first = await change();
        await first.step();
        await expect(chain.sendMessage(external(network, body))).rejects.toThrow();
        expect((await network.settlement.getSettlementData()).sequence).toBe(0n);

        await chain.loadFrom(ready);
        await chain.sendMessage(external(network, body));
        await (await change()).step();
        expect(await network.settlement.getSettlementData()).toMatchObject({ sequence: 1n, workerKey: key });
    });
});

describe('threat: two chains interleaved (settlement)', () => {
    it('a batch of two claims and a distribution by batch: in every order each session pays once and the books balance', async () => {
        const sessions = [await network.openSession(Deposit, { salt: 1n }), await network.openSession(Deposit, { salt: 2n })];
        const items = await Promise.all(sessions.map(async (session): Promise<BatchItem> =>
            ({ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.3')) })));
        const all = allCoins(chain);
        let departed = 0n;
        const depart = async () => {
            const claims = await sendBatch(items, { sequence: 0 });
            const out = [await claims.step()];
            const split = await sendBatch([], { sequence: 1, distribute: true });
            out.push(await split.step());
            departed = feesOf(out);
            return [claims, split];
        };
        const orders = await inEveryOrder(chain, depart, async ({ transactions }) => {
            expect(allCoins(chain)).toBe(all - departed - feesOf(transactions));
            for (const session of sessions) {
                expect((await session.data()).claimed).toBe(toNano('0.3'));
            }
        });
        expect(orders.length).toBeGreaterThanOrEqual(1);
    });
});
