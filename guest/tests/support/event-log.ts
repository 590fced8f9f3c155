import { createHash } from 'node:crypto';

/** An event as a guest's firmware writes it. */
export type Written = { rtmr: number; type: number; data: Buffer; digest?: Buffer };

/** A log as edk2 writes it: the entry that tells the version, the events, and ones to the end. */
export function eventLog(events: readonly Written[], filled = 256): Buffer {
    const specId = Buffer.concat([
        Buffer.from('Spec ID Event03\0', 'latin1'),
        words(0),
        Buffer.from([0, 2, 0, 2]),
        words(1),
        shorts(0x000c, 48),
        Buffer.from([0]),
    ]);
    const parts = [words(1, 3), Buffer.alloc(20), words(specId.length), specId];
    for (const { rtmr, type, data, digest } of events) {
        parts.push(words(rtmr + 1, type, 1), shorts(0x000c), digest ?? createHash('sha384').update(data).digest());
        parts.push(words(data.length), data);
    }
    return Buffer.concat([...parts, Buffer.alloc(filled, 0xff)]);
}

function words(...values: number[]): Buffer {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, index) => bytes.writeUInt32LE(value, 4 * index));
    return bytes;
}

function shorts(...values: number[]): Buffer {
    const bytes = Buffer.alloc(2 * values.length);
    values.forEach((value, index) => bytes.writeUInt16LE(value, 2 * index));
    return bytes;
}
