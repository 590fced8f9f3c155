import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, OpeningDeadline } from '../../wrappers';
import { dataOf, transactionOf, valueOf } from '../support/chain';
import { TestNetwork } from '../support/network';
import { spentBy } from './ledger';
import * as message from './messages';
import { refused } from './outcome';
import { Deposit, StagedSession } from './staged';

let network: TestNetwork;
let session: StagedSession;
const states = new Map<string, BlockchainSnapshot>();

beforeAll(async () => {
    network = await TestNetwork.create();
    session = await StagedSession.prepare(network);
    const { chain } = network;
    await session.contract.send(network.stranger.getSender(), { value: toNano('0.1') }, null);
    states.set('deployed', chain.snapshot());
    await session.open(Deposit);
    states.set('opening', chain.snapshot());
    chain.now! += OpeningDeadline;
    states.set('opening overdue', chain.snapshot());
    await session.confirm();
    states.set('open', chain.snapshot());
    await session.startClose();
    states.set('closing', chain.snapshot());
    chain.now! += session.agreement.closeWindow;
    states.set('window ended', chain.snapshot());
});

const bodies: [string, Cell][] = [
    ['TopUp', message.topUp()],
    ['an empty body', Cell.EMPTY],
    ['the operation 0 and nothing else', beginCell().storeUint(0, 32).endCell()],
];

describe.each(['deployed', 'opening', 'opening overdue', 'open', 'closing', 'window ended'])(
    'threat: A stranger\'s dust deposit moves a timer or a state (%s)', (state) => {
        beforeEach(() => network.chain.loadFrom(states.get(state)!));

        it.each(bodies)('%s adds its value to the balance and changes no bit of the data', async (_, body) => {
            const data = await dataOf(network.chain, session.address);
            for (const value of [toNano('0.3'), toNano('0.001')]) {
                const before = await session.balance();
                const { transactions } = await session.deliver(network.stranger.address, body, value);
                const topUp = transactionOf({ transactions }, session.address);
                expect(await session.balance()).toBe(before + valueOf(topUp) - spentBy(topUp));
                expect(topUp.outMessagesCount).toBe(0);
                expect(await dataOf(network.chain, session.address)).toEqualCell(data!);
            }
        });

        it.each(bodies)('%s with too little value for its own gas changes nothing either', async (_, body) => {
            const data = await dataOf(network.chain, session.address);
            const held = await session.balance();
            await session.deliver(network.stranger.address, body, 1n);
            expect(await dataOf(network.chain, session.address)).toEqualCell(data!);
            expect(held - (await session.balance())).toBeLessThan(toNano('0.0001')); // rent, where time has passed
        });
    },
);

describe('a top-up', () => {
    beforeEach(() => network.chain.loadFrom(states.get('open')!));

    it('comes from anyone: client, provider, governance, a wallet of the masterchain', async () => {
        const senders = [
            session.client, session.provider.address, network.governance.address, new Address(-1, network.stranger.address.hash),
        ];
        for (const sender of senders) {
            const before = await session.payable();
            expect((await session.attempt(sender, message.topUp(), toNano('0.3'))).exitCode).toBe(0);
            expect(await session.payable()).toBeGreaterThan(before + toNano('0.299'));
        }
    });

    it('can be claimed like the deposit', async () => {
        const before = await session.payable();
        await session.deliver(network.stranger.address, message.topUp(), toNano('2'));
        await session.claim(await session.voucher(toNano('2.5')));
        expect((await session.data()).claimed).toBe(toNano('2.5'));
        expect(toNano('2.5')).toBeGreaterThan(before);
    });

    it('after the start of the closing neither delays the end nor stops it', async () => {
        await session.startClose();
        const { deadline } = await session.data();
        await session.deliver(network.stranger.address, message.topUp(), toNano('1'));
        expect((await session.data()).deadline).toBe(deadline);
        network.chain.now = Number(deadline);
        await session.finishClose();
        expect(await session.exists()).toBe(false);
    });

    it('during the opening does not delay the client\'s way out', async () => {
        await network.chain.loadFrom(states.get('opening')!);
        const { deadline } = await session.data();
        await session.deliver(network.stranger.address, message.topUp(), toNano('1'));
        network.chain.now = Number(deadline);
        await session.deliver(session.client, message.reclaim());
        expect(await session.exists()).toBe(false);
    });

    it('with a text comment is no top-up: the value comes back', async () => {
        const comment = beginCell().storeUint(0, 32).storeStringTail('for you').endCell();
        expect(await session.attempt(network.stranger.address, comment)).toEqual(refused(Errors.InvalidIncomingMessage));
    });
});
