import { describe, expect, test } from '@jest/globals';
import {
    bytesOfChain,
    caTypeOfCollateral,
    CellBytes,
    chainOfTokens,
    certificateTokens,
    collateralExpiry,
    CollateralJson,
    crlCells,
    crlTokens,
    MaxChainCells,
    packTokens,
    parseCertificate,
    parseCollateral,
    parseCrl,
    qeIdentityTokens,
    tcbInfoTokens,
    Token,
    token,
} from '../src';
import { TestAuthority } from '../src/testing';
import { describeWithVectors, realCollateral } from './support/vectors';

const authority = new TestAuthority();
const good = authority.collateral();
const sizes = (cells: Buffer[]) => cells.map(({ length }) => length);

describe('Collateral', () => {
    test('is read from its text and from its object', () => {
        const collateral = parseCollateral(JSON.stringify(good));
        expect(collateral.tcbInfo.fmspc).toBe('F0F0F0000000');
        expect(collateral.tcbInfo.evaluationNumber).toBe(18);
        expect(caTypeOfCollateral(collateral)).toBe('platform');
        expect(caTypeOfCollateral(parseCollateral(authority.collateral({ ca: 'processor' })))).toBe('processor');
        expect(parseCollateral(good)).toEqual(collateral);
    });

    test('expires with the first of its parts', () => {
        const soon = authority.now + 5;
        expect(collateralExpiry(parseCollateral(authority.collateral({ qeIdentity: { nextUpdate: soon } })))).toBe(soon);
        expect(collateralExpiry(parseCollateral(authority.collateral({ rootCrl: { nextUpdate: soon } })))).toBe(soon);
    });

    test.each<[string, Partial<Record<keyof CollateralJson, unknown>>, RegExp]>([
        ['a missing field', { tcb_info: undefined }, /tcb_info is missing/],
        ['a list that is not hexadecimal', { pck_crl: 'xyz' }, /pck_crl is no hexadecimal text/],
        ['a list that is no list', { pck_crl: '3003020101' }, /Certificate revocation list/],
        ['a signature of another length', { qe_identity_signature: 'aabb' }, /qe_identity_signature has 2 bytes/],
        ['a text that is no JSON', { qe_identity: '{' }, /qe_identity is not JSON/],
        ['a text without dates', { qe_identity: '{"tcbEvaluationDataNumber":1}' }, /qe_identity: issueDate/],
        ['TCB info without a model', { tcb_info: good.tcb_info.replace('fmspc', 'model') }, /no "fmspc"/],
        ['a chain without its root', { tcb_info_issuer_chain: good.tcb_info_issuer_chain.split('-----\n-----')[0] + '-----' }, /has one certificate/],
        ['a chain without certificates', { pck_crl_issuer_chain: 'none' }, /no certificate in the text/],
    ])('is refused with a reason: %s', (_, change, reason) => {
        expect(() => parseCollateral({ ...good, ...change } as CollateralJson)).toThrow(reason);
    });

    test('that is no JSON at all is refused', () => {
        expect(() => parseCollateral('no')).toThrow(/is not JSON/);
        expect(() => parseCollateral('null')).toThrow(/no JSON object/);
    });
});

describe('Tokens', () => {
    test('fill cells greedily and never straddle two', () => {
        const cells = packTokens([60, 60, 10, 127, 1].map((length) => token(Buffer.alloc(length))), 'Test');
        expect(sizes(cells)).toEqual([120, 10, 127, 1]);
        expect(() => packTokens([token(Buffer.alloc(128))], 'Test')).toThrow(/128 bytes have to be read as one/);
    });

    test('that are loose fill what is left; a new cell begins where it is asked for', () => {
        const loose = { bytes: Buffer.alloc(200), loose: true };
        expect(sizes(packTokens([token(Buffer.alloc(100)), loose, token(Buffer.alloc(10))], 'Test'))).toEqual([127, 127, 56]);
        expect(sizes(packTokens([{ ...loose, newCell: true }, { bytes: Buffer.alloc(1), newCell: true }], 'Test'))).toEqual([127, 73, 1]);
    });

    test('a chain that no message could carry is refused', () => {
        const tooLong = [{ bytes: Buffer.alloc(CellBytes * MaxChainCells + 1), loose: true }];
        expect(() => chainOfTokens(tooLong, 'Text')).toThrow(/carries 1 to 300/);
    });

    test('a revocation list: its head, its entries and what follows them have cells of their own', () => {
        const revoked = [1n, 2n ** 159n, 3n, 4n];
        const { signed } = parseCrl(authority.pckCrl('platform', { revoked }));
        const { head, entries, tail } = crlTokens(signed);
        const begin = (tokens: Token[]) => packTokens(tokens, 'List').map((cell) => cell.toString('hex').slice(0, 10));
        expect(begin(head).at(-1)).toBe('170d323630');
        expect(entries).toHaveLength(4);
        expect(begin(entries.flat())[0]).toBe('3020020101');
        expect(begin(tail)).toEqual(['a02f302d30']);
        expect(bytesOfChain(crlCells(signed)).equals(signed)).toBe(true);
    });

    test('a revocation list of thousands of entries goes on in pages, so that no message is too deep', () => {
        const revoked = Array.from({ length: 3_000 }, (_, index) => BigInt(index) + 2n ** 159n);
        const { signed } = parseCrl(authority.pckCrl('platform', { revoked }));
        const cells = crlCells(signed);
        expect(cells.depth()).toBeLessThan(MaxChainCells);
        expect(bytesOfChain(cells).equals(signed)).toBe(true);
    });

    test('of a certificate of the Processor CA end with the SGX type', () => {
        const single = authority.platform({ ca: 'processor' });
        const { signed } = parseCertificate(single.pck.certificate);
        const tokens = certificateTokens(signed);
        expect(tokens.map(({ bytes }) => bytes.length).slice(-5)).toEqual([18, 33, 18, 22, 17]);
        expect(Buffer.concat(tokens.map(({ bytes }) => bytes)).equals(signed)).toBe(true);
    });

    test('an extension that no cell holds is cut after its name', () => {
        const long = Buffer.concat([Buffer.from('3081980603551d1104819030818d', 'hex'), Buffer.alloc(0x8d)]);
        const { certificate } = authority.issue('Long', 'long', authority.root, { extraExtensions: [long] });
        const tokens = certificateTokens(parseCertificate(certificate).signed);
        expect(tokens.slice(-2).map(({ bytes, loose }) => [bytes.length, loose ?? false])).toEqual([[8, false], [147, true]]);
    });

    test.each<[string, (text: string) => string, RegExp]>([
        ['white space', (text) => text.replace('{"id"', '{ "id"'), /character 0: expected \{"id":"TDX"/],
        ['another version', (text) => text.replace('"version":3', '"version":4'), /character 0/],
        ['fields in another order', (text) => text.replace(/"fmspc":"(\w+)","pceId":"(\w+)"/, '"pceId":"$2","fmspc":"$1"'), /expected ","fmspc":"/],
        ['another kind of date', (text) => text.replace('Z"', '+00:00"'), /a date like/],
        ['a component too few', (text) => text.replace(',{"svn":0}', ''), /expected/],
        ['more text at the end', (text) => `${text} `, /the end of the text/],
        ['a component of more than a cell', (text) => text.replace('Early', 'E'.repeat(120)), /at most 127 characters/],
    ])('TCB info in another form is refused, with the position: %s', (_, change, reason) => {
        expect(() => tcbInfoTokens(change(good.tcb_info))).toThrow(reason);
    });

    test('TCB info without module identities is read', () => {
        const { text } = authority.tcbInfo({ modules: null });
        expect(tcbInfoTokens(text).map(({ bytes }) => bytes.toString()).join('')).toBe(text);
    });

    test('QE identity in another form is refused', () => {
        expect(() => qeIdentityTokens(good.qe_identity.replace('TD_QE', 'QE'))).toThrow(/QE identity, character 0/);
    });
});

describeWithVectors("Intel's collateral", () => {
    test('is read', () => {
        const collateral = realCollateral('collateral_90c06f_2026-02.json');
        expect(collateral.tcbInfo.fmspc).toBe('90C06F000000');
        expect(new Date(collateralExpiry(collateral) * 1000).toISOString()).toBe('2026-03-20T10:41:15.000Z');
        expect(collateral.pckCrl.revoked.length).toBeGreaterThan(50);
        expect(collateral.rootCrl.revoked).toEqual([]);
        expect(collateral.tcbInfo.issuerChain[0].subject).toBe('Intel SGX TCB Signing');
    });
});
