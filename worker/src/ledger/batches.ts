import Database from 'libsql';
import { Cell } from '@ton/core';

import { padAmount } from './schema';

export type BatchState = 'sent' | 'executed' | 'expired' | 'refused';

/** A signed batch as it was sent. */
export type BatchRecord = {
    id: number;
    sequence: number;
    /** Unix seconds. */
    validUntil: number;
    items: number;
    /** nanoTON that it should bring. */
    expected: bigint;
    message: Cell;
    state: BatchState;
};

type Row = { id: number; sequence: number; valid_until: number; items: number; expected: string; message: string; state: BatchState };

/** Batches that were sent, so that one which was lost is sent again after a restart. */
export class BatchTable {
    private readonly insert: Database.Statement;
    private readonly update: Database.Statement;
    private readonly select: Database.Statement;

    constructor(database: Database.Database) {
        this.insert = database.prepare(
            'INSERT INTO batches (sequence, valid_until, items, expected, message, state, created) ' +
                "VALUES (?, ?, ?, ?, ?, 'sent', ?)",
        );
        this.update = database.prepare('UPDATE batches SET state = ? WHERE id = ?');
        this.select = database.prepare("SELECT * FROM batches WHERE state = 'sent' ORDER BY id");
    }

    /** @returns the record's id. */
    add(batch: Omit<BatchRecord, 'id' | 'state'>, now: number): number {
        const { lastInsertRowid } = this.insert.run(
            batch.sequence,
            batch.validUntil,
            batch.items,
            padAmount(batch.expected),
            batch.message.toBoc().toString('base64'),
            now,
        );
        return Number(lastInsertRowid);
    }

    setState(id: number, state: BatchState): void {
        this.update.run(state, id);
    }

    /** Those whose fate is not known yet. */
    pending(): BatchRecord[] {
        return (this.select.all() as Row[]).map((row) => ({
            id: row.id,
            sequence: row.sequence,
            validUntil: row.valid_until,
            items: row.items,
            expected: BigInt(row.expected),
            message: Cell.fromBase64(row.message),
            state: row.state,
        }));
    }
}
