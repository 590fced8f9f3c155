import { GuestError } from '../errors';

const SectorBytes = 512;
const HeaderBytes = 92;

/**
 * What firmware measures of the disk that it boots from (UEFI_GPT_DATA of TCG's "PC Client Platform Firmware Profile"):
 * the header, the number of partitions, and the entries that are in use.
 * @param disk at least its first sectors, with the whole table.
 * @throws {GuestError} without a GUID partition table.
 */
export function gptEventData(disk: Buffer): Buffer {
    const header = disk.subarray(SectorBytes, SectorBytes + HeaderBytes);
    if (header.length < HeaderBytes || header.toString('latin1', 0, 8) !== 'EFI PART') {
        throw new GuestError('The disk image has no GUID partition table. Expected the raw image that mkosi writes.');
    }
    const first = Number(header.readBigUInt64LE(72)) * SectorBytes;
    const size = header.readUInt32LE(84);
    const entries = Array.from({ length: header.readUInt32LE(80) }, (_, index) =>
        disk.subarray(first + index * size, first + (index + 1) * size),
    );
    if (entries.some((entry) => entry.length < size)) {
        throw new GuestError('The disk image ends inside its partition table. Pass the whole image.');
    }
    const used = entries.filter((entry) => entry.subarray(0, 16).some((byte) => byte !== 0));
    const count = Buffer.alloc(8);
    count.writeBigUInt64LE(BigInt(used.length));
    return Buffer.concat([header, count, ...used]);
}
