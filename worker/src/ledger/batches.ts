import Database from 'libsql';
import { Cell } from '@ton/core';

import { padAmount } from './schema';
import { Run } from './writer';

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

type Row = {
    id: number;
    sequence: number;
    valid_until: number;
    items: number;
    expected: string;
    message: string;
    state: BatchState;
};

/** Batches that were sent, so that one which was lost is sent again after a restart. */
export class BatchTable {
    private readonly select: Database.Statement;

    constructor(database: Database.Database) {
        this.select = database.prepare("SELECT * FROM batches WHERE state = 'sent' ORDER BY id");
    }

    /** The result's id is the record's. */
    add(batch: Omit<BatchRecord, 'id' | 'state'>, now: number): Run {
        return {
            sql:
                'INSERT INTO batches (sequence, valid_until, items, expected, message, state, created) ' +
                "VALUES (?, ?, ?, ?, ?, 'sent', ?)",
            parameters: [
                batch.sequence,
                batch.validUntil,
                batch.items,
                padAmount(batch.expected),
                batch.message.toBoc().toString('base64'),
                now,
            ],
        };
    }

    setState(id: number, state: BatchState): Run {
        return { sql: 'UPDATE batches SET state = ? WHERE id = ?', parameters: [state, id] };
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
