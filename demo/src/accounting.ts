import { Address, Transaction } from '@ton/core';
import { TonClient } from '@ton/ton';
import { operationOf } from './operations';

/** What the chain took for one transaction: all it charged, and what its messages paid for their way. nanoTON. */
export function feeOf(transaction: Transaction): bigint {
    let fee = transaction.totalFees.coins;
    for (const message of transaction.outMessages.values()) {
        if (message.info.type === 'internal') {
            fee += message.info.forwardFee;
        }
    }
    return fee;
}

/** Every transaction of an account, newest first. */
export async function transactionsOf(client: TonClient, address: Address): Promise<Transaction[]> {
    const page = 50;
    const all: Transaction[] = [];
    let from: { lt: string; hash: string } | undefined;
    for (;;) {
        const found = await client.getTransactions(address, { limit: page, ...from, archival: true });
        const fresh = found.filter((transaction) => !all.some((known) => known.lt === transaction.lt));
        all.push(...fresh);
        const last = fresh.at(-1);
        if (last === undefined || last.prevTransactionLt === 0n) {
            return all;
        }
        from = { lt: last.lt.toString(), hash: last.hash().toString('base64') };
    }
}

/** An account whose coins are counted. */
export type Party = { name: string; address: Address; before: bigint; isWallet: boolean };

export type PartyResult = Party & { after: bigint };

export type OperationFees = { operation: string; transactions: number; fees: bigint };

/** Where every coin went. */
export type Account = {
    parties: PartyResult[];
    operations: OperationFees[];
    /** nanoTON that the chain took in all. */
    fees: bigint;
    /** Coins that were there before, less those that are there now, less fees: must be 0. */
    missing: bigint;
};

/**
 * Adds up balances and fees of everyone who took part.
 * @param parties all of them: the check fails if coins went to an account that is not listed.
 */
export async function closeTheBooks(client: TonClient, parties: Party[]): Promise<Account> {
    const results: PartyResult[] = [];
    const operations = new Map<string, OperationFees>();
    let fees = 0n;
    let missing = 0n;
    for (const party of parties) {
        const after = await client.getBalance(party.address);
        results.push({ ...party, after });
        missing += party.before - after;
        for (const transaction of await transactionsOf(client, party.address)) {
            const fee = feeOf(transaction);
            const operation = operationOf(transaction, party.isWallet);
            const sum = operations.get(operation) ?? { operation, transactions: 0, fees: 0n };
            operations.set(operation, { operation, transactions: sum.transactions + 1, fees: sum.fees + fee });
            fees += fee;
        }
    }
    return {
        parties: results,
        operations: [...operations.values()].sort((a, b) => (a.fees < b.fees ? 1 : -1)),
        fees,
        missing: missing - fees,
    };
}
