/**
 * Everything is TEXT or INTEGER: amounts are decimal digits padded to one length, so that SQL compares them as numbers
 * and a guard like `cumulative < ?` holds in the database itself. No prompt, answer or network address of a client is
 * ever stored as it is: results of jobs lie here sealed under the client's key, until the job is over.
 */
export const Schema = `
CREATE TABLE IF NOT EXISTS sessions (
    escrow TEXT NOT NULL,             -- raw address
    opened_lt TEXT NOT NULL,          -- decimal; names one life of the escrow
    cumulative TEXT NOT NULL,         -- nanoTON of the highest voucher, padded
    voucher TEXT,                     -- the rest of it: receipt hash and signature, hexadecimal
    exact TEXT,                       -- nanoTON of the voucher for exactly what was used, padded; below the highest
    exact_voucher TEXT,               -- the rest of it, as above
    receipt_sequence INTEGER NOT NULL,
    receipt TEXT,                     -- newest receipt: JSON as on the wire
    transcript TEXT NOT NULL,         -- hexadecimal
    prompt INTEGER NOT NULL,          -- tokens used, cumulative
    cached INTEGER NOT NULL,
    completion INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    claimed TEXT NOT NULL,            -- nanoTON, as last read from the chain, padded
    unclaimed_since INTEGER,          -- unix seconds
    closed INTEGER NOT NULL,          -- 1: this life of the escrow is over
    PRIMARY KEY (escrow, opened_lt)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS replays (
    key TEXT PRIMARY KEY,
    expires INTEGER NOT NULL          -- unix seconds
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replays_expires ON replays (expires);

CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,     -- unix seconds
    items INTEGER NOT NULL,
    expected TEXT NOT NULL,           -- nanoTON that it should bring, padded
    message TEXT NOT NULL,            -- body of the external message: base64 of its BoC
    state TEXT NOT NULL,              -- sent, executed, expired or refused
    created INTEGER NOT NULL          -- unix seconds
);

CREATE TABLE IF NOT EXISTS jobs (
    job TEXT NOT NULL,                -- raw address
    opened_lt TEXT NOT NULL,          -- decimal; names one life of the escrow
    state TEXT NOT NULL,              -- bidding, leading, outbid, awarded or over
    amount TEXT NOT NULL,             -- nanoTON that were bid, padded
    bond TEXT NOT NULL,               -- nanoTON, padded
    terms TEXT NOT NULL,              -- base64 of the BoC of the terms
    listing TEXT,                     -- raw address
    delivery_deadline INTEGER NOT NULL, -- unix seconds; 0 before the award
    outcome INTEGER,                  -- what the worker signs, or signed: JobOutcome
    output_root TEXT,                 -- and with it; hexadecimal
    ended TEXT,                       -- how it ended, when over
    updated INTEGER NOT NULL,         -- unix seconds
    PRIMARY KEY (job, opened_lt)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS job_items (
    job TEXT NOT NULL,
    opened_lt TEXT NOT NULL,
    item INTEGER NOT NULL,
    prompt INTEGER NOT NULL,          -- tokens
    completion INTEGER NOT NULL,
    result TEXT NOT NULL,             -- base64 of the sealed result
    PRIMARY KEY (job, opened_lt, item)
);
`;

/** 2^120 has 37 digits. */
const AmountDigits = 37;

/** @returns nanoTON as digits of one length. */
export function padAmount(amount: bigint): string {
    return amount.toString().padStart(AmountDigits, '0');
}
