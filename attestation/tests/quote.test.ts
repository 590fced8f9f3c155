import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Address, beginCell } from '@ton/core';
import { attestationContext, reportDataOf } from '@ton-compute/contracts';
import { caTypeOf, machineIdOf, measurementOf, parseQuote, readQuoteFile } from '../src';
import { TestAuthority } from '../src/testing';
import { describeWithVectors, realQuote, realQuotes } from './support/vectors';

const platform = new TestAuthority().platform();
const good = platform.quote();

describe('A quote', () => {
    test.each([4, 5] as const)('of version %i is read with all its fields', (version) => {
        const rtmr = [1, 2, 3, 4].map((fill) => Buffer.alloc(48, fill)) as [Buffer, Buffer, Buffer, Buffer];
        const mrTd = Buffer.alloc(48, 9);
        const reportData = Buffer.alloc(64, 7);
        const mrServiceTd = Buffer.alloc(48, 8);
        const quote = parseQuote(platform.quote({ version, td: { rtmr, mrTd, reportData, mrServiceTd } }));
        expect(quote.version).toBe(version);
        expect(quote.body.rtmr).toEqual(rtmr);
        expect(quote.body.reportData).toEqual(reportData);
        expect(quote.body.mrServiceTd).toEqual(version === 5 ? mrServiceTd : null);
        expect(quote.certificates[0].sgx?.pceSvn).toBe(13);
        expect(measurementOf(quote)).toEqual(createHash('sha256').update(Buffer.concat([mrTd, ...rtmr])).digest());
    });

    test('of version 5 may carry a report of TD 1.0', () => {
        expect(parseQuote(platform.quote({ version: 5, bodyType: 2 })).body.mrServiceTd).toBeNull();
    });

    test('may be followed by zeros, and may stand in a file as text', () => {
        expect(parseQuote(platform.quote({ padding: 70 })).signed).toEqual(parseQuote(good).signed);
        const folder = mkdtempSync(join(tmpdir(), 'quote-'));
        try {
            for (const content of [good, good.toString('hex'), `0x${good.toString('hex').toUpperCase()}\n`]) {
                writeFileSync(join(folder, 'quote'), content);
                expect(readQuoteFile(join(folder, 'quote')).signed).toEqual(parseQuote(good).signed);
            }
        } finally {
            rmSync(folder, { recursive: true });
        }
    });

    test.each<[string, Buffer, RegExp]>([
        ['nothing', Buffer.alloc(0), /ends inside the version/],
        ['text', Buffer.from('hello, world, this is no quote'), /begins with version/],
        ['an SGX quote', Buffer.from('03000200000000000000', 'hex'), /SGX quote of version 3/],
        ['a quote of an SGX enclave', platform.quote({ header: { teeType: 0 } }), /an SGX enclave/],
        ['another kind of key', platform.quote({ header: { attestationKeyType: 3 } }), /of type 3/],
        ['another version', platform.quote({ header: { version: 6 } }), /version 6/],
        ['no certificates', platform.quote({ certificates: [] }), /no certificate in the text/],
        ['one certificate', platform.quote({ certificates: [platform.pck.certificate] }), /does not begin with a PCK/],
        ['another order of certificates', platform.quote({ certificates: [platform.ca.certificate, platform.pck.certificate] }), /does not begin with a PCK/],
        ['a body of another type', platform.quote({ version: 5, bodyType: 1 }), /body has type 1/],
    ])('is refused with a reason: %s', (_, bytes, reason) => {
        expect(() => parseQuote(bytes)).toThrow(reason);
    });

    test('that was cut off anywhere is refused', () => {
        for (let length = 0; length < good.length - 1; length += 97) {
            expect(() => parseQuote(good.subarray(0, length))).toThrow();
        }
    });

    test('with another certification type is refused with advice', () => {
        const bytes = Buffer.from(good);
        bytes.writeUInt16LE(3, 48 + 584 + 4 + 128);
        expect(() => parseQuote(bytes)).toThrow(/type 3 where type 6.*QCNL/);
    });
});

describeWithVectors("Intel's quotes", () => {
    test.each(realQuotes)('$name is read', (real) => {
        const quote = realQuote(real);
        expect(quote.version).toBe(real.version);
        expect(quote.certificates.map(({ subject }) => subject)).toEqual([
            'Intel SGX PCK Certificate', 'Intel SGX PCK Platform CA', 'Intel SGX Root CA',
        ]);
        expect(caTypeOf(quote.certificates[0])).toBe('platform');
        expect(quote.certificates[0].sgx?.fmspc.toString('hex')).toBe(real.file.includes('b0c06f') ? 'b0c06f000000' : '90c06f000000');
        expect(quote.certificates[0].sgx?.componentSvns).toHaveLength(16);
        expect(machineIdOf(quote)).toHaveLength(32);
        expect(quote.body.tdAttributes.toString('hex')).toBe('0000001000000000');
    });
});

describe('Report data', () => {
    const provider = new Address(0, Buffer.alloc(32, 2));
    const keys = {
        workerKey: Buffer.alloc(32, 1),
        encryptionKey: Buffer.alloc(32, 3),
        evidenceHash: Buffer.alloc(32, 4),
        nonce: BigInt(`0x${'05'.repeat(32)}`),
    };

    test('are the worker key and the hash of what a cell would hold', () => {
        const first = beginCell()
            .storeUint(0x41545354, 32).storeInt(-239, 32).storeInt(0, 8)
            .storeBuffer(provider.hash).endCell().beginParse();
        const bytes = Buffer.concat([first.loadBuffer(41), attestationContext(keys).beginParse().loadBuffer(96)]);
        expect(reportDataOf(provider, -239, keys)).toEqual(
            Buffer.concat([keys.workerKey, createHash('sha256').update(bytes).digest()]),
        );
        expect(reportDataOf(provider, -239, keys).toString('hex')).toBe(
            '0101010101010101010101010101010101010101010101010101010101010101' + KnownHash,
        );
    });

    test('the context has 768 bits and no reference', () => {
        const cell = attestationContext(keys);
        expect([cell.bits.length, cell.refs.length]).toEqual([768, 0]);
    });

    test('fields of wrong lengths and other workchains are refused', () => {
        for (const field of ['workerKey', 'encryptionKey', 'evidenceHash'] as const) {
            expect(() => reportDataOf(provider, -239, { ...keys, [field]: Buffer.alloc(31) })).toThrow();
        }
        expect(() => reportDataOf(provider, -239, { ...keys, nonce: 2n ** 256n })).toThrow();
        expect(() => reportDataOf(new Address(-1, Buffer.alloc(32)), -239, keys)).toThrow(/basechain/);
    });
});

/** Computed once with another program: Python's hashlib and struct. */
const KnownHash = '032f1f43ab43e6527410e90bfb322ae156763a057a2fc46c557b03c363acf375';
