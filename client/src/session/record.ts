import { Address, Cell } from '@ton/core';
import { SessionAgreement, SignedReceipt, SignedVoucher, unpackTerms } from '@ton-compute/contracts';
import { decodeVoucher, encodeVoucher, receiptFromJson, receiptToJson } from '@ton-compute/protocol';
import * as z from 'zod';

/** Why a session was stopped; nothing is signed in it any more. */
export type Stop = { code: string; message: string };

/** What is kept of a session, so that a crash neither loses its key nor signs less than was signed before. */
export type SessionRecord = {
    escrow: Address;
    registry: Address;
    provider: Address;
    globalId: number;
    /** The SessionTerms cell: escrow and terms prove each other. */
    terms: Cell;
    /** Seed of the session key, 32 bytes: whoever has it can spend the deposit. */
    sessionKey: Buffer;
    /** Where the worker listens, without a trailing slash. */
    endpoint: string;
    /** Name that the worker gives the model. */
    modelName: string;
    /** The most that is ever signed for, nanoTON. */
    spendingCap: bigint;
    /** nanoTON signed ahead of each request where there is no credit. */
    headroom: bigint;
    /** 0 until the session was seen open. */
    openedLt: bigint;
    /** Null until the session was seen open. */
    workerKey: Buffer | null;
    /** Unix seconds; 0 in tier open. */
    attestedUntil: number;
    /** Highest voucher ever signed. */
    voucher: SignedVoucher | null;
    /** Newest receipt that was checked. */
    receipt: SignedReceipt | null;
    /** Requests that were answered. */
    requests: number;
    /** Vouchers that were signed. */
    vouchers: number;
    /** Receipts whose transcript hash was checked, and those where it could not be. */
    verifiedTranscripts: number;
    unverifiedTranscripts: number;
    stopped: Stop | null;
    /** Unix seconds after which the session key is not used for another request; 0 for no end. */
    expiresAt: number;
    /** Unix seconds. */
    createdAt: number;
    /** The account is gone: what was left was returned. */
    closed: boolean;
};

const decimal = z.string().regex(/^(0|[1-9][0-9]*)$/);
const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const rawAddress = z.string().regex(/^0:[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();

const schema = z.object({
    version: z.literal(1),
    escrow: rawAddress,
    registry: rawAddress,
    provider: rawAddress,
    globalId: z.number().int(),
    terms: z.string(),
    sessionKey: hex32,
    endpoint: z.string(),
    modelName: z.string(),
    spendingCap: decimal,
    headroom: decimal,
    openedLt: decimal,
    workerKey: hex32.nullable(),
    attestedUntil: count,
    voucher: z.string().nullable(),
    receipt: z.unknown(),
    requests: count,
    vouchers: count,
    verifiedTranscripts: count,
    unverifiedTranscripts: count,
    stopped: z.object({ code: z.string(), message: z.string() }).nullable(),
    // Records of earlier versions have none.
    expiresAt: count.default(0),
    createdAt: count,
    closed: z.boolean(),
});

/** @returns the record as text for the store. */
export function recordToText(record: SessionRecord): string {
    const json: z.infer<typeof schema> = {
        version: 1,
        escrow: record.escrow.toRawString(),
        registry: record.registry.toRawString(),
        provider: record.provider.toRawString(),
        globalId: record.globalId,
        terms: record.terms.toBoc().toString('base64'),
        sessionKey: record.sessionKey.toString('hex'),
        endpoint: record.endpoint,
        modelName: record.modelName,
        spendingCap: record.spendingCap.toString(),
        headroom: record.headroom.toString(),
        openedLt: record.openedLt.toString(),
        workerKey: record.workerKey?.toString('hex') ?? null,
        attestedUntil: record.attestedUntil,
        voucher: record.voucher === null ? null : encodeVoucher(record.voucher),
        receipt: record.receipt === null ? null : receiptToJson(record.receipt),
        requests: record.requests,
        vouchers: record.vouchers,
        verifiedTranscripts: record.verifiedTranscripts,
        unverifiedTranscripts: record.unverifiedTranscripts,
        stopped: record.stopped,
        expiresAt: record.expiresAt,
        createdAt: record.createdAt,
        closed: record.closed,
    };
    return JSON.stringify(json, null, 2) + '\n';
}

/** @throws an error naming the field when the text is no record. */
export function recordFromText(text: string): SessionRecord {
    const json = schema.parse(JSON.parse(text));
    return {
        escrow: Address.parseRaw(json.escrow),
        registry: Address.parseRaw(json.registry),
        provider: Address.parseRaw(json.provider),
        globalId: json.globalId,
        terms: Cell.fromBase64(json.terms),
        sessionKey: Buffer.from(json.sessionKey, 'hex'),
        endpoint: json.endpoint,
        modelName: json.modelName,
        spendingCap: BigInt(json.spendingCap),
        headroom: BigInt(json.headroom),
        openedLt: BigInt(json.openedLt),
        workerKey: json.workerKey === null ? null : Buffer.from(json.workerKey, 'hex'),
        attestedUntil: json.attestedUntil,
        voucher: json.voucher === null ? null : decodeVoucher(json.voucher),
        receipt: json.receipt === null ? null : receiptFromJson(json.receipt),
        requests: json.requests,
        vouchers: json.vouchers,
        verifiedTranscripts: json.verifiedTranscripts,
        unverifiedTranscripts: json.unverifiedTranscripts,
        stopped: json.stopped,
        expiresAt: json.expiresAt,
        createdAt: json.createdAt,
        closed: json.closed,
    };
}

/** @returns the terms of a record. */
export function agreementOf(record: SessionRecord): SessionAgreement {
    return unpackTerms(record.terms);
}
