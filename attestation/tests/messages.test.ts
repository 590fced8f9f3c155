import { createHash } from 'node:crypto';
import { Address, beginCell, Cell } from '@ton/core';
import { AttestationVerifier, PlatformKey } from '@ton-compute/contracts';
import {
    bytesOfChain,
    CellBytes,
    collateralMessages,
    keyFromBytes,
    platformMessage,
    quoteMessage,
    verifyQuote,
} from '../src';
import { verifiesAfterRekeying } from './support/rekeying';
import { describeWithVectors, realCollateral, realQuote, realQuotes } from './support/vectors';

const replyTo = new Address(0, Buffer.alloc(32, 7));

/** A page of a revocation list: no bytes, a chain, and what follows it. */
function isPage({ bits, refs }: Cell): boolean {
    return bits.length === 0 && refs.length > 0;
}

/** Cells of a chain, none of them empty or with part of a byte, each but the last with one reference; those of its pages too. */
function chainCells(chain: Cell): Cell[] {
    const cells: Cell[] = [];
    for (let cell: Cell | undefined = chain; cell !== undefined; cell = cell.refs[0]) {
        if (isPage(cell)) {
            return [...cells, ...cell.refs.flatMap(chainCells)];
        }
        expect(cell.bits.length % 8).toBe(0);
        expect(cell.bits.length / 8).toBeGreaterThan(0);
        expect(cell.bits.length / 8).toBeLessThanOrEqual(CellBytes);
        expect(cell.refs.length).toBeLessThanOrEqual(1);
        cells.push(cell);
    }
    return cells;
}

describeWithVectors("Messages of Intel's collateral", () => {
    const files = [...new Set(realQuotes.map(({ collateral }) => collateral))];

    test.each(files)('%s: the bytes of each chain are the signed bytes, and its signature is good', (file) => {
        const collateral = realCollateral(file);
        const root = collateral.pckCrlIssuerChain[1].publicKey;
        const ca = collateral.pckCrlIssuerChain[0];
        const signer = collateral.tcbInfo.issuerChain[0];
        const bodies = collateralMessages(collateral, root).map(({ kind, body }) => ({ kind, body: body.beginParse() }));
        expect(bodies.map(({ kind }) => kind)).toEqual([
            'root-crl', 'pck-ca', 'pck-crl', 'tcb-signing', 'tcb-info', 'qe-identity',
        ]);
        const rootCrl = AttestationVerifier.loadAddCrl(bodies[0].body);
        const caCertificate = AttestationVerifier.loadAddCertificate(bodies[1].body);
        const pckCrl = AttestationVerifier.loadAddCrl(bodies[2].body);
        const signerCertificate = AttestationVerifier.loadAddCertificate(bodies[3].body);
        const tcbInfo = AttestationVerifier.loadAddTcbInfo(bodies[4].body);
        const qeIdentity = AttestationVerifier.loadAddQeIdentity(bodies[5].body);
        for (const [chain, signed, signature, key] of [
            [rootCrl.crl, collateral.rootCrl.signed, rootCrl.signature, root],
            [caCertificate.certificate, ca.signed, caCertificate.signature, root],
            [pckCrl.crl, collateral.pckCrl.signed, pckCrl.signature, ca.publicKey],
            [signerCertificate.certificate, signer.signed, signerCertificate.signature, root],
            [tcbInfo.tcbInfo, Buffer.from(collateral.tcbInfo.text), tcbInfo.signature, signer.publicKey],
            [qeIdentity.qeIdentity, Buffer.from(collateral.qeIdentity.text), qeIdentity.signature, signer.publicKey],
        ] as const) {
            chainCells(chain);
            expect(bytesOfChain(chain).equals(signed)).toBe(true);
            expect(verifiesAfterRekeying(signed, signature, key)).toBe(true);
        }
    });

    test('another root key than that of the collateral is refused', () => {
        const collateral = realCollateral(files[0]);
        expect(() => collateralMessages(collateral, collateral.pckCrlIssuerChain[0].publicKey)).toThrow(
            /another key than the verifier trusts/,
        );
    });
});

describeWithVectors("Messages of Intel's quotes", () => {
    test.each(realQuotes)('$name: cells hold what was signed, and all three signatures are good', (real) => {
        const quote = realQuote(real);
        const message = PlatformKey.loadVerifyQuote(quoteMessage(quote, { replyTo }).body.beginParse());
        const evidence = PlatformKey.loadQuoteEvidence(message.evidence.beginParse());
        expect(bytesOfChain(message.quote).equals(quote.signed)).toBe(true);
        expect(chainCells(message.quote).map(({ bits }) => bits.length / 8)).toEqual(
            real.version === 4 ? [112, 120, 96, 96, 96, 112] : [118, 120, 96, 96, 96, 112, 64],
        );
        const qe = PlatformKey.loadSignedQeReport(evidence.qeReport!.beginParse());
        expect(bytesOfChain(qe.report).equals(quote.qeReport)).toBe(true);
        expect(chainCells(qe.report).map(({ bits }) => bits.length / 8)).toEqual([96, 64, 100, 124]);
        const key = evidence.attestationKey;
        expect(key.loadBuffer(64).equals(quote.attestationKey)).toBe(true);
        expect(key.loadBuffer(32).equals(quote.authData)).toBe(true);
        key.endParse();
        const attestationKey = keyFromBytes(quote.attestationKey);
        const [pck, ca] = quote.certificates;
        expect(verifiesAfterRekeying(quote.signed, evidence.quoteSignature, attestationKey)).toBe(true);
        expect(verifiesAfterRekeying(quote.qeReport, qe.signature, pck.publicKey)).toBe(true);

        const registration = AttestationVerifier.loadRegisterPlatform(
            platformMessage(quote, { replyTo }).body.beginParse(),
        );
        expect(bytesOfChain(registration.certificate).equals(pck.signed)).toBe(true);
        expect(verifiesAfterRekeying(pck.signed, registration.signature, ca.publicKey)).toBe(true);
        const first = beginCell().storeUint(0x5eaa0011, 32).storeSlice(registration.quote!.beginParse()).endCell();
        expect(first.equals(quoteMessage(quote, { replyTo }).body)).toBe(true);
    });

    test.each(realQuotes)('$name: the report of the enclave is left out when the platform knows it, and only then', (real) => {
        const quote = realQuote(real);
        const evidenceWith = (knownQeReport: Buffer) =>
            PlatformKey.loadQuoteEvidence(verifyQuote(quote, { replyTo, knownQeReport }).evidence.beginParse());
        expect(evidenceWith(createHash('sha256').update(quote.qeReport).digest()).qeReport).toBeNull();
        expect(evidenceWith(Buffer.alloc(32)).qeReport).not.toBeNull();
    });

    test('a signature over other bytes, or by another key, is not good', () => {
        const quote = realQuote(realQuotes[0]);
        const message = PlatformKey.loadQuoteEvidence(verifyQuote(quote, { replyTo }).evidence.beginParse());
        const key = keyFromBytes(quote.attestationKey);
        const other = Buffer.from(quote.signed);
        other[600] ^= 1;
        expect(verifiesAfterRekeying(other, message.quoteSignature, key)).toBe(false);
        expect(verifiesAfterRekeying(quote.signed, message.quoteSignature, quote.certificates[0].publicKey)).toBe(false);
    });

    test('authentication data that do not fit beside the key go into a chain', () => {
        const quote = { ...realQuote(realQuotes[0]), authData: Buffer.alloc(300, 5) };
        const evidence = PlatformKey.loadQuoteEvidence(verifyQuote(quote, { replyTo }).evidence.beginParse());
        const key = evidence.attestationKey;
        expect(key.loadBuffer(127).length).toBe(127);
        expect(bytesOfChain(key.loadRef())).toHaveLength(300 - 63);
        key.endParse();
    });

    test('a verdict can only go to the basechain', () => {
        const quote = realQuote(realQuotes[0]);
        expect(() => verifyQuote(quote, { replyTo: new Address(-1, Buffer.alloc(32)) })).toThrow(/basechain/);
    });
});
