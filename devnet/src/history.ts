import { Address, Cell, loadTransaction, Transaction } from '@ton/core';

/** A transaction that has happened. */
export interface TransactionRecord {
    readonly address: Address;
    readonly lt: bigint;
    readonly hash: Buffer;
    /** Serialised Transaction in base64. */
    readonly boc: string;
    /** Number of the masterchain block to which it belongs. */
    readonly seqno: number;
}

/** All transactions, found by account or by the message that caused them. */
export class History {
    private readonly all: TransactionRecord[] = [];
    private readonly byAccount = new Map<string, TransactionRecord[]>();
    private readonly byInMessage = new Map<bigint, TransactionRecord>();

    get size(): number {
        return this.all.length;
    }

    /** Adds a transaction; its logical time must be greater than that of all before it. */
    add(record: TransactionRecord, transaction: Transaction): void {
        this.all.push(record);
        const key = record.address.toRawString();
        const list = this.byAccount.get(key);
        if (list) {
            list.push(record);
        } else {
            this.byAccount.set(key, [record]);
        }
        if (transaction.inMessage?.info.type === 'internal') {
            // Each transaction has a logical time of its own, so no two messages share one.
            this.byInMessage.set(transaction.inMessage.info.createdLt, record);
        }
    }

    /**
     * Transactions of an account, newest first.
     *
     * @param from the first one to return; the newest when omitted
     * @param toLt only later ones are returned
     * @param limit at most so many
     * @returns undefined when there is no transaction `from`
     */
    ofAccount(
        address: Address,
        { from, toLt, limit }: { from?: { lt: bigint; hash: Buffer }; toLt: bigint; limit: number },
    ): TransactionRecord[] | undefined {
        const list = this.byAccount.get(address.toRawString()) ?? [];
        let index = list.length - 1;
        if (from) {
            index = lastIndexAtMost(list, from.lt);
            const found = list[index];
            if (!found || found.lt !== from.lt || !found.hash.equals(from.hash)) {
                return undefined;
            }
        }
        const result: TransactionRecord[] = [];
        for (; index >= 0 && result.length < limit && list[index].lt > toLt; index--) {
            result.push(list[index]);
        }
        return result;
    }

    /** The transaction that an internal message caused. */
    byIncoming(source: Address, destination: Address, createdLt: bigint): TransactionRecord | undefined {
        const record = this.byInMessage.get(createdLt);
        const message = record && parse(record).inMessage;
        return message?.info.type === 'internal' &&
            message.info.src.equals(source) &&
            message.info.dest.equals(destination)
            ? record
            : undefined;
    }

    /** The transaction that sent an internal message. */
    byOutgoing(source: Address, destination: Address, createdLt: bigint): TransactionRecord | undefined {
        const list = this.byAccount.get(source.toRawString()) ?? [];
        // A message gets a logical time just after that of the transaction that sends it.
        const record = list[lastIndexAtMost(list, createdLt)];
        const sent = record
            ? parse(record)
                  .outMessages.values()
                  .some(
                      ({ info }) =>
                          info.type === 'internal' && info.createdLt === createdLt && info.dest.equals(destination),
                  )
            : false;
        return sent ? record : undefined;
    }

    /** All transactions, oldest first. */
    export(): TransactionRecord[] {
        return [...this.all];
    }

    clear(): void {
        this.all.length = 0;
        this.byAccount.clear();
        this.byInMessage.clear();
    }
}

/** The transaction itself. */
export function parse(record: TransactionRecord): Transaction {
    return loadTransaction(Cell.fromBase64(record.boc).beginParse());
}

/** Index of the last record with a logical time of at most `lt`, or -1. */
function lastIndexAtMost(list: readonly TransactionRecord[], lt: bigint): number {
    let low = 0;
    let high = list.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (list[middle].lt <= lt) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}
