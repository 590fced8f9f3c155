import { createHash } from 'node:crypto';
import { toPem } from '../certificate';
import { keyToBytes } from '../p256';
import { BodyBytes, BodyType, CertificationDataType, HeaderBytes, KeyTypeP256, QeReportBytes, TeeTypeTdx } from '../quote';
import { KeyPair, signWith } from './keys';

/** Header of a quote. */
export type HeaderFields = {
    version: number;
    attestationKeyType: number;
    teeType: number;
    /** 4 bytes. */
    reserved: Buffer;
    /** 16 bytes. */
    qeVendorId: Buffer;
    /** 20 bytes. */
    userData: Buffer;
};

/** TD report; registers have 48 bytes. */
export type TdFields = {
    /** 16 bytes. */
    teeTcbSvn: Buffer;
    mrSeam: Buffer;
    mrSignerSeam: Buffer;
    /** 8 bytes. */
    seamAttributes: Buffer;
    /** 8 bytes, little-endian. */
    tdAttributes: Buffer;
    /** 8 bytes. */
    xfam: Buffer;
    mrTd: Buffer;
    mrConfigId: Buffer;
    mrOwner: Buffer;
    mrOwnerConfig: Buffer;
    rtmr: readonly [Buffer, Buffer, Buffer, Buffer];
    /** 64 bytes. */
    reportData: Buffer;
    /** 16 bytes, TD 1.5 only. */
    teeTcbSvn2: Buffer;
    /** TD 1.5 only. */
    mrServiceTd: Buffer;
};

/** Report of the quoting enclave. */
export type QeFields = {
    /** 16 bytes. */
    cpuSvn: Buffer;
    miscSelect: number;
    /** 16 bytes. */
    attributes: Buffer;
    /** 32 bytes. */
    mrEnclave: Buffer;
    /** 32 bytes. */
    mrSigner: Buffer;
    isvProdId: number;
    isvSvn: number;
    /** 64 bytes; left out: hash of attestation key and authentication data, then zeros. */
    reportData: Buffer;
};

/** All that a quote consists of. */
export type QuoteParts = {
    header: HeaderFields;
    /** Version 5 only: type of the body, 2 or 3. */
    bodyType: number;
    td: TdFields;
    qe: Omit<QeFields, 'reportData'> & { reportData?: Buffer };
    attestationKey: KeyPair;
    /** Who signs header and body. */
    quoteSigner: KeyPair;
    /** Who signs the report of the quoting enclave. */
    qeReportSigner: KeyPair;
    authData: Buffer;
    /** DER; the PCK certificate first. */
    certificates: readonly Buffer[];
    /** Zero bytes after the quote, as some providers leave them. */
    padding: number;
};

/** Intel's vendor id of the quoting enclave. */
export const IntelQeVendorId = Buffer.from('939a7233f79c4ca9940a0db3957f0607', 'hex');

/** @returns a quote, byte for byte in the form of Intel's quoting library. */
export function makeQuote(parts: QuoteParts): Buffer {
    const signed = Buffer.concat([header(parts), tdReport(parts)]);
    const key = keyToBytes(parts.attestationKey.publicKey);
    const qeReport = enclaveReport(parts.qe, key, parts.authData);
    const pem = Buffer.from(`${toPem(parts.certificates)}\0`, 'latin1');
    const qeData = Buffer.concat([
        qeReport,
        signWith(parts.qeReportSigner, qeReport).raw,
        uint16(parts.authData.length),
        parts.authData,
        certificationData(CertificationDataType.pckChain, pem),
    ]);
    const signatureData = Buffer.concat([
        signWith(parts.quoteSigner, signed).raw,
        key,
        certificationData(CertificationDataType.qeReport, qeData),
    ]);
    return Buffer.concat([signed, uint32(signatureData.length), signatureData, Buffer.alloc(parts.padding)]);
}

function header({ header: fields, bodyType }: QuoteParts): Buffer {
    const bytes = Buffer.alloc(HeaderBytes);
    bytes.writeUInt16LE(fields.version, 0);
    bytes.writeUInt16LE(fields.attestationKeyType, 2);
    bytes.writeUInt32LE(fields.teeType, 4);
    fields.reserved.copy(bytes, 8);
    fields.qeVendorId.copy(bytes, 12);
    fields.userData.copy(bytes, 28);
    if (fields.version !== 5) {
        return bytes;
    }
    return Buffer.concat([bytes, uint16(bodyType), uint32(bodyType === BodyType.td15 ? BodyBytes.td15 : BodyBytes.td10)]);
}

function tdReport({ header: { version }, bodyType, td }: QuoteParts): Buffer {
    const base = [
        td.teeTcbSvn, td.mrSeam, td.mrSignerSeam, td.seamAttributes, td.tdAttributes, td.xfam,
        td.mrTd, td.mrConfigId, td.mrOwner, td.mrOwnerConfig, ...td.rtmr, td.reportData,
    ];
    const extended = version === 5 && bodyType === BodyType.td15;
    return requireLength(
        Buffer.concat(extended ? [...base, td.teeTcbSvn2, td.mrServiceTd] : base),
        extended ? BodyBytes.td15 : BodyBytes.td10,
        'TD report',
    );
}

function enclaveReport(qe: QuoteParts['qe'], attestationKey: Buffer, authData: Buffer): Buffer {
    const bytes = Buffer.alloc(QeReportBytes);
    qe.cpuSvn.copy(bytes, 0);
    bytes.writeUInt32LE(qe.miscSelect, 16);
    qe.attributes.copy(bytes, 48);
    qe.mrEnclave.copy(bytes, 64);
    qe.mrSigner.copy(bytes, 128);
    bytes.writeUInt16LE(qe.isvProdId, 256);
    bytes.writeUInt16LE(qe.isvSvn, 258);
    const hash = createHash('sha256').update(attestationKey).update(authData).digest();
    (qe.reportData ?? hash).copy(bytes, 320);
    return bytes;
}

function certificationData(type: number, data: Buffer): Buffer {
    return Buffer.concat([uint16(type), uint32(data.length), data]);
}

function requireLength(bytes: Buffer, length: number, what: string): Buffer {
    if (bytes.length !== length) {
        throw new RangeError(`The ${what} has ${bytes.length} bytes instead of ${length}: a field has a wrong length.`);
    }
    return bytes;
}

function uint16(value: number): Buffer {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return bytes;
}

function uint32(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
}

/** Header of a good quote. */
export function defaultHeader(version: number, userData: Buffer): HeaderFields {
    return {
        version,
        attestationKeyType: KeyTypeP256,
        teeType: TeeTypeTdx,
        reserved: Buffer.alloc(4),
        qeVendorId: IntelQeVendorId,
        userData,
    };
}
