// @ts-check
'use strict';

/**
 * The thread that writes the ledger. A sync to the disk takes from a tenth of a millisecond to ten, and SQLite waits
 * for it: here it holds up nobody's answer. Plain JavaScript, because a thread is started from a file, and this one
 * must be the same file in the sources and in the build.
 *
 * Everything that has arrived while the disk was busy goes into the next transaction.
 */
const { parentPort, receiveMessageOnPort, workerData } = require('node:worker_threads');
const Database = require('libsql');

/** @typedef {{ sql: string, parameters: (string | number | null)[] }} Run */
/** @typedef {{ id: number, runs: Run[] }} Write */
/** @typedef {{ changes: number, id: number }} Result */

/** A transaction takes in no more when it has so many writes: nobody waits for ever. */
const LargestGroup = 256;

const port = parentPort;
if (port === null) {
    throw new Error('This file is a thread of the ledger and is not run by itself.');
}
const database = new Database(workerData.path);
database.exec('PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000');

/** @type {Map<string, import('libsql').Statement>} */
const statements = new Map();

/** @param {string} sql */
function prepared(sql) {
    let statement = statements.get(sql);
    if (statement === undefined) {
        statement = database.prepare(sql);
        statements.set(sql, statement);
    }
    return statement;
}

/**
 * @param {Run} run
 * @returns {Result}
 */
function execute({ sql, parameters }) {
    const { changes, lastInsertRowid } = prepared(sql).run(...parameters);
    return { changes, id: Number(lastInsertRowid) };
}

/** @param {Write[]} group */
function commit(group) {
    try {
        prepared('BEGIN IMMEDIATE').run();
        const results = group.map(({ id, runs }) => ({ id, results: runs.map(execute) }));
        prepared('COMMIT').run();
        port?.postMessage({ results });
    } catch (error) {
        if (database.inTransaction) {
            database.exec('ROLLBACK');
        }
        port?.postMessage({
            failed: group.map(({ id }) => id),
            reason: error instanceof Error ? error.message : String(error),
        });
    }
}

port.on('message', (/** @type {Write[] | null} */ first) => {
    /** @type {Write[]} */
    const group = [];
    let next = first;
    while (next !== null) {
        group.push(...next);
        const waiting = group.length < LargestGroup ? receiveMessageOnPort(port) : undefined;
        if (waiting === undefined) {
            return commit(group);
        }
        next = waiting.message;
    }
    // Null is the last message.
    if (group.length > 0) {
        commit(group);
    }
    database.close();
    port.close();
});
