import { createHash } from 'node:crypto';
import { Address } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import { amountOf, receiptPayload, SignedReceipt, SigningDomain } from '@ton-compute/contracts';
import { createSigner, EmptyTranscript, Exchange, nextTranscript, ReceiptChain } from '../src';

const worker = keyPairFromSeed(Buffer.alloc(32, 1));
const prices = { prompt: 1_000_000n, cached: 500_000n, completion: 3_000_000n, reasoning: 3_000_000n };
const domain: SigningDomain = { globalId: -3, contract: new Address(0, Buffer.alloc(32, 2)), openedLt: 99n };

function signed(
    sequence: number,
    completion: bigint,
    transcript: Buffer = EmptyTranscript,
    change: Partial<SignedReceipt> = {},
    signer = worker.secretKey,
    signingDomain = domain,
): SignedReceipt {
    const tokens = { prompt: 10n, cached: 0n, completion, reasoning: 0n };
    const receipt = {
        sequence,
        tokens,
        amount: amountOf(tokens, prices),
        transcriptHash: BigInt('0x' + transcript.toString('hex')),
        ...change,
    };
    return { ...receipt, signature: createSigner(signer)(receiptPayload(signingDomain, receipt)) };
}

function hash(text: string): Buffer {
    return createHash('sha256').update(text).digest();
}

function exchange(name: string): Exchange {
    return { requestHash: hash(`request ${name}`), answerHash: hash(`answer ${name}`) };
}

function follow(previous: Buffer, { requestHash, answerHash }: Exchange): Buffer {
    return nextTranscript(previous, requestHash, answerHash);
}

function chain(): ReceiptChain {
    return new ReceiptChain(domain, worker.publicKey, prices);
}

describe('transcript hash', () => {
    it('is SHA-256 over the previous hash and both bodies\' hashes', () => {
        const { requestHash, answerHash } = exchange('a');
        const expected = createHash('sha256').update(
            Buffer.concat([EmptyTranscript, requestHash, answerHash]),
        ).digest();
        expect(follow(EmptyTranscript, exchange('a'))).toEqual(expected);
        expect(() => nextTranscript(Buffer.alloc(31), requestHash, answerHash)).toThrow('32 bytes, got 31');
    });
});

describe('a receipt', () => {
    it('counts when it is genuine and priced right', () => {
        const receipts = chain();
        expect(receipts.add(signed(1, 5n))).toBe('new');
        expect(receipts.newest).toMatchObject({ sequence: 1, amount: 10n + 15n });
    });

    it('of another key, network, escrow or opening is refused', () => {
        const stranger = keyPairFromSeed(Buffer.alloc(32, 8)).secretKey;
        const forged = [
            signed(1, 5n, EmptyTranscript, {}, stranger),
            signed(1, 5n, EmptyTranscript, {}, worker.secretKey, { ...domain, globalId: -239 }),
            signed(1, 5n, EmptyTranscript, {}, worker.secretKey, {
                ...domain,
                contract: new Address(0, Buffer.alloc(32, 7)),
            }),
            signed(1, 5n, EmptyTranscript, {}, worker.secretKey, { ...domain, openedLt: 98n }),
            { ...signed(1, 5n), sequence: 2 },
        ];
        for (const receipt of forged) {
            expect(() => chain().add(receipt)).toThrow(expect.objectContaining({ code: 'bad_signature' }));
        }
    });

    it('that asks for another amount than its tokens cost is refused, though it is signed', () => {
        for (const amount of [24n, 26n]) {
            const receipt = signed(1, 5n, EmptyTranscript, { amount });
            expect(() => chain().add(receipt)).toThrow(expect.objectContaining({ code: 'wrong_amount' }));
        }
    });

    it('may arrive late or twice, but one sequence never says two things', () => {
        const receipts = chain();
        expect(receipts.add(signed(3, 7n))).toBe('new');
        expect(receipts.add(signed(1, 5n))).toBe('new');
        expect(receipts.add(signed(2, 6n))).toBe('new');
        expect(receipts.add(signed(2, 6n))).toBe('duplicate');
        expect(receipts.newest?.sequence).toBe(3);
        expect(() => receipts.add(signed(2, 5n))).toThrow(expect.objectContaining({ code: 'conflicting_sequence' }));
        expect(() => receipts.add(signed(2, 6n, hash('other')))).toThrow(
            expect.objectContaining({ code: 'conflicting_sequence' }),
        );
    });

    it('must grow with its sequence, in whatever order it arrives', () => {
        const receipts = chain();
        receipts.add(signed(2, 6n));
        expect(() => receipts.add(signed(3, 5n))).toThrow(expect.objectContaining({ code: 'not_monotonic' }));
        expect(() => receipts.add(signed(1, 7n))).toThrow(expect.objectContaining({ code: 'not_monotonic' }));
        receipts.add(signed(4, 9n));
        expect(() => receipts.add(signed(3, 10n))).toThrow(expect.objectContaining({ code: 'not_monotonic' }));
        // One class may not shrink, even where the amount grows.
        const tokens = { prompt: 9n, cached: 0n, completion: 50n, reasoning: 0n };
        const shrinking = signed(5, 0n, EmptyTranscript, { tokens, amount: amountOf(tokens, prices) });
        expect(() => receipts.add(shrinking)).toThrow('the prompt shrinks');
        expect(receipts.newest?.sequence).toBe(4);
    });

    it('stays comparable when a session has very many', () => {
        const receipts = chain();
        for (let sequence = 1; sequence <= 2000; sequence += 1) {
            receipts.add(signed(sequence, BigInt(sequence)));
        }
        expect(receipts.add(signed(3, 3n))).toBe('stale');
        expect(() => receipts.add(signed(2001, 1999n))).toThrow(expect.objectContaining({ code: 'not_monotonic' }));
    }, 30_000);
});

describe('the transcript of a session', () => {
    it('is verified request by request', () => {
        const receipts = chain();
        const first = follow(EmptyTranscript, exchange('a'));
        const second = follow(first, exchange('b'));
        receipts.add(signed(1, 1n));
        expect(receipts.markInterim(1)).toBe('verified');
        receipts.add(signed(2, 2n, first));
        expect(receipts.markFinal(2, exchange('a'))).toBe('verified');
        receipts.add(signed(3, 3n, second));
        expect(receipts.markFinal(3, exchange('b'))).toBe('verified');
    });

    it('is verified also when concurrent answers deliver their receipts out of order', () => {
        const receipts = chain();
        const first = follow(EmptyTranscript, exchange('a'));
        const second = follow(first, exchange('b'));
        receipts.add(signed(2, 2n, second));
        expect(receipts.markFinal(2, exchange('b'))).toBe('pending');
        receipts.add(signed(1, 1n, first));
        expect(receipts.transcriptStatus(2)).toBe('pending');
        expect(receipts.markFinal(1, exchange('a'))).toBe('verified');
        expect(receipts.transcriptStatus(2)).toBe('verified');
    });

    it('is an error when a final receipt covers another answer, or an interim one changes it', () => {
        const receipts = chain();
        receipts.add(signed(1, 1n, follow(EmptyTranscript, exchange('a'))));
        expect(() => receipts.markFinal(1, exchange('b'))).toThrow(
            expect.objectContaining({ code: 'wrong_transcript' }),
        );
        const others = chain();
        others.add(signed(1, 1n, hash('something')));
        expect(() => others.markInterim(1)).toThrow(expect.objectContaining({ code: 'wrong_transcript' }));
    });

    it('has a gap when a receipt never arrives: not an error, and verification goes on after it', () => {
        const receipts = chain();
        const unseen = hash('a request that was aborted');
        const next = follow(unseen, exchange('b'));
        receipts.add(signed(2, 2n, next));
        expect(receipts.markFinal(2, exchange('b'))).not.toBe('verified');
        receipts.add(signed(3, 3n, follow(next, exchange('c'))));
        expect(receipts.markFinal(3, exchange('c'))).toBe('verified');
    });

    it('is unverifiable where an answer was cut, and goes on from there', () => {
        const receipts = chain();
        const cut = hash('whatever the worker says');
        receipts.add(signed(1, 1n, cut));
        expect(receipts.markUnknown(1)).toBe('unverifiable');
        receipts.add(signed(2, 2n, follow(cut, exchange('b'))));
        expect(receipts.markFinal(2, exchange('b'))).toBe('verified');
    });

    it('goes on after a restart from the newest receipt that was kept', () => {
        const kept = signed(41, 100n, hash('so far'));
        const receipts = new ReceiptChain(domain, worker.publicKey, prices, kept);
        expect(receipts.newest).toBe(kept);
        expect(() => receipts.add(signed(42, 99n))).toThrow(expect.objectContaining({ code: 'not_monotonic' }));
        receipts.add(signed(42, 101n, follow(hash('so far'), exchange('a'))));
        expect(receipts.markFinal(42, exchange('a'))).toBe('verified');
    });
});
