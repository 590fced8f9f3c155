const HeadersBytes = 512;
const Alignment = 512;

/** A PE32+ program with these sections; as its signatures, `certificates` stand at its end. */
export function peFile(sections: readonly { name: string; data: Buffer }[], certificates = Buffer.alloc(0)): Buffer {
    const headers = Buffer.alloc(HeadersBytes * Math.ceil((64 + 264 + sections.length * 40) / HeadersBytes));
    headers.write('MZ', 'latin1');
    headers.writeUInt32LE(64, 0x3c);
    headers.write('PE\0\0', 64, 'latin1');
    headers.writeUInt16LE(0x8664, 68); // x86-64
    headers.writeUInt16LE(sections.length, 70);
    headers.writeUInt16LE(240, 84); // size of the optional header
    headers.writeUInt16LE(0x22e, 86);
    const optional = 88;
    headers.writeUInt16LE(0x20b, optional);
    headers.writeUInt32LE(0x1000, optional + 16);
    headers.writeUInt32LE(0x1000, optional + 32); // alignment in memory
    headers.writeUInt32LE(Alignment, optional + 36);
    headers.writeUInt32LE(headers.length, optional + 60);
    headers.writeUInt32LE(0x12345678, optional + 64); // checksum: no part of the digest
    headers.writeUInt16LE(10, optional + 68); // EFI application
    headers.writeUInt32LE(16, optional + 108); // data directories
    let offset = headers.length;
    let address = 0x1000;
    const bodies = sections.map(({ name, data }, index) => {
        const body = Buffer.concat([data], Alignment * Math.ceil(data.length / Alignment));
        const at = optional + 240 + index * 40;
        headers.write(name, at, 'latin1');
        headers.writeUInt32LE(data.length, at + 8);
        headers.writeUInt32LE(address, at + 12);
        headers.writeUInt32LE(body.length, at + 16);
        headers.writeUInt32LE(offset, at + 20);
        headers.writeUInt32LE(0x40000040, at + 36);
        offset += body.length;
        address += 0x1000 * Math.ceil(body.length / 0x1000);
        return body;
    });
    headers.writeUInt32LE(address, optional + 56); // size in memory
    if (certificates.length > 0) {
        headers.writeUInt32LE(offset, optional + 112 + 32);
        headers.writeUInt32LE(certificates.length, optional + 112 + 36);
    }
    return Buffer.concat([headers, ...bodies, certificates]);
}
