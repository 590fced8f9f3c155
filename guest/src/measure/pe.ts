import { createHash } from 'node:crypto';
import { GuestError } from '../errors';

export type PeSection = {
    /** Without the zeros behind it, such as `.cmdline`. */
    name: string;
    /** Where its bytes begin in the file, and how many there are. */
    offset: number;
    rawSize: number;
    /** Bytes in memory; beyond `rawSize` they are zeros. */
    virtualSize: number;
};

/** A PE file as its headers cut it. Offsets and sizes in bytes. */
export type Pe = {
    checksumOffset: number;
    /** Where the headers name the signatures; null: there is no such entry. */
    certificateEntry: number | null;
    certificateSize: number;
    headersSize: number;
    sections: PeSection[];
};

const CoffBytes = 24;
const SectionHeaderBytes = 40;
const Pe32Plus = 0x20b;
const Pe32 = 0x10b;
const CertificateDirectory = 4;

/** @throws {GuestError} when the headers do not fit the file. */
export function parsePe(file: Buffer): Pe {
    const header = file.length >= 64 && file.toString('latin1', 0, 2) === 'MZ' ? file.readUInt32LE(0x3c) : file.length;
    if (header + CoffBytes + 2 > file.length || file.toString('latin1', header, header + 4) !== 'PE\0\0') {
        throw notPe('it has no PE header');
    }
    const sectionCount = file.readUInt16LE(header + 6);
    const optional = header + CoffBytes;
    const optionalSize = file.readUInt16LE(header + 20);
    const magic = file.readUInt16LE(optional);
    const table = optional + optionalSize;
    if ((magic !== Pe32Plus && magic !== Pe32) || table + sectionCount * SectionHeaderBytes > file.length) {
        throw notPe('its optional header or its table of sections is not complete');
    }
    const directories = optional + (magic === Pe32Plus ? 112 : 96);
    const hasCertificates = file.readUInt32LE(directories - 4) > CertificateDirectory;
    const certificateEntry = hasCertificates ? directories + CertificateDirectory * 8 : null;
    const pe: Pe = {
        checksumOffset: optional + 64,
        certificateEntry,
        certificateSize: certificateEntry === null ? 0 : file.readUInt32LE(certificateEntry + 4),
        headersSize: file.readUInt32LE(optional + 60),
        sections: Array.from({ length: sectionCount }, (_, index) =>
            readSection(file, table + index * SectionHeaderBytes),
        ),
    };
    if (pe.headersSize > file.length || pe.sections.some(({ offset, rawSize }) => offset + rawSize > file.length)) {
        throw notPe('a section ends behind the end of the file');
    }
    return pe;
}

/** @returns what is in memory at a section's address, `virtualSize` bytes. */
export function sectionContent(file: Buffer, { offset, rawSize, virtualSize }: PeSection): Buffer {
    const content = file.subarray(offset, offset + Math.min(rawSize, virtualSize));
    return content.length === virtualSize ? content : Buffer.concat([content], virtualSize);
}

/**
 * The digest under which firmware measures an EFI program: Microsoft, "Windows Authenticode Portable Executable Signature
 * Format", section "Calculating the PE Image Hash", and TCG, "PC Client Platform Firmware Profile". Everything but
 * checksum, the entry of the signatures, and the signatures; sections in the order of the file.
 * @throws {GuestError} when the headers do not fit the file.
 */
export function authenticodeDigest(file: Buffer, algorithm: 'sha256' | 'sha384' = 'sha384'): Buffer {
    const pe = parsePe(file);
    const hash = createHash(algorithm);
    hash.update(file.subarray(0, pe.checksumOffset));
    if (pe.certificateEntry === null) {
        hash.update(file.subarray(pe.checksumOffset + 4, pe.headersSize));
    } else {
        hash.update(file.subarray(pe.checksumOffset + 4, pe.certificateEntry));
        hash.update(file.subarray(pe.certificateEntry + 8, pe.headersSize));
    }
    let hashed = pe.headersSize;
    const sections = pe.sections.filter(({ rawSize }) => rawSize > 0).sort((a, b) => a.offset - b.offset);
    for (const { offset, rawSize } of sections) {
        hash.update(file.subarray(offset, offset + rawSize));
        hashed += rawSize;
    }
    const end = file.length - pe.certificateSize;
    if (end > hashed) {
        hash.update(file.subarray(hashed, end));
    }
    return hash.digest();
}

function readSection(file: Buffer, at: number): PeSection {
    return {
        name: file.toString('latin1', at, at + 8).replace(/\0+$/, ''),
        virtualSize: file.readUInt32LE(at + 8),
        rawSize: file.readUInt32LE(at + 16),
        offset: file.readUInt32LE(at + 20),
    };
}

function notPe(problem: string): GuestError {
    return new GuestError(
        `This is no EFI program: ${problem}. Expected a unified kernel image, such as ton-compute-guest.efi.`,
    );
}
