import { Address, Cell } from '@ton/core';
import { packSignedVoucher, SignedReceipt, SignedVoucher, unpackSignedVoucher } from '@ton-compute/contracts';
import { parseBase64, parseRawAddress } from './parsing';
import { receiptFromJson, receiptToJson } from './receipt-json';
import { readVoucherBoc } from './voucher-boc';
import { WireFormatError } from './wire-error';

/** Names of the headers that a session adds to a request and its answer; lower case, as Node reports them. */
export const HeaderName = {
    /** Address of the SessionEscrow. */
    Session: 'x-session',
    /** Highest signed voucher. */
    Voucher: 'x-session-voucher',
    /** `validUntil.signature` of the request payload. */
    Proof: 'x-session-proof',
    /** Newest receipt: of the session in plain JSON answers, and in requests the newest one that the client holds. */
    Receipt: 'x-session-receipt',
} as const;

export const ContentType = {
    Json: 'application/json',
    EventStream: 'text/event-stream',
    SealedRequest: 'application/vnd.ton-compute.sealed',
    SealedAnswer: 'application/vnd.ton-compute.sealed-stream',
} as const;

/** A request proof is refused when it is valid for longer than this, seconds. */
export const MaxProofLife = 300;

/** Longer values are refused unread: a voucher and a receipt need a few hundred characters. */
const MaxHeaderLength = 2048;

function requireLength(text: string, field: string): void {
    if (text.length > MaxHeaderLength) {
        throw new WireFormatError(
            field,
            `${field}: expected at most ${MaxHeaderLength} characters, got ${text.length}.`,
        );
    }
}

/** @returns the value of `x-session`. */
export function encodeSession(escrow: Address): string {
    return escrow.toRawString();
}

/** @throws WireFormatError unless it is a raw basechain address. */
export function decodeSession(text: string): Address {
    return parseRawAddress(text, HeaderName.Session);
}

/** @returns base64 of the voucher's BoC: the header `x-session-voucher` and the field `voucher`. */
export function encodeVoucher(voucher: SignedVoucher): string {
    return packSignedVoucher(voucher).toBoc().toString('base64');
}

/** @throws WireFormatError unless it is exactly one signed voucher. The signature is not checked here. */
export function decodeVoucher(text: string): SignedVoucher {
    requireLength(text, HeaderName.Voucher);
    const boc = parseBase64(text, HeaderName.Voucher);
    const voucher = readVoucherBoc(boc);
    if (voucher !== null) {
        return voucher;
    }
    try {
        const roots = Cell.fromBoc(boc);
        if (roots.length === 1) {
            return unpackSignedVoucher(roots[0]);
        }
    } catch {
        // Falls through: whatever the parser disliked, this is what it should have been.
    }
    throw new WireFormatError(
        HeaderName.Voucher,
        `${HeaderName.Voucher}: expected base64 of a BoC with one cell, cumulative:Coins receipt_hash:bits256 ` +
            'signature:bits512, and nothing else in it.',
    );
}

/** The client's authorisation of one request. */
export type RequestProof = {
    /** Unix seconds. */
    validUntil: number;
    /** Session key's signature over the request payload, 64 bytes. */
    signature: Buffer;
};

/** @returns the value of `x-session-proof`. */
export function encodeProof(proof: RequestProof): string {
    return `${proof.validUntil}.${proof.signature.toString('base64')}`;
}

/** @throws WireFormatError unless it is `seconds.signature`. Neither the time nor the signature is checked here. */
export function decodeProof(text: string): RequestProof {
    requireLength(text, HeaderName.Proof);
    const match = /^([1-9][0-9]{0,9})\.(.+)$/.exec(text);
    const validUntil = Number(match?.[1] ?? NaN);
    if (match === null || validUntil > 0xffff_ffff) {
        throw new WireFormatError(
            HeaderName.Proof,
            `${HeaderName.Proof}: expected decimal unix seconds, a dot, and base64 of a signature.`,
        );
    }
    return { validUntil, signature: parseBase64(match[2], HeaderName.Proof, 64) };
}

/** @returns base64 of a receipt's JSON: the header `x-session-receipt`, and the comment of an event stream. */
export function encodeReceipt(receipt: SignedReceipt): string {
    return Buffer.from(JSON.stringify(receiptToJson(receipt))).toString('base64');
}

/** @throws WireFormatError unless it is base64 of a receipt's JSON. The signature is not checked here. */
export function decodeReceipt(text: string): SignedReceipt {
    requireLength(text, HeaderName.Receipt);
    const bytes = parseBase64(text, HeaderName.Receipt);
    let json: unknown;
    try {
        json = JSON.parse(bytes.toString('utf8'));
    } catch {
        throw new WireFormatError(HeaderName.Receipt, `${HeaderName.Receipt}: expected base64 of a receipt's JSON.`);
    }
    return receiptFromJson(json);
}

const ReceiptCommentPrefix = ': receipt ';

/** @returns the comment, with its empty line, that carries a receipt in a plain event stream. */
export function receiptComment(receipt: SignedReceipt): string {
    return `${ReceiptCommentPrefix}${encodeReceipt(receipt)}\n\n`;
}

/**
 * @param line a line of an event stream, without its line break.
 * @returns the receipt in it, or null for any other line.
 * @throws WireFormatError when it begins like a receipt and is none.
 */
export function parseReceiptComment(line: string): SignedReceipt | null {
    return line.startsWith(ReceiptCommentPrefix) ? decodeReceipt(line.slice(ReceiptCommentPrefix.length)) : null;
}
