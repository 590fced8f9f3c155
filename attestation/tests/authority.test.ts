import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { QuoteVerifier } from '@phala/dcap-qvl';
import { Address } from '@ton/core';
import {
    Certificate,
    caTypeOf,
    collateralExpiry,
    collateralMessages,
    machineIdOf,
    measurementOf,
    parseCertificate,
    parseCollateral,
    parseCrl,
    parseQuote,
    platformMessage,
    toPem,
} from '../src';
import { splitSigned } from '../src/der';
import {
    keyPair,
    makeCertificate,
    makeCrl,
    makeQuote,
    TestAuthority,
    TestNow,
    TestQuoteSource,
} from '../src/testing';
import { qeIdentityText, tcbInfoText, TcbStatusName } from '../src/testing/tcb-info';
import { describeWithVectors, realCollateral, realQuote, realQuotes, vectorBytes } from './support/vectors';

const authority = new TestAuthority();
const platform = authority.platform();
const stranger = keyPair('somebody else', 'key');

/** Verdict of another implementation of Intel's rules. */
function oracle(quote: Buffer, collateral = authority.collateral(), now = TestNow): string {
    return QuoteVerifier.newWithRootCa(authority.root.certificate).verify(quote, collateral, now).status;
}

describe('A test authority', () => {
    test('its certificates verify from the machine up to the root', () => {
        const [pck, ca, root] = [platform.pck, platform.ca, authority.root].map(
            ({ certificate }) => new X509Certificate(certificate),
        );
        expect(pck.verify(ca.publicKey)).toBe(true);
        expect(ca.verify(root.publicKey)).toBe(true);
        expect(root.verify(root.publicKey)).toBe(true);
        expect(pck.checkIssued(ca)).toBe(true);
        expect(ca.checkIssued(root)).toBe(true);
        expect(new X509Certificate(authority.tcbSigner.certificate).checkIssued(root)).toBe(true);
    });

    test.each([4, 5] as const)('another verifier accepts its quotes of version %i', (version) => {
        expect(oracle(platform.quote({ version }))).toBe('UpToDate');
    });

    test('machines of the Processor CA are accepted too', () => {
        const single = authority.platform({ name: 'single package', ca: 'processor' });
        expect(oracle(single.quote(), authority.collateral({ ca: 'processor' }))).toBe('UpToDate');
        const [certificate] = parseQuote(single.quote()).certificates;
        expect(caTypeOf(certificate)).toBe('processor');
        expect(certificate.sgx?.platformInstanceId).toBeNull();
    });

    test('the same seed gives the same bytes, another seed or name other keys', () => {
        expect(new TestAuthority().platform().quote().equals(platform.quote())).toBe(true);
        expect(new TestAuthority({ seed: 'other' }).rootKey).not.toEqual(authority.rootKey);
        const other = authority.platform({ name: 'other' });
        expect(machineIdOf(parseQuote(other.quote()))).not.toEqual(machineIdOf(parseQuote(platform.quote())));
        expect(other.pck.key.publicKey).not.toEqual(platform.pck.key.publicKey);
    });

    test('a quote takes less than 50 ms', () => {
        const begin = performance.now();
        for (let index = 0; index < 10; index += 1) {
            platform.quote({ td: { reportData: Buffer.alloc(64, index) } });
        }
        expect((performance.now() - begin) / 10).toBeLessThan(50);
    });

    test('as a source of quotes it puts the report data in', async () => {
        const reportData = Buffer.alloc(64, 9);
        const quote = parseQuote(await new TestQuoteSource(platform).quote(reportData));
        expect(quote.body.reportData.equals(reportData)).toBe(true);
    });

    test('its collateral becomes messages, with hundreds of revoked certificates too', () => {
        const revoked = Array.from({ length: 300 }, (_, index) => BigInt(index) ** 17n + 1n);
        const collateral = parseCollateral(authority.collateral({ pckCrl: { revoked } }));
        expect(collateral.pckCrl.revoked).toEqual(revoked);
        expect(collateralMessages(collateral, authority.rootKey)).toHaveLength(6);
        expect(collateralExpiry(collateral)).toBe(TestNow + 29 * 86_400);
        expect(platformMessage(parseQuote(platform.quote()), { replyTo: new Address(0, Buffer.alloc(32)) }).kind).toBe(
            'platform',
        );
    });
});

describe('What a test authority makes wrong on purpose, another verifier refuses', () => {
    const debug = Buffer.from('0100001000000000', 'hex');
    const revokedTcb = { levels: [{ isvSvn: 0, status: 'Revoked' as const }] };
    test.each<[string, () => string]>([
        ['a debug TD', () => oracle(platform.quote({ td: { tdAttributes: debug } }))],
        ['a service TD', () => oracle(platform.quote({ version: 5, td: { mrServiceTd: Buffer.alloc(48, 1) } }))],
        ['another quoting enclave', () => oracle(platform.quote({ qe: { mrSigner: Buffer.alloc(32, 1) } }))],
        ['an attestation key that the QE does not name', () => oracle(platform.quote({ qe: { reportData: Buffer.alloc(64) } }))],
        ['a quote signed by another key', () => oracle(platform.quote({ quoteSigner: stranger }))],
        ['a QE report signed by another key', () => oracle(platform.quote({ qeReportSigner: stranger }))],
        ['microcode below every level', () => oracle(platform.quote({ td: { teeTcbSvn: Buffer.from('07010100000000000000000000000000', 'hex') } }))],
        ['a revoked machine', () => {
            const { serial } = parseCertificate(platform.pck.certificate);
            return oracle(platform.quote(), authority.collateral({ pckCrl: { revoked: [serial] } }));
        }],
        ['TCB info signed by another key', () => oracle(platform.quote(), authority.collateral({ tcbInfo: { signer: stranger } }))],
        ['a PCK certificate signed by another key', () => oracle(authority.platform({ certificate: { signer: stranger } }).quote())],
        ['a revoked quoting enclave', () => oracle(platform.quote(), authority.collateral({ qeIdentity: revokedTcb }))],
        ['collateral that has expired', () => oracle(platform.quote(), authority.collateral(), TestNow + 40 * 86_400)],
    ])('%s', (_, attempt) => {
        expect(attempt).toThrow();
    });
});

describeWithVectors('Byte for byte as Intel', () => {
    /** The same content, made by the test authority's writers. */
    function rebuilt(certificate: Certificate, issuer: Certificate): Buffer {
        const flag = (index: number) =>
            certificate.der[certificate.der.indexOf(Buffer.from(`060b2a864886f84d010d01070${index}0101`, 'hex')) + 15] === 0xff;
        const ca = certificate.sgx === null && certificate.subject.endsWith(' CA');
        const root = certificate.subject === 'Intel SGX Root CA';
        return makeCertificate({
            ...certificate,
            signer: stranger,
            authorityKey: issuer.publicKey,
            crlUrl:
                certificate.sgx === null
                    ? 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der'
                    : 'https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
            keyUsage: ca ? 0x06 : 0xc0,
            basicConstraints: { ca, pathLength: ca ? (root ? 1 : 0) : null },
            sgx: certificate.sgx && {
                ...certificate.sgx,
                configuration: { dynamicPlatform: flag(1), cachedKeys: flag(2), smtEnabled: flag(3) },
            },
            extraExtensions: [],
        });
    }

    test.each(realQuotes)('certificates of $name', (real) => {
        const [pck, ca, root] = realQuote(real).certificates;
        const [tcbSigner] = realCollateral(real.collateral).tcbInfo.issuerChain;
        for (const [certificate, issuer] of [[pck, ca], [ca, root], [root, root], [tcbSigner, root]]) {
            const { signed } = splitSigned(rebuilt(certificate, issuer), 'Rebuilt');
            expect(signed.toString('hex')).toBe(certificate.signed.toString('hex'));
        }
    });

    test.each(realQuotes)('quote $name', (real) => {
        const quote = realQuote(real);
        const header = quote.signed.subarray(0, 48);
        const { teeTcbSvn2, mrServiceTd, ...td } = quote.body;
        const again = makeQuote({
            header: {
                version: quote.version,
                attestationKeyType: 2,
                teeType: 0x81,
                reserved: header.subarray(8, 12),
                qeVendorId: header.subarray(12, 28),
                userData: header.subarray(28, 48),
            },
            bodyType: 3,
            td: { ...td, teeTcbSvn2: teeTcbSvn2 ?? Buffer.alloc(16), mrServiceTd: mrServiceTd ?? Buffer.alloc(48) },
            qe: {
                cpuSvn: quote.qeReport.subarray(0, 16),
                miscSelect: quote.qeReport.readUInt32LE(16),
                attributes: quote.qeReport.subarray(48, 64),
                mrEnclave: quote.qeReport.subarray(64, 96),
                mrSigner: quote.qeReport.subarray(128, 160),
                isvProdId: quote.qeReport.readUInt16LE(256),
                isvSvn: quote.qeReport.readUInt16LE(258),
                reportData: quote.qeReport.subarray(320, 384),
            },
            attestationKey: { ...stranger, publicKey: { x: 0n, y: 0n } },
            quoteSigner: stranger,
            qeReportSigner: stranger,
            authData: quote.authData,
            certificates: quote.certificates.map(({ der }) => der),
            padding: 0,
        });
        // Nobody else can sign it, so the signatures and the attestation key are Intel's.
        const original = vectorBytes(real.file).subarray(0, again.length);
        const at = quote.signed.length + 4;
        original.copy(again, at, at, at + 128);
        original.copy(again, at + 134 + 384, at + 134 + 384, at + 134 + 448);
        expect(again.equals(original)).toBe(true);
        expect(vectorBytes(real.file).subarray(again.length).every((byte) => byte === 0)).toBe(true);
        expect(measurementOf(parseQuote(again))).toEqual(measurementOf(quote));
    });

    test.each([...new Set(realQuotes.map(({ collateral }) => collateral))])('lists and texts of %s', (file) => {
        const collateral = realCollateral(file);
        const [ca, root] = collateral.pckCrlIssuerChain;
        for (const [crl, issuer] of [[collateral.rootCrl, root], [collateral.pckCrl, ca]] as const) {
            const again = makeCrl({ ...crl, crlNumber: 1, authorityKey: issuer.publicKey, signer: stranger });
            expect(parseCrl(again).signed.toString('hex')).toBe(crl.signed.toString('hex'));
        }
        type Level = { tcb: { isvsvn: number }; tcbDate: string; tcbStatus: TcbStatusName; advisoryIDs?: string[] };
        const seconds = (date: string) => Date.parse(date) / 1000;
        const end = (level: Omit<Level, 'tcb'>) => ({
            status: level.tcbStatus, date: seconds(level.tcbDate), advisories: level.advisoryIDs,
        });
        const isv = (levels: Level[]) => levels.map((level) => ({ isvSvn: level.tcb.isvsvn, ...end(level) }));
        const module = (json: { mrsigner: string; attributes: string; attributesMask: string }) => ({
            mrSigner: json.mrsigner, attributes: json.attributes, attributesMask: json.attributesMask,
        });
        const svns = (list: { svn: number }[]) => list.map(({ svn }) => svn);
        const tcb = JSON.parse(collateral.tcbInfo.text);
        expect(
            tcbInfoText({
                ...collateral.tcbInfo,
                pceId: tcb.pceId,
                module: module(tcb.tdxModule),
                modules: tcb.tdxModuleIdentities.map((json: Parameters<typeof module>[0] & { id: string; tcbLevels: Level[] }) => ({
                    id: json.id, ...module(json), levels: isv(json.tcbLevels),
                })),
                levels: tcb.tcbLevels.map((level: Omit<Level, 'tcb'> & { tcb: { sgxtcbcomponents: { svn: number }[]; pcesvn: number; tdxtcbcomponents: { svn: number }[] } }) => ({
                    sgx: svns(level.tcb.sgxtcbcomponents), pceSvn: level.tcb.pcesvn, tdx: svns(level.tcb.tdxtcbcomponents), ...end(level),
                })),
            }),
        ).toBe(collateral.tcbInfo.text);
        const qe = JSON.parse(collateral.qeIdentity.text);
        expect(
            qeIdentityText({
                ...collateral.qeIdentity,
                miscSelect: qe.miscselect, miscSelectMask: qe.miscselectMask,
                attributes: qe.attributes, attributesMask: qe.attributesMask,
                mrSigner: qe.mrsigner, isvProdId: qe.isvprodid, levels: isv(qe.tcbLevels),
            }),
        ).toBe(collateral.qeIdentity.text);
    });

    test('PEM is written as in quotes', () => {
        const { certificates } = realQuote(realQuotes[0]);
        expect(vectorBytes(realQuotes[0].file).includes(toPem(certificates.map(({ der }) => der)))).toBe(true);
    });
});
