import { Address, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, OpeningDeadline } from '../../wrappers';
import { TestNetwork } from '../support/network';
import * as message from './messages';
import { refused } from './outcome';
import { Deposit, StagedSession } from './staged';

// Every operation in every state from every party. What is not in the table below as allowed is refused: the value comes
// back and the escrow is as it was.

const States = ['deployed', 'opening', 'opening overdue', 'open', 'closing', 'window ended'] as const;
type State = (typeof States)[number];

const Parties = ['client', 'provider', 'settlement', 'stranger', 'governance'] as const;
type Party = (typeof Parties)[number];

type Rule = {
    operation: string;
    body: (session: StagedSession) => Promise<Cell>;
    /** Whose operation it is; undefined: anyone's. */
    party?: Party;
    /** Where it works. */
    works: State[];
    /** What its own party, or anyone, is told elsewhere. */
    elsewhere: (state: State) => number;
};

const Rules: Rule[] = [
    {
        operation: 'OpenSession', party: 'client', works: ['deployed'],
        body: async () => message.openSession(),
        elsewhere: () => Errors.AlreadyOpened,
    },
    {
        operation: 'SessionConfirmed', party: 'provider', works: ['opening', 'opening overdue', 'open', 'closing', 'window ended'],
        body: async (session) => message.sessionConfirmed((await session.data()).openedLt, 1n, 0n),
        elsewhere: () => Errors.OtherLife,
    },
    {
        operation: 'SessionRejected', party: 'provider', works: ['opening', 'opening overdue', 'open', 'closing', 'window ended'],
        body: async (session) => message.sessionRejected((await session.data()).openedLt),
        elsewhere: () => Errors.OtherLife,
    },
    {
        operation: 'Reclaim', party: 'client', works: ['deployed', 'opening overdue'],
        body: async () => message.reclaim(),
        elsewhere: (state) => (state === 'opening' ? Errors.TooEarly : Errors.AlreadyOpened),
    },
    {
        operation: 'ClaimVoucher', works: ['open', 'closing'],
        body: async (session) => message.claimVoucher(await session.voucher(toNano('0.1'))),
        elsewhere: () => Errors.NotOpen,
    },
    {
        operation: 'ClaimReceipt', party: 'settlement', works: ['open', 'closing'],
        body: async (session) => message.claimReceipt(await session.receiptFor({ completion: 1_000n })),
        elsewhere: () => Errors.NotOpen,
    },
    {
        operation: 'FinishSession', party: 'settlement', works: ['open', 'closing', 'window ended'],
        body: async () => message.finishSession(),
        elsewhere: () => Errors.NotOpen,
    },
    {
        operation: 'StartClose', party: 'client', works: ['open'],
        body: async () => message.startClose(),
        elsewhere: () => Errors.NotOpen,
    },
    {
        operation: 'FinishClose', works: ['window ended'],
        body: async () => message.finishClose(),
        elsewhere: (state) => (state === 'closing' ? Errors.TooEarly : Errors.NotClosing),
    },
    {
        operation: 'RefreshAttestation', works: ['open', 'closing'],
        body: async () => message.refreshAttestation(),
        elsewhere: () => Errors.NotOpen,
    },
    { operation: 'TopUp', works: [...States], body: async () => message.topUp(), elsewhere: () => 0 },
    { operation: 'an empty body', works: [...States], body: async () => Cell.EMPTY, elsewhere: () => 0 },
];

/** Refusals of these name a time or a status: a party that is not allowed anyway may meet them first. */
const StatusErrors: number[] = [
    Errors.AlreadyOpened, Errors.OtherLife, Errors.NotOpen, Errors.TooEarly, Errors.NotClosing,
];

let network: TestNetwork;
let session: StagedSession;
const snapshots = new Map<State, BlockchainSnapshot>();

beforeAll(async () => {
    network = await TestNetwork.create();
    session = await StagedSession.prepare(network);
    const { chain } = network;
    const remember = async (state: State) => {
        await session.deliver(network.stranger.address, Cell.EMPTY); // rent until now is paid
        snapshots.set(state, chain.snapshot());
    };
    await session.contract.send(network.stranger.getSender(), { value: toNano('0.1') }, null);
    await remember('deployed');
    await session.open(Deposit);
    await remember('opening');
    chain.now! += OpeningDeadline;
    await remember('opening overdue');
    await session.confirm();
    await remember('open');
    await session.startClose();
    await remember('closing');
    chain.now! += session.agreement.closeWindow;
    await remember('window ended');
});

const addressOf = (party: Party): Address => {
    const { provider, client, settlement } = session;
    const { stranger, governance } = network;
    return {
        client, settlement, provider: provider.address,
        stranger: stranger.address, governance: governance.address,
    }[party];
};

describe.each(States)('threat: Governance key stolen, unauthenticated sender: an escrow that is %s', (state) => {
    beforeEach(() => network.chain.loadFrom(snapshots.get(state)!));

    it.each(Rules)('$operation: from whom it works, and what the others are told', async (rule) => {
        const body = await rule.body(session);
        const works = rule.works.includes(state);
        for (const party of Parties) {
            const outcome = await session.attempt(addressOf(party), body);
            const allowed = rule.party === undefined || rule.party === party;
            if (works && allowed) {
                expect([party, outcome.exitCode]).toEqual([party, 0]);
                await network.chain.loadFrom(snapshots.get(state)!);
            } else if (allowed) {
                expect([party, outcome]).toEqual([party, refused(rule.elsewhere(state))]);
            } else if (works) {
                expect([party, outcome]).toEqual([party, refused(Errors.AccessDenied)]);
            } else {
                expect([party, outcome]).toEqual([party, refused(outcome.exitCode!)]);
                expect([Errors.AccessDenied, ...StatusErrors]).toContain(outcome.exitCode);
            }
        }
    });

    it.each(Rules.filter(({ party }) => party !== undefined))(
        '$operation: the same account hash in the masterchain is somebody else', async (rule) => {
            const twin = new Address(-1, addressOf(rule.party!).hash);
            const outcome = await session.attempt(twin, await rule.body(session));
            expect(outcome).toEqual(refused(outcome.exitCode!));
            expect(rule.works.includes(state) ? [Errors.NotBasechain] : [Errors.NotBasechain, ...StatusErrors]).toContain(outcome.exitCode);
        },
    );
});
