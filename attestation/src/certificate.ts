import { AttestationError } from './errors';
import { bytesOf, contentOf, dottedOid, Element, readElement, readElements, readTime, splitSigned, Tag } from './der';
import { keyFromBytes, P256Key } from './p256';
import { parseSgxExtension, SgxExtension, SgxOid } from './sgx-extension';

/** Common names of the certificates of Intel's tree, by role. */
export const CommonName = {
    root: 'Intel SGX Root CA',
    platformCa: 'Intel SGX PCK Platform CA',
    processorCa: 'Intel SGX PCK Processor CA',
    tcbSigning: 'Intel SGX TCB Signing',
    pck: 'Intel SGX PCK Certificate',
} as const;

/** Which of the two PCK CAs signed a machine's certificate: of a multi-package or of a single-package platform. */
export type CaType = 'platform' | 'processor';

/** A certificate of Intel's tree, read. Nothing is verified here: the contracts do that. */
export type Certificate = {
    der: Buffer;
    /** TBSCertificate: what the issuer signed. */
    signed: Buffer;
    /** r and s, 32 bytes each. */
    signature: Buffer;
    subject: string;
    issuer: string;
    serial: bigint;
    publicKey: P256Key;
    /** Unix seconds. */
    notBefore: number;
    /** Unix seconds. */
    notAfter: number;
    /** Only in PCK certificates. */
    sgx: SgxExtension | null;
};

const What = 'Certificate';
/** SubjectPublicKeyInfo of P-256, up to x and y. */
const KeyPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const CommonNameOid = '2.5.4.3';

/**
 * @param der one certificate.
 * @throws AttestationError when it is none, or its key is not of P-256.
 */
export function parseCertificate(der: Buffer): Certificate {
    const { signed, signature } = splitSigned(der, What);
    const outer = readElement(signed, 0, What, Tag.Sequence);
    const [, serial, , issuer, validity, subject, publicKey, ...rest] = readElements(
        signed,
        outer.content,
        outer.end,
        What,
    );
    if (publicKey === undefined) {
        throw new AttestationError('bad_collateral', `${What}: fields are missing. Expected an X.509 certificate.`);
    }
    const notBefore = readElement(signed, validity.content, What);
    const notAfter = readElement(signed, notBefore.end, What);
    const key = bytesOf(signed, publicKey);
    if (key.length !== KeyPrefix.length + 64 || !key.subarray(0, KeyPrefix.length).equals(KeyPrefix)) {
        throw new AttestationError(
            'bad_collateral',
            `${What} of "${commonName(signed, subject)}": its public key is not of P-256, uncompressed. Intel's are.`,
        );
    }
    return {
        der,
        signed,
        signature,
        subject: commonName(signed, subject),
        issuer: commonName(signed, issuer),
        serial: BigInt(`0x${contentOf(signed, serial).toString('hex') || '0'}`),
        publicKey: keyFromBytes(key.subarray(KeyPrefix.length)),
        notBefore: readTime(signed, notBefore, What),
        notAfter: readTime(signed, notAfter, What),
        sgx: sgxExtension(signed, rest),
    };
}

/** @returns the common name in a Name, or an empty text. */
export function commonName(der: Buffer, name: Element): string {
    for (const set of readElements(der, name.content, name.end, What)) {
        const pair = readElement(der, set.content, What, Tag.Sequence);
        const oid = readElement(der, pair.content, What, Tag.ObjectId);
        if (dottedOid(contentOf(der, oid)) === CommonNameOid) {
            return contentOf(der, readElement(der, oid.end, What)).toString('utf8');
        }
    }
    return '';
}

function sgxExtension(signed: Buffer, fields: readonly Element[]): SgxExtension | null {
    const explicit = fields.find(({ tag }) => tag === Tag.Context3);
    if (explicit === undefined) {
        return null;
    }
    const sequence = readElement(signed, explicit.content, What, Tag.Sequence);
    for (const extension of readElements(signed, sequence.content, sequence.end, What)) {
        const parts = readElements(signed, extension.content, extension.end, What);
        if (dottedOid(contentOf(signed, parts[0])) === SgxOid.extension) {
            return parseSgxExtension(contentOf(signed, parts[parts.length - 1]));
        }
    }
    return null;
}

/**
 * @param pem text with certificates, as in quotes, collateral files and HTTP headers; the leaf first.
 * @throws AttestationError when there is none in it, or one cannot be read.
 */
export function parseCertificateChain(pem: string): Certificate[] {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) {
        throw new AttestationError(
            'bad_collateral',
            'Certificate chain: there is no certificate in the text. Expected PEM, "-----BEGIN CERTIFICATE-----".',
        );
    }
    return blocks.map((block) => parseCertificate(Buffer.from(block.replace(/-----[A-Z ]+-----/g, ''), 'base64')));
}

/** @returns PEM of certificates, with the line ends that Intel uses. */
export function toPem(certificates: readonly Buffer[]): string {
    return certificates
        .map((der) => {
            const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
            return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
        })
        .join('');
}

/**
 * @param certificate of a PCK CA, or signed by one.
 * @returns which of the two it is. @throws AttestationError when it is neither.
 */
export function caTypeOf(certificate: Certificate): CaType {
    const names = [certificate.subject, certificate.issuer];
    if (names.includes(CommonName.platformCa)) {
        return 'platform';
    }
    if (names.includes(CommonName.processorCa)) {
        return 'processor';
    }
    throw new AttestationError(
        'bad_collateral',
        `"${certificate.subject}", issued by "${certificate.issuer}", has nothing to do with a PCK CA. Expected ` +
            `"${CommonName.platformCa}" or "${CommonName.processorCa}".`,
    );
}
