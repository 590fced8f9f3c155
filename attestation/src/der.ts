import { AttestationError } from './errors';

/** Tags of DER that occur in Intel's certificates and lists. */
export const Tag = {
    Boolean: 0x01,
    Integer: 0x02,
    BitString: 0x03,
    OctetString: 0x04,
    ObjectId: 0x06,
    Enumerated: 0x0a,
    Utf8String: 0x0c,
    PrintableString: 0x13,
    UtcTime: 0x17,
    GeneralizedTime: 0x18,
    Sequence: 0x30,
    Set: 0x31,
    /** `[0] EXPLICIT`: version of a certificate, extensions of a list. */
    Context0: 0xa0,
    /** `[3] EXPLICIT`: extensions of a certificate. */
    Context3: 0xa3,
} as const;

/** Where one element lies in its buffer, byte offsets. */
export type Element = {
    tag: number;
    /** First byte of the header. */
    start: number;
    /** First byte of the content. */
    content: number;
    /** One past the last byte. */
    end: number;
};

/**
 * Reads the header of one element.
 * @param what name of what is read, for the error.
 * @throws AttestationError when there is no complete element at `offset`, or its tag is not `tag`.
 */
export function readElement(der: Buffer, offset: number, what: string, tag?: number): Element {
    const fail = (problem: string) =>
        new AttestationError('bad_collateral', `${what}: ${problem} at byte ${offset}. Expected DER; fetch it again.`);
    if (offset + 2 > der.length) {
        throw fail('the data end');
    }
    let length = der[offset + 1];
    let content = offset + 2;
    if (length & 0x80) {
        const bytes = length & 0x7f;
        if (bytes === 0 || bytes > 4 || content + bytes > der.length) {
            throw fail('a length of a wrong form stands');
        }
        length = der.readUIntBE(content, bytes);
        content += bytes;
    }
    const element = { tag: der[offset], start: offset, content, end: content + length };
    if (element.end > der.length) {
        throw fail(`an element of ${length} bytes begins and the data are too short for it`);
    }
    if (tag !== undefined && element.tag !== tag) {
        throw fail(`expected tag 0x${tag.toString(16)}, found 0x${element.tag.toString(16)}`);
    }
    return element;
}

/** @returns the elements between two offsets, which they fill exactly. */
export function readElements(der: Buffer, from: number, to: number, what: string): Element[] {
    const elements: Element[] = [];
    while (from < to) {
        const element = readElement(der, from, what);
        if (element.end > to) {
            throw new AttestationError(
                'bad_collateral',
                `${what}: the element at byte ${from} is longer than the one around it. Expected DER; fetch it again.`,
            );
        }
        elements.push(element);
        from = element.end;
    }
    return elements;
}

/** @returns the bytes of an element, header included. */
export function bytesOf(der: Buffer, element: Element): Buffer {
    return der.subarray(element.start, element.end);
}

/** @returns the bytes of an element without its header. */
export function contentOf(der: Buffer, element: Element): Buffer {
    return der.subarray(element.content, element.end);
}

/** A signed X.509 object: `SEQUENCE { what is signed, algorithm, BIT STRING { ECDSA signature } }`. */
export type SignedDer = {
    /** The bytes that are signed: a TBSCertificate or a TBSCertList. */
    signed: Buffer;
    /** r and s, 32 bytes each. */
    signature: Buffer;
};

/** @throws AttestationError when `der` is not exactly one such object. */
export function splitSigned(der: Buffer, what: string): SignedDer {
    const outer = readElement(der, 0, what, Tag.Sequence);
    if (outer.end !== der.length) {
        throw new AttestationError(
            'bad_collateral',
            `${what}: ${der.length - outer.end} bytes follow the end. Expected one DER object; fetch it again.`,
        );
    }
    const signed = readElement(der, outer.content, what, Tag.Sequence);
    const algorithm = readElement(der, signed.end, what, Tag.Sequence);
    const signature = readElement(der, algorithm.end, what, Tag.BitString);
    return {
        signed: bytesOf(der, signed),
        signature: rawSignature(der.subarray(signature.content + 1, signature.end), what),
    };
}

/**
 * ECDSA signature from `SEQUENCE { INTEGER r, INTEGER s }` to r and s, 32 bytes each.
 * @throws AttestationError when it is no signature of P-256.
 */
export function rawSignature(der: Buffer, what: string): Buffer {
    const outer = readElement(der, 0, what, Tag.Sequence);
    const r = readElement(der, outer.content, what, Tag.Integer);
    const s = readElement(der, r.end, what, Tag.Integer);
    return Buffer.concat([r, s].map((element) => fixedInteger(contentOf(der, element), what)));
}

function fixedInteger(content: Buffer, what: string): Buffer {
    const digits = content[0] === 0 ? content.subarray(1) : content;
    if (digits.length > 32) {
        throw new AttestationError(
            'bad_signature',
            `${what}: a number of the signature has ${digits.length} bytes. Expected an ECDSA signature of P-256.`,
        );
    }
    return Buffer.concat([Buffer.alloc(32 - digits.length), digits]);
}

/** @returns Unix seconds of a UTCTime or GeneralizedTime. @throws AttestationError when it is neither. */
export function readTime(der: Buffer, element: Element, what: string): number {
    const text = contentOf(der, element).toString('latin1');
    const full = element.tag === Tag.UtcTime ? (text < '50' ? '20' : '19') + text : text;
    const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
    if (match === null || (element.tag !== Tag.UtcTime && element.tag !== Tag.GeneralizedTime)) {
        throw new AttestationError(
            'bad_collateral',
            `${what}: "${text}" is no date. Expected YYMMDDhhmmssZ or YYYYMMDDhhmmssZ; fetch it again.`,
        );
    }
    const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

/** @returns the object identifier in dots, like 2.5.4.3. @param content without the header. */
export function dottedOid(content: Buffer): string {
    const numbers: number[] = [];
    let value = 0;
    for (const byte of content) {
        value = value * 128 + (byte & 0x7f);
        if ((byte & 0x80) === 0) {
            numbers.push(value);
            value = 0;
        }
    }
    const [first, ...rest] = numbers;
    const root = Math.min(2, Math.floor(first / 40));
    return [root, first - 40 * root, ...rest].join('.');
}
