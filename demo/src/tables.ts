import { fromNano } from '@ton/core';
import { CoinSymbol } from '@ton-compute/contracts';
import Table from 'cli-table3';
import { Account } from './accounting';

/** @returns nanoTON as coins with nine decimals. */
export function coins(amount: bigint): string {
    const sign = amount < 0n ? '-' : '';
    const [whole, decimals = ''] = fromNano(amount < 0n ? -amount : amount).split('.');
    return `${sign}${whole}.${decimals.padEnd(9, '0')}`;
}

function table(head: string[], rows: string[][]): string {
    const drawn = new Table({
        head,
        chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
        style: { head: [], border: [] },
        colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    });
    drawn.push(...rows);
    return drawn.toString();
}

export function partiesTable(account: Account): string {
    const rows = account.parties.map(({ name, before, after }) => [name, coins(before), coins(after), coins(after - before)]);
    return table([`${CoinSymbol}`, 'before', 'after', 'change'], rows);
}

export function operationsTable(account: Account): string {
    const rows = account.operations.map(({ operation, transactions, fees }) => [
        operation,
        String(transactions),
        coins(fees),
        coins(fees / BigInt(transactions)),
    ]);
    return table(['chain fees by operation', 'transactions', `${CoinSymbol}`, 'each'], rows);
}

export function figuresTable(rows: [string, string][]): string {
    return table(['figure', ''], rows);
}
