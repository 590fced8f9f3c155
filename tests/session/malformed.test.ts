import { Address, beginCell, Cell, Dictionary, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, escrowDeployment, packSignedVoucher, packTerms, SessionEscrow } from '../../wrappers';
import { asLibrary } from '../job/cells';
import { exitCodeOf, operation, sendAs, transactionOf } from '../support/chain';
import { TestNetwork } from '../support/network';
import * as message from './messages';
import { attempt, refused } from './outcome';
import { Deposit, StagedSession } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;

let network: TestNetwork;
let session: StagedSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await StagedSession.open(network);
    open = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(open));

const withoutLastBit = (cell: Cell) => {
    const slice = cell.beginParse();
    const builder = beginCell().storeBits(slice.loadBits(cell.bits.length - 1));
    cell.refs.forEach((ref) => builder.storeRef(ref));
    return builder.endCell();
};
const withoutReferences = (cell: Cell) => beginCell().storeBits(cell.bits).endCell();
const withBit = (cell: Cell) => beginCell().storeSlice(cell.beginParse()).storeBit(1).endCell();
const withReference = (cell: Cell) => beginCell().storeSlice(cell.beginParse()).storeRef(Cell.EMPTY).endCell();

describe('threat: Unknown operation', () => {
    const unknown: [string, number][] = [
        ['1', 1], ['one beyond the session\'s own', 0x5e55000f], ['all ones', 0xffffffff],
        ['ConfirmSession, which goes to a provider', opcodes.ConfirmSession],
        ['Payout, which goes to a settlement', opcodes.Payout],
        ['SessionClosed, which goes to a provider', opcodes.SessionClosed],
    ];

    it.each(unknown)('%s: the value comes back, nothing changes', async (_, code) => {
        for (const sender of [session.client, session.provider.address, session.settlement, network.stranger.address]) {
            expect(await session.attempt(sender, operation(code))).toEqual(refused(Errors.InvalidIncomingMessage));
        }
        const body = beginCell().storeUint(code, 32).storeUint(0, 512).storeRef(Cell.EMPTY).endCell();
        expect(await session.attempt(session.client, body)).toEqual(refused(Errors.InvalidIncomingMessage));
    });
});

describe('threat: malformed cell (message)', () => {
    const sent = async (): Promise<[string, Address, Cell][]> => {
        const voucher = await session.voucher(toNano('0.1'));
        const receipt = await session.receiptFor({ completion: 1_000n });
        return [
            ['ClaimVoucher', network.stranger.address, message.claimVoucher(voucher)],
            ['OpenSession', session.client, message.openSession()],
            ['SessionConfirmed', session.provider.address, message.sessionConfirmed(1n, 1n, 0n)],
            ['SessionRejected', session.provider.address, message.sessionRejected(1n)],
            ['Reclaim', session.client, message.reclaim()],
            ['ClaimReceipt', session.settlement, message.claimReceipt(receipt)],
            ['FinishSession', session.settlement, message.finishSession(voucher)],
            ['StartClose', session.client, message.startClose()],
            ['FinishClose', session.client, message.finishClose()],
            ['TopUp', session.client, message.topUp()],
            ['RefreshAttestation', session.client, message.refreshAttestation()],
        ];
    };

    const needed = ['ClaimVoucher', 'SessionConfirmed', 'ClaimReceipt', 'FinishSession'];

    it('a message that is one bit or one reference short of what it needs is refused, and the value comes back', async () => {
        for (const [name, sender, body] of (await sent()).filter(([name]) => needed.includes(name))) {
            const short = body.refs.length > 0 ? withoutReferences(body) : withoutLastBit(body);
            expect([name, await session.attempt(sender, short)]).toEqual([name, refused(Errors.CellUnderflow)]);
            const bare = operation(body.beginParse().loadUint(32));
            expect([name, await session.attempt(sender, bare)]).toEqual([name, refused(Errors.CellUnderflow)]);
        }
    });

    it('a query id or a reason that is missing is not missed: nothing reads it', async () => {
        for (const [name, sender, body] of (await sent()).filter(([name]) => !needed.includes(name))) {
            const { exitCode } = await session.attempt(sender, body);
            await network.chain.loadFrom(open);
            expect([name, (await session.attempt(sender, withoutLastBit(body))).exitCode]).toEqual([name, exitCode]);
            await network.chain.loadFrom(open);
        }
    });

    it('bits and references behind a message\'s fields mean nothing: it does what it does without them', async () => {
        for (const [name, sender, body] of await sent()) {
            const plain = await session.attempt(sender, body);
            await network.chain.loadFrom(open);
            for (const longer of [withBit(body), withReference(body)]) {
                const { exitCode, unchanged } = await session.attempt(sender, longer);
                expect([name, exitCode, unchanged]).toEqual([name, plain.exitCode, plain.unchanged]);
                await network.chain.loadFrom(open);
            }
        }
    });

    it('a body that is too short for an operation counts as empty: a top-up', async () => {
        const data = await session.data();
        expect((await session.attempt(network.stranger.address, beginCell().storeUint(1, 31).endCell())).exitCode).toBe(0);
        expect(await session.data()).toMatchObject({ status: data.status, claimed: data.claimed, deadline: data.deadline });
    });
});

describe('threat: malformed cell, extra bits or references (voucher)', () => {
    const claim = (cell: Cell) => session.attempt(network.stranger.address, message.claimVoucherCell(cell));
    const finish = (cell: Cell) => session.attempt(session.settlement, message.finishSessionCell(cell));

    it('a voucher cell is exactly a voucher: one bit less, one more, or a reference is refused', async () => {
        const voucher = packSignedVoucher(await session.voucher(toNano('0.1')));
        for (const cell of [withoutLastBit(voucher), withBit(voucher), withReference(voucher)]) {
            expect(await claim(cell)).toEqual(refused(Errors.CellUnderflow));
            expect(await finish(cell)).toEqual(refused(Errors.CellUnderflow));
        }
    });

    it('a claim with an empty cell is refused; only a finish may come without a voucher', async () => {
        expect(await claim(Cell.EMPTY)).toEqual(refused(Errors.CellUnderflow));
        expect((await finish(Cell.EMPTY)).exitCode).toBe(0);
    });

    it('a finish whose cell holds only a reference is no finish without a voucher', async () => {
        expect(await finish(beginCell().storeRef(Cell.EMPTY).endCell())).toEqual(refused(Errors.CellUnderflow));
    });

    it('other cells in its place are refused: a receipt claim, the terms, zeros', async () => {
        const receipt = message.claimReceipt(await session.receiptFor({ completion: 1_000n })).refs[0];
        const zeros = beginCell().storeUint(0, 4 + 256).storeUint(0, 512).endCell();
        for (const cell of [receipt, packTerms(session.agreement)]) {
            expect((await claim(cell))).toMatchObject({ returned: true, unchanged: true, exitCode: Errors.CellUnderflow });
        }
        expect(await claim(zeros)).toEqual(refused(Errors.BadSignature));
    });

    it('a tree of a thousand cells in its place costs the sender, not the escrow', async () => {
        let layer = Array.from({ length: 768 }, (_, index) => beginCell().storeUint(index, 256).endCell());
        while (layer.length > 1) {
            const children = layer;
            layer = Array.from({ length: Math.ceil(children.length / 4) }, (_, index) =>
                children.slice(4 * index, 4 * index + 4).reduce((cell, child) => cell.storeRef(child), beginCell()).endCell());
        }
        const [tree] = layer;
        expect(await claim(tree)).toEqual(refused(Errors.CellUnderflow));
    });
});

describe('threat: Cell boundaries chosen by the sender: fixed bit length of each cell, no extra references (terms)', () => {
    async function openWith(change: (terms: Cell) => Cell) {
        const terms = change(packTerms(network.agreement({ salt: 4n })));
        const { address, init } = await escrowDeployment(network.sessionKey.publicKey, network.settlement.address, terms);
        return attempt(network.chain, network.client.address, address, message.openSession(), Deposit, init);
    }

    it('terms as the wrappers pack them are accepted', async () => {
        expect((await openWith((terms) => terms)).exitCode).toBe(0);
    });

    it('terms that are one bit or the offer short are refused', async () => {
        for (const change of [withoutLastBit, withoutReferences]) {
            expect(await openWith(change)).toEqual(refused(Errors.CellUnderflow));
        }
    });

    it('terms with a bit behind their fields are refused', async () => {
        expect(await openWith(withBit)).toEqual(refused(Errors.CellUnderflow));
    });

    it('terms with a reference beside the offer are refused: no reserve counts the rent of what hangs on it', async () => {
        expect(await openWith(withReference)).toEqual(refused(Errors.CellUnderflow));
    });
});

describe('threat: terms behind a library cell, which the client could take away from an open session', () => {
    it('the provider refuses them, and the deposit comes back', async () => {
        const { chain, client, provider, settlement, sessionKey } = network;
        const terms = packTerms(network.agreement({ salt: 99n }));
        const libraries = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
        [Cell.EMPTY, terms].forEach((cell) => libraries.set(cell.hash(), cell));
        chain.libs = beginCell().storeDictDirect(libraries).endCell();
        const { address, init } = await escrowDeployment(sessionKey.publicKey, settlement.address, asLibrary(terms));
        const result = await sendAs(chain, client.address, address, Deposit, message.openSession(), { init });
        expect(exitCodeOf(transactionOf(result, provider.address))).toBe(Errors.Malformed);
        expect(result.transactions).toHaveTransaction({ from: address, to: client.address, value: (value) => value! > Deposit - toNano('0.05') });
        expect(await network.exists(address)).toBe(false);
    });
});
