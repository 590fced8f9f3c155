import { GuestError } from '../errors';
import { guidBytes } from './guid';

/** A part of the firmware as the host has to place it: Intel, "TDX Virtual Firmware Design Guide", section 11. */
export type TdvfSection = {
    /** Where its bytes begin in the file. */
    dataOffset: number;
    /** Bytes in the file; the rest of the section is zeros. */
    rawDataSize: number;
    /** Guest physical address, and size there in bytes: whole pages. */
    address: bigint;
    memorySize: number;
    type: number;
    attributes: number;
};

export const PageBytes = 4096;

/** Types of sections. */
export const SectionType = { Bfv: 0, Cfv: 1, TdHob: 2, TempMem: 3, PermMem: 4, Payload: 5, PayloadParam: 6 } as const;

/** Attributes of sections. */
export const SectionAttribute = {
    /** Its content goes into MRTD. */
    MrExtend: 1,
    /** Its pages are not there at the start; the guest accepts them later. */
    PageAug: 2,
} as const;

/** The table of GUIDed entries ends 32 bytes before the end of the file, with this one. */
const TableFooter = guidBytes('96b582de-1fb2-45f7-baea-a366c55a082d');
const MetadataOffset = guidBytes('e47a6535-984a-4798-865e-4685a7bf8ec2');
const BytesAfterTable = 32;
/** A GUIDed entry ends with its length, 2 bytes, and its GUID. */
const EntryTrailer = 18;
const DescriptorBytes = 16;
const SectionBytes = 32;
const MostSections = 64;

/**
 * Reads the TDX metadata of a firmware file.
 * @throws {GuestError} when it has none, or they do not fit the file.
 */
export function parseTdvf(firmware: Buffer): TdvfSection[] {
    const start = metadataStart(firmware);
    if (
        start < 0 ||
        start + DescriptorBytes > firmware.length ||
        firmware.toString('latin1', start, start + 4) !== 'TDVF' ||
        firmware.readUInt32LE(start + 8) !== 1
    ) {
        throw notTdvf('its metadata do not begin with a TDVF descriptor of version 1');
    }
    const count = firmware.readUInt32LE(start + 12);
    if (count > MostSections || start + DescriptorBytes + count * SectionBytes > firmware.length) {
        throw notTdvf(`its metadata announce ${count} sections`);
    }
    return Array.from({ length: count }, (_, index) =>
        readSection(firmware, start + DescriptorBytes + index * SectionBytes),
    );
}

/** @returns the bytes of a section that are in the file. */
export function sectionData(firmware: Buffer, section: TdvfSection): Buffer {
    return firmware.subarray(section.dataOffset, section.dataOffset + section.rawDataSize);
}

function readSection(firmware: Buffer, at: number): TdvfSection {
    const section = {
        dataOffset: firmware.readUInt32LE(at),
        rawDataSize: firmware.readUInt32LE(at + 4),
        address: firmware.readBigUInt64LE(at + 8),
        memorySize: Number(firmware.readBigUInt64LE(at + 16)),
        type: firmware.readUInt32LE(at + 24),
        attributes: firmware.readUInt32LE(at + 28),
    };
    const { address, attributes, dataOffset, memorySize, rawDataSize } = section;
    if (
        address % BigInt(PageBytes) !== 0n ||
        memorySize % PageBytes !== 0 ||
        memorySize > 0x1_0000_0000 ||
        rawDataSize > memorySize ||
        dataOffset + rawDataSize > firmware.length
    ) {
        throw notTdvf(`the section at 0x${address.toString(16)} does not fit pages or file`);
    }
    if ((attributes & SectionAttribute.PageAug) !== 0 && (attributes & SectionAttribute.MrExtend) !== 0) {
        throw notTdvf(`the section at 0x${address.toString(16)} is measured before its pages are there`);
    }
    return section;
}

/** Walks the GUIDed table from its end. */
function metadataStart(firmware: Buffer): number {
    const footer = firmware.length - BytesAfterTable - EntryTrailer;
    if (footer < 0 || !firmware.subarray(footer + 2, footer + EntryTrailer).equals(TableFooter)) {
        throw notTdvf('there is no table of GUIDed entries at its end');
    }
    const first = footer + EntryTrailer - firmware.readUInt16LE(footer);
    let end = footer;
    while (end - EntryTrailer >= Math.max(first, 0)) {
        const length = firmware.readUInt16LE(end - EntryTrailer);
        if (length < EntryTrailer || end - length < 0) {
            break;
        }
        if (firmware.subarray(end - 16, end).equals(MetadataOffset)) {
            return firmware.length - firmware.readUInt32LE(end - EntryTrailer - 4);
        }
        end -= length;
    }
    throw notTdvf('its table has no entry for TDX metadata');
}

function notTdvf(problem: string): GuestError {
    return new GuestError(
        `This is no firmware for TDX guests: ${problem}. Expected a whole OVMF image with TDX metadata, such as ` +
            'OVMF.inteltdx.fd; a file of code alone or of variables alone will not do.',
    );
}
