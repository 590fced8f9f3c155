import { guidBytes } from '../../src/measure/guid';
import { SectionAttribute, SectionType } from '../../src/measure/tdvf';

const Page = 4096;

/**
 * A firmware file of five pages with TDX metadata, in the layout of a real one: variables, code, a hand-off block, memory
 * that the guest accepts later, and at the end the GUIDed table.
 */
export function smallFirmware(): Buffer {
    const file = Buffer.from(Array.from({ length: 5 * Page }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
    const sections = [
        {
            offset: Page,
            raw: 4 * Page,
            address: 0xffffc000n,
            size: 4 * Page,
            type: SectionType.Bfv,
            attributes: SectionAttribute.MrExtend,
        },
        { offset: 0, raw: Page, address: 0xffffb000n, size: Page, type: SectionType.Cfv, attributes: 0 },
        { offset: 0, raw: 0, address: 0x809000n, size: 2 * Page, type: SectionType.TdHob, attributes: 0 },
        {
            offset: 0,
            raw: 0,
            address: 0x1000000n,
            size: Page,
            type: SectionType.PermMem,
            attributes: SectionAttribute.PageAug,
        },
    ];
    const metadata = Buffer.alloc(16 + 32 * sections.length);
    metadata.write('TDVF', 'latin1');
    metadata.writeUInt32LE(metadata.length, 4);
    metadata.writeUInt32LE(1, 8);
    metadata.writeUInt32LE(sections.length, 12);
    sections.forEach(({ offset, raw, address, size, type, attributes }, index) => {
        const at = 16 + 32 * index;
        metadata.writeUInt32LE(offset, at);
        metadata.writeUInt32LE(raw, at + 4);
        metadata.writeBigUInt64LE(address, at + 8);
        metadata.writeBigUInt64LE(BigInt(size), at + 16);
        metadata.writeUInt32LE(type, at + 24);
        metadata.writeUInt32LE(attributes, at + 28);
    });
    const metadataAt = 3 * Page;
    metadata.copy(file, metadataAt);
    const entry = tableEntry('e47a6535-984a-4798-865e-4685a7bf8ec2', uint32(file.length - metadataAt));
    const other = tableEntry('11111111-2222-3333-4444-555555555555', Buffer.alloc(8, 0xee));
    const length = entry.length + other.length + 18;
    const table = Buffer.concat([entry, other, uint16(length), guidBytes('96b582de-1fb2-45f7-baea-a366c55a082d')]);
    table.copy(file, file.length - 32 - table.length);
    return file;
}

function tableEntry(guid: string, data: Buffer): Buffer {
    return Buffer.concat([data, uint16(data.length + 18), guidBytes(guid)]);
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
