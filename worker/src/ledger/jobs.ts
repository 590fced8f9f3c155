import { Address, Cell } from '@ton/core';
import Database from 'libsql';
import { bigIntToHash, Delivery } from '@ton-compute/contracts';

import { padAmount } from './schema';
import { Run } from './writer';

/** One life of a JobEscrow. */
export type JobId = { job: Address; openedLt: bigint };

/**
 * 'bidding': a bid was sent or is about to be; 'leading': it is the best one; 'outbid': its bond is back; 'awarded': the
 * work has to be done; 'over'.
 */
export type JobState = 'bidding' | 'leading' | 'outbid' | 'awarded' | 'over';

/** How a job ended for this worker; 'lost': another provider has it. */
export type JobEnd = 'delivered' | 'declined' | 'failed' | 'lost' | 'closed' | 'unknown';

/** A job that this worker has bid for. */
export type JobRecord = {
    id: JobId;
    state: JobState;
    /** nanoTON. */
    amount: bigint;
    /** nanoTON. */
    bond: bigint;
    terms: Cell;
    listing: Address | null;
    /** Unix seconds; 0 before the award. */
    deliveryDeadline: number;
    /** What the worker signs; null until that is certain, and never another one afterwards. */
    statement: Delivery | null;
    ended: JobEnd | null;
};

/** What became of one item. */
export type ItemRecord = { item: number; promptTokens: number; completionTokens: number; sealed: Buffer };

type Row = {
    job: string;
    opened_lt: string;
    state: JobState;
    amount: string;
    bond: string;
    terms: string;
    listing: string | null;
    delivery_deadline: number;
    outcome: number | null;
    output_root: string | null;
    ended: JobEnd | null;
};

const One = 'WHERE job = ? AND opened_lt = ?';

/** Jobs by escrow and life, and the sealed results of those that are being worked on. */
export class JobTable {
    private readonly select: Database.Statement;
    private readonly selectOpen: Database.Statement;
    private readonly selectItems: Database.Statement;
    private readonly countItems: Database.Statement;

    constructor(database: Database.Database) {
        this.select = database.prepare(`SELECT * FROM jobs ${One}`);
        this.selectOpen = database.prepare("SELECT * FROM jobs WHERE state <> 'over'");
        this.selectItems = database.prepare(`SELECT item, prompt, completion, result FROM job_items ${One} ORDER BY item`);
        this.countItems = database.prepare(`SELECT COUNT(*) AS count FROM job_items ${One}`);
    }

    find(id: JobId): JobRecord | null {
        const row = this.select.get(...keyOf(id)) as Row | undefined;
        return row === undefined ? null : toRecord(row);
    }

    /** Jobs that are not over. */
    open(): JobRecord[] {
        return (this.selectOpen.all() as Row[]).map(toRecord);
    }

    items(id: JobId): ItemRecord[] {
        const rows = this.selectItems.all(...keyOf(id)) as { item: number; prompt: number; completion: number; result: string }[];
        return rows.map(({ item, prompt, completion, result }) => ({
            item,
            promptTokens: prompt,
            completionTokens: completion,
            sealed: Buffer.from(result, 'base64'),
        }));
    }

    itemCount(id: JobId): number {
        return (this.countItems.get(...keyOf(id)) as { count: number }).count;
    }

    /** A bid that is about to be sent. @param now unix seconds. */
    putBid({ id, amount, bond, terms, listing }: Pick<JobRecord, 'id' | 'amount' | 'bond' | 'terms' | 'listing'>, now: number): Run {
        return {
            sql:
                'INSERT INTO jobs (job, opened_lt, state, amount, bond, terms, listing, delivery_deadline, updated) ' +
                "VALUES (?, ?, 'bidding', ?, ?, ?, ?, 0, ?) ON CONFLICT (job, opened_lt) DO UPDATE SET state = 'bidding', " +
                "amount = excluded.amount, updated = excluded.updated WHERE state <> 'over'",
            parameters: [
                ...keyOf(id),
                padAmount(amount),
                padAmount(bond),
                terms.toBoc().toString('base64'),
                listing?.toRawString() ?? null,
                now,
            ],
        };
    }

    setState(id: JobId, state: Exclude<JobState, 'over'>, now: number): Run {
        return { sql: `UPDATE jobs SET state = ?, updated = ? ${One} AND state <> 'over'`, parameters: [state, now, ...keyOf(id)] };
    }

    putAward(id: JobId, deliveryDeadline: number, listing: Address | null, now: number): Run {
        return {
            sql: `UPDATE jobs SET state = 'awarded', delivery_deadline = ?, listing = ?, updated = ? ${One} AND state <> 'over'`,
            parameters: [deliveryDeadline, listing?.toRawString() ?? null, now, ...keyOf(id)],
        };
    }

    /** Keeps a finished item; the first version stays. */
    putItem(id: JobId, { item, promptTokens, completionTokens, sealed }: ItemRecord): Run {
        return {
            sql: 'INSERT OR IGNORE INTO job_items (job, opened_lt, item, prompt, completion, result) VALUES (?, ?, ?, ?, ?, ?)',
            parameters: [...keyOf(id), item, promptTokens, completionTokens, sealed.toString('base64')],
        };
    }

    /** What will be signed: the first statement of a life stays, so that no two are ever signed. */
    putStatement(id: JobId, { outcome, outputRoot }: Delivery, now: number): Run {
        return {
            sql: `UPDATE jobs SET outcome = ?, output_root = ?, updated = ? ${One} AND outcome IS NULL`,
            parameters: [outcome, bigIntToHash(outputRoot).toString('hex'), now, ...keyOf(id)],
        };
    }

    /** The job is over: what was worked out for it goes. */
    end(id: JobId, ended: JobEnd, now: number): Run[] {
        return [
            { sql: `UPDATE jobs SET state = 'over', ended = ?, updated = ? ${One} AND state <> 'over'`, parameters: [ended, now, ...keyOf(id)] },
            { sql: `DELETE FROM job_items ${One}`, parameters: keyOf(id) },
        ];
    }
}

function keyOf({ job, openedLt }: JobId): [string, string] {
    return [job.toRawString(), openedLt.toString()];
}

function toRecord(row: Row): JobRecord {
    return {
        id: { job: Address.parseRaw(row.job), openedLt: BigInt(row.opened_lt) },
        state: row.state,
        amount: BigInt(row.amount),
        bond: BigInt(row.bond),
        terms: Cell.fromBase64(row.terms),
        listing: row.listing === null ? null : Address.parseRaw(row.listing),
        deliveryDeadline: row.delivery_deadline,
        statement:
            row.outcome === null || row.output_root === null
                ? null
                : { outcome: row.outcome, outputRoot: BigInt(`0x${row.output_root}`) },
        ended: row.ended,
    };
}
