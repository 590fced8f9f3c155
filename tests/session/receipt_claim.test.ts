import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { amountOf, Errors, NoTokens, packReceiptClaim, SessionEscrow, SignedReceipt, SignedVoucher } from '../../wrappers';
import { forwardFeesOf, gasFeesOf, transactionOf } from '../support/chain';
import { testKey, TestNetwork, TestOffer } from '../support/network';
import * as message from './messages';
import { refused } from './outcome';
import { AttestedUntil, Deposit, StagedSession, Status } from './staged';

const { opcodes } = SessionEscrow.SessionEscrow;
const Window = toNano('0.05');
/** Completion tokens that cost exactly `amount` nanoTON by TestOffer. */
const tokensFor = (amount: bigint) => ({ completion: (amount * 1_000_000n) / TestOffer.prices.completion });
const Value = toNano('0.1');

let network: TestNetwork;
let session: StagedSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await StagedSession.open(network, { creditWindow: Window });
    open = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(open));

const tryToClaim = (receipt: SignedReceipt, voucher: SignedVoucher | null = null, from = session.settlement) =>
    session.attempt(from, message.claimReceipt(receipt, voucher), Value);

/** A receipt over 60 coins: far more than any voucher, window or deposit here. */
const large = () => session.receiptFor({ completion: 1_000_000_000n });
const claimed = async () => (await session.data()).claimed;

describe('the receipt-only claim', () => {
    it('pays the amount of the receipt when it is within the window', async () => {
        const receipt = await session.receiptFor(tokensFor(toNano('0.03')));
        const balance = await session.balance();
        await session.claimReceipt(receipt);
        expect(receipt.amount).toBe(toNano('0.03'));
        expect(await session.data()).toMatchObject({ claimed: toNano('0.03'), receiptClaimUsed: true, status: Status.Open });
        expect(await session.balance()).toBe(balance - toNano('0.03'));
    });

    it('computes the amount of all four classes by the prices of the terms, rounded up once', async () => {
        const tokens = { prompt: 1_001n, cached: 77n, completion: 13n, reasoning: 1n };
        const { prompt, cached, completion, reasoning } = TestOffer.prices;
        const sum = 1_001n * prompt + 77n * cached + 13n * completion + 1n * reasoning;
        await session.claimReceipt(await session.receiptFor(tokens));
        expect(await claimed()).toBe((sum + 999_999n) / 1_000_000n);
    });

    it('travels with the rest of the value to the settlement, not bounceable', async () => {
        const { transactions } = await session.claimReceipt(await session.receiptFor(tokensFor(toNano('0.03'))), null, Value);
        const claim = transactionOf({ transactions }, session.address);
        expect(transactions).toHaveTransaction({
            from: session.address, to: session.settlement, op: opcodes.Payout, inMessageBounceable: false,
            value: toNano('0.03') + Value - gasFeesOf(claim) - forwardFeesOf(claim),
        });
    });

    it('pays at most one window without a voucher', async () => {
        await session.claimReceipt(await large());
        expect(await claimed()).toBe(Window);
    });

    it('pays at most one window beyond the voucher that it carries', async () => {
        await session.claimReceipt(await large(), await session.voucher(toNano('0.2')));
        expect(await claimed()).toBe(toNano('0.2') + Window);
    });

    it('pays at most one window beyond what was claimed, if that is more than the voucher', async () => {
        await session.claim(await session.voucher(toNano('0.3')));
        await session.claimReceipt(await large(), await session.voucher(toNano('0.2')));
        expect(await claimed()).toBe(toNano('0.3') + Window);
    });

    it('pays the receipt and not the limit when the receipt is the lower of them', async () => {
        await session.claim(await session.voucher(toNano('0.1')));
        await session.claimReceipt(await session.receiptFor(tokensFor(toNano('0.12'))), await session.voucher(toNano('0.11')));
        expect(await claimed()).toBe(toNano('0.12'));
    });

    it('pays one nanoTON beyond the voucher when that is all the window there is', async () => {
        const narrow = await StagedSession.open(network, { creditWindow: 1n, salt: 2n });
        await narrow.claimReceipt(await narrow.receiptFor({ completion: 1_000_000_000n }), await narrow.voucher(toNano('0.2')));
        expect((await narrow.data()).claimed).toBe(toNano('0.2') + 1n);
    });

    it('pays no more than the deposit above the reserve, and uses up the right all the same', async () => {
        const due = await session.payable();
        await session.claimReceipt(await large(), await session.voucher(toNano('50')));
        expect(await session.data()).toMatchObject({ claimed: due, receiptClaimUsed: true });
        expect(await session.payable()).toBe(0n);
    });

    it('cannot overflow: the dearest prices with the most tokens', async () => {
        const most = 2n ** 64n - 1n;
        const offer = { ...TestOffer, prices: { prompt: most, cached: most, completion: most, reasoning: most } };
        const dear = await StagedSession.open(network, { offer, salt: 3n });
        const tokens = 2n ** 48n - 1n;
        const receipt = await dear.receiptFor({ prompt: tokens, cached: tokens, completion: tokens, reasoning: tokens });
        expect(receipt.amount).toBe((4n * most * tokens + 999_999n) / 1_000_000n);
        await dear.claimReceipt(receipt);
        expect((await dear.data()).claimed).toBe(dear.agreement.creditWindow);
    });
});

describe('threat: a leaked worker key claims window after window: one receipt-only claim in the life of a session', () => {
    it('a second one is refused, whatever receipt or voucher it brings', async () => {
        await session.claimReceipt(await large());
        expect(await tryToClaim(await large())).toEqual(refused(Errors.ReceiptClaimUsed));
        const higher = await session.receiptFor({ completion: 2_000_000_000n }, { sequence: 2 });
        expect(await tryToClaim(higher, await session.voucher(toNano('0.5')))).toEqual(refused(Errors.ReceiptClaimUsed));
    });

    it('nor does closing give the right back', async () => {
        await session.claimReceipt(await large());
        await session.startClose();
        expect(await tryToClaim(await large())).toEqual(refused(Errors.ReceiptClaimUsed));
    });

    it('it uses up only the right to another one: voucher claims go on', async () => {
        await session.claimReceipt(await large());
        await session.claim(await session.voucher(toNano('0.2')));
        expect(await claimed()).toBe(toNano('0.2'));
    });

    it('a voucher below what the receipt has paid adds nothing', async () => {
        await session.claimReceipt(await large());
        const voucher = message.claimVoucher(await session.voucher(Window));
        expect(await session.attempt(network.stranger.address, voucher)).toEqual(refused(Errors.NothingDue));
    });

    it('a client who set the window to zero loses nothing that it did not sign for', async () => {
        const strict = await StagedSession.open(network, { creditWindow: 0n, salt: 4n });
        const receipt = await strict.receiptFor({ completion: 1_000_000_000n });
        const bare = message.claimReceipt(receipt);
        expect(await strict.attempt(strict.settlement, bare)).toEqual(refused(Errors.NothingDue));
        await strict.claimReceipt(receipt, await strict.voucher(toNano('0.2')));
        expect((await strict.data()).claimed).toBe(toNano('0.2'));
    });
});

describe('threat: sent by the provider\'s settlement only (the client holds receipts too and would burn it)', () => {
    it('client, stranger, provider, governance and the relayer of vouchers are refused, and the right remains', async () => {
        const receipt = await session.receiptFor({ completion: 1n });
        const others = [network.client, network.stranger, session.provider, network.governance, network.owner, network.settlement];
        for (const { address } of others) {
            expect(await tryToClaim(receipt, null, address)).toEqual(refused(Errors.AccessDenied));
        }
        expect(await session.data()).toMatchObject({ receiptClaimUsed: false, claimed: 0n });
    });

    it('the settlement\'s account hash in the masterchain is not the settlement', async () => {
        const twin = new Address(-1, session.settlement.hash);
        expect(await tryToClaim(await large(), null, twin)).toEqual(refused(Errors.NotBasechain));
    });

    it('a claim for which nothing is due does not use up the right', async () => {
        await session.claim(await session.voucher(toNano('0.3')));
        const low = await session.receiptFor(tokensFor(toNano('0.3')));
        expect(await tryToClaim(low)).toEqual(refused(Errors.NothingDue));
        expect(await tryToClaim(await session.receiptFor({}))).toEqual(refused(Errors.NothingDue));
        expect((await session.data()).receiptClaimUsed).toBe(false);
    });
});

describe('threat: only while the snapshot is attested', () => {
    /** Rent until now is paid, so that a refusal leaves the balance as it is. */
    async function at(now: number | bigint) {
        network.chain.now = Number(now);
        await session.deliver(network.stranger.address, message.topUp());
    }

    it('in the last second before the record expires it counts', async () => {
        await at(AttestedUntil - 1n);
        expect((await tryToClaim(await large())).exitCode).toBe(0);
    });

    it('in the second in which it expires it does not', async () => {
        await at(AttestedUntil);
        expect(await tryToClaim(await large())).toEqual(refused(Errors.NotAttested));
    });

    it('a provider in tier open has no such claim', async () => {
        const plain = await StagedSession.opening(network, { salt: 5n });
        await plain.confirm({ expiry: 0n });
        const claim = message.claimReceipt(await plain.receiptFor({ completion: 1n }));
        expect(await plain.attempt(plain.settlement, claim)).toEqual(refused(Errors.NotAttested));
    });

    it('before the session is open there is no such claim', async () => {
        const opening = await StagedSession.opening(network, { salt: 6n });
        const claim = message.claimReceipt(await opening.receiptFor({ completion: 1n }));
        expect(await opening.attempt(opening.settlement, claim)).toEqual(refused(Errors.NotOpen));
    });

    it('while the session closes it counts in the last second of the window', async () => {
        await session.startClose();
        await at((await session.data()).deadline - 1n);
        expect((await tryToClaim(await large())).exitCode).toBe(0);
    });

    it('at the end of the window it does not, however long the record lasts', async () => {
        await session.startClose();
        const { deadline, attestedUntil } = await session.data();
        expect(deadline).toBeLessThan(attestedUntil);
        await at(deadline);
        expect(await tryToClaim(await large())).toEqual(refused(Errors.NotOpen));
    });
});

describe('threat: Payee alone says what was used', () => {
    it('the amount that the worker signed is not believed: a receipt with another amount has a wrong signature', async () => {
        const tokens = { ...NoTokens, completion: 500n };
        const amount = amountOf(tokens, TestOffer.prices);
        for (const wrong of [amount + 1n, amount - 1n, 0n, toNano('1')]) {
            const receipt = await session.receiptFor(tokens, { amount: wrong });
            expect(await tryToClaim(receipt)).toEqual(refused(Errors.BadSignature));
        }
        expect((await tryToClaim(await session.receiptFor(tokens))).exitCode).toBe(0);
    });

    it('tokens, sequence and transcript cannot be changed after the worker has signed', async () => {
        const receipt = await session.receiptFor({ completion: 500n });
        const changes: Partial<SignedReceipt>[] = [
            { tokens: { ...receipt.tokens, completion: 501n } },
            { tokens: { ...receipt.tokens, prompt: 1n } },
            { sequence: receipt.sequence + 1 },
            { transcriptHash: receipt.transcriptHash + 1n },
            { signature: Buffer.from(receipt.signature).fill(receipt.signature[63] ^ 1, 63) },
        ];
        for (const change of changes) {
            expect(await tryToClaim({ ...receipt, ...change })).toEqual(refused(Errors.BadSignature));
        }
    });

    it('only the worker key of the snapshot signs receipts: not the session key, not another worker', async () => {
        for (const key of [network.sessionKey, testKey('another worker')]) {
            const forged = await session.receipt(await session.receiptFor({ completion: 500n }), {}, key);
            expect(await tryToClaim(forged)).toEqual(refused(Errors.BadSignature));
        }
    });

    it('a voucher inside that the client did not sign spoils the claim, and the right remains', async () => {
        const forged = await session.voucher(toNano('0.5'), {}, network.workerKey);
        expect(await tryToClaim(await large(), forged)).toEqual(refused(Errors.BadSignature));
        const raised = { ...(await session.voucher(toNano('0.1'))), cumulative: toNano('0.5') };
        expect(await tryToClaim(await large(), raised)).toEqual(refused(Errors.BadSignature));
        expect((await session.data()).receiptClaimUsed).toBe(false);
    });
});

describe('threat: replay of a receipt', () => {
    const forDomain = async (change: object) => session.receipt(await session.receiptFor({ completion: 500n }), change);

    it('from another network', async () => {
        expect(await tryToClaim(await forDomain({ globalId: -3 }))).toEqual(refused(Errors.BadSignature));
    });

    it('from another session with the same provider', async () => {
        const other = await StagedSession.open(network, { salt: 7n });
        expect(await tryToClaim(await other.receiptFor({ completion: 500n }))).toEqual(refused(Errors.BadSignature));
    });

    it('from another life of the same escrow', async () => {
        const old = await session.receiptFor({ completion: 500n });
        await session.finish();
        await session.open(Deposit);
        await session.confirm();
        expect(await tryToClaim(old)).toEqual(refused(Errors.BadSignature));
        expect((await tryToClaim(await session.receiptFor({ completion: 500n }))).exitCode).toBe(0);
    });
});

describe('threat: malformed cell, extra bits or references (receipt claim)', () => {
    const attemptCell = (claim: Cell) => session.attempt(session.settlement, message.claimReceiptCell(claim), Value);
    let claim: Cell;

    beforeEach(async () => {
        claim = packReceiptClaim(await large(), await session.voucher(toNano('0.1')));
    });

    it('an extra bit or an extra reference is refused', async () => {
        expect(await attemptCell(beginCell().storeSlice(claim.beginParse()).storeBit(0).endCell())).toEqual(refused(Errors.CellUnderflow));
        expect(await attemptCell(beginCell().storeSlice(claim.beginParse()).storeRef(Cell.EMPTY).endCell()))
            .toEqual(refused(Errors.CellUnderflow));
    });

    it('a missing bit, a missing voucher or an empty cell is refused', async () => {
        const bits = claim.beginParse().loadBits(claim.bits.length);
        const short = beginCell().storeBits(bits.substring(0, bits.length - 1)).storeRef(claim.refs[0]).endCell();
        const noVoucher = beginCell().storeBits(bits).endCell();
        for (const cell of [short, noVoucher, Cell.EMPTY]) {
            expect(await attemptCell(cell)).toEqual(refused(Errors.CellUnderflow));
        }
    });

    it('any other cell in the place of the voucher is refused', async () => {
        const bits = claim.beginParse().loadBits(claim.bits.length);
        const voucher = claim.refs[0];
        const others = [
            Cell.EMPTY,
            beginCell().storeSlice(voucher.beginParse()).storeBit(1).endCell(),
            beginCell().storeSlice(voucher.beginParse()).storeRef(Cell.EMPTY).endCell(),
        ];
        for (const other of others) {
            expect(await attemptCell(beginCell().storeBits(bits).storeRef(other).endCell())).toEqual(refused(Errors.CellUnderflow));
        }
        expect((await session.data()).receiptClaimUsed).toBe(false);
    });
});
