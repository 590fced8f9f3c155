import { Address } from '@ton/core';
import Database from 'libsql';
import { NoTokens, SignedReceipt, SignedVoucher, Tokens } from '@ton-compute/contracts';
import { EmptyTranscript, receiptFromJson, receiptToJson } from '@ton-compute/protocol';

import { padAmount } from './schema';
import { Run } from './writer';

/** One life of an escrow. */
export type SessionId = { escrow: Address; openedLt: bigint };

/** What the worker knows of the money of one session. */
export type SessionRecord = {
    id: SessionId;
    voucher: SignedVoucher | null;
    /** A lower one that the client signed when nothing ran: for exactly what was used then. */
    exact: SignedVoucher | null;
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
    cumulative: string;
    voucher: string | null;
    exact: string | null;
    exact_voucher: string | null;
    receipt: string | null;
    transcript: string;
    prompt: number;
    cached: number;
    completion: number;
    reasoning: number;
    claimed: string;
    unclaimed_since: number | null;
};

const One = 'WHERE escrow = ? AND opened_lt = ?';

/**
 * Sessions by escrow and life. Vouchers, receipts and use only ever grow: the guards are in the SQL, so no order of
 * writes can take anything back.
 */
export class SessionTable {
    private readonly select: Database.Statement;
    private readonly selectUnclaimed: Database.Statement;

    constructor(database: Database.Database) {
        this.select = database.prepare(`SELECT * FROM sessions ${One}`);
        this.selectUnclaimed = database.prepare(
            'SELECT * FROM sessions WHERE closed = 0 AND (cumulative > claimed OR receipt IS NOT NULL)',
        );
    }

    /** @returns the session, or null if it was never seen. */
    find(id: SessionId): SessionRecord | null {
        const row = this.select.get(...keyOf(id)) as Row | undefined;
        return row === undefined ? null : toRecord(row);
    }

    /** Sessions that are not over and whose voucher, or what their receipt says, is above what was claimed. */
    unclaimed(): SessionRecord[] {
        const records = (this.selectUnclaimed.all() as Row[]).map(toRecord);
        return records.filter(
            ({ voucher, receipt, claimed }) => (voucher?.cumulative ?? 0n) > claimed || (receipt?.amount ?? 0n) > claimed,
        );
    }

    /** A session that was never seen before. @param claimed nanoTON, as the chain says. */
    add(id: SessionId, claimed: bigint): Run {
        return {
            sql:
                'INSERT OR IGNORE INTO sessions (escrow, opened_lt, cumulative, receipt_sequence, transcript, ' +
                'prompt, cached, completion, reasoning, claimed, closed) VALUES (?, ?, ?, 0, ?, 0, 0, 0, 0, ?, 0)',
            parameters: [...keyOf(id), padAmount(0n), EmptyTranscript.toString('hex'), padAmount(claimed)],
        };
    }

    /** Keeps a voucher if it is higher than the one that is held. @param now unix seconds. */
    raiseVoucher(id: SessionId, voucher: SignedVoucher, now: number): Run {
        const amount = padAmount(voucher.cumulative);
        return {
            sql:
                'UPDATE sessions SET cumulative = ?, voucher = ?, unclaimed_since = ' +
                `CASE WHEN ? > claimed THEN COALESCE(unclaimed_since, ?) END ${One} AND cumulative < ?`,
            parameters: [amount, packVoucher(voucher), amount, now, ...keyOf(id), amount],
        };
    }

    /** Keeps the voucher for exactly what was used. If it were lost, the highest would do. */
    putExact(id: SessionId, voucher: SignedVoucher): Run {
        return {
            sql: `UPDATE sessions SET exact = ?, exact_voucher = ? ${One}`,
            parameters: [padAmount(voucher.cumulative), packVoucher(voucher), ...keyOf(id)],
        };
    }

    /** Keeps a receipt, with the use that it states, unless a later one is there already. */
    putReceipt(id: SessionId, receipt: SignedReceipt): Run {
        return {
            sql:
                'UPDATE sessions SET receipt_sequence = ?, receipt = ?, transcript = ?, prompt = MAX(prompt, ?), ' +
                'cached = MAX(cached, ?), completion = MAX(completion, ?), reasoning = MAX(reasoning, ?) ' +
                `${One} AND receipt_sequence < ?`,
            parameters: [
                receipt.sequence,
                JSON.stringify(receiptToJson(receipt)),
                receipt.transcriptHash.toString(16).padStart(HashDigits, '0'),
                ...tokenColumns(receipt.tokens),
                ...keyOf(id),
                receipt.sequence,
            ],
        };
    }

    /** Keeps the use between two receipts. */
    putSpent(id: SessionId, spent: Tokens): Run {
        return {
            sql:
                'UPDATE sessions SET prompt = MAX(prompt, ?), cached = MAX(cached, ?), ' +
                `completion = MAX(completion, ?), reasoning = MAX(reasoning, ?) ${One}`,
            parameters: [...tokenColumns(spent), ...keyOf(id)],
        };
    }

    /** Keeps what the chain says was claimed. @param now unix seconds. */
    putClaimed(id: SessionId, claimed: bigint, now: number): Run {
        const amount = padAmount(claimed);
        return {
            sql:
                // What is left after a claim came later than what was claimed: its age begins anew.
                'UPDATE sessions SET claimed = MAX(claimed, ?), unclaimed_since = ' +
                'CASE WHEN cumulative > MAX(claimed, ?) ' +
                `THEN CASE WHEN claimed < ? THEN ? ELSE COALESCE(unclaimed_since, ?) END END ${One}`,
            parameters: [amount, amount, amount, now, now, ...keyOf(id)],
        };
    }

    /** This life of the escrow is over: nothing more can be claimed. */
    close(id: SessionId): Run {
        return { sql: `UPDATE sessions SET closed = 1 ${One}`, parameters: keyOf(id) };
    }
}

/** @returns the record of a session that was never seen before. */
export function newSessionRecord(id: SessionId, claimed: bigint): SessionRecord {
    return {
        id,
        voucher: null,
        exact: null,
        receipt: null,
        spent: NoTokens,
        transcript: EmptyTranscript,
        claimed,
        unclaimedSince: null,
    };
}

function keyOf({ escrow, openedLt }: SessionId): [string, string] {
    return [escrow.toRawString(), openedLt.toString()];
}

const HashDigits = 64;

/** Everything but the amount, in a form that costs nothing to write: thousands of vouchers come in a second. */
function packVoucher({ receiptHash, signature }: SignedVoucher): string {
    return receiptHash.toString(16).padStart(HashDigits, '0') + signature.toString('hex');
}

function unpackVoucher(cumulative: bigint, text: string): SignedVoucher {
    return {
        cumulative,
        receiptHash: BigInt(`0x${text.slice(0, HashDigits)}`),
        signature: Buffer.from(text.slice(HashDigits), 'hex'),
    };
}

/** uint48 fits a double exactly. */
function tokenColumns(tokens: Tokens): [number, number, number, number] {
    return [Number(tokens.prompt), Number(tokens.cached), Number(tokens.completion), Number(tokens.reasoning)];
}

function toRecord(row: Row): SessionRecord {
    return {
        id: { escrow: Address.parseRaw(row.escrow), openedLt: BigInt(row.opened_lt) },
        voucher: row.voucher === null ? null : unpackVoucher(BigInt(row.cumulative), row.voucher),
        exact:
            row.exact === null || row.exact_voucher === null
                ? null
                : unpackVoucher(BigInt(row.exact), row.exact_voucher),
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
