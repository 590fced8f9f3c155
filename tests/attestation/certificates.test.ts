import { beginCell, Cell } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { CommonName, parseQuote, Quote } from '@ton-compute/attestation';
import { CertificateFields, TestAuthority } from '@ton-compute/attestation/testing';
import { CertificateRole, Errors } from '../../wrappers';
import { certificateMessage, certificatesAndLists, crlMessage, qeIdentityMessage, registrationMessage, tcbInfoMessage } from './collateral_messages';
import { withRef } from './cuts';
import { outcomeOf, sha256 } from './quotes';
import { Answer, Verification } from './verification';

// jssha in the wallet library is slow: the native one gives the same hashes.

const authority = new TestAuthority();
const { now, rootKey, root, platformCa, processorCa, tcbSigner } = authority;
const caKey = platformCa.key.publicKey;
const machine = authority.platform();
const single = authority.platform({ name: 'single package', ca: 'processor' });
const quoteOf = (platform: typeof machine) => parseQuote(platform.quote());
const Ca: Partial<CertificateFields> = { keyUsage: 0x06, basicConstraints: { ca: true, pathLength: 0 } };
const Leaf: Partial<CertificateFields> = { keyUsage: 0xc0, basicConstraints: { ca: false, pathLength: null } };
/** The bytes that are expected are not there. */
const unreadable = { bounced: Errors.CellUnderflow };

let verification: Verification;
/** Knows the root's list and nothing else. */
let fresh: BlockchainSnapshot;
/** Knows everything, and two machines. */
let ready: BlockchainSnapshot;

beforeAll(async () => {
    verification = await Verification.create(rootKey, now);
    const [rootList, ...others] = certificatesAndLists(authority);
    await verification.learnMessage(rootList);
    fresh = verification.chain.snapshot();
    for (const message of [
        ...others,
        { name: 'TCB info', body: tcbInfoMessage(authority.tcbInfo(), tcbSigner.key.publicKey) },
        { name: 'QE identity', body: qeIdentityMessage(authority.qeIdentity(), tcbSigner.key.publicKey) },
        { name: 'machine', body: registrationMessage(machine.pck, caKey) },
        { name: 'machine of the Processor CA', body: registrationMessage(single.pck, processorCa.key.publicKey) },
    ]) {
        await verification.learnMessage(message);
    }
    ready = verification.chain.snapshot();
});
beforeEach(() => verification.chain.loadFrom(ready));

/** Changes to a certificate that the root signs under the label of an own key. */
const issue = (subject: string, fields: Partial<CertificateFields>, issuer = root) =>
    authority.issue(subject, `other ${subject}`, issuer, { notBefore: now - 100, ...fields });
const add = (certificate: { certificate: Buffer }, signer = rootKey): Promise<Answer> =>
    verification.answer(certificateMessage(certificate, signer));
const register = (certificate: { certificate: Buffer }, signer = caKey): Promise<Answer> =>
    verification.answer(registrationMessage(certificate, signer));
/** A machine whose certificate has changes. */
const machineWith = (certificate: Partial<CertificateFields>, name = 'another machine') => authority.platform({ name, certificate });
const outcome = async (quote: Quote) => outcomeOf(await verification.verdictOn(quote));
const Accepted = { status: 0 };
const refused = (bounced: number) => ({ bounced });

describe('Certificates that the root signed', () => {
    beforeEach(() => verification.chain.loadFrom(fresh));

    it('of both PCK CAs and of the TCB signer are stored under their roles', async () => {
        for (const certificate of [platformCa, processorCa, tcbSigner]) {
            expect(await add(certificate)).toBe('stored');
        }
        const { certificates } = await verification.known();
        for (const [role, { key }] of [[CertificateRole.platformCa, platformCa], [CertificateRole.processorCa, processorCa], [CertificateRole.tcbSigner, tcbSigner]] as const) {
            expect(certificates.get(role)!.key).toEqual(key.publicKey);
        }
    });

    it.each([
        ['a TCB signer with the constraints of a CA', CommonName.tcbSigning, Ca],
        ['a CA with the constraints of a leaf', CommonName.platformCa, Leaf],
        ['a CA that may have CAs below it', CommonName.platformCa, { ...Ca, basicConstraints: { ca: true, pathLength: 1 } }],
        ['a CA without a limit of its path', CommonName.processorCa, { ...Ca, basicConstraints: { ca: true, pathLength: null } }],
        ['a PCK certificate', CommonName.pck, Leaf],
        ['another root', CommonName.root, Ca],
        ['a CA of a name that only begins like that of one', `${CommonName.platformCa} 2`, Ca],
    ])('threat: role confusion: not %s', async (_, subject, fields) => {
        expect(await add(issue(subject, fields))).toEqual(refused(Errors.CertificateRole));
    });

    it('not one without basic constraints', async () => {
        expect(await add(issue(CommonName.platformCa, { ...Ca, basicConstraints: null }))).toEqual(unreadable);
        expect(await add(issue(CommonName.tcbSigning, { basicConstraints: null }))).toEqual(unreadable);
    });

    it('threat: not a CA, or a TCB signer, that a CA issued, in its own name or in that of the root', async () => {
        for (const [subject, fields] of [[CommonName.processorCa, Ca], [CommonName.tcbSigning, Leaf]] as const) {
            expect(await add(issue(subject, fields, platformCa), caKey)).toEqual(refused(Errors.CertificateRole));
            expect(await add(issue(subject, { ...fields, issuer: CommonName.root }, platformCa), caKey)).toEqual(refused(Errors.BadEcdsaSignature));
        }
    });

    it('threat: not those of a self-made root of the same name', async () => {
        const forged = new TestAuthority({ seed: 'forged' });
        for (const signer of [forged.rootKey, rootKey]) {
            expect(await add(forged.platformCa, signer)).toEqual(refused(Errors.BadEcdsaSignature));
        }
    });

    it('not before they begin, and not after they end', async () => {
        expect(await add(issue(CommonName.platformCa, { ...Ca, notBefore: now + 1 }))).toEqual(refused(Errors.CertificateDates));
        expect(await add(issue(CommonName.platformCa, { ...Ca, notAfter: now - 1 }))).toEqual(refused(Errors.CertificateDates));
        expect(await add(issue(CommonName.platformCa, { ...Ca, notBefore: now, notAfter: now }))).toBe('stored');
    });

    it('not unless they are newer than what is stored', async () => {
        expect(await add(issue(CommonName.platformCa, Ca))).toBe('stored');
        expect(await add(issue(CommonName.platformCa, Ca))).toEqual(refused(Errors.NotNewer));
        expect(await add(platformCa)).toEqual(refused(Errors.NotNewer));
        expect(await add(issue(CommonName.platformCa, { ...Ca, notBefore: now - 99 }))).toBe('stored');
    });

    it("not without the root's list, and not if they are on it", async () => {
        const other = await Verification.create(rootKey, now);
        expect(await other.answer(certificateMessage(platformCa, rootKey))).toEqual(refused(Errors.NoCrl));
        const revoked = [platformCa, tcbSigner].map(({ certificate }) => parseSerial(certificate));
        await other.answer(crlMessage(authority.rootCrl({ revoked }), rootKey));
        expect(await other.answer(certificateMessage(platformCa, rootKey))).toEqual(refused(Errors.Revoked));
        expect(await other.answer(certificateMessage(tcbSigner, rootKey))).toEqual(refused(Errors.Revoked));
        expect(await other.answer(certificateMessage(processorCa, rootKey))).toBe('stored');
        other.chain.now = now + 366 * 86_400;
        expect(await other.answer(certificateMessage(issue(CommonName.tcbSigning, Leaf), rootKey))).toEqual(refused(Errors.CrlExpired));
    });
});

const parseSerial = (der: Buffer) => {
    // The serial number is the first INTEGER after the version.
    const at = der.indexOf(Buffer.from('a003020102', 'hex')) + 5;
    return BigInt(`0x${der.subarray(at + 2, at + 2 + der[at + 1]).toString('hex')}`);
};

describe('PCK certificates', () => {
    it('of both PCK CAs are registered, and their quotes accepted', async () => {
        expect(await outcome(quoteOf(machine))).toEqual(Accepted);
        expect(await outcome(quoteOf(single))).toEqual(Accepted);
    });

    it.each([
        ['the root', root, {}],
        ['the TCB signer', tcbSigner, {}],
        ['another PCK certificate', machine.pck, {}],
    ])('threat: role confusion: not one that %s issued', async (_, { key, commonName }, fields) => {
        const forged = machineWith({ signer: key, issuer: commonName, ...fields });
        expect(await register(forged.pck, key.publicKey)).toEqual(refused(Errors.CertificateRole));
        const named = machineWith({ signer: key });
        expect(await register(named.pck, key.publicKey)).toEqual(refused(Errors.BadEcdsaSignature));
    });

    it("threat: not one in the name of one CA with the other's signature", async () => {
        const forged = machineWith({ signer: processorCa.key });
        for (const signer of [caKey, processorCa.key.publicKey]) {
            expect(await register(forged.pck, signer)).toEqual(refused(Errors.BadEcdsaSignature));
        }
    });

    it('threat: not the certificate of a CA or of the TCB signer, and none that may sign others', async () => {
        for (const subject of [CommonName.processorCa, CommonName.tcbSigning]) {
            expect(await register(machineWith({ subject }).pck)).toEqual(refused(Errors.CertificateRole));
        }
        expect(await register(machineWith({ basicConstraints: { ca: true, pathLength: 0 } }).pck)).toEqual(refused(Errors.CertificateRole));
    });

    it('not without basic constraints, and not without what the machine is', async () => {
        expect(await register(machineWith({ basicConstraints: null }).pck)).toEqual(unreadable);
        expect(await register(machineWith({ sgx: null }).pck)).toEqual(unreadable);
    });

    it('not while its issuer, or the list of its issuer, is unknown', async () => {
        await verification.chain.loadFrom(fresh);
        expect(await register(machine.pck)).toEqual(refused(Errors.UnknownIssuer));
        await add(platformCa);
        expect(await register(machine.pck)).toEqual(refused(Errors.NoCrl));
    });

    it('not before it begins, and not after it ends; nor outside the dates of its CA', async () => {
        expect(await register(machineWith({ notBefore: now + 1 }).pck)).toEqual(refused(Errors.CertificateDates));
        expect(await register(machineWith({ notAfter: now - 1 }).pck)).toEqual(refused(Errors.CertificateDates));
        expect(await register(machineWith({ notBefore: now, notAfter: now }).pck)).toBe('stored');
    });

    it('threat: dates count when a quote is verified: the last second, and the one after it', async () => {
        const end = now + 1000;
        const short = machineWith({ notAfter: end });
        expect(await register(short.pck)).toBe('stored');
        verification.chain.now = end;
        const verdict = await verification.verdictOn(quoteOf(short));
        expect(verdict).toMatchObject({ accepted: true, expiry: end });
        verification.chain.now = end + 1;
        expect(await outcome(quoteOf(short))).toEqual({ reason: Errors.CertificateDates });
    });

    it("threat: the end of the CA's certificate is the end of its machines", async () => {
        const end = now + 1000;
        expect(await add(authority.issue(CommonName.platformCa, 'platform CA', root, { ...Ca, notBefore: now - 100, notAfter: end }))).toBe('stored');
        const other = machineWith({});
        expect(await register(other.pck)).toBe('stored');
        verification.chain.now = end;
        expect(await verification.verdictOn(quoteOf(other))).toMatchObject({ accepted: true, expiry: end });
        verification.chain.now = end + 1;
        expect(await outcome(quoteOf(other))).toEqual({ reason: Errors.CertificateDates });
        expect(await register(machineWith({}, 'late').pck)).toEqual(refused(Errors.CertificateDates));
    });
});

describe('threat: revoked certificates', () => {
    const list = (revoked: bigint[], ca: 'platform' | 'processor' = 'platform') =>
        crlMessage(authority.pckCrl(ca, { thisUpdate: now, revoked }), authority.pckCa(ca).key.publicKey);
    const rootList = (revoked: bigint[]) => crlMessage(authority.rootCrl({ thisUpdate: now, revoked }), rootKey);

    it.each([['platform', machine], ['processor', single]] as const)('a machine of the %s CA: neither registered nor accepted any more', async (ca, platform) => {
        expect(await verification.answer(list([1n, parseSerial(platform.pck.certificate), 2n ** 160n - 1n], ca))).toBe('stored');
        expect(await outcome(quoteOf(platform))).toEqual({ reason: Errors.Revoked });
        expect(await register(platform.pck, authority.pckCa(ca).key.publicKey)).toEqual(refused(Errors.Revoked));
        const others = authority.platform({ name: 'not on the list', ca });
        expect(await register(others.pck, authority.pckCa(ca).key.publicKey)).toBe('stored');
        expect(await outcome(quoteOf(others))).toEqual(Accepted);
        expect(await outcome(quoteOf(ca === 'platform' ? single : machine))).toEqual(Accepted);
    });

    it('a PCK CA: its machines are rejected, its lists and new machines refused; the other CA goes on', async () => {
        expect(await verification.answer(rootList([parseSerial(platformCa.certificate)]))).toBe('stored');
        expect(await outcome(quoteOf(machine))).toEqual({ reason: Errors.Revoked });
        expect(await register(machineWith({}).pck)).toEqual(refused(Errors.Revoked));
        expect(await verification.answer(list([]))).toEqual(refused(Errors.Revoked));
        expect(await outcome(quoteOf(single))).toEqual(Accepted);
    });

    it('the TCB signer: what it signed counts no more', async () => {
        expect(await verification.answer(rootList([parseSerial(tcbSigner.certificate)]))).toBe('stored');
        expect(await outcome(quoteOf(machine))).toEqual({ reason: Errors.Revoked });
        const later = { issueDate: now };
        expect(await verification.answer(tcbInfoMessage(authority.tcbInfo(later), tcbSigner.key.publicKey))).toEqual(refused(Errors.Revoked));
        expect(await verification.answer(qeIdentityMessage(authority.qeIdentity(later), tcbSigner.key.publicKey))).toEqual(refused(Errors.Revoked));
    });

    it('the signer of the QE identity alone', async () => {
        const next = issue(CommonName.tcbSigning, Leaf);
        expect(await add(next)).toBe('stored');
        const identity = authority.qeIdentity({ issueDate: now, signer: next.key });
        expect(await verification.answer(qeIdentityMessage(identity, next.key.publicKey))).toBe('stored');
        expect(await outcome(quoteOf(machine))).toEqual(Accepted);
        expect(await verification.answer(rootList([parseSerial(next.certificate)]))).toBe('stored');
        expect(await outcome(quoteOf(machine))).toEqual({ reason: Errors.Revoked });
    });
});

describe('A CA with a new certificate', () => {
    const nextList = (ca: { key: typeof platformCa.key; commonName: string }) =>
        crlMessage(authority.crl({ ...platformCa, ...ca }, 30, { thisUpdate: now }), ca.key.publicKey);

    it('of another key: machines under the old one are cut off as soon as the new list is there, new ones wait for it', async () => {
        const next = issue(CommonName.platformCa, Ca);
        expect(await add(next)).toBe('stored');
        const newcomer = machineWith({ signer: next.key });
        expect(await register(newcomer.pck, next.key.publicKey)).toEqual(refused(Errors.CrlOtherIssuer));
        expect(await outcome(quoteOf(machine))).toEqual(Accepted);
        expect(await verification.answer(nextList(next))).toBe('stored');
        expect(await register(newcomer.pck, next.key.publicKey)).toBe('stored');
        expect(await outcome(quoteOf(newcomer))).toEqual(Accepted);
        expect(await outcome(quoteOf(machine))).toEqual({ reason: Errors.CrlOtherIssuer });
        expect(await register(machine.pck)).toEqual(refused(Errors.BadEcdsaSignature));
    });

    it('of the same key: its machines are registered again, and keep their enclave report', async () => {
        const quote = quoteOf(machine);
        expect(await outcome(quote)).toEqual(Accepted);
        const renewed = authority.issue(CommonName.platformCa, 'platform CA', root, { ...Ca, notBefore: now - 100, notAfter: now + 86_400, serial: 99n });
        expect(await add(renewed)).toBe('stored');
        expect(await verification.answer(nextList(renewed))).toBe('stored');
        expect(await outcome(quote)).toEqual({ reason: Errors.CrlOtherIssuer });
        expect(await register(machine.pck)).toBe('stored');
        const verdict = await verification.verdictOn(quote, { knownQeReport: sha256(quote.qeReport) });
        expect(verdict).toMatchObject({ accepted: true, expiry: now + 86_400 });
    });
});

describe('threat: signatures and hints that are not genuine', () => {
    const body = certificateMessage(issue(CommonName.platformCa, Ca), rootKey);
    const flip = (cell: Cell, bit: number): Cell => {
        const source = cell.beginParse();
        const builder = beginCell().storeBits(source.loadBits(bit)).storeBit(!source.loadBit());
        return builder.storeSlice(source).endCell();
    };

    it('a changed r, s, k, A or slope is refused, and so is a changed certificate', async () => {
        const [certificate, signature] = body.refs;
        for (const bit of [255, 511]) {
            expect(await verification.answer(withRef(body, 1, flip(signature, bit)))).toEqual(refused(Errors.BadEcdsaSignature));
        }
        for (const bit of [255, 511, 767]) {
            expect(await verification.answer(withRef(body, 1, withRef(signature, 0, flip(signature.refs[0], bit))))).toEqual(refused(Errors.BadEcdsaSignature));
        }
        // The last bit of the serial number.
        expect(await verification.answer(withRef(body, 0, flip(certificate, 8 * (4 + 5 + 2 + 20) - 1)))).toEqual(refused(Errors.BadEcdsaSignature));
        expect(await verification.answer(body)).toBe('stored');
    });

    it('the other form of a signature, n - s, is as good: nothing is named by a signature', async () => {
        const [, signature] = body.refs;
        const fields = signature.beginParse();
        const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
        const mirrored = beginCell().storeUint(fields.loadUintBig(256), 256).storeUint(order - fields.loadUintBig(256), 256).storeRef(signature.refs[0]).endCell();
        expect(await verification.answer(withRef(body, 1, mirrored))).toBe('stored');
        expect(await verification.answer(body)).toEqual(refused(Errors.NotNewer));
    });
});
