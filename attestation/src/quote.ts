import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Certificate, parseCertificateChain } from './certificate';
import { AttestationError } from './errors';

/** A TDX quote of version 4 or 5, cut into its parts. Nothing is verified here: the contracts do that. */
export type Quote = {
    version: 4 | 5;
    /** Header and TD report: what the attestation key signed. */
    signed: Buffer;
    /** Where the TD report begins in `signed`, bytes. */
    bodyOffset: number;
    /** Length of the TD report, bytes: 584 for TD 1.0, 648 for TD 1.5. */
    bodySize: number;
    body: TdReport;
    /** r and s, 64 bytes, by the attestation key over `signed`. */
    signature: Buffer;
    /** x and y, 64 bytes. */
    attestationKey: Buffer;
    /** Report of the quoting enclave, 384 bytes: it names the attestation key. */
    qeReport: Buffer;
    /** r and s, 64 bytes, by the PCK key over `qeReport`. */
    qeReportSignature: Buffer;
    /** What the quoting enclave hashed together with the attestation key. */
    authData: Buffer;
    /** PCK certificate, certificate of its CA, root. */
    certificates: Certificate[];
};

/** Fields of a TD report; registers have 48 bytes. */
export type TdReport = {
    /** 16 bytes; the first is the security version of the TDX module, the second says which module (0: none, 1: TDX_01). */
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
    rtmr: [Buffer, Buffer, Buffer, Buffer];
    /** 64 bytes, chosen by the guest. */
    reportData: Buffer;
    /** 16 bytes, TD 1.5 only. */
    teeTcbSvn2: Buffer | null;
    /** TD 1.5 only. */
    mrServiceTd: Buffer | null;
};

/** Bytes of the header of a quote. */
export const HeaderBytes = 48;
export const BodyBytes = { td10: 584, td15: 648 } as const;
export const QeReportBytes = 384;
export const TeeTypeTdx = 0x81;
/** ECDSA with P-256. */
export const KeyTypeP256 = 2;
export const BodyType = { td10: 2, td15: 3 } as const;
export const CertificationDataType = { pckChain: 5, qeReport: 6 } as const;
/** Offsets in the TD report, from Intel's DCAP quoting library, `sgx_report2_body_t`. */
const Offset = { mrTd: 136, rtmr0: 328, reportData: 520 } as const;
const RegisterBytes = 48;

/**
 * @param bytes a quote, as a TDX guest reads it; zeros may follow.
 * @throws AttestationError for anything that is not a TDX quote of version 4 or 5 that brings its certificates.
 */
export function parseQuote(bytes: Uint8Array): Quote {
    const reader = new Reader(Buffer.from(bytes));
    const { version, body: bodySize, bodyOffset } = readKind(reader);
    const signed = reader.bytes.subarray(0, bodyOffset + bodySize);
    reader.take(bodyOffset + bodySize - reader.position, 'TD report');

    const signatureData = reader.section(reader.uint32('length of the signature data'), 'signature data');
    const signature = signatureData.take(64, 'signature');
    const attestationKey = signatureData.take(64, 'attestation key');
    const qe = certificationData(signatureData, CertificationDataType.qeReport, 'report of the quoting enclave');
    const qeReport = qe.take(QeReportBytes, 'report of the quoting enclave');
    const qeReportSignature = qe.take(64, "signature of the quoting enclave's report");
    const authData = qe.take(qe.uint16('length of the authentication data'), 'authentication data');
    const chain = certificationData(qe, CertificationDataType.pckChain, 'PCK certificate chain');
    const certificates = parseCertificateChain(chain.rest().toString('latin1'));
    if (certificates.length < 2 || certificates[0].sgx === null) {
        throw notAQuote(
            'its certificate chain does not begin with a PCK certificate and that of its CA',
            'Configure the quote provider (QCNL) so that quotes carry the PCK certificate chain.',
        );
    }
    return {
        version,
        signed,
        bodyOffset,
        bodySize,
        body: tdReport(signed.subarray(bodyOffset)),
        signature,
        attestationKey,
        qeReport,
        qeReportSignature,
        authData,
        certificates,
    };
}

/** Reads a quote from a file: raw bytes, or hexadecimal text. @throws AttestationError as `parseQuote` does. */
export function readQuoteFile(path: string): Quote {
    return parseQuote(quoteBytes(readFileSync(path)));
}

/** @returns the bytes of a quote that may be written as hexadecimal text, with or without 0x. */
export function quoteBytes(content: Buffer): Buffer {
    const text = content.subarray(0, 65_536).toString('latin1').replace(/\s+/g, '').replace(/^0x/i, '');
    return text.length > 0 && text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text) ? Buffer.from(text, 'hex') : content;
}

/** @returns what a client trusts: SHA-256 of MRTD, RTMR0, RTMR1, RTMR2, RTMR3; 32 bytes. */
export function measurementOf(quote: Quote): Buffer {
    return createHash('sha256').update(Buffer.concat([quote.body.mrTd, ...quote.body.rtmr])).digest();
}

/** @returns what names a machine in public: SHA-256 of the PPID in its PCK certificate; 32 bytes. */
export function machineIdOf(quote: Quote): Buffer {
    const ppid = quote.certificates[0].sgx?.ppid as Buffer;
    return createHash('sha256').update(ppid).digest();
}

function readKind(reader: Reader): { version: 4 | 5; body: number; bodyOffset: number } {
    const version = reader.uint16('version');
    if (version === 3) {
        throw notAQuote('it is an SGX quote of version 3', 'Take the quote inside a TDX guest.');
    }
    if (version !== 4 && version !== 5) {
        throw notAQuote(`it begins with version ${version}`, 'Pass the raw bytes of the quote, or them in hexadecimal.');
    }
    const keyType = reader.uint16('type of the attestation key');
    if (keyType !== KeyTypeP256) {
        throw notAQuote(`its attestation key is of type ${keyType}`, 'Only ECDSA with P-256, type 2, can be verified.');
    }
    const teeType = reader.uint32('type of the TEE');
    if (teeType !== TeeTypeTdx) {
        const name = teeType === 0 ? 'an SGX enclave' : `a TEE of type 0x${teeType.toString(16)}`;
        throw notAQuote(`it is a quote of ${name}`, 'Take the quote inside a TDX guest.');
    }
    reader.take(HeaderBytes - reader.position, 'header');
    if (version === 4) {
        return { version, body: BodyBytes.td10, bodyOffset: HeaderBytes };
    }
    const type = reader.uint16('type of the body');
    const size = reader.uint32('size of the body');
    const expected = type === BodyType.td10 ? BodyBytes.td10 : type === BodyType.td15 ? BodyBytes.td15 : null;
    if (size !== expected) {
        throw notAQuote(
            `its body has type ${type} and ${size} bytes`,
            'Expected type 2 (TD 1.0, 584 bytes) or 3 (TD 1.5, 648 bytes): take the quote inside a TDX guest.',
        );
    }
    return { version, body: size, bodyOffset: reader.position };
}

function certificationData(reader: Reader, expected: number, what: string): Reader {
    const type = reader.uint16(`type of the certification data (${what})`);
    if (type !== expected) {
        throw notAQuote(
            `its certification data have type ${type} where type ${expected} (${what}) belongs`,
            'Configure the quote provider (QCNL) so that quotes carry the PCK certificate chain.',
        );
    }
    return reader.section(reader.uint32(`length of the ${what}`), what);
}

function tdReport(body: Buffer): TdReport {
    const at = (offset: number, length = RegisterBytes) => body.subarray(offset, offset + length);
    const extended = body.length === BodyBytes.td15;
    return {
        teeTcbSvn: at(0, 16),
        mrSeam: at(16),
        mrSignerSeam: at(64),
        seamAttributes: at(112, 8),
        tdAttributes: at(120, 8),
        xfam: at(128, 8),
        mrTd: at(Offset.mrTd),
        mrConfigId: at(184),
        mrOwner: at(232),
        mrOwnerConfig: at(280),
        rtmr: [0, 1, 2, 3].map((index) => at(Offset.rtmr0 + index * RegisterBytes)) as TdReport['rtmr'],
        reportData: at(Offset.reportData, 64),
        teeTcbSvn2: extended ? at(584, 16) : null,
        mrServiceTd: extended ? at(600) : null,
    };
}

function notAQuote(problem: string, advice: string): AttestationError {
    return new AttestationError('not_a_quote', `This is not a TDX quote of version 4 or 5: ${problem}. ${advice}`);
}

/** Reads little-endian fields one after another. */
class Reader {
    position = 0;

    constructor(readonly bytes: Buffer) {}

    take(length: number, what: string): Buffer {
        const end = this.position + length;
        if (end > this.bytes.length) {
            throw notAQuote(
                `it ends inside the ${what}, at ${this.bytes.length} of at least ${end} bytes of that part`,
                'Copy the whole quote: it has about 5,000 bytes.',
            );
        }
        const part = this.bytes.subarray(this.position, end);
        this.position = end;
        return part;
    }

    uint16(what: string): number {
        return this.take(2, what).readUInt16LE(0);
    }

    uint32(what: string): number {
        return this.take(4, what).readUInt32LE(0);
    }

    section(length: number, what: string): Reader {
        return new Reader(this.take(length, what));
    }

    rest(): Buffer {
        return this.bytes.subarray(this.position);
    }
}
