/** @returns the 16 bytes of a GUID as UEFI stores it: the first three fields little-endian. */
export function guidBytes(text: string): Buffer {
    const [a, b, c, d, e] = text.split('-').map((field) => Buffer.from(field, 'hex'));
    return Buffer.concat([a.reverse(), b.reverse(), c.reverse(), d, e]);
}
