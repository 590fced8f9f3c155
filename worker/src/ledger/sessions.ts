import { Address } from '@ton/core';
import Database from 'libsql';
import { NoTokens, SignedReceipt, SignedVoucher, Tokens } from '@ton-compute/contracts';
import { decodeVoucher, EmptyTranscript, encodeVoucher, receiptFromJson, receiptToJson } from '@ton-compute/protocol';

import { padAmount } from './schema';

/** One life of an escrow. */
export type SessionId = { escrow: Address; openedLt: bigint };

/** What the worker knows of the money of one session. */
export type SessionRecord = {
    id: SessionId;
    voucher: SignedVoucher | null;
    receipt: SignedReceipt | null;
    /** Tokens used, cumulative; at least what the newest receipt says. */
    spent: Tokens;
    /** 32 bytes, after the last request that ended. */
    transcript: Buffer;
    /** nanoTON, as last read from the chain. */
    claimed: bigint;
    /** Unix seconds since when the voucher is above what was claimed; null when it is not. */
    unclaimedSince: number | null;
};

type Row = {
    escrow: string;
    opened_lt: string;
    voucher: string | null;
    receipt: string | null;
    transcript: string;
    prompt: number;
    cached: number;
    completion: number;
    reasoning: number;
    claimed: string;
    unclaimed_since: number | null;
};

/**
 * Sessions by escrow and life. Vouchers, receipts and use only ever grow: the guards are in the SQL, so no order of
 * writes can take anything back.
 */
export class SessionTable {
    private readonly insert: Database.Statement;
    private readonly select: Database.Statement;
    private readonly selectUnclaimed: Database.Statement;
    private readonly updateVoucher: Database.Statement;
    private readonly updateReceipt: Database.Statement;
    private readonly updateSpent: Database.Statement;
    private readonly updateClaimed: Database.Statement;
    private readonly updateClosed: Database.Statement;

    constructor(database: Database.Database) {
        const one = 'WHERE escrow = ? AND opened_lt = ?';
        this.insert = database.prepare(
            'INSERT OR IGNORE INTO sessions (escrow, opened_lt, cumulative, receipt_sequence, transcript, prompt, ' +
                'cached, completion, reasoning, claimed, closed) VALUES (?, ?, ?, 0, ?, 0, 0, 0, 0, ?, 0)',
        );
        this.select = database.prepare(`SELECT * FROM sessions ${one}`);
        this.selectUnclaimed = database.prepare('SELECT * FROM sessions WHERE closed = 0 AND cumulative > claimed');
        this.updateVoucher = database.prepare(
            'UPDATE sessions SET cumulative = ?, voucher = ?, unclaimed_since = ' +
                `CASE WHEN ? > claimed THEN COALESCE(unclaimed_since, ?) END ${one} AND cumulative < ?`,
        );
        this.updateReceipt = database.prepare(
            'UPDATE sessions SET receipt_sequence = ?, receipt = ?, transcript = ?, prompt = MAX(prompt, ?), ' +
                'cached = MAX(cached, ?), completion = MAX(completion, ?), reasoning = MAX(reasoning, ?) ' +
                `${one} AND receipt_sequence < ?`,
        );
        this.updateSpent = database.prepare(
            'UPDATE sessions SET prompt = MAX(prompt, ?), cached = MAX(cached, ?), ' +
                `completion = MAX(completion, ?), reasoning = MAX(reasoning, ?) ${one}`,
        );
        this.updateClaimed = database.prepare(
            // What is left after a claim came later than what was claimed: its age begins anew.
            'UPDATE sessions SET claimed = MAX(claimed, ?), unclaimed_since = CASE WHEN cumulative > MAX(claimed, ?) ' +
                `THEN CASE WHEN claimed < ? THEN ? ELSE COALESCE(unclaimed_since, ?) END END ${one}`,
        );
        this.updateClosed = database.prepare(`UPDATE sessions SET closed = 1 ${one}`);
    }

    /** @returns the session, new or as it was left. @param claimed nanoTON, as the chain says. */
    open({ escrow, openedLt }: SessionId, claimed: bigint): SessionRecord {
        const key = [escrow.toRawString(), openedLt.toString()] as const;
        const row = this.select.get(...key) as Row | undefined;
        if (row !== undefined) {
            return toRecord(row);
        }
        this.insert.run(...key, padAmount(0n), EmptyTranscript.toString('hex'), padAmount(claimed));
        return {
            id: { escrow, openedLt },
            voucher: null,
            receipt: null,
            spent: NoTokens,
            transcript: EmptyTranscript,
            claimed,
            unclaimedSince: null,
        };
    }

    /** @returns the session, or null if it was never seen. */
    find({ escrow, openedLt }: SessionId): SessionRecord | null {
        const row = this.select.get(escrow.toRawString(), openedLt.toString()) as Row | undefined;
        return row === undefined ? null : toRecord(row);
    }

    /** Sessions that are not over and whose voucher is above what was claimed. */
    unclaimed(): SessionRecord[] {
        return (this.selectUnclaimed.all() as Row[]).map(toRecord);
    }

    /** Keeps a voucher if it is higher than the one that is held. @param now unix seconds. @returns whether it was. */
    raiseVoucher({ escrow, openedLt }: SessionId, voucher: SignedVoucher, now: number): boolean {
        const amount = padAmount(voucher.cumulative);
        const { changes } = this.updateVoucher.run(
            amount,
            encodeVoucher(voucher),
            amount,
            now,
            escrow.toRawString(),
            openedLt.toString(),
            amount,
        );
        return changes === 1;
    }

    /** Keeps a receipt with the use that it states. @returns false when a later one is there already. */
    putReceipt({ escrow, openedLt }: SessionId, receipt: SignedReceipt): boolean {
        const { changes } = this.updateReceipt.run(
            receipt.sequence,
            JSON.stringify(receiptToJson(receipt)),
            receipt.transcriptHash.toString(16).padStart(64, '0'),
            ...tokenColumns(receipt.tokens),
            escrow.toRawString(),
            openedLt.toString(),
            receipt.sequence,
        );
        return changes === 1;
    }

    /** Keeps the use between two receipts. */
    putSpent({ escrow, openedLt }: SessionId, spent: Tokens): void {
        this.updateSpent.run(...tokenColumns(spent), escrow.toRawString(), openedLt.toString());
    }

    /** Keeps what the chain says was claimed. @param now unix seconds. */
    putClaimed({ escrow, openedLt }: SessionId, claimed: bigint, now: number): void {
        const amount = padAmount(claimed);
        this.updateClaimed.run(amount, amount, amount, now, now, escrow.toRawString(), openedLt.toString());
    }

    /** This life of the escrow is over: nothing more can be claimed. */
    close({ escrow, openedLt }: SessionId): void {
        this.updateClosed.run(escrow.toRawString(), openedLt.toString());
    }
}

/** uint48 fits a double exactly. */
function tokenColumns(tokens: Tokens): [number, number, number, number] {
    return [Number(tokens.prompt), Number(tokens.cached), Number(tokens.completion), Number(tokens.reasoning)];
}

function toRecord(row: Row): SessionRecord {
    return {
        id: { escrow: Address.parseRaw(row.escrow), openedLt: BigInt(row.opened_lt) },
        voucher: row.voucher === null ? null : decodeVoucher(row.voucher),
        receipt: row.receipt === null ? null : receiptFromJson(JSON.parse(row.receipt)),
        spent: {
            prompt: BigInt(row.prompt),
            cached: BigInt(row.cached),
            completion: BigInt(row.completion),
            reasoning: BigInt(row.reasoning),
        },
        transcript: Buffer.from(row.transcript, 'hex'),
        claimed: BigInt(row.claimed),
        unclaimedSince: row.unclaimed_since,
    };
}
