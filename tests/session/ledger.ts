import { Address, Transaction } from '@ton/core';
import { Blockchain } from '@ton/sandbox';
import { ChainPrices, chainPricesOf, forwardFee } from '../../wrappers';

const parsed = new Map<string, ChainPrices>();

/** The prices in force on a test chain, for the functions of wrappers/values.ts; each configuration is read once. */
export function pricesOf(chain: Blockchain): ChainPrices {
    const key = chain.configBase64;
    if (!parsed.has(key)) {
        parsed.set(key, chainPricesOf(chain.config, chain.now!));
    }
    return parsed.get(key)!;
}

/** nanoTON for carrying a message with an empty body. */
export function carriageOf(chain: Blockchain): bigint {
    return forwardFee(pricesOf(chain), 0n, 0n);
}

/** All coins of all accounts of a chain, nanoTON. */
export function allCoins(chain: Blockchain): bigint {
    return chain.snapshot().contracts.reduce(
        (sum, { account }) => sum + (account.account?.storage.balance.coins ?? 0n), 0n,
    );
}

/** All coins of these accounts, nanoTON: cheaper than allCoins where no other account is touched. */
export async function coinsOf(chain: Blockchain, accounts: Address[]): Promise<bigint> {
    const contracts = await Promise.all(accounts.map((account) => chain.getContract(account)));
    return contracts.reduce((sum, { balance }) => sum + balance, 0n);
}

/**
 * What validators took: each transaction's fees, and the part of a forward fee that travels with the message and is
 * collected on arrival.
 */
export function feesOf(transactions: Transaction[]): bigint {
    return transactions.reduce((sum, { totalFees, inMessage }) => {
        const carried = inMessage?.info.type === 'internal' ? inMessage.info.forwardFee : 0n;
        return sum + totalFees.coins + carried;
    }, 0n);
}

/** What a transaction took from its account's balance: fees, and the messages that it sent. */
export function spentBy(transaction: Transaction): bigint {
    return [...transaction.outMessages.values()].reduce(
        (sum, { info }) => sum + (info.type === 'internal' ? info.value.coins + info.forwardFee : 0n),
        transaction.totalFees.coins,
    );
}
