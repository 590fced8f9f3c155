import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Address, Cell, loadTransaction, Transaction } from '@ton/core';
import { priceSets, PriceSet } from './defaults';
import { DevnetError, messageOf } from './errors';
import { TransactionRecord } from './history';

const FORMAT = 'ton-compute-devnet';
const VERSION = 1;

/** Everything there is to keep of a network, as plain JSON. Cells are in base64. */
export interface ChainState {
    readonly genesisHash: string;
    readonly prices: PriceSet;
    /** Value of configuration parameter 19. */
    readonly globalId: number;
    /** Milliseconds by which the network is ahead of the clock of the machine. */
    readonly offsetMs: number;
    readonly lt: string;
    readonly libraries: string | null;
    /** External messages that wait for the next block. */
    readonly externals: readonly string[];
    /** Internal messages on their way. */
    readonly internals: readonly string[];
    /** Unix times of all blocks, four bytes each, in base64. */
    readonly blockTimes: string;
    /** Raw address and ShardAccount. */
    readonly accounts: readonly (readonly [string, string])[];
    /** Block number and Transaction, in the order of logical time. */
    readonly transactions: readonly StoredTransaction[];
}

/** Block number, workchain and Transaction. */
export type StoredTransaction = readonly [seqno: number, workchain: number, boc: string];

/** @internal */
export function recordToState({ seqno, address, boc }: TransactionRecord): StoredTransaction {
    return [seqno, address.workChain, boc];
}

/** @internal */
export function recordFromState([seqno, workchain, boc]: StoredTransaction): {
    record: TransactionRecord;
    transaction: Transaction;
} {
    const transaction = loadTransaction(Cell.fromBase64(boc).beginParse());
    const account = Buffer.from(transaction.address.toString(16).padStart(64, '0'), 'hex');
    return {
        record: {
            address: new Address(workchain, account),
            lt: transaction.lt,
            hash: transaction.hash(),
            boc,
            seqno,
        },
        transaction,
    };
}

/**
 * Writes a state in such a way that the file holds either the old or the new one, whatever happens in between.
 *
 * @throws DevnetError when the file exists and is something else, or cannot be written
 */
export async function saveState(path: string, state: ChainState): Promise<void> {
    await refuseToOverwrite(path);
    const text = JSON.stringify({ format: FORMAT, version: VERSION, sha256: checksum(state), state });
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
        await mkdir(dirname(path), { recursive: true });
        const file = await open(temporary, 'wx');
        try {
            await file.writeFile(text);
            await file.sync();
        } finally {
            await file.close();
        }
        await rename(temporary, path);
        const folder = await open(dirname(path), 'r');
        try {
            await folder.sync();
        } finally {
            await folder.close();
        }
    } catch (error) {
        await unlink(temporary).catch(() => undefined);
        throw new DevnetError(`Cannot write the state file ${path}: ${messageOf(error)}`);
    }
}

/**
 * Reads a state.
 *
 * @returns undefined when there is no such file
 * @throws DevnetError when the file is damaged, of another program or of another version
 */
export async function loadState(path: string): Promise<ChainState | undefined> {
    let text: string;
    try {
        text = await readFile(path, 'utf8');
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
            return undefined;
        }
        throw new DevnetError(`Cannot read the state file ${path}: ${messageOf(error)}`);
    }
    const file = parseFile(text);
    if (file === undefined) {
        throw new DevnetError(
            `${path} is not a state file of this devnet, or it is damaged: expected JSON with "format": "${FORMAT}". ` +
                'It was left as it is. Choose another file with --state, or move this one away to start anew',
        );
    }
    if (file.version !== VERSION) {
        throw new DevnetError(
            `${path} has version ${String(file.version)} of the state format, this program reads version ${VERSION}. ` +
                'It was left as it is. Use the program that wrote it, or choose another file with --state',
        );
    }
    const { state } = file;
    if (!isState(state) || file.sha256 !== checksum(state)) {
        throw new DevnetError(
            `${path} is damaged: its checksum does not match its content. It was left as it is. ` +
                'Restore it from a copy, or choose another file with --state to start anew',
        );
    }
    return state;
}

async function refuseToOverwrite(path: string): Promise<void> {
    // The name of the format stands at the very beginning, so there is no need to read the whole file.
    const head = Buffer.alloc(64);
    let length: number;
    try {
        const file = await open(path, 'r');
        try {
            length = (await file.read(head, 0, head.length, 0)).bytesRead;
        } finally {
            await file.close();
        }
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
            return;
        }
        throw new DevnetError(`Cannot write the state file ${path}: ${messageOf(error)}`);
    }
    if (!head.subarray(0, length).toString('utf8').startsWith(`{"format":"${FORMAT}"`)) {
        throw new DevnetError(`${path} exists and is not a state file of this devnet: it was not overwritten`);
    }
}

function parseFile(text: string): { version: unknown; sha256: unknown; state: unknown } | undefined {
    try {
        const file = JSON.parse(text) as Record<string, unknown> | null;
        return file && file.format === FORMAT
            ? { version: file.version, sha256: file.sha256, state: file.state }
            : undefined;
    } catch {
        return undefined;
    }
}

function isState(value: unknown): value is ChainState {
    const state = value as Partial<ChainState> | null;
    return (
        typeof state === 'object' &&
        state !== null &&
        priceSets.includes(state.prices as PriceSet) &&
        Number.isInteger(state.globalId) &&
        Array.isArray(state.accounts) &&
        Array.isArray(state.transactions)
    );
}

function checksum(state: ChainState): string {
    return createHash('sha256').update(JSON.stringify(state)).digest('hex');
}
