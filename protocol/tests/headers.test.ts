import { Address, beginCell } from '@ton/core';
import { packSignedVoucher, SignedReceipt } from '@ton-compute/contracts';
import {
    decodeProof,
    decodeReceipt,
    decodeSession,
    decodeVoucher,
    encodeProof,
    encodeReceipt,
    encodeSession,
    encodeVoucher,
    ErrorTable,
    errorBody,
    offersFromJson,
    offersToJson,
    accountFromJson,
    accountToJson,
    parseErrorBody,
    parseReceiptComment,
    receiptComment,
    receiptFromJson,
    receiptToJson,
    requestDigest,
    WireFormatError,
} from '../src';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const voucher = { cumulative: 123_456_789n, receiptHash: 2n ** 255n + 7n, signature: Buffer.alloc(64, 5) };
const receipt: SignedReceipt = {
    sequence: 7,
    tokens: { prompt: 2n ** 48n - 1n, cached: 0n, completion: 12n, reasoning: 1n },
    amount: 2n ** 120n - 1n,
    transcriptHash: 10n,
    signature: Buffer.alloc(64, 9),
};

describe('headers', () => {
    it('carry a voucher, a proof, a session and a receipt unchanged', () => {
        const escrow = new Address(0, Buffer.alloc(32, 0xab));
        expect(decodeVoucher(encodeVoucher(voucher))).toEqual(voucher);
        expect(decodeSession(encodeSession(escrow)).equals(escrow)).toBe(true);
        const proof = { validUntil: 1_800_000_000, signature: Buffer.alloc(64, 3) };
        expect(decodeProof(encodeProof(proof))).toEqual(proof);
        expect(decodeReceipt(encodeReceipt(receipt))).toEqual(receipt);
        const comment = receiptComment(receipt);
        expect(comment.endsWith('\n\n')).toBe(true);
        expect(parseReceiptComment(comment.trimEnd())).toEqual(receipt);
        expect(parseReceiptComment('data: {}')).toBeNull();
    });

    it.each([
        ['empty', ''],
        ['not base64', '!!!!'],
        ['base64url', Buffer.alloc(3, 0xff).toString('base64url') + '_'],
        ['unpadded', encodeVoucher(voucher).replace(/=*$/, '') + 'A'],
        ['no BoC', Buffer.from('hello').toString('base64')],
        ['bits too many', beginCell().storeSlice(packSignedVoucher(voucher).beginParse()).storeBit(1).endCell()],
        [
            'a reference too many',
            beginCell().storeSlice(packSignedVoucher(voucher).beginParse()).storeRef(beginCell().endCell()).endCell(),
        ],
        ['bits too few', beginCell().storeCoins(1n).storeUint(0, 256).endCell()],
        ['too long', 'A'.repeat(2049)],
    ])('refuse a voucher that is %s', (_, value) => {
        const text = typeof value === 'string' ? value : value.toBoc().toString('base64');
        expect(() => decodeVoucher(text)).toThrow(WireFormatError);
        expect(() => decodeVoucher(text)).toThrow(/^x-session-voucher: expected /);
    });

    it.each(['', '1.', '.AAAA', '01.AAAA', '-1.AAAA', '99999999999.AAAA', '4294967296.AAAA', '1.AAAA', '1;AAAA'])(
        'refuse the proof "%s"',
        (text) => {
            expect(() => decodeProof(text)).toThrow(/^x-session-proof: expected /);
        },
    );

    it.each(['', 'EQ', '-1:' + '00'.repeat(32), '0:' + '0'.repeat(63), '0:' + 'g'.repeat(64)])(
        'refuse the session "%s"',
        (text) => {
            expect(() => decodeSession(text)).toThrow(/^x-session: expected a raw basechain address/);
        },
    );

    it('refuse a receipt with a field missing, of another type, or out of range', () => {
        const json = receiptToJson(receipt);
        const wrong: [string, unknown][] = [
            ['receipt', null],
            ['receipt', []],
            ['receipt.sequence', { ...json, sequence: 0 }],
            ['receipt.sequence', { ...json, sequence: 2 ** 32 }],
            ['receipt.sequence', { ...json, sequence: '7' }],
            ['receipt.tokens', { ...json, tokens: undefined }],
            ['receipt.tokens.prompt', { ...json, tokens: { ...json.tokens, prompt: (2n ** 48n).toString() } }],
            ['receipt.tokens.cached', { ...json, tokens: { ...json.tokens, cached: '-1' } }],
            ['receipt.tokens.completion', { ...json, tokens: { ...json.tokens, completion: '1.5' } }],
            ['receipt.tokens.reasoning', { ...json, tokens: { ...json.tokens, reasoning: '01' } }],
            ['receipt.amount', { ...json, amount: (2n ** 120n).toString() }],
            ['receipt.amount', { ...json, amount: 5 }],
            ['receipt.transcriptHash', { ...json, transcriptHash: json.transcriptHash.slice(1) }],
            ['receipt.signature', { ...json, signature: Buffer.alloc(63).toString('base64') }],
        ];
        for (const [field, value] of wrong) {
            expect(() => receiptFromJson(value)).toThrow(expect.objectContaining({ field }));
        }
        expect(receiptFromJson(JSON.parse(JSON.stringify(json)))).toEqual(receipt);
    });
});

describe('JSON of worker and session', () => {
    const offers = {
        provider: new Address(0, Buffer.alloc(32, 1)),
        registry: new Address(0, Buffer.alloc(32, 2)),
        globalId: -3,
        endpoint: 'https://worker.example',
        offers: [
            {
                terms: {
                    model: Buffer.alloc(32, 3),
                    prices: { prompt: 1n, cached: 2n, completion: 3n, reasoning: 2n ** 64n - 1n },
                    maxCreditWindow: 5n,
                    minDeposit: 6n,
                },
                name: 'tiny',
                contextLength: 256,
            },
        ],
    };

    it('survives the journey', () => {
        const arrived = offersFromJson(JSON.parse(JSON.stringify(offersToJson(offers))));
        expect(arrived.offers).toEqual(offers.offers);
        expect(offersToJson(arrived)).toEqual(offersToJson(offers));
        const account = {
            session: new Address(0, Buffer.alloc(32, 4)),
            cumulative: 1n,
            spent: 2n,
            claimable: 3n,
            claimed: 4n,
            allowance: 5n,
            running: 6,
            receipt,
        };
        const returned = accountFromJson(JSON.parse(JSON.stringify(accountToJson(account))));
        expect(returned).toEqual({ ...account, session: returned.session });
        expect(returned.session.equals(account.session)).toBe(true);
        expect(accountFromJson(accountToJson({ ...account, receipt: null })).receipt).toBeNull();
    });

    it('is refused when an offer\'s id is not the hash of its terms', () => {
        const json = offersToJson(offers);
        json.offers[0].prices.prompt = '2';
        expect(() => offersFromJson(json)).toThrow('offer.offers[0].id: expected the hash');
    });
});

describe('request digest', () => {
    it('covers method, path with query and body', () => {
        const expected = createHash('sha256').update('POST\n/v1/embeddings?a=ü\nbody').digest();
        expect(requestDigest('post', '/v1/embeddings?a=ü', Buffer.from('body'))).toEqual(expected);
    });
});

describe('errors', () => {
    it('are those that docs/wire.md lists, with the same status', () => {
        const wire = readFileSync(join(__dirname, '../../docs/wire.md'), 'utf8');
        const listed = new Map<string, number>();
        for (const [, status, codes] of wire.matchAll(/^\| (\d{3}) \| ([^|]+) \|/gm)) {
            for (const [, code] of codes.matchAll(/`(\w+)`/g)) {
                listed.set(code, Number(status));
            }
        }
        const table = new Map(Object.entries(ErrorTable).map(([code, { status }]) => [code, status]));
        expect([...table].sort()).toEqual([...listed].sort());
    });

    it('keep their fields, and only proper ones', () => {
        const body = errorBody('insufficient_voucher', 'Sign more.', { owed: '5', required: '10', cumulative: '5' });
        expect(parseErrorBody(JSON.parse(JSON.stringify(body)))).toEqual(body.error);
        expect(parseErrorBody({ error: { code: 'insufficient_voucher', required: '-1', owed: 3 } })).toEqual({
            code: 'insufficient_voucher',
            message: 'insufficient_voucher',
            type: 'payment_error',
            param: null,
        });
        expect(parseErrorBody({ error: { code: 'toString' } })).toBeNull();
        expect(parseErrorBody(null)).toBeNull();
    });
});
