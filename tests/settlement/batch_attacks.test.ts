import '@ton/test-utils';
import { Address, beginCell, Cell, convertToMerkleProof, toNano } from '@ton/core';
import { sign } from '@ton/crypto';
import { BlockchainSnapshot } from '@ton/sandbox';
import {
    Batch, BatchItem, batchCost, batchItemCost, batchPayload, Errors, MaxBatchLife, NoTokens, packBatchItems, packBatchMessage, receiptPayload, requestPayload,
    settlementDeployment, SigningDomain, signPayload, voucherPayload,
} from '../../wrappers';
import { forwardFeesOf, sendAs } from '../support/chain';
import { GlobalId, testKey, TestNetwork } from '../support/network';
import { pricesOf } from '../session/ledger';
import { StagedSession } from '../session/staged';
import { rawItem, rawList, refusedForNothing, submit, tree, tryBatch } from './batches';
import * as message from './messages';

const Unused = new Address(0, Buffer.alloc(32, 0xaa));

let network: TestNetwork;
let session: StagedSession;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await StagedSession.open(network, {}, network.settlement.address);
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

const data = () => network.settlement.getSettlementData();

const claim = async (): Promise<BatchItem[]> =>
    [{ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.1')) }];

/** Signed as anything: the payload is what the test says. */
async function signedOver(batch: Partial<Batch>, payload: (batch: Batch) => Cell, key = network.workerKey): Promise<Cell> {
    const whole: Batch = {
        sequence: Number((await data()).sequence), validUntil: network.chain.now! + 600, count: 0, distribute: false,
        items: Cell.EMPTY, ...batch,
    };
    return packBatchMessage(whole, sign(payload(whole).hash(), key.secretKey));
}

const domain = (): SigningDomain => ({ globalId: GlobalId, contract: network.settlement.address, openedLt: 0n });

describe('threat: Gas drain through external messages: what is wrong is refused before it is accepted, for nothing', () => {
    it('a batch as it should be, for comparison, is accepted', async () => {
        const outcome = await tryBatch(network, await network.batchBody(await claim()));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, sequence: 'next' });
    });

    it('fifty-one items', async () => {
        const items = rawList(Array.from({ length: 51 }, () => rawItem()));
        expect(await tryBatch(network, await network.batchBody([], { count: 51, items }))).toEqual(refusedForNothing(Errors.TooManyItems));
        expect(await tryBatch(network, await network.batchBody([], { count: 255, items }))).toEqual(refusedForNothing(Errors.TooManyItems));
    });

    it.each([1, 2, 0xffffffff])('a sequence that is %i ahead', async (ahead) => {
        expect(await tryBatch(network, await network.batchBody(await claim(), { sequence: ahead }))).toEqual(refusedForNothing(Errors.BadSequence));
    });

    it('a batch that has expired, by a second; in its last second it counts', async () => {
        const now = network.chain.now!;
        expect(await tryBatch(network, await network.batchBody(await claim(), { validUntil: now - 1 }))).toEqual(refusedForNothing(Errors.Expired));
        expect((await tryBatch(network, await network.batchBody(await claim(), { validUntil: now }))).accepted).toBe(true);
    });

    it('a batch that is valid for an hour and a second; an hour is accepted', async () => {
        const last = network.chain.now! + MaxBatchLife;
        for (const validUntil of [last + 1, 0xffffffff]) {
            expect(await tryBatch(network, await network.batchBody(await claim(), { validUntil }))).toEqual(refusedForNothing(Errors.Expired));
        }
        expect((await tryBatch(network, await network.batchBody(await claim(), { validUntil: last }))).accepted).toBe(true);
    });

    it('a key that is not the worker\'s: the client\'s, another worker\'s', async () => {
        for (const key of [network.sessionKey, testKey('another worker')]) {
            expect(await tryBatch(network, await network.batchBody(await claim(), {}, key))).toEqual(refusedForNothing(Errors.BadSignature));
        }
    });

    it('any field that was changed after signing: sequence, validity, count, distribution, list', async () => {
        const items = packBatchItems(await claim());
        const honest = await signedOver({ items, count: 1 }, (batch) => batchPayload(domain(), batch));
        const signature = honest.beginParse().loadBuffer(64);
        const { sequence } = await data();
        const fields: Batch = { sequence: Number(sequence), validUntil: network.chain.now! + 600, count: 1, distribute: false, items };
        const changes: Partial<Batch>[] = [
            { validUntil: fields.validUntil + 1 }, { count: 0 }, { count: 2 }, { distribute: true }, { items: Cell.EMPTY },
            { items: packBatchItems([]) }, { items: rawList([rawItem()]) },
        ];
        for (const change of changes) {
            const changed = packBatchMessage({ ...fields, ...change }, signature);
            expect(await tryBatch(network, changed)).toEqual(refusedForNothing(Errors.BadSignature));
        }
        expect((await tryBatch(network, packBatchMessage(fields, signature))).accepted).toBe(true);
    });

    it('a batch that could cost more than the float, by a nanoTON', async () => {
        const least = batchCost(pricesOf(network.chain), 1, false);
        await leaveFloat(least - 1n);
        expect(await tryBatch(network, await network.batchBody(await claim()))).toEqual(refusedForNothing(Errors.FeeFloat));
        expect((await tryBatch(network, await network.batchBody([]))).accepted).toBe(true);
    });

    it('a batch that could cost more than the balance above the reserve, whatever the float says', async () => {
        await drainBalance((await data()).reserve + batchCost(pricesOf(network.chain), 1, false) - 1n);
        expect((await data()).feeFloat).toBeGreaterThan(toNano('1'));
        expect(await tryBatch(network, await network.batchBody(await claim()))).toEqual(refusedForNothing(Errors.FeeFloat));
    });

    const withLength = (change: (body: Cell) => Cell) => async () => change(await network.batchBody(await claim()));
    it.each([
        ['empty', async () => Cell.EMPTY],
        ['a bit short', withLength((body) => beginCell().storeBits(body.bits.substring(0, body.bits.length - 1)).storeRef(body.refs[0]).endCell())],
        ['a bit long', withLength((body) => beginCell().storeSlice(body.beginParse()).storeBit(1).endCell())],
        ['without a list', withLength((body) => beginCell().storeBits(body.bits).endCell())],
        ['with a second reference', withLength((body) => beginCell().storeSlice(body.beginParse()).storeRef(Cell.EMPTY).endCell())],
        ['an internal message\'s body', async () => message.fundFees()],
    ] as [string, () => Promise<Cell>][])('a message that is %s', async (_, body) => {
        expect(await tryBatch(network, await body())).toEqual(refusedForNothing(Errors.CellUnderflow));
    });

    it('any message to a settlement that is not initialised', async () => {
        const body = await network.batchBody(await claim());
        const { address, init } = await settlementDeployment(network.stranger.address);
        await sendAs(network.chain, network.stranger.address, address, toNano('5'), Cell.EMPTY, { init, bounce: false });
        const before = await network.balance(address);
        await expect(network.chain.sendMessage({ info: { type: 'external-in', dest: address, importFee: 0n }, body }))
            .rejects.toMatchObject({ exitCode: Errors.NotInitialised });
        expect(await network.balance(address)).toBe(before);
    });

    /** Rewrites the float, which otherwise takes the owner a message. */
    async function leaveFloat(feeFloat: bigint) {
        const { feeFloat: has } = await data();
        await sendAs(network.chain, network.owner.address, network.settlement.address, toNano('0.2'), message.releaseFees(has - feeFloat));
        expect((await data()).feeFloat).toBe(feeFloat);
    }

    /** As if rent had eaten the balance down to `left`. */
    async function drainBalance(left: bigint) {
        const contract = await network.chain.getContract(network.settlement.address);
        contract.balance = left;
    }
});

describe('threat: batch replay', () => {
    it('twice: the second time costs nothing and does nothing', async () => {
        const body = await network.batchBody(await claim());
        expect((await tryBatch(network, body)).accepted).toBe(true);
        for (let again = 0; again < 3; again++) {
            expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
        }
    });

    it('other network', async () => {
        for (const globalId of [-3, 0, 239]) {
            const body = await signedOver({}, (batch) => batchPayload({ ...domain(), globalId }, batch));
            expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSignature));
        }
    });

    it('other contract: another provider\'s settlement with the same worker key, or the same hash elsewhere', async () => {
        for (const contract of [network.provider.address, session.address, new Address(-1, network.settlement.address.hash)]) {
            const body = await signedOver({}, (batch) => batchPayload({ ...domain(), contract }, batch));
            expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSignature));
        }
    });

    it('other life: a settlement has only one, with openedLt 0', async () => {
        const body = await signedOver({}, (batch) => batchPayload({ ...domain(), openedLt: 1n }, batch));
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSignature));
    });

    it('other kind of payload: a voucher, a receipt or a request that the worker key signed', async () => {
        const payloads = [
            voucherPayload(domain(), { cumulative: 1n, receiptHash: 0n }),
            receiptPayload(domain(), { sequence: 0, tokens: NoTokens, amount: 0n, transcriptHash: 0n }),
            requestPayload(domain(), { validUntil: 0, requestDigest: 0n }),
        ];
        for (const payload of payloads) {
            expect(await tryBatch(network, await signedOver({}, () => payload))).toEqual(refusedForNothing(Errors.BadSignature));
        }
    });

    it('other tag: the very bits of a batch behind the tag of another payload', async () => {
        for (const tag of [0x56434852, 0x52435054, 0x52515354, 0]) {
            const body = await signedOver({}, (batch) => {
                const bits = batchPayload(domain(), batch).beginParse().skip(32);
                return beginCell().storeUint(tag, 32).storeSlice(bits).endCell();
            });
            expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSignature));
        }
    });

    it('under the key that was replaced', async () => {
        const body = await network.batchBody(await claim());
        const other = testKey('another worker');
        await sendAs(network.chain, network.provider.address, network.settlement.address, toNano('0.1'),
            message.setWorkerKey(BigInt('0x' + other.publicKey.toString('hex'))));
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSignature));
        expect((await tryBatch(network, await network.batchBody(await claim(), {}, other))).accepted).toBe(true);
    });

    it('a batch is no voucher and no receipt of a session', async () => {
        const batch = { sequence: 0, validUntil: 0, count: 0, distribute: false, items: Cell.EMPTY };
        const { openedLt } = await session.data();
        const payload = batchPayload({ globalId: GlobalId, contract: session.address, openedLt }, batch);
        const signature = signPayload(payload, network.workerKey.secretKey);
        const receipt = { ...(await session.receiptFor({ completion: 1n })), signature };
        const { transactions } = await network.sendBatch([{ kind: 'claimReceipt', escrow: session.address, receipt, voucher: null }]);
        expect(transactions).toHaveTransaction({ on: session.address, exitCode: Errors.BadSignature });
    });
});

describe('threat: replay of one whose action phase failed; the list is read after the commit', () => {
    // Whatever is wrong with the list: the sequence has advanced, the message cannot be charged again, and not a coin left
    // but for gas.
    const lists: [string, number, () => Cell, number][] = [
        ['an empty list for one item', 1, () => Cell.EMPTY, Errors.CellUnderflow],
        ['one item fewer than announced', 3, () => rawList([rawItem(), rawItem()]), Errors.CellUnderflow],
        ['forty-nine items for fifty', 50, () => rawList(Array.from({ length: 49 }, () => rawItem())), Errors.CellUnderflow],
        ['an item that is a bit short', 1, () => shorten(rawItem()), Errors.CellUnderflow],
        ['an item without arguments', 1, () => withoutReferences(rawItem()), Errors.CellUnderflow],
        ['garbage', 2, () => beginCell().storeUint(0x1234, 13).endCell(), Errors.CellUnderflow],
        ['a list that begins two cells too deep', 1, () => nested(rawItem(), 2), Errors.CellUnderflow],
        ['a list a hundred cells deep with nothing in it', 50, () => nested(Cell.EMPTY, 100), Errors.CellUnderflow],
        ['an unknown kind', 1, () => rawList([rawItem({ kind: 3 })]), Errors.UnknownItem],
        ['an unknown kind behind good items', 3, () => rawList([rawItem(), rawItem({ kind: 2 }), rawItem({ kind: 255 })]), Errors.UnknownItem],
    ];
    const shorten = (cell: Cell) => beginCell().storeBits(cell.bits.substring(0, cell.bits.length - 1)).storeRef(cell.refs[0]).endCell();
    const withoutReferences = (cell: Cell) => beginCell().storeBits(cell.bits).endCell();
    const nested = (cell: Cell, depth: number): Cell =>
        depth === 0 ? cell : beginCell().storeRef(nested(cell, depth - 1)).endCell();

    it.each(lists)('%s', async (_, count, list, exitCode) => {
        const before = await data();
        const body = await network.batchBody([], { count, items: list() });
        const { outcome, transactions } = await submit(network, body);
        expect(outcome).toMatchObject({ accepted: true, exitCode, sequence: 'next' });
        expect(transactions).toHaveLength(1);
        expect(outcome.charged).toBeLessThan(batchCost(pricesOf(network.chain), count, false));
        // The worst was set aside from float and day, and stays so: a stolen key gains nothing by malformed lists.
        const after = await data();
        expect(before.feeFloat - after.feeFloat).toBe(batchCost(pricesOf(network.chain), count, false));
        expect(after.spentToday - before.spentToday).toBeGreaterThanOrEqual(batchCost(pricesOf(network.chain), count, false));
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
    });

    it('what is behind the announced items is not read', async () => {
        const items = rawList([rawItem(), rawItem(), rawItem({ kind: 77 })]);
        const { outcome, transactions } = await submit(network, await network.batchBody([], { count: 2, items }));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(transactions[0].outMessagesCount).toBe(2);
    });

    it('an account that does not exist, or zero: the item goes there and comes back', async () => {
        const items = rawList([rawItem({ account: Unused }), rawItem({ account: new Address(0, Buffer.alloc(32)) })]);
        const { outcome, transactions } = await submit(network, await network.batchBody([], { count: 2, items }));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(transactions).toHaveTransaction({ from: Unused, to: network.settlement.address, inMessageBounced: true });
    });

    const library = beginCell().storeUint(2, 8).storeBuffer(Buffer.alloc(32, 7)).endCell({ exotic: true });
    const pruned = convertToMerkleProof(beginCell()
        .storeUint(1, 8).storeUint(1, 8).storeBuffer(Buffer.alloc(32, 7)).storeUint(0, 16).endCell({ exotic: true }));
    it.each([
        ['a library reference as the list', library],
        ['a library reference as arguments', rawList([rawItem({ arguments: library })])],
        ['a Merkle proof as the list', pruned],
        ['a Merkle proof with a pruned branch as arguments', rawList([rawItem({ arguments: pruned })])],
    ])('an exotic cell: %s', async (_, items) => {
        const body = await network.batchBody([], { count: 1, items });
        expect(await tryBatch(network, body)).toMatchObject({ accepted: true, actionCode: 0, sequence: 'next' });
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
    });

    it('fifty items in a cell each, fifty cells deep: it neither runs out of gas nor costs more than was set aside', async () => {
        let list: Cell | null = null;
        for (let index = 0; index < 50; index++) {
            const item = beginCell().storeSlice(rawItem({ kind: index % 3 }).beginParse());
            list = (list === null ? item : item.storeRef(list)).endCell();
        }
        const body = await network.batchBody([], { count: 50, items: list! });
        const before = await data();
        const outcome = await tryBatch(network, body);
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(outcome.charged).toBeLessThanOrEqual(batchCost(pricesOf(network.chain), 50, false));
        expect(before.feeFloat - (await data()).feeFloat).toBeLessThanOrEqual(batchCost(pricesOf(network.chain), 50, false));
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
    });

    it('items that are dearer to carry than all that is there: they are left out, the sequence has advanced', async () => {
        (await network.chain.getContract(network.settlement.address)).balance =
            (await data()).reserve + batchCost(pricesOf(network.chain), 3, false) + toNano('0.008');
        const items = rawList(Array.from({ length: 3 }, () => rawItem({ arguments: tree(500) })));
        const body = await network.batchBody([], { count: 3, items });
        const { outcome, transactions } = await submit(network, body);
        expect(outcome).toMatchObject({ accepted: true, actionCode: 0, sequence: 'next' });
        expect(transactions[0].outMessagesCount).toBeLessThan(3);
        (await network.chain.getContract(network.settlement.address)).balance = toNano('5');
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
    });
});

describe('threat: a stolen worker key can waste little: the fee float, and the daily cap in a day', () => {
    beforeEach(() => network.stranger.send({ to: network.settlement.address, value: toNano('100') }));

    it('arguments of thousands of cells: what carries them is not taken from the earnings', async () => {
        const items = rawList(Array.from({ length: 3 }, () => rawItem({ arguments: tree(1500) })));
        const { transactions: [batch] } = await submit(network, await network.batchBody([], { count: 3, items }));
        const messages = [...batch.outMessages.values()].reduce(
            (sum, { info }) => sum + (info.type === 'internal' ? info.value.coins : 0n), forwardFeesOf(batch),
        );
        expect(messages).toBeLessThanOrEqual(3n * batchItemCost(pricesOf(network.chain)));
    });

    it('messages of thousands of cells that no item needs: what imports them in a day stays within the cap', async () => {
        const cap = toNano('0.1');
        await sendAs(network.chain, network.owner.address, network.settlement.address, toNano('0.2'), message.setFeeLimits(cap, 0n));
        const before = await network.balance(network.settlement.address);
        const items = tree(2500);
        for (let batch = 0, accepted = true; batch < 10 && accepted; batch++) {
            ({ accepted } = await tryBatch(network, await network.batchBody([], { count: 0, items })));
        }
        expect(before - (await network.balance(network.settlement.address))).toBeLessThanOrEqual(cap);
    });

    /** Arguments of `cells` cells in a row, `bits` bits each. */
    const row = (cells: number, bits: number): Cell => {
        const cell = beginCell().storeUint((1n << BigInt(bits)) - BigInt(cells), bits);
        return (cells > 1 ? cell.storeRef(row(cells - 1, bits)) : cell).endCell();
    };

    it('ballast that no item can need sends nothing, and ends the day for the key; the owner can open it again', async () => {
        const before = await data();
        const items = rawList([rawItem({ arguments: row(9, 8) })]);
        const body = await network.batchBody([], { count: 1, items });
        const { outcome, transactions } = await submit(network, body);
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(transactions).toHaveLength(1);
        expect(await data()).toMatchObject({ spentToday: before.dailyCap, sequence: before.sequence + 1n });
        expect(before.feeFloat - (await data()).feeFloat).toBeGreaterThanOrEqual(outcome.charged);
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
        expect(await tryBatch(network, await network.batchBody([]))).toEqual(refusedForNothing(Errors.DailyCap));

        const raised = 2n * before.dailyCap;
        await sendAs(network.chain, network.owner.address, network.settlement.address, toNano('0.2'), message.setFeeLimits(raised, 0n));
        expect((await tryBatch(network, await network.batchBody([]))).accepted).toBe(true);
    });

    it('nor does ballast leave the day open when the float is almost used up', async () => {
        const least = batchCost(pricesOf(network.chain), 0, false);
        const { feeFloat, dailyCap } = await data();
        await sendAs(network.chain, network.owner.address, network.settlement.address, toNano('0.2'), message.releaseFees(feeFloat - least));
        const outcome = await tryBatch(network, await network.batchBody([], { count: 0, items: row(9, 8) }));
        expect(outcome).toMatchObject({ accepted: true, exitCode: 0, actionCode: 0, sequence: 'next' });
        expect(await data()).toMatchObject({ feeFloat: 0n, spentToday: dailyCap });
    });

    it('cells filled to the last bit, as few as are allowed, cost the float and not the earnings', async () => {
        const items = rawList([rawItem({ arguments: row(2, 1023) }), rawItem({ arguments: row(3, 1023) })]);
        const earnings = await network.settlement.getEarnings();
        const body = await network.batchBody([], { count: 2, items });
        expect(await tryBatch(network, body)).toMatchObject({ accepted: true, actionCode: 0, sequence: 'next' });
        expect(await network.settlement.getEarnings()).toBeGreaterThanOrEqual(earnings);
        expect(await tryBatch(network, body)).toEqual(refusedForNothing(Errors.BadSequence));
    });

    it('it cannot withdraw: no item and no batch sends coins to an account of its choice beyond what an item costs', async () => {
        const thief = (await network.chain.treasury('thief')).address;
        const before = await network.balance(thief);
        const items = rawList(Array.from({ length: 50 }, (_, index) => rawItem({ account: thief, kind: index % 3 })));
        const float = (await data()).feeFloat;
        await network.sendBatch([], { count: 50, items, distribute: true });
        const stolen = (await network.balance(thief)) - before;
        expect(stolen).toBeLessThan(batchCost(pricesOf(network.chain), 50, false));
        expect(stolen).toBeLessThanOrEqual(float - (await data()).feeFloat);
    });

    it('over a whole day it gets no more than the cap, however many batches it signs', async () => {
        const cap = (7n * batchCost(pricesOf(network.chain), 50, false)) / 2n;
        await sendAs(network.chain, network.owner.address, network.settlement.address, toNano('0.2'), message.setFeeLimits(cap, 0n));
        const thief = (await network.chain.treasury('thief')).address;
        const before = await network.balance(thief);
        const items = rawList(Array.from({ length: 50 }, () => rawItem({ account: thief, kind: 2 })));
        let batches = 0;
        for (; batches < 10; batches++) {
            const outcome = await tryBatch(network, await network.batchBody([], { count: 50, items }));
            if (!outcome.accepted) {
                expect(outcome).toEqual(refusedForNothing(Errors.DailyCap));
                break;
            }
        }
        expect(batches).toBeGreaterThanOrEqual(3);
        expect(batches).toBeLessThan(10);
        expect((await network.balance(thief)) - before).toBeLessThanOrEqual(cap);
        expect((await data()).spentToday).toBeLessThanOrEqual(cap);
    });
});

describe('threat: Low-order Ed25519 public keys: a constant forged signature passes', () => {
    const constant = Buffer.alloc(64);
    constant[0] = 1; // R = identity, S = 0
    const identity = 1n << 248n; // as the chain reads 01 00 .. 00

    const forged = async () => packBatchMessage(
        { sequence: Number((await data()).sequence), validUntil: network.chain.now! + 600, count: 0, distribute: false, items: Cell.EMPTY },
        constant,
    );

    it('under the worker key it does not', async () => {
        expect(await tryBatch(network, await forged())).toEqual(refusedForNothing(Errors.BadSignature));
    });

    it('under the identity it would: which is why a provider stores no such key, and a settlement takes keys from it alone', async () => {
        await sendAs(network.chain, network.provider.address, network.settlement.address, toNano('0.1'), message.setWorkerKey(identity));
        expect((await tryBatch(network, await forged())).accepted).toBe(true);
        await network.chain.loadFrom(ready);
        const refused = await network.provider.send(network.owner.getSender(), { value: toNano('0.2') }, {
            $$type: 'SetKeys', queryId: 0n, workerKey: identity, encryptionKey: 9n << 248n,
        });
        expect(refused.transactions).toHaveTransaction({ on: network.provider.address, exitCode: Errors.BadKey });
        await sendAs(network.chain, network.owner.address, network.settlement.address, toNano('0.1'), message.setWorkerKey(identity));
        expect(await tryBatch(network, await forged())).toEqual(refusedForNothing(Errors.BadSignature));
    });
});
