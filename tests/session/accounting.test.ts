import { toNano } from '@ton/core';
import { BlockchainSnapshot, SendMessageResult } from '@ton/sandbox';
import fc from 'fast-check';
import { NoTokens, receiptPayload, SessionEscrow, signPayload, voucherPayload } from '../../wrappers';
import { GlobalId, TestNetwork } from '../support/network';
import { coinsOf, feesOf } from './ledger';
import * as message from './messages';
import { Deposit, StagedSession } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;
const Window = toNano('0.05');

// One session, driven by a random sequence of messages: right and wrong, early and late, from the right party and from
// others. After each of them the books must balance.

type Move =
    | { kind: 'claim' | 'finish' | 'receipt'; amount: bigint; honest: boolean }
    | { kind: 'topUp'; amount: bigint }
    | { kind: 'wait'; seconds: number }
    | { kind: 'startClose' | 'finishClose' | 'reclaim' | 'reject' | 'confirm' | 'open'; byClient: boolean };

const amount = fc.bigInt(0n, toNano('2'));
const moves = fc.array(
    fc.oneof(
        { weight: 5, arbitrary: fc.record({ kind: fc.constant('claim' as const), amount, honest: fc.boolean() }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('finish' as const), amount, honest: fc.boolean() }) },
        { weight: 3, arbitrary: fc.record({ kind: fc.constant('receipt' as const), amount, honest: fc.boolean() }) },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('topUp' as const), amount: fc.bigInt(1n, toNano('1')) }) },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 15_000 }) }) },
        {
            weight: 4,
            arbitrary: fc.record({
                kind: fc.constantFrom('startClose' as const, 'finishClose' as const, 'reclaim' as const, 'reject' as const, 'confirm' as const, 'open' as const),
                byClient: fc.boolean(),
            }),
        },
    ),
    { minLength: 8, maxLength: 16 },
);

let network: TestNetwork;
let session: StagedSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.create();
    session = await StagedSession.open(network, { creditWindow: Window });
    open = network.chain.snapshot();
});

/** Delivers a move; the value that it brings out of nowhere is told, because the books must know it. */
async function play(move: Move, now: { openedLt: bigint }): Promise<{ result: SendMessageResult | null; brought: bigint }> {
    const brought = toNano('0.2');
    const from = 'byClient' in move && !move.byClient ? network.stranger.address : session.client;
    const deliver = async (sender = from, body = message.topUp(), value = brought) =>
        ({ result: await session.deliver(sender, body, value), brought: value });
    const domain = { globalId: GlobalId, contract: session.address, openedLt: now.openedLt };
    const sign = (cumulative: bigint, honest: boolean) => {
        const { secretKey } = honest ? network.sessionKey : network.workerKey;
        return { cumulative, receiptHash: 0n, signature: signPayload(voucherPayload(domain, { cumulative, receiptHash: 0n }), secretKey) };
    };
    switch (move.kind) {
        case 'claim':
            return deliver(network.stranger.address, message.claimVoucher(sign(move.amount, move.honest)));
        case 'finish':
            return deliver(session.settlement, message.finishSession(sign(move.amount, move.honest)));
        case 'receipt': {
            const completion = move.amount / 60n; // 60 nanoTON a token
            const receipt = { sequence: 1, tokens: { ...NoTokens, completion }, amount: completion * 60n, transcriptHash: 0n };
            const signature = signPayload(receiptPayload(domain, receipt), network.workerKey.secretKey);
            const body = message.claimReceipt({ ...receipt, signature }, sign(move.amount / 2n, move.honest));
            return deliver(session.settlement, body);
        }
        case 'topUp':
            return deliver(network.stranger.address, message.topUp(), move.amount);
        case 'startClose':
            return deliver(from, message.startClose());
        case 'finishClose':
            return deliver(from, message.finishClose());
        case 'reclaim':
            return deliver(from, message.reclaim());
        case 'reject':
            return deliver(session.provider.address, message.sessionRejected(now.openedLt));
        case 'confirm':
            return deliver(session.provider.address, message.sessionConfirmed(now.openedLt, 1n, 0n));
        case 'open':
            return deliver(from, message.openSession());
        case 'wait':
            network.chain.now! += move.seconds;
            return { result: null, brought: 0n };
    }
}

describe('whatever happens to a session', () => {
    it('coins in are payouts, refunds, fees and balance; the client pays what it signed for and at most one window more', async () => {
        await fc.assert(
            fc.asyncProperty(moves, async (sequence) => {
                await network.chain.loadFrom(open);
                const parties = [session.address, session.client, session.provider.address, session.settlement, network.stranger.address];
                let signed = 0n;
                let paid = 0n;
                for (const move of sequence) {
                    const alive = await session.exists();
                    const before = alive ? await session.data() : null;
                    const all = await coinsOf(network.chain, parties);
                    const { result, brought } = await play(move, { openedLt: before?.openedLt ?? 0n });
                    const transactions = result?.transactions ?? [];
                    expect(await coinsOf(network.chain, parties)).toBe(all + brought - feesOf(transactions));

                    if ('honest' in move && move.honest && alive) {
                        const voucher = move.kind === 'receipt' ? move.amount / 2n : move.amount;
                        signed = voucher > signed ? voucher : signed;
                    }
                    if (before && (await session.exists())) {
                        const after = await session.data();
                        expect(after.openedLt).toBe(before.openedLt);
                        expect(after.claimed).toBeGreaterThanOrEqual(before.claimed);
                        paid = after.claimed;
                    } else if (before) {
                        // The end: what the provider was told is what was paid in all.
                        const report = transactions.find(({ inMessage }) =>
                            inMessage!.body.bits.length >= 32 && inMessage!.body.beginParse().preloadUint(32) === opcodes.SessionClosed);
                        paid = report ? report.inMessage!.body.beginParse().skip(32).loadCoins() : paid;
                        expect(await session.balance()).toBe(0n);
                    }
                    expect(paid).toBeLessThanOrEqual(signed + Window);
                }
            }),
            { numRuns: 6, seed: 20_260_429 },
        );
    });
});
