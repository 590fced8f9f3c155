import { Cell } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { bodyOf, chainOfTokens, parseQuote, qeIdentityTokens, Quote, signatureCell, tcbInfoTokens, Token } from '@ton-compute/attestation';
import {
    CrlFields, Issued, QeIdentityOptions, signWith, TcbInfoOptions, TcbLevel, TestAuthority, TestFmspc, UpToDateSvns,
} from '@ton-compute/attestation/testing';
import { CertificateRole, Errors } from '../../wrappers';
import {
    certificateMessage, certificatesAndLists, crlMessage, qeIdentityMessage, registrationMessage, tcbInfoMessage,
} from './collateral_messages';
import { outcomeOf } from './quotes';
import { Answer, Verification } from './verification';


const Day = 86_400;
const authority = new TestAuthority();
const { now, rootKey, platformCa, processorCa, tcbSigner } = authority;
const signerKey = tcbSigner.key.publicKey;
const machine = authority.platform();
const good = parseQuote(machine.quote());
const Accepted = { status: 0 };
const refused = (bounced: number) => ({ bounced });

let verification: Verification;
/** Knows certificates, lists and a machine, but neither TCB info nor QE identity. */
let start: BlockchainSnapshot;

beforeAll(async () => {
    verification = await Verification.create(rootKey, now);
    for (const message of certificatesAndLists(authority)) {
        await verification.learnMessage(message);
    }
    await verification.answer(registrationMessage(machine.pck, platformCa.key.publicKey));
    start = verification.chain.snapshot();
});
beforeEach(() => verification.chain.loadFrom(start));

const addTcbInfo = (options: TcbInfoOptions = {}, key = options.signer?.publicKey ?? signerKey): Promise<Answer> =>
    verification.answer(tcbInfoMessage(authority.tcbInfo(options), key));
const addQeIdentity = (options: QeIdentityOptions = {}, key = options.signer?.publicKey ?? signerKey): Promise<Answer> =>
    verification.answer(qeIdentityMessage(authority.qeIdentity(options), key));
const outcome = async (quote: Quote = good) => outcomeOf(await verification.verdictOn(quote));

describe.each([
    ['TCB info', addTcbInfo, Errors.NoTcbInfo],
    ['QE identity', addQeIdentity, Errors.NoQeIdentity],
] as const)('%s', (kind, add, missing) => {
    const other = () => (kind === 'TCB info' ? addQeIdentity() : addTcbInfo());

    it('is needed for a verdict', async () => {
        await other();
        expect(await outcome()).toEqual({ reason: missing });
        expect(await add()).toBe('stored');
        expect(await outcome()).toEqual(Accepted);
    });

    it('threat: rolled back: it only goes to a later date, and never to an earlier evaluation', async () => {
        const issueDate = now - 10 * Day;
        expect(await add({ issueDate, evaluationNumber: 17 })).toBe('stored');
        expect(await add({ issueDate, evaluationNumber: 18 })).toEqual(refused(Errors.NotNewer));
        expect(await add({ issueDate: issueDate - 1, evaluationNumber: 18 })).toEqual(refused(Errors.NotNewer));
        expect(await add({ issueDate: issueDate + 1, evaluationNumber: 16 })).toEqual(refused(Errors.NotNewer));
        expect(await add({ issueDate: issueDate + 1, evaluationNumber: 17 })).toBe('stored');
        expect(await add({ issueDate: issueDate + 2, evaluationNumber: 19 })).toBe('stored');
    });

    it('threat: stale: it is refused before it is issued and after its end', async () => {
        expect(await add({ issueDate: now + 1 })).toEqual(refused(Errors.CollateralDates));
        expect(await add({ nextUpdate: now - 1 })).toEqual(refused(Errors.CollateralDates));
        expect(await add({ issueDate: now, nextUpdate: now })).toBe('stored');
    });

    it('threat: stale: it counts up to its last second', async () => {
        await other();
        await add({ nextUpdate: now + 10 });
        verification.chain.now = now + 10;
        expect(await verification.verdictOn(good)).toMatchObject({ accepted: true, expiry: now + 10 });
        verification.chain.now = now + 11;
        expect(await outcome()).toEqual({ reason: Errors.CollateralDates });
    });

    it('threat: wrong issuer: it is refused when a CA, the root or a stranger signed it', async () => {
        for (const { key } of [platformCa, processorCa, authority.root, machine.pck]) {
            expect(await add({ signer: key })).toEqual(refused(Errors.BadEcdsaSignature));
            expect(await add({ signer: key }, signerKey)).toEqual(refused(Errors.BadEcdsaSignature));
        }
    });

    it("threat: unsigned: it is refused with another one's signature", async () => {
        const signed = kind === 'TCB info' ? authority.tcbInfo({ evaluationNumber: 17 }) : authority.qeIdentity({ evaluationNumber: 17 });
        const text = kind === 'TCB info' ? authority.tcbInfo().text : authority.qeIdentity().text;
        const message = kind === 'TCB info' ? tcbInfoMessage : qeIdentityMessage;
        expect(await verification.answer(message({ ...signed, text }, signerKey))).toEqual(refused(Errors.BadEcdsaSignature));
    });

    it('counts no longer than the certificate of its signer, and is refused when that has ended', async () => {
        const end = now + 100;
        const signer = nextSigner({ notAfter: end });
        expect(await verification.answer(certificateMessage(signer, rootKey))).toBe('stored');
        await (kind === 'TCB info' ? addQeIdentity : addTcbInfo)({ signer: signer.key });
        expect(await add({ signer: signer.key })).toBe('stored');
        expect(await verification.verdictOn(good)).toMatchObject({ accepted: true, expiry: end });
        verification.chain.now = end + 1;
        expect(await outcome()).toEqual({ reason: Errors.CollateralDates });
        expect(await add({ signer: signer.key, issueDate: now })).toEqual(refused(Errors.CertificateDates));
    });

    it('is refused while its signer is unknown', async () => {
        const other = await Verification.create(rootKey, now);
        const body = kind === 'TCB info' ? tcbInfoMessage(authority.tcbInfo(), signerKey) : qeIdentityMessage(authority.qeIdentity(), signerKey);
        expect(await other.answer(body)).toEqual(refused(Errors.UnknownIssuer));
    });

    it('stays good when its signer gets a successor', async () => {
        await other();
        await add();
        await verification.answer(certificateMessage(nextSigner({}), rootKey));
        expect(await outcome()).toEqual(Accepted);
        expect(await add({ issueDate: now })).toEqual(refused(Errors.BadEcdsaSignature));
    });

    function nextSigner(fields: { notAfter?: number }): Issued {
        return authority.issue(tcbSigner.commonName, 'next signer', authority.root, { notBefore: now - 100, ...fields });
    }
});

describe('TCB info', () => {
    const level = (pceSvn: number, sgx: readonly number[] = UpToDateSvns.components): TcbLevel =>
        ({ sgx, pceSvn, tdx: UpToDateSvns.tee, status: 'UpToDate' });

    beforeEach(() => addQeIdentity());

    it('may have one level, and twenty with five advisories each', async () => {
        expect(await addTcbInfo({ issueDate: now - 2, levels: [level(13)] })).toBe('stored');
        expect(await outcome()).toEqual(Accepted);
        const advisories = ['INTEL-SA-01036', 'INTEL-SA-01099', 'INTEL-SA-00837', 'INTEL-SA-00960', 'INTEL-SA-00586'];
        const levels = Array.from({ length: 20 }, (_, index) => ({ ...level(32 - index), status: 'OutOfDate' as const, advisories }));
        expect(await addTcbInfo({ issueDate: now - 1, levels })).toBe('stored');
        expect(await outcome()).toEqual({ status: 4 });
    });

    it('may name advisories of any length', async () => {
        const advisories = ['', 'INTEL-SA-1', 'INTEL-SA-12', 'INTEL-SA-123', 'INTEL-SA-1234', 'INTEL-SA-12345', 'INTEL-SA-123456', 'INTEL-SA-614', 'CVE-2026-1'];
        const orders = [advisories, [...advisories].reverse(), ['INTEL-SA-614', 'INTEL-SA-00001', 'x', 'INTEL-SA-61']];
        for (const [index, order] of orders.entries()) {
            expect(await addTcbInfo({ issueDate: now - 9 + index, levels: [{ ...level(14), advisories: order }, { ...level(13), status: 'OutOfDate' }] })).toBe('stored');
            expect(await outcome()).toEqual({ status: 4 });
        }
    });

    it.each([[0, 9], [6, 10], [7, 99], [15, 100], [3, 255]])('SGX component %i may be %i, and is what it says', async (at, svn) => {
        const svns = (value: number) => UpToDateSvns.components.map((own, component) => (component === at ? value : own));
        expect(await addTcbInfo({ levels: [level(13, svns(256))] })).toEqual(refused(Errors.Malformed));
        expect(await addTcbInfo({ levels: [level(13, svns(svn))] })).toBe('stored');
        for (const [own, expected] of [[svn, Accepted], [svn - 1, { reason: Errors.NoTcbLevel }]] as const) {
            const platform = authority.platform({ name: `${at} ${own}`, sgx: { componentSvns: svns(own) } });
            await verification.answer(registrationMessage(platform.pck, platformCa.key.publicKey));
            expect(await outcome(parseQuote(platform.quote()))).toEqual(expected);
        }
    });

    it.each([
        ['an unknown status', (text: string) => text.replace('"UpToDate"', '"Fine"')],
        ['a status of another case', (text: string) => text.replace('"UpToDate"', '"uptodate"')],
    ])('with %s is refused', async (_, rewrite) => {
        expect(await addTcbInfo({ rewrite })).toEqual(refused(Errors.CellUnderflow));
    });

    it('with a number that is none is refused', async () => {
        const tokens = tcbInfoTokens(authority.tcbInfo().text).map(({ bytes, ...token }) => ({
            ...token, bytes: Buffer.from(bytes.toString().replace('{"svn":3}', '{"svn":x}').replace('{"svn":3,', '{"svn":-,')),
        }));
        expect(await addSigned(tokens, 'AddTcbInfo')).toEqual(refused(Errors.Malformed));
    });

    it('threat: that of SGX is refused, and so is that of another version', async () => {
        const tokens = tcbInfoTokens(authority.tcbInfo().text);
        for (const start of ['{"id":"SGX","version":3,"issueDate":"', '{"id":"TDX","version":4,"issueDate":"']) {
            expect(await addSigned([{ bytes: Buffer.from(start) }, ...tokens.slice(1)], 'AddTcbInfo')).toEqual(refused(Errors.CellUnderflow));
        }
    });

    it('of one processor model says nothing of another', async () => {
        const fmspc = 'A1B2C3D4E5F6';
        const other = authority.platform({ name: 'other model', sgx: { fmspc: Buffer.from(fmspc, 'hex') } });
        await verification.answer(registrationMessage(other.pck, platformCa.key.publicKey));
        await addTcbInfo();
        expect(await outcome(parseQuote(other.quote()))).toEqual({ reason: Errors.NoTcbInfo });
        expect(await addTcbInfo({ fmspc, issueDate: now - 5 * Day, evaluationNumber: 3, levels: [{ ...level(13), status: 'OutOfDate' }] })).toBe('stored');
        expect(await verification.verdictOn(parseQuote(other.quote()))).toMatchObject({ accepted: true, tcbStatus: 4, evaluationNumber: 3 });
        expect(await verification.verdictOn(good)).toMatchObject({ accepted: true, tcbStatus: 0, evaluationNumber: 18 });
    });
});

describe('QE identity', () => {
    it("threat: that of Intel's SGX enclaves is refused", async () => {
        const tokens = qeIdentityTokens(authority.qeIdentity().text);
        for (const id of ['QE', 'QVE']) {
            const start = { bytes: Buffer.from(`{"id":"${id}","version":2,"issueDate":"`) };
            expect(await addSigned([start, ...tokens.slice(1)], 'AddQeIdentity')).toEqual(refused(Errors.CellUnderflow));
        }
    });

    it('may have 40 levels and not one more', async () => {
        const levels = (count: number) => Array.from({ length: count }, (_, index) => ({ isvSvn: 60 - index, status: 'UpToDate' as const }));
        expect(await addQeIdentity({ levels: levels(41) })).toEqual(refused(Errors.TooManyLevels));
        expect(await addQeIdentity({ levels: levels(40) })).toBe('stored');
    });
});

/** Text that the package would not cut, signed by the TCB signer. */
function addSigned(tokens: Token[], $$type: 'AddTcbInfo' | 'AddQeIdentity'): Promise<Answer> {
    const text = Buffer.concat(tokens.map(({ bytes }) => bytes));
    const chain: Cell = chainOfTokens(tokens, 'text');
    const signature = signatureCell(text, signWith(tcbSigner.key, text).raw, signerKey);
    return verification.answer(bodyOf({ $$type, queryId: 0n, tcbInfo: chain, qeIdentity: chain, signature } as Parameters<typeof bodyOf>[0]));
}

describe('Revocation lists', () => {
    const add = (ca: Issued, fields: Partial<CrlFields>, days = 30) =>
        verification.answer(crlMessage(authority.crl(ca, days, fields), (fields.signer ?? ca.key).publicKey));

    it.each([['the root', authority.root], ['the Platform CA', platformCa], ['the Processor CA', processorCa]])(
        'of %s: only newer ones count, within their dates and signed by their issuer', async (_, issuer) => {
            expect(await add(issuer, { thisUpdate: now - Day })).toEqual(refused(Errors.NotNewer));
            expect(await add(issuer, { thisUpdate: now - Day - 1 })).toEqual(refused(Errors.NotNewer));
            expect(await add(issuer, { thisUpdate: now + 1 })).toEqual(refused(Errors.CollateralDates));
            expect(await add(issuer, { thisUpdate: now - 2, nextUpdate: now - 1 })).toEqual(refused(Errors.CollateralDates));
            expect(await add(issuer, { thisUpdate: now, signer: tcbSigner.key })).toEqual(refused(Errors.BadEcdsaSignature));
            expect(await add(issuer, { thisUpdate: now, nextUpdate: now })).toBe('stored');
        },
    );

    it('threat: a list in the name of another issuer, or of none that may have one, is refused', async () => {
        expect(await add(platformCa, { issuer: authority.root.commonName, thisUpdate: now })).toEqual(refused(Errors.BadEcdsaSignature));
        expect(await add(platformCa, { issuer: processorCa.commonName, thisUpdate: now })).toEqual(refused(Errors.BadEcdsaSignature));
        expect(await add(tcbSigner, { thisUpdate: now })).toEqual(refused(Errors.CertificateRole));
    });

    it('threat: nothing is accepted without them, or after their end', async () => {
        await addTcbInfo({ nextUpdate: now + 500 * Day });
        await addQeIdentity({ nextUpdate: now + 500 * Day });
        verification.chain.now = now + 29 * Day;
        expect(await verification.verdictOn(good)).toMatchObject({ accepted: true, expiry: now + 29 * Day });
        verification.chain.now = now + 29 * Day + 1;
        expect(await outcome()).toEqual({ reason: Errors.CrlExpired });
        const later = now + 365 * Day;
        verification.chain.now = later;
        expect(await add(platformCa, { thisUpdate: later, nextUpdate: later })).toEqual(refused(Errors.CrlExpired));
        expect(await add(authority.root, { thisUpdate: later - 1, nextUpdate: later + 1 })).toBe('stored');
        expect(await add(platformCa, { thisUpdate: later, nextUpdate: later + 9 })).toBe('stored');
        expect(await verification.verdictOn(good)).toMatchObject({ accepted: true, expiry: later + 1 });
        verification.chain.now = later + 2;
        expect(await outcome()).toEqual({ reason: Errors.CrlExpired });
    });

    it('of a PCK CA wait for its certificate', async () => {
        const other = await Verification.create(rootKey, now);
        expect(await other.answer(crlMessage(authority.pckCrl(), platformCa.key.publicKey))).toEqual(refused(Errors.UnknownIssuer));
    });
});

describe('What a verifier knows', () => {
    it('is shown by a getter', async () => {
        await addTcbInfo();
        await addQeIdentity({ issueDate: now - 7, evaluationNumber: 19 });
        await verification.answer(crlMessage(authority.pckCrl('processor', { thisUpdate: now, nextUpdate: now + 9, revoked: [1n, 2n] }), processorCa.key.publicKey));
        const { certificates, crls, tcbInfos, qeIdentity } = await verification.known();
        const { root, platformCa: platformRole, processorCa: processorRole, tcbSigner: signerRole } = CertificateRole;
        expect([...certificates.keys()]).toEqual([platformRole, processorRole, signerRole]);
        expect(certificates.get(signerRole)).toMatchObject({ key: signerKey, notBefore: now - 365 * Day, notAfter: now + 6 * 365 * Day });
        expect([...crls.keys()]).toEqual([root, platformRole, processorRole]);
        expect(crls.get(root)).toEqual({ issuerSerial: 0n, thisUpdate: now - Day, nextUpdate: now + 364 * Day, revoked: 0 });
        expect(crls.get(processorRole)).toEqual({ issuerSerial: certificates.get(processorRole)!.serial, thisUpdate: now, nextUpdate: now + 9, revoked: 2 });
        expect([...tcbInfos]).toEqual([[TestFmspc, { issueDate: now - Day, expiry: now + 29 * Day, evaluationNumber: 18 }]]);
        expect(qeIdentity).toEqual({ issueDate: now - 7, expiry: now + 29 * Day, evaluationNumber: 19 });
    });
});
