import { Address, beginCell, Cell, StateInit, toNano } from '@ton/core';
import { Blockchain, BlockchainSnapshot, internal } from '@ton/sandbox';
import { OpeningDeadline, Provider } from '../../wrappers';
import { TestNetwork, TestSession } from '../support/network';
import { Flight, inEveryOrder } from './interleave';
import { allCoins, feesOf } from './ledger';
import * as message from './messages';
import { Deposit, StagedSession, Status } from './staged';

const Value = toNano('0.1');

let network: TestNetwork;
let chain: Blockchain;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    chain = network.chain;
    ready = chain.snapshot();
});

beforeEach(() => chain.loadFrom(ready));

const send = (from: Address, to: Address, body: Cell, value = Value, init?: StateInit) =>
    Flight.launch(chain, internal({ from, to, value, body, stateInit: init }));

const sendOpen = (session: TestSession) =>
    send(network.client.address, session.address, message.openSession(), Deposit, session.deployment.init);

const existing = async (session: TestSession) => network.exists(session.address);

describe('threat: Message reordering between contracts', () => {
    it('a confirmation and a reclaim that cross each other: the session is open, or the client has everything', async () => {
        const session = await network.escrow();
        const before = await network.balance(network.client.address);
        const depart = async () => {
            const opening = await sendOpen(session);
            await opening.step(); // the escrow has asked
            chain.now! += OpeningDeadline;
            return [opening, await send(network.client.address, session.address, message.reclaim())];
        };
        const ends = new Set<string>();
        const orders = await inEveryOrder(chain, depart, async ({ order }) => {
            const got = (await network.balance(network.client.address)) - before;
            if (await existing(session)) {
                expect((await session.data()).status).toBe(Status.Open);
                expect((await network.balance(session.address)) - (await session.data()).reserve).toBeGreaterThan(Deposit - toNano('0.01'));
                expect([order, got > toNano('0.099')]).toEqual([order, true]); // what came with the reclaim
            } else {
                expect([order, got > Deposit + toNano('0.09')]).toEqual([order, true]);
            }
            ends.add(String(await existing(session)));
        });
        expect(orders.length).toBeGreaterThanOrEqual(4);
        expect(ends).toEqual(new Set(['true', 'false']));
    });

    it('the answers of two lives, in any order: only the answer to the present opening counts', async () => {
        const session = await network.escrow();
        const depart = async () => {
            const first = await sendOpen(session);
            await first.step();
            chain.now! += OpeningDeadline;
            await (await send(network.client.address, session.address, message.reclaim())).step();
            const second = await sendOpen(session);
            await second.step();
            return [first, second];
        };
        const orders = await inEveryOrder(chain, depart, async ({ order, transactions }) => {
            const { status, openedLt } = await session.data();
            expect([order, status]).toEqual([order, Status.Open]);
            const answers = transactions.filter(({ inMessage }) => inMessage?.info.dest?.toString() === session.address.toString());
            expect(answers).toHaveLength(2);
            const effective = answers.filter(({ description }) =>
                description.type === 'generic' && description.computePhase.type === 'vm' && description.computePhase.success);
            expect(effective).toHaveLength(1);
            expect(effective[0].inMessage!.body.beginParse().skip(32).loadUintBig(64)).toBe(openedLt);
        });
        expect(orders.length).toBe(6);
    });

    it('a claim and the provider\'s finish with the same voucher: the provider gets it once, the client the rest', async () => {
        const session = await StagedSession.open(network);
        const voucher = await session.voucher(toNano('0.3'));
        const settlement = await network.balance(session.settlement);
        const relayed = await network.balance(network.stranger.address);
        const depart = async () => [
            await send(network.stranger.address, session.address, message.claimVoucher(voucher)),
            await send(session.settlement, session.address, message.finishSession(voucher)),
        ];
        const orders = await inEveryOrder(chain, depart, async ({ order }) => {
            // If the claim came too late its value went back to the relayer, else it travelled with the payout.
            const relayer = (await network.balance(network.stranger.address)) - relayed;
            const earned = (await network.balance(session.settlement)) - settlement + relayer - Value;
            expect([order, await session.exists()]).toEqual([order, false]);
            expect(earned).toBeLessThanOrEqual(toNano('0.3'));
            expect(earned).toBeGreaterThan(toNano('0.299'));
        });
        expect(orders.length).toBeGreaterThanOrEqual(2);
    });

    it('two vouchers in both orders: in the end the higher one is paid, once', async () => {
        const session = await network.openSession(Deposit);
        const low = message.claimVoucher(await session.voucher(toNano('0.1')));
        const high = message.claimVoucher(await session.voucher(toNano('0.4')));
        const held = await network.balance(session.address);
        const depart = async () => [
            await send(network.stranger.address, session.address, low),
            await send(network.owner.address, session.address, high),
        ];
        const orders = await inEveryOrder(chain, depart, async () => {
            expect((await session.data()).claimed).toBe(toNano('0.4'));
            expect(await network.balance(session.address)).toBe(held - toNano('0.4'));
        });
        expect(orders.length).toBeGreaterThanOrEqual(4);
    });

    it('a claim and the start of the closing: the claim is paid in both orders', async () => {
        const session = await network.openSession(Deposit);
        const claim = message.claimVoucher(await session.voucher(toNano('0.4')));
        const depart = async () => [
            await send(network.stranger.address, session.address, claim),
            await send(network.client.address, session.address, message.startClose()),
        ];
        await inEveryOrder(chain, depart, async () => {
            expect(await session.data()).toMatchObject({ claimed: toNano('0.4'), status: Status.Closing });
        });
    });

    it('two finishes at the end of the window: one does it, the other\'s value comes back', async () => {
        const session = await StagedSession.open(network);
        await session.startClose();
        chain.now! += session.agreement.closeWindow;
        const client = await network.balance(session.client);
        const depart = async () => [
            await send(network.stranger.address, session.address, message.finishClose()),
            await send(session.settlement, session.address, message.finishSession()),
        ];
        const orders = await inEveryOrder(chain, depart, async ({ order }) => {
            expect([order, await session.exists(), await session.balance()]).toEqual([order, false, 0n]);
            const back = (await network.balance(session.client)) - client;
            expect(back).toBeGreaterThan(Deposit + Value - toNano('0.01')); // one finish's value went along, not both
            expect(back).toBeLessThan(Deposit + Value + toNano('0.1'));
        });
        expect(orders.length).toBeGreaterThanOrEqual(2);
    });

    it('a top-up that crosses a rejection: nothing of it stays behind', async () => {
        const session = await network.escrow({ leastTier: 1 }); // will be rejected
        const depart = async () => [
            await sendOpen(session),
            await send(network.stranger.address, session.address, message.topUp(), toNano('0.3')),
        ];
        await inEveryOrder(chain, depart, async () => {
            // Before the deployment and after the end it bounces, in between it goes to the client with the refund.
            expect(await existing(session)).toBe(false);
            expect(await network.balance(session.address)).toBe(0n);
        });
    });

    it('a retirement that crosses an opening: the session is open, or the client has everything', async () => {
        const session = await network.escrow();
        const retire = beginCell().store(Provider.storeRetire({ $$type: 'Retire', queryId: 0n })).endCell();
        const before = await network.balance(network.client.address);
        const depart = async () => [
            await sendOpen(session),
            await send(network.owner.address, network.provider.address, retire),
        ];
        const ends = new Set<boolean>();
        await inEveryOrder(chain, depart, async () => {
            const open = await existing(session);
            ends.add(open);
            const got = (await network.balance(network.client.address)) - before;
            expect(open ? (await session.data()).status : Status.Open).toBe(Status.Open);
            expect(open ? got === 0n : got > Deposit - toNano('0.01')).toBe(true);
        });
        expect(ends).toEqual(new Set([true, false]));
    });
});

describe('threat: two chains interleaved', () => {
    it('two openings of one client, in all 20 orders: both are open, and neither has a coin of the other', async () => {
        const sessions = [await network.escrow({ salt: 1n }), await network.escrow({ salt: 2n })];
        const held = new Set<bigint>();
        const orders = await inEveryOrder(chain, () => Promise.all(sessions.map(sendOpen)), async ({ order }) => {
            for (const session of sessions) {
                expect([order, (await session.data()).status]).toEqual([order, Status.Open]);
                held.add(await network.balance(session.address));
            }
        });
        expect(orders.length).toBe(20);
        expect(held.size).toBe(1);
    });

    it('a claim on one session and the closing of another: no coin is created or lost in any order', async () => {
        const one = await network.openSession(Deposit, { salt: 1n });
        const two = await network.openSession(Deposit, { salt: 2n });
        await two.startClose();
        chain.now! += two.agreement.closeWindow;
        const claim = message.claimVoucher(await one.voucher(toNano('0.4')));
        const all = allCoins(chain);
        const depart = async () => [
            await send(network.stranger.address, one.address, claim),
            await send(network.stranger.address, two.address, message.finishClose()),
        ];
        const orders = await inEveryOrder(chain, depart, async ({ transactions }) => {
            expect(allCoins(chain)).toBe(all + 2n * Value - feesOf(transactions));
            expect((await one.data()).claimed).toBe(toNano('0.4'));
            expect(await existing(two)).toBe(false);
        });
        expect(orders.length).toBeGreaterThanOrEqual(6);
    });
});
