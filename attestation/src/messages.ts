import { createHash } from 'node:crypto';
import { Address, beginCell, Cell } from '@ton/core';
import { accountOf, AttestationVerifier, PlatformKey } from '@ton-compute/contracts';
import { chainOf, chainOfLengths, chainOfTokens, packTokens } from './cells';
import { Certificate } from './certificate';
import { Collateral, SignedText } from './collateral';
import { Crl } from './crl';
import { AttestationError } from './errors';
import { BodyBytes, Quote } from './quote';
import { keyFromBytes, P256Key, sameKey, signatureCell } from './p256';
import { certificateTokens } from './tokens/certificate';
import { crlCells } from './tokens/crl';
import { qeIdentityTokens, tcbInfoTokens } from './tokens/json';

export type AddCertificate = AttestationVerifier.AddCertificate;
export type AddCrl = AttestationVerifier.AddCrl;
export type AddTcbInfo = AttestationVerifier.AddTcbInfo;
export type AddQeIdentity = AttestationVerifier.AddQeIdentity;
export type RegisterPlatform = AttestationVerifier.RegisterPlatform;
export type VerifyQuote = PlatformKey.VerifyQuote;

export type AttestationMessage =
    AddCertificate | AddCrl | AddTcbInfo | AddQeIdentity | RegisterPlatform | VerifyQuote;

/** Lengths of the cells of a quote after the first, bytes. */
const BodyLengths = [120, 96, 96, 96, 112];
const Td15Length = 64;
const QeReportLengths = [96, 64, 100, 124];
/** Authentication data that stand beside the attestation key, bytes. */
const AuthDataBeside = 63;

/** @returns the body of a message, opcode included. */
export function bodyOf(message: AttestationMessage): Cell {
    return beginCell().store(storeMessage(message)).endCell();
}

function storeMessage(message: AttestationMessage) {
    switch (message.$$type) {
        case 'AddCertificate':
            return AttestationVerifier.storeAddCertificate(message);
        case 'AddCrl':
            return AttestationVerifier.storeAddCrl(message);
        case 'AddTcbInfo':
            return AttestationVerifier.storeAddTcbInfo(message);
        case 'AddQeIdentity':
            return AttestationVerifier.storeAddQeIdentity(message);
        case 'RegisterPlatform':
            return AttestationVerifier.storeRegisterPlatform(message);
        case 'VerifyQuote':
            return PlatformKey.storeVerifyQuote(message);
    }
}

/** What an X.509 object needs to become a message. */
export type SignedObject = Pick<Certificate, 'signed' | 'signature'>;

/** @param signer key of the issuer: the root's. */
export function addCertificate(certificate: SignedObject, signer: P256Key, queryId = 0n): AddCertificate {
    return {
        $$type: 'AddCertificate',
        queryId,
        certificate: certificateChain(certificate),
        signature: signatureCell(certificate.signed, certificate.signature, signer),
    };
}

/** @param signer key of the issuer: the root's or a PCK CA's. */
export function addCrl(crl: SignedObject, signer: P256Key, queryId = 0n): AddCrl {
    return {
        $$type: 'AddCrl',
        queryId,
        crl: crlCells(crl.signed),
        signature: signatureCell(crl.signed, crl.signature, signer),
    };
}

/** @param signer key of the TCB signer. */
export function addTcbInfo(
    tcbInfo: Pick<SignedText, 'text' | 'signature'>,
    signer: P256Key,
    queryId = 0n,
): AddTcbInfo {
    return {
        $$type: 'AddTcbInfo',
        queryId,
        tcbInfo: chainOfTokens(tcbInfoTokens(tcbInfo.text), 'TCB info'),
        signature: signatureCell(Buffer.from(tcbInfo.text, 'utf8'), tcbInfo.signature, signer),
    };
}

/** @param signer key of the TCB signer. */
export function addQeIdentity(
    qeIdentity: Pick<SignedText, 'text' | 'signature'>,
    signer: P256Key,
    queryId = 0n,
): AddQeIdentity {
    return {
        $$type: 'AddQeIdentity',
        queryId,
        qeIdentity: chainOfTokens(qeIdentityTokens(qeIdentity.text), 'QE identity'),
        signature: signatureCell(Buffer.from(qeIdentity.text, 'utf8'), qeIdentity.signature, signer),
    };
}

/**
 * @param certificate the machine's PCK certificate.
 * @param signer key of the PCK CA.
 * @param quote the first quote of the machine, or null.
 */
export function registerPlatform(
    certificate: SignedObject,
    signer: P256Key,
    quote: VerifyQuote | null = null,
    queryId = 0n,
): RegisterPlatform {
    return {
        $$type: 'RegisterPlatform',
        queryId,
        certificate: certificateChain(certificate),
        signature: signatureCell(certificate.signed, certificate.signature, signer),
        quote: quote === null ? null : withoutOpcode(bodyOf(quote)),
    };
}

/** QuoteToVerify: a VerifyQuote that comes along with another message. */
function withoutOpcode(body: Cell): Cell {
    const fields = body.beginParse();
    fields.skip(32);
    return beginCell().storeSlice(fields).endCell();
}

/** Where a verdict goes. */
export type QuoteOptions = {
    /** Account that gets the verdict, basechain. */
    replyTo: Address;
    /** Echoed to it, unchecked: for a Provider, `attestationContext`. Empty if left out. */
    context?: Cell;
    queryId?: bigint;
    /**
     * SHA-256 of the QE report that the PlatformKey knows already (`qeReportHash` of its getter `platform_data`): a quote
     * with the same one leaves it out, and costs 20,000 gas less.
     */
    knownQeReport?: Buffer;
};

/** A quote as a message for the PlatformKey of its machine. */
export function verifyQuote(quote: Quote, options: QuoteOptions): VerifyQuote {
    const { replyTo, context = Cell.EMPTY, queryId = 0n, knownQeReport } = options;
    const request = PlatformKey.storeQuoteRequest({
        $$type: 'QuoteRequest',
        queryId,
        replyTo: accountOf(replyTo),
        context,
    });
    const known = knownQeReport !== undefined && knownQeReport.equals(sha256(quote.qeReport));
    return {
        $$type: 'VerifyQuote',
        request: beginCell().store(request).endCell(),
        quote: quoteChain(quote),
        evidence: evidenceCell(quote, known ? null : qeReportCell(quote)),
    };
}

/** Header and TD report in cells: the header and the report up to MRSEAM, then 120, 96, 96, 96, 112 (, 64) bytes. */
export function quoteChain(quote: Pick<Quote, 'signed' | 'bodyOffset' | 'bodySize'>): Cell {
    const lengths = [quote.bodyOffset + 64, ...BodyLengths];
    return chainOfLengths(
        quote.signed,
        quote.bodySize === BodyBytes.td15 ? [...lengths, Td15Length] : lengths,
        'Signed part of the quote',
    );
}

/** SignedQeReport: what the PCK key signed. */
export function qeReportCell(quote: Quote): Cell {
    const signature = signatureCell(quote.qeReport, quote.qeReportSignature, quote.certificates[0].publicKey);
    const report = chainOfLengths(quote.qeReport, QeReportLengths, 'Report of the quoting enclave');
    return beginCell()
        .store(PlatformKey.storeSignedQeReport({ $$type: 'SignedQeReport', report, signature }))
        .endCell();
}

/**
 * QuoteEvidence: the quote's signature, the attestation key and the authentication data.
 * @param qeReport SignedQeReport, or null when the PlatformKey knows it.
 */
export function evidenceCell(quote: Quote, qeReport: Cell | null): Cell {
    const besideKey = beginCell()
        .storeBuffer(quote.attestationKey)
        .storeBuffer(quote.authData.subarray(0, AuthDataBeside));
    if (quote.authData.length > AuthDataBeside) {
        const rest = packTokens([{ bytes: quote.authData.subarray(AuthDataBeside), loose: true }], 'Authentication data');
        besideKey.storeRef(chainOf(rest, 'Authentication data'));
    }
    return beginCell()
        .store(
            PlatformKey.storeQuoteEvidence({
                $$type: 'QuoteEvidence',
                quoteSignature: signatureCell(quote.signed, quote.signature, keyFromBytes(quote.attestationKey)),
                qeReport,
                attestationKey: besideKey.endCell().beginParse(),
            }),
        )
        .endCell();
}

function certificateChain(certificate: SignedObject): Cell {
    return chainOfTokens(certificateTokens(certificate.signed), 'Certificate');
}

/** Parts of collateral, in the order in which a verifier needs them. */
export type CollateralKind = 'root-crl' | 'pck-ca' | 'pck-crl' | 'tcb-signing' | 'tcb-info' | 'qe-identity';

/** @returns the least value of a message, nanoTON. @param values the verifier's getter `minimum_values`. */
export function leastValueOf(values: AttestationVerifier.MinimumValues, kind: NamedMessage['kind']): bigint {
    const least: Record<NamedMessage['kind'], bigint> = {
        'root-crl': values.addCrl,
        'pck-crl': values.addCrl,
        'pck-ca': values.addCertificate,
        'tcb-signing': values.addCertificate,
        'tcb-info': values.addTcbInfo,
        'qe-identity': values.addQeIdentity,
        platform: values.registerPlatform,
        quote: values.verifyQuote,
    };
    return least[kind];
}

export type NamedMessage = {
    kind: CollateralKind | 'platform' | 'quote';
    /** For people. */
    name: string;
    /** Complete body of the message, opcode included. */
    body: Cell;
};

/**
 * The messages that teach a verifier a set of collateral: root CRL, PCK CA, PCK CRL, TCB signer, TCB info, QE identity.
 * Each needs those before it.
 * @param rootKey key of the verifier's root; left out, that of the collateral's own root.
 * @throws AttestationError when the collateral comes from another root than `rootKey`, or is in a form that the
 *   contracts cannot read.
 */
export function collateralMessages(collateral: Collateral, rootKey?: P256Key): NamedMessage[] {
    const [ca, ...caIssuers] = collateral.pckCrlIssuerChain;
    const [tcbSigner] = collateral.tcbInfo.issuerChain;
    const [qeSigner] = collateral.qeIdentity.issuerChain;
    const root = caIssuers[caIssuers.length - 1];
    if (rootKey !== undefined && !sameKey(root.publicKey, rootKey)) {
        throw new AttestationError(
            'bad_collateral',
            `The root of the collateral, "${root.subject}", has another key than the verifier trusts. Expected ` +
                "collateral of the verifier's own root: Intel's in production, the test authority's on a local network.",
        );
    }
    const key = root.publicKey;
    const certificate = (kind: CollateralKind, { subject, ...rest }: Certificate): NamedMessage => ({
        kind,
        name: `certificate of "${subject}"`,
        body: bodyOf(addCertificate(rest, key)),
    });
    const crl = (kind: CollateralKind, list: Crl, signer: P256Key): NamedMessage => ({
        kind,
        name: `revocation list of "${list.issuer}", ${list.revoked.length} entries`,
        body: bodyOf(addCrl(list, signer)),
    });
    const { tcbInfo, qeIdentity } = collateral;
    return [
        crl('root-crl', collateral.rootCrl, key),
        certificate('pck-ca', ca),
        crl('pck-crl', collateral.pckCrl, ca.publicKey),
        certificate('tcb-signing', tcbSigner),
        {
            kind: 'tcb-info',
            name: `TCB info of ${tcbInfo.fmspc}, evaluation ${tcbInfo.evaluationNumber}`,
            body: bodyOf(addTcbInfo(tcbInfo, tcbSigner.publicKey)),
        },
        // Intel signs both texts with one key; should that change, the second signer has to be known in time.
        ...(qeSigner.der.equals(tcbSigner.der) ? [] : [certificate('tcb-signing', qeSigner)]),
        {
            kind: 'qe-identity',
            name: `QE identity, evaluation ${qeIdentity.evaluationNumber}`,
            body: bodyOf(addQeIdentity(qeIdentity, qeSigner.publicKey)),
        },
    ];
}

/**
 * The message that registers the machine of a quote at the verifier.
 * @param first where the verdict on this quote goes, if it is to be verified at once.
 */
export function platformMessage(quote: Quote, first?: QuoteOptions, queryId = 0n): NamedMessage {
    const [certificate, ca] = quote.certificates;
    const message = first === undefined ? null : verifyQuote(quote, first);
    return {
        kind: 'platform',
        name: `PCK certificate of a machine of model ${certificate.sgx?.fmspc.toString('hex').toUpperCase()}`,
        body: bodyOf(registerPlatform(certificate, ca.publicKey, message, queryId)),
    };
}

/** The message that has a quote verified by the PlatformKey of its machine. */
export function quoteMessage(quote: Quote, options: QuoteOptions): NamedMessage {
    return { kind: 'quote', name: `TDX quote of version ${quote.version}`, body: bodyOf(verifyQuote(quote, options)) };
}

function sha256(bytes: Buffer): Buffer {
    return createHash('sha256').update(bytes).digest();
}
