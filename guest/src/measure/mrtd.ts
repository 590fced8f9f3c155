import { createHash, Hash } from 'node:crypto';
import { PageBytes, parseTdvf, SectionAttribute, sectionData, TdvfSection } from './tdvf';

/**
 * How the host adds a section. `page`: each page is added and measured before the next, as KVM does since Linux 6.16.
 * `section`: all pages of a section are added, then all are measured, as the kernels before it with Intel's or Canonical's
 * patches do. The same firmware has another MRTD under each.
 */
export type PageOrder = 'page' | 'section';

/** Bytes that one TDH.MR.EXTEND measures. */
const ChunkBytes = 256;
/** Bytes of the buffer that names an operation; the rest of it is zeros. */
const OperationBytes = 128;
const AddressOffset = 16;

/**
 * The measurement of a TD's initial memory, as the TDX module makes it: SHA-384 over "MEM.PAGE.ADD" and the address for
 * each page, and "MR.EXTEND", the address and the content for each 256 bytes of measured sections (Intel, "TDX Module
 * ABI Specification", TDH.MEM.PAGE.ADD and TDH.MR.EXTEND).
 * @throws {GuestError} when this is no firmware for TDX guests.
 */
export function mrtd(firmware: Buffer, order: PageOrder): Buffer {
    const hash = createHash('sha384');
    for (const section of parseTdvf(firmware)) {
        const isAdded = (section.attributes & SectionAttribute.PageAug) === 0;
        const isMeasured = (section.attributes & SectionAttribute.MrExtend) !== 0;
        const content = isMeasured ? padded(sectionData(firmware, section), section) : null;
        for (let offset = 0; offset < section.memorySize; offset += PageBytes) {
            if (isAdded) {
                hash.update(operation('MEM.PAGE.ADD', section.address + BigInt(offset)));
            }
            if (content !== null && order === 'page') {
                extendPage(hash, section.address, content, offset);
            }
        }
        if (content !== null && order === 'section') {
            for (let offset = 0; offset < section.memorySize; offset += PageBytes) {
                extendPage(hash, section.address, content, offset);
            }
        }
    }
    return hash.digest();
}

function extendPage(hash: Hash, address: bigint, content: Buffer, page: number): void {
    for (let offset = page; offset < page + PageBytes; offset += ChunkBytes) {
        hash.update(operation('MR.EXTEND', address + BigInt(offset)));
        hash.update(content.subarray(offset, offset + ChunkBytes));
    }
}

function operation(name: string, address: bigint): Buffer {
    const buffer = Buffer.alloc(OperationBytes);
    buffer.write(name, 'latin1');
    buffer.writeBigUInt64LE(address, AddressOffset);
    return buffer;
}

function padded(data: Buffer, { memorySize }: TdvfSection): Buffer {
    return data.length === memorySize ? data : Buffer.concat([data], memorySize);
}
