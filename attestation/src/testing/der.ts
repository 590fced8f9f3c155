import { Tag } from '../der';

/** @returns one DER element with its header. */
export function element(tag: number, ...parts: Buffer[]): Buffer {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content]);
}

function lengthBytes(length: number): number[] {
    if (length < 0x80) {
        return [length];
    }
    if (length < 0x100) {
        return [0x81, length];
    }
    const low = [(length >> 8) & 0xff, length & 0xff];
    return length < 0x10000 ? [0x82, ...low] : [0x83, length >> 16, ...low];
}

export function sequence(...parts: Buffer[]): Buffer {
    return element(Tag.Sequence, ...parts);
}

/** @param value not negative. */
export function integer(value: bigint | number): Buffer {
    const hex = value.toString(16);
    const digits = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    return element(Tag.Integer, digits[0] & 0x80 ? Buffer.from([0]) : Buffer.alloc(0), digits);
}

/** @param dotted like 2.5.4.3. */
export function objectId(dotted: string): Buffer {
    const [first, second, ...rest] = dotted.split('.').map(Number);
    const bytes = [first * 40 + second, ...rest].flatMap((value) => {
        const digits = [value % 128];
        for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) {
            digits.unshift((left % 128) | 0x80);
        }
        return digits;
    });
    return element(Tag.ObjectId, Buffer.from(bytes));
}

export function octets(...content: Buffer[]): Buffer {
    return element(Tag.OctetString, ...content);
}

export function boolean(value: boolean): Buffer {
    return element(Tag.Boolean, Buffer.from([value ? 0xff : 0]));
}

/** A BIT STRING of whole bytes. */
export function bits(...content: Buffer[]): Buffer {
    return element(Tag.BitString, Buffer.from([0]), ...content);
}

/** UTCTime, which Intel uses. @param seconds Unix seconds, before 2050. */
export function utcTime(seconds: number): Buffer {
    const digits = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(2, 14);
    return element(Tag.UtcTime, Buffer.from(`${digits}Z`, 'latin1'));
}

/** ecdsa-with-SHA256, without parameters. */
export const EcdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
