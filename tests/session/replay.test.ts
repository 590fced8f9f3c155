import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { sign } from '@ton/crypto';
import { BlockchainSnapshot } from '@ton/sandbox';
import {
    batchPayload, Errors, NoTokens, packSignedVoucher, receiptPayload, requestPayload, SignedVoucher, signPayload, voucherPayload,
} from '../../wrappers';
import { GlobalId, testKey, TestNetwork } from '../support/network';
import * as message from './messages';
import { refused } from './outcome';
import { Deposit, StagedSession } from './staged';

const Amount = toNano('0.1');

let network: TestNetwork;
let session: StagedSession;
let open: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.create();
    session = await StagedSession.open(network);
    open = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(open));

/** The same signature by every way a voucher can take into the escrow. */
async function expectWorthless(voucher: SignedVoucher) {
    const receipt = await session.receiptFor({ completion: 1_000n });
    const ways: [Address, Cell][] = [
        [network.stranger.address, message.claimVoucher(voucher)],
        [session.settlement, message.finishSession(voucher)],
        [session.settlement, message.claimReceipt(receipt, voucher)],
    ];
    for (const [sender, body] of ways) {
        expect(await session.attempt(sender, body)).toEqual(refused(Errors.BadSignature));
    }
}

describe('threat: Voucher replay', () => {
    it('the voucher of this session, for comparison, is good', async () => {
        const voucher = message.claimVoucher(await session.voucher(Amount));
        expect((await session.attempt(network.stranger.address, voucher)).exitCode).toBe(0);
    });

    it('other network: signed for the testnet, or any other global id', async () => {
        for (const globalId of [-3, 0, 239, -240]) {
            await expectWorthless(await session.voucher(Amount, { globalId }));
        }
    });

    it('other contract: signed for another session of the same client with the same provider and key', async () => {
        const other = await StagedSession.open(network, { salt: 2n });
        await expectWorthless(await other.voucher(Amount));
        await expectWorthless(await session.voucher(Amount, { contract: other.address }));
    });

    it('the same account hash in another workchain', async () => {
        const { address } = session;
        await expectWorthless(await session.voucher(Amount, { contract: new Address(-1, address.hash) }));
    });

    it('other life: destroyed and redeployed contract within the same second', async () => {
        const old = await session.voucher(Amount);
        const { openedLt } = await session.data();
        const { now } = network.chain;
        await session.finish();
        await session.open(Deposit);
        await session.confirm();
        expect(network.chain.now).toBe(now);
        expect((await session.data()).openedLt).not.toBe(openedLt);
        await expectWorthless(old);
        await session.claim(await session.voucher(Amount));
        expect((await session.data()).claimed).toBe(Amount);
    });

    it('a life that never was: openedLt 0, one less, one more', async () => {
        const { openedLt } = await session.data();
        for (const other of [0n, openedLt - 1n, openedLt + 1n]) {
            await expectWorthless(await session.voucher(Amount, { openedLt: other }));
        }
    });

    it('other key: the worker\'s, another client\'s', async () => {
        await expectWorthless(await session.voucher(Amount, {}, network.workerKey));
        await expectWorthless(await session.voucher(Amount, {}, testKey('another client')));
    });

    it('twice: the second time nothing is due', async () => {
        const voucher = await session.voucher(Amount);
        await session.claim(voucher);
        expect(await session.attempt(network.stranger.address, message.claimVoucher(voucher))).toEqual(refused(Errors.NothingDue));
        expect((await session.data()).claimed).toBe(Amount);
    });

    it('other kind of payload: a receipt, a batch or a request that the session key signed is no voucher', async () => {
        const domain = await session.domain();
        const receipt = { sequence: 1, tokens: NoTokens, amount: Amount, transcriptHash: 0n };
        const batch = { sequence: 0, validUntil: 0, count: 0, distribute: false, items: Cell.EMPTY };
        const payloads = [
            receiptPayload(domain, receipt),
            batchPayload(domain, batch),
            requestPayload(domain, { validUntil: 0, requestDigest: 0n }),
        ];
        for (const payload of payloads) {
            const signature = signPayload(payload, network.sessionKey.secretKey);
            await expectWorthless({ cumulative: Amount, receiptHash: 0n, signature });
        }
    });

    it('other tag: the very bits of a voucher behind the tag of another payload', async () => {
        const voucher = { cumulative: Amount, receiptHash: 0n };
        const bits = voucherPayload(await session.domain(), voucher).beginParse().skip(32);
        for (const tag of [0x52435054, 0x42544348, 0x52515354, 0, 0x56434853]) {
            const payload = beginCell().storeUint(tag, 32).storeSlice(bits.clone()).endCell();
            await expectWorthless({ ...voucher, signature: sign(payload.hash(), network.sessionKey.secretKey) });
        }
    });

    it('a voucher signed by the worker is no receipt, and one signed for the batch tag neither', async () => {
        const receipt = await session.receiptFor({ completion: 1_000n });
        const { signature } = await session.voucher(receipt.amount, {}, network.workerKey);
        expect(await session.attempt(session.settlement, message.claimReceipt({ ...receipt, signature }))).toEqual(refused(Errors.BadSignature));
    });
});

describe('what was signed cannot be changed', () => {
    it('the amount', async () => {
        const voucher = await session.voucher(Amount);
        for (const cumulative of [Amount + 1n, Amount - 1n, 0n, Amount * 256n]) {
            await expectWorthless({ ...voucher, cumulative });
        }
    });

    it('the receipt hash', async () => {
        await expectWorthless({ ...(await session.voucher(Amount)), receiptHash: 1n });
    });

    it('any bit of the signature', async () => {
        const voucher = await session.voucher(Amount);
        for (const bit of [0, 255, 256, 511]) {
            const signature = Buffer.from(voucher.signature);
            signature[bit >> 3] ^= 1 << (bit & 7);
            await expectWorthless({ ...voucher, signature });
        }
    });
});

describe('threat: Low-order keys: a constant forged signature', () => {
    it('R = identity, S = 0 is no signature under a session key that may be stored', async () => {
        const constant = Buffer.alloc(64);
        constant[0] = 1;
        for (let attempt = 0n; attempt < 8n; attempt++) {
            await expectWorthless({ cumulative: Amount + attempt, receiptHash: 0n, signature: constant });
        }
    });
});

describe('threat: Signature malleability used as identity', () => {
    it('another valid form of the same signature pays nothing more', async () => {
        const order = 2n ** 252n + 27742317777372353535851937790883648493n;
        const voucher = await session.voucher(Amount);
        await session.claim(voucher);
        const s = BigInt('0x' + Buffer.from(voucher.signature.subarray(32)).reverse().toString('hex')) + order;
        const twin = Buffer.concat([
            voucher.signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(),
        ]);
        const outcome = await session.attempt(network.stranger.address, message.claimVoucher({ ...voucher, signature: twin }));
        expect(outcome).toMatchObject({ returned: true, unchanged: true });
        expect((await session.data()).claimed).toBe(Amount);
    });

    it('another encoding of the same amount pays nothing more', async () => {
        const voucher = await session.voucher(Amount);
        await session.claim(voucher);
        const padded = beginCell()
            .storeUint(15, 4).storeUint(Amount, 120).storeUint(0, 256).storeBuffer(voucher.signature).endCell();
        expect(packSignedVoucher(voucher).equals(padded)).toBe(false);
        expect(await session.attempt(network.stranger.address, message.claimVoucherCell(padded))).toEqual(refused(Errors.NothingDue));
    });
});
