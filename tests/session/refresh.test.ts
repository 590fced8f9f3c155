import '@ton/test-utils';
import { Address, Cell, toNano, Transaction } from '@ton/core';
import { Blockchain, BlockchainSnapshot, internal } from '@ton/sandbox';
import {
    bigIntToHash, Errors, hashToBigInt, refreshAttestationValue, SessionAgreement, SessionEscrow, tcbStatusMask, Tier,
} from '../../wrappers';
import { exitCodeOf, forwardFeesOf, gasFeesOf, sendAs, transactionOf, valueOf } from '../support/chain';
import { EncryptionKey, testKey, TestNetwork, TestSession } from '../support/network';
import { PriceSet } from '../support/prices';
import { retire, setKeys } from '../provider/messages';
import { attestGuest, GuestKey, Verdict } from '../provider/quotes';
import { Flight, inEveryOrder } from './interleave';
import { allCoins, feesOf, pricesOf } from './ledger';
import * as message from './messages';
import { attempt, refused } from './outcome';
import { AttestedUntil, Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;
const Value = toNano('0.1');
/** What every session here demands of its provider's record. */
const Demands: Partial<SessionAgreement> = {
    leastTier: Tier.Tdx, acceptedTcbStatuses: tcbStatusMask('UpToDate', 'SWHardeningNeeded'),
    measurement: bigIntToHash(Verdict.measurement), creditWindow: toNano('0.05'),
};
const NextKey = testKey('after the reboot');
const NextExpiry = Verdict.expiry + 7_000n;

let network: TestNetwork;
let chain: Blockchain;
let session: TestSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    chain = network.chain;
    await attestGuest(network);
    session = await network.openSession(Deposit, Demands);
    expect((await session.data()).status).toBe(Status.Open);
    open = chain.snapshot();
});

beforeEach(() => chain.loadFrom(open));

const refresh = (from = network.stranger.address, value = Value) =>
    sendAs(chain, from, session.address, value, message.refreshAttestation());
const attestAgain = (verdict = {}) => attestGuest(network, { workerKey: NextKey.publicKey }, { expiry: NextExpiry, ...verdict });
const data = async (of = session) => {
    const { terms, ...rest } = await of.data();
    return { ...rest, terms: terms.hash().toString('hex') };
};
const held = (of = session) => network.balance(of.address);

describe('A refresh', () => {
    it('brings key and expiry of the provider\'s present record into the snapshot, whoever asks, and moves nothing else', async () => {
        await session.claim(await session.voucher(toNano('0.2')));
        const before = await data();
        await attestAgain();
        for (const { address } of [network.stranger, network.client, network.owner]) {
            await refresh(address);
            expect(await data()).toEqual({ ...before, workerKey: hashToBigInt(NextKey.publicKey), attestedUntil: NextExpiry });
        }
    });

    it('works while the session is closing too, and the window is what it was', async () => {
        await session.startClose();
        const before = await data();
        await attestAgain();
        await refresh();
        expect(await data()).toEqual({ ...before, workerKey: hashToBigInt(NextKey.publicKey), attestedUntil: NextExpiry });
        expect(before.status).toBe(Status.Closing);
    });

    it('keeps the right to a receipt-only claim used up', async () => {
        const claim = async (key = GuestKey) => message.claimReceipt(await session.receipt(
            { sequence: 1, tokens: { prompt: 0n, cached: 0n, completion: 500n, reasoning: 0n }, amount: 30_000n, transcriptHash: 5n }, {}, key,
        ));
        await sendAs(chain, network.settlement.address, session.address, Value, await claim());
        expect(await session.data()).toMatchObject({ claimed: 30_000n, receiptClaimUsed: true });
        await attestAgain();
        await refresh();
        expect(await session.data()).toMatchObject({ claimed: 30_000n, receiptClaimUsed: true });
        expect(await attempt(chain, network.settlement.address, session.address, await claim(NextKey), Value))
            .toEqual(refused(Errors.ReceiptClaimUsed));
    });

    it('makes a receipt-only claim possible again in a session whose snapshot has expired, by the key of the new record', async () => {
        const claim = async (key = GuestKey) => message.claimReceipt(await session.receipt(
            { sequence: 1, tokens: { prompt: 0n, cached: 0n, completion: 500n, reasoning: 0n }, amount: 30_000n, transcriptHash: 5n }, {}, key,
        ));
        const tryToClaim = async (key = GuestKey) => attempt(chain, network.settlement.address, session.address, await claim(key), Value);
        chain.now = Number(Verdict.expiry) - 1;
        const last = chain.snapshot();
        expect(await tryToClaim()).toMatchObject({ exitCode: 0 });
        await chain.loadFrom(last);
        chain.now! += 1;
        await sendAs(chain, network.stranger.address, session.address, 1n, Cell.EMPTY, { bounce: false }); // rent until now is paid
        expect(await tryToClaim()).toEqual(refused(Errors.NotAttested));
        await attestAgain({ expiry: BigInt(chain.now! + 500) });
        expect(await tryToClaim(NextKey)).toEqual(refused(Errors.NotAttested));
        await refresh();
        expect(await tryToClaim(GuestKey)).toEqual(refused(Errors.BadSignature));
        expect(await tryToClaim(NextKey)).toMatchObject({ exitCode: 0 });
        expect((await session.data()).claimed).toBe(30_000n);
    });

    it('is paid by whoever asks: the rest of the value comes back at once, and not a nanoTON of the deposit moves', async () => {
        const before = await held();
        const { transactions } = await refresh();
        const [asking, answered] = stepsOf(transactions);
        const question = [...asking.outMessages.values()].find(({ info }) => String(info.dest) === String(network.provider.address));
        const asked = question?.info.type === 'internal' ? question.info.value.coins : 0n;
        expect(transactions).toHaveTransaction({
            from: session.address, to: network.stranger.address, inMessageBounceable: false,
            value: Value - asked - gasFeesOf(asking) - forwardFeesOf(asking),
        });
        // What the answer brings back joins the deposit.
        expect(await held()).toBe(before + valueOf(answered) - gasFeesOf(answered));
        expect(await held()).toBeGreaterThan(before);
    });

    it.each<PriceSet>(['old', '2026'])('works with exactly the least value, and one nanoTON less is refused, at the prices of %s', async (prices) => {
        const other = await TestNetwork.ready(prices);
        await attestGuest(other);
        const its = await other.openSession(Deposit, Demands);
        const least = refreshAttestationValue(pricesOf(other.chain));
        await attestGuest(other, { workerKey: NextKey.publicKey });
        const before = await other.balance(its.address);
        expect(await attempt(other.chain, other.stranger.address, its.address, message.refreshAttestation(), least - 1n))
            .toEqual(refused(Errors.ValueTooLow));
        await sendAs(other.chain, other.stranger.address, its.address, least, message.refreshAttestation());
        expect((await its.data()).workerKey).toBe(hashToBigInt(NextKey.publicKey));
        expect(await other.balance(its.address)).toBeGreaterThanOrEqual(before);
    });

    it('works also when the account owes rent', async () => {
        await session.claim(await session.voucher(toNano('5'))); // only the reserve is left
        chain.now! += 40 * 31_536_000;
        const { transactions } = await refresh();
        expect(exitCodeOf(stepsOf(transactions)[0])).toBe(0);
        expect((await session.data()).status).toBe(Status.Open);
    });

    it('is refused while nothing is agreed, and when the close window has ended', async () => {
        const fresh = await network.escrow({ ...Demands, salt: 5n });
        const refreshed = (at: Address) => attempt(chain, network.stranger.address, at, message.refreshAttestation(), Value);
        await fresh.contract.send(network.stranger.getSender(), { value: Value }, null);
        expect(await refreshed(fresh.address)).toEqual(refused(Errors.NotOpen));
        const opening = await StagedSession.opening(network);
        expect(await refreshed(opening.address)).toEqual(refused(Errors.NotOpen));
        await session.startClose();
        chain.now! += session.agreement.closeWindow - 1;
        await sendAs(chain, network.stranger.address, session.address, 1n, Cell.EMPTY, { bounce: false }); // rent until now is paid
        const last = chain.snapshot();
        expect(await refreshed(session.address)).toMatchObject({ exitCode: 0 });
        await chain.loadFrom(last);
        chain.now! += 1;
        await sendAs(chain, network.stranger.address, session.address, 1_000n, Cell.EMPTY, { bounce: false });
        expect(await refreshed(session.address)).toEqual(refused(Errors.NotOpen));
    });

    it('is refused in a session that asks for no attestation, also when its provider has one', async () => {
        const modest = await network.openSession(Deposit, { salt: 2n });
        expect((await modest.data()).attestedUntil).toBe(Verdict.expiry);
        expect(await attempt(chain, network.client.address, modest.address, message.refreshAttestation(), Value))
            .toEqual(refused(Errors.OpenTier));
    });
});

const stepsOf = (transactions: Transaction[], of = session) =>
    transactions.filter(({ address }) => address === hashToBigInt(of.address.hash));

describe('A refresh whose answer is no', () => {
    it.each([
        ['the record has expired', async () => { chain.now = Number(Verdict.expiry); }],
        ['the owner has set keys that are not attested', async () => {
            await sendAs(chain, network.owner.address, network.provider.address, Value, setKeys(testKey('x').publicKey, EncryptionKey));
        }],
        ['the new record has another measurement', () => attestAgain({ measurement: 334n })],
        ['the new record has a TCB status that the client does not accept', () => attestAgain({ tcbStatus: 4n })],
        ['the offer was withdrawn', async () => {
            await network.provider.send(network.owner.getSender(), { value: Value }, {
                $$type: 'UpdateOffers', queryId: 0n, remove: (await network.provider.getProviderData()).offers.keys()[0], add: null,
            });
        }],
        ['the provider has retired', async () => { await sendAs(chain, network.owner.address, network.provider.address, Value, retire()); }],
    ])('leaves the session and its coins as they are: %s', async (_, change) => {
        await change();
        await sendAs(chain, network.stranger.address, session.address, 1n, Cell.EMPTY, { bounce: false }); // rent until now is paid
        const [before, coins] = [await data(), await held()];
        const { transactions } = await refresh();
        const [, answer] = stepsOf(transactions);
        expect(answer.inMessage!.body.beginParse().loadUint(32)).toBe(opcodes.SessionRejected);
        expect(exitCodeOf(answer)).toBe(0);
        expect(await data()).toEqual(before);
        expect(await held()).toBeGreaterThanOrEqual(coins);
        expect(transactions).not.toHaveTransaction({ from: session.address, to: network.client.address });
    });

    it.each([[false], [true]])('and one that bounces do the same (closing: %s)', async (closing) => {
        const staged = await StagedSession.open(network);
        if (closing) {
            await staged.startClose();
        }
        const [before, coins] = [await data(staged), await staged.balance()];
        const { openedLt } = before;
        for (const answer of [
            () => staged.deliver(staged.provider.address, message.sessionRejected(openedLt)),
            () => staged.deliverBounce(staged.provider.address, message.bouncedConfirmation(openedLt)),
        ]) {
            const { transactions } = await answer();
            expect(exitCodeOf(transactionOf({ transactions }, staged.address))).toBe(0);
            expect(await data(staged)).toEqual(before);
            expect(await staged.balance()).toBeGreaterThan(coins);
            expect(transactions).not.toHaveTransaction({ from: staged.address });
        }
    });

    it('and one that the chain returns, because the provider\'s account is gone, do the same', async () => {
        const lonely = await StagedSession.prepare(network, { provider: new Address(0, Buffer.alloc(32, 1)) });
        const opening = await Flight.launch(chain, internal({
            from: lonely.client, to: lonely.address, value: Deposit, body: message.openSession(), stateInit: lonely.deployment.init,
        }));
        await opening.step(); // asked
        const confirmation = message.sessionConfirmed((await lonely.data()).openedLt, 4n, AttestedUntil);
        await sendAs(chain, lonely.agreement.provider, lonely.address, 1_000_000n, confirmation, { bounce: false });
        const before = await data(lonely);
        expect(before.status).toBe(Status.Open);
        await opening.land();
        const coins = await lonely.balance();
        const { transactions } = await sendAs(chain, network.stranger.address, lonely.address, Value, message.refreshAttestation());
        const [, bounce] = stepsOf(transactions, lonely);
        expect([bounce.inMessage?.info.type === 'internal' && bounce.inMessage.info.bounced, exitCodeOf(bounce)]).toEqual([true, 0]);
        expect(await data(lonely)).toEqual(before);
        expect(await lonely.balance()).toBeGreaterThan(coins);
    });
});

describe('threat: a confirmation of an earlier life, or of somebody else', () => {
    it('an answer counts only from the provider, and only with the time of the present opening', async () => {
        const staged = await StagedSession.open(network);
        const { openedLt } = await staged.data();
        const later = (lt: bigint) => message.sessionConfirmed(lt, 9n, AttestedUntil + 9n);
        for (const body of [later(openedLt), message.sessionRejected(openedLt)]) {
            for (const from of [staged.client, staged.settlement, network.stranger.address, staged.address]) {
                expect((await staged.attempt(from, body)).exitCode).toBe(Errors.AccessDenied);
            }
        }
        const before = await data(staged);
        for (const lt of [0n, openedLt - 1n, openedLt + 1n]) {
            expect(await staged.attempt(staged.provider.address, later(lt))).toEqual(refused(Errors.OtherLife));
            expect(await staged.attempt(staged.provider.address, message.sessionRejected(lt))).toEqual(refused(Errors.OtherLife));
            const { transactions } = await staged.deliverBounce(staged.provider.address, message.bouncedConfirmation(lt));
            expect(exitCodeOf(transactionOf({ transactions }, staged.address))).toBe(Errors.OtherLife);
        }
        expect(await data(staged)).toEqual(before);
    });

    it('an answer to a refresh that comes after the end waits at the address, and only the client can have it', async () => {
        const flight = await Flight.launch(chain, refreshMessage());
        await flight.step(); // asked
        await sendAs(chain, network.settlement.address, session.address, Value, message.finishSession());
        expect(await network.exists(session.address)).toBe(false);
        await flight.land();
        const waiting = await held();
        expect(waiting).toBeGreaterThan(0n);
        const result = await network.client.send({
            to: session.address, value: Value, init: session.deployment.init, body: message.reclaim(), bounce: false,
        });
        expect(valueOf(transactionOf(result, session.address))).toBe(Value);
        expect(result.transactions).toHaveTransaction({ from: session.address, to: network.client.address, value: (value) => value! > Value - toNano('0.001') });
        expect(await held()).toBe(0n);
    });

    it('an answer to a refresh of an earlier life neither opens, nor changes, nor ends the present one', async () => {
        const depart = async () => {
            const stale = await Flight.launch(chain, refreshMessage());
            await stale.step();
            await sendAs(chain, network.settlement.address, session.address, Value, message.finishSession());
            const again = await Flight.launch(chain, internal({
                from: network.client.address, to: session.address, value: Deposit, body: message.openSession(), stateInit: session.deployment.init,
            }));
            await again.step(); // the new life has asked as well
            return [stale, again];
        };
        const orders = await inEveryOrder(chain, depart, async ({ order, transactions }) => {
            const { status, openedLt } = await session.data();
            expect([order, status]).toEqual([order, Status.Open]);
            const codes = stepsOf(transactions).map((step) => [
                step.inMessage!.body.beginParse().skip(32).loadUintBig(64) === openedLt, exitCodeOf(step),
            ]);
            expect(codes).toHaveLength(2);
            expect(codes).toEqual(expect.arrayContaining([[true, 0], [false, Errors.OtherLife]]));
        });
        expect(orders.length).toBeGreaterThanOrEqual(4);
    });
});

const refreshMessage = (from = network.stranger.address, to = session.address) =>
    internal({ from, to, value: Value, body: message.refreshAttestation() });
const depart = (from: Address, body: Cell, to = session.address) =>
    Flight.launch(chain, internal({ from, to, value: Value, body }));

describe('threat: message reordering: a refresh', () => {
    let before: bigint;
    beforeEach(async () => {
        await attestAgain();
        before = allCoins(chain);
    });

    const balanced = (transactions: Transaction[], launched: bigint) =>
        expect(allCoins(chain)).toBe(before + launched * Value - feesOf(transactions));

    it('and a claim: the voucher is paid and the snapshot is renewed, in every order', async () => {
        const claim = message.claimVoucher(await session.voucher(toNano('0.3')));
        const orders = await inEveryOrder(chain, async () => [
            await Flight.launch(chain, refreshMessage()), await depart(network.owner.address, claim),
        ], async ({ transactions }) => {
            expect(await session.data()).toMatchObject({ claimed: toNano('0.3'), workerKey: hashToBigInt(NextKey.publicKey), status: Status.Open });
            balanced(transactions, 2n);
        });
        expect(orders.length).toBeGreaterThanOrEqual(6);
    });

    it('and a receipt-only claim by the old key: it is paid if it comes before the answer, refused if after', async () => {
        const receipt = await session.receipt(
            { sequence: 1, tokens: { prompt: 0n, cached: 0n, completion: 500n, reasoning: 0n }, amount: 30_000n, transcriptHash: 5n }, {}, GuestKey,
        );
        const ends = new Set<string>();
        await inEveryOrder(chain, async () => [
            await Flight.launch(chain, refreshMessage()), await depart(network.settlement.address, message.claimReceipt(receipt)),
        ], async ({ transactions }) => {
            const { claimed, receiptClaimUsed, workerKey, attestedUntil } = await session.data();
            expect([workerKey, attestedUntil]).toEqual([hashToBigInt(NextKey.publicKey), NextExpiry]);
            expect(receiptClaimUsed).toBe(claimed === 30_000n);
            ends.add(String(claimed));
            balanced(transactions, 2n);
        });
        expect(ends).toEqual(new Set(['30000', '0']));
    });

    it('and the start of the closing: the window begins, the snapshot is renewed', async () => {
        const orders = await inEveryOrder(chain, async () => [
            await Flight.launch(chain, refreshMessage()), await depart(network.client.address, message.startClose()),
        ], async ({ transactions }) => {
            expect(await session.data()).toMatchObject({
                status: Status.Closing, workerKey: hashToBigInt(NextKey.publicKey), deadline: BigInt(chain.now! + session.agreement.closeWindow),
            });
            balanced(transactions, 2n);
        });
        expect(orders.length).toBeGreaterThanOrEqual(4);
    });

    it('and the end of the session: the client has everything, in whatever order the answer comes', async () => {
        const client = await network.balance(network.client.address);
        const orders = await inEveryOrder(chain, async () => [
            await Flight.launch(chain, refreshMessage()), await depart(network.settlement.address, message.finishSession()),
        ], async ({ order, transactions }) => {
            expect([order, await network.exists(session.address)]).toEqual([order, false]);
            expect((await network.balance(network.client.address)) - client).toBeGreaterThan(Deposit);
            balanced(transactions, 2n);
        });
        expect(orders.length).toBeGreaterThanOrEqual(4);
    });

    it('and a second refresh, with a new record in between: the snapshot is the one of the answer that came last', async () => {
        const orders = await inEveryOrder(chain, async () => [
            await Flight.launch(chain, refreshMessage()), await Flight.launch(chain, refreshMessage(network.owner.address)),
        ], async ({ transactions }) => {
            expect(await session.data()).toMatchObject({ workerKey: hashToBigInt(NextKey.publicKey), attestedUntil: NextExpiry, claimed: 0n });
            balanced(transactions, 2n);
        });
        expect(orders.length).toBeGreaterThanOrEqual(20);
    });

    it('and keys that the owner sets meanwhile: the snapshot is an attested one, or stays as it was', async () => {
        const keys = new Set<bigint>();
        await inEveryOrder(chain, async () => [
            await Flight.launch(chain, refreshMessage()),
            await depart(network.owner.address, setKeys(testKey('x').publicKey, EncryptionKey), network.provider.address),
        ], async ({ transactions }) => {
            keys.add((await session.data()).workerKey);
            expect((await session.data()).status).toBe(Status.Open);
            balanced(transactions, 2n);
        });
        expect(keys).toEqual(new Set([NextKey, GuestKey].map(({ publicKey }) => hashToBigInt(publicKey))));
    });
});
