import { createHash } from 'node:crypto';
import { TransactionRecord } from './history';

/** The only shard of each workchain: `8000000000000000` as a signed number. */
export const SHARD = -(1n << 63n);

export const MASTERCHAIN = -1;
export const BASECHAIN = 0;

/** Identifier of a block. */
export interface BlockId {
    readonly workchain: number;
    readonly seqno: number;
    readonly rootHash: Buffer;
    readonly fileHash: Buffer;
}

/** A block and what is in it. */
export interface Block {
    readonly seqno: number;
    /** Unix time, seconds. */
    readonly utime: number;
    /** Logical time of the first transaction; that of the previous block when there is none. */
    readonly startLt: bigint;
    /** Logical time after the last transaction. */
    readonly endLt: bigint;
    readonly transactions: readonly TransactionRecord[];
}

/**
 * The blocks of the network. One masterchain block goes with one basechain block of the same number; both hold the
 * transactions of their own workchain.
 */
export class Blocks {
    /** Unix time of every block: most blocks are empty, and this is all there is to remember of them. */
    private utimes: number[] = [];
    /** The blocks with transactions, by number, in ascending order. */
    private readonly filled = new Map<number, Block>();
    private filledSeqnos: number[] = [];

    /**
     * @param genesisHash 32 bytes that tell this network from others; the hashes of all blocks derive from it
     * @param genesisTime Unix time of block 0, seconds
     */
    constructor(
        private genesisHash: Buffer,
        genesisTime: number,
    ) {
        this.utimes.push(genesisTime);
    }

    /** Number of the last block. */
    get lastSeqno(): number {
        return this.utimes.length - 1;
    }

    /** Unix time of the last block, seconds. */
    get lastUtime(): number {
        return this.utimes[this.lastSeqno];
    }

    /** 32 bytes from which the network's hashes and random numbers derive. */
    get seed(): Buffer {
        return this.genesisHash;
    }

    /** Adds the next block. */
    append(utime: number, transactions: readonly TransactionRecord[]): Block {
        const seqno = this.utimes.push(utime) - 1;
        if (transactions.length > 0) {
            this.filled.set(seqno, {
                seqno,
                utime,
                startLt: transactions[0].lt,
                endLt: transactions[transactions.length - 1].lt + 1n,
                transactions,
            });
            this.filledSeqnos.push(seqno);
        }
        return this.get(seqno)!;
    }

    /** A block, or undefined when there is none of this number. */
    get(seqno: number): Block | undefined {
        if (!Number.isInteger(seqno) || seqno < 0 || seqno > this.lastSeqno) {
            return undefined;
        }
        const filled = this.filled.get(seqno);
        if (filled) {
            return filled;
        }
        const before = this.filledSeqnos[firstIndex(this.filledSeqnos, (value) => value > seqno) - 1];
        const lt = before === undefined ? 0n : this.filled.get(before)!.endLt;
        return { seqno, utime: this.utimes[seqno], startLt: lt, endLt: lt, transactions: [] };
    }

    /** The first block at or after a Unix time (seconds). */
    atTime(utime: number): Block | undefined {
        return this.get(firstIndex(this.utimes, (value) => value >= utime));
    }

    /** The first block that ends at or after a logical time, which is the one that holds it. */
    atLt(lt: bigint): Block | undefined {
        return this.get(
            this.filledSeqnos[firstIndex(this.filledSeqnos, (seqno) => this.filled.get(seqno)!.endLt >= lt)] ?? -1,
        );
    }

    /** Identifier of the block of a workchain with this number. The hashes are made up, but always the same. */
    id(workchain: number, seqno: number): BlockId {
        return {
            workchain,
            seqno,
            rootHash: this.hash(`root ${workchain} ${seqno}`),
            fileHash: this.hash(`file ${workchain} ${seqno}`),
        };
    }

    /** Random seed of a block, 32 bytes. */
    randomSeed(seqno: number): Buffer {
        return this.hash(`random ${seqno}`);
    }

    /** Times of all blocks, four bytes each, in base64. */
    exportTimes(): string {
        return Buffer.from(Uint32Array.from(this.utimes).buffer).toString('base64');
    }

    /**
     * Replaces all blocks.
     *
     * @param times what {@link exportTimes} returned
     * @param transactions all transactions in the order of their logical time
     */
    import(genesisHash: Buffer, times: string, transactions: readonly TransactionRecord[]): void {
        const bytes = Uint8Array.from(Buffer.from(times, 'base64'));
        const bySeqno = new Map<number, TransactionRecord[]>();
        for (const record of transactions) {
            const list = bySeqno.get(record.seqno);
            if (list) {
                list.push(record);
            } else {
                bySeqno.set(record.seqno, [record]);
            }
        }
        this.genesisHash = genesisHash;
        this.utimes = [];
        this.filled.clear();
        this.filledSeqnos = [];
        new Uint32Array(bytes.buffer).forEach((utime, seqno) => this.append(utime, bySeqno.get(seqno) ?? []));
    }

    private hash(purpose: string): Buffer {
        return createHash('sha256').update(this.genesisHash).update(purpose).digest();
    }
}

/** Index of the first element that passes, in a list where all that pass are at the end; its length if none does. */
function firstIndex(list: readonly number[], passes: (value: number) => boolean): number {
    let low = 0;
    let high = list.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (passes(list[middle])) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
