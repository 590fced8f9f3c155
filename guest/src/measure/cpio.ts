const Directory = 0o040000;
const File = 0o100000;
/** A constant in systemd-stub, with the one upper-case digit of the whole archive. */
const Trailer = Buffer.from(
    `070701${'0'.repeat(32)}00000001${'0'.repeat(48)}0000000B${'0'.repeat(8)}TRAILER!!!\0\0\0\0`,
    'latin1',
);

/**
 * The archive that systemd-stub makes of one PE section, byte for byte: `newc` cpio with the folder `.extra`, one file and
 * the trailer; inodes from 1, no owner, no time. It is part of the initrd that Linux measures.
 * @param name of the file in `.extra`, ASCII.
 */
export function extraArchive(name: string, content: Uint8Array): Buffer {
    return Buffer.concat([
        entry(1, Directory | 0o555, '.extra', Buffer.alloc(0)),
        entry(2, File | 0o444, `.extra/${name}`, content),
        Trailer,
    ]);
}

/** @returns the bytes, with zeros up to a multiple of four. */
export function aligned(bytes: Uint8Array): Buffer {
    return Buffer.concat([bytes], Math.ceil(bytes.length / 4) * 4);
}

function entry(inode: number, mode: number, name: string, content: Uint8Array): Buffer {
    // Inode, mode, owner, group, links, time, size, four device numbers, length of the name with its zero, checksum.
    const words = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
    const header = `070701${words.map((word) => word.toString(16).padStart(8, '0')).join('')}${name}\0`;
    return Buffer.concat([aligned(Buffer.from(header, 'latin1')), aligned(content)]);
}
