import { Address, Transaction } from '@ton/core';

/** What a chain of messages cost: the contracts' transactions only, the wallets' own are not counted. */
export type Cost = {
    /** How many transactions. */
    transactions: number;
    gas: bigint;
    /** nanoTON that the chain kept. */
    fees: bigint;
};

/**
 * Adds up the transactions of contracts. The chain keeps of each what the transaction states as its total fees (gas,
 * rent, import of an external message, and the part of each forward fee that the sending validator gets) and, of each
 * message that it sends, the rest of the forward fee, which stands in the message. The forward fee of the first message
 * is paid by the wallet that sends it and not counted.
 * @param wallets accounts that are not contracts of the network.
 */
export function costOf(transactions: Transaction[], wallets: Address[]): Cost {
    const cost: Cost = { transactions: 0, gas: 0n, fees: 0n };
    for (const transaction of contractsOnly(transactions, wallets)) {
        cost.transactions += 1;
        cost.gas += gasOf(transaction);
        cost.fees += transaction.totalFees.coins;
        for (const message of transaction.outMessages.values()) {
            if (message.info.type === 'internal') {
                cost.fees += message.info.forwardFee;
            }
        }
    }
    return cost;
}

/** @returns nanoTON that messages brought from wallets to contracts, less what they took the other way. */
export function inflowOf(transactions: Transaction[], wallets: Address[]): bigint {
    const outside = keysOf(wallets);
    let inflow = 0n;
    for (const { inMessage, outMessages } of contractsOnly(transactions, wallets)) {
        if (inMessage?.info.type === 'internal' && outside.has(keyOf(inMessage.info.src))) {
            inflow += inMessage.info.value.coins;
        }
        for (const { info } of outMessages.values()) {
            if (info.type === 'internal' && outside.has(keyOf(info.dest))) {
                inflow -= info.value.coins;
            }
        }
    }
    return inflow;
}

/** @returns the accounts, other than wallets, that the transactions ran on. */
export function contractsOf(transactions: Transaction[], wallets: Address[]): Address[] {
    const accounts = new Set(contractsOnly(transactions, wallets).map(({ address }) => address));
    return [...accounts].map((account) => Address.parseRaw(`0:${account.toString(16).padStart(64, '0')}`));
}

/** @throws Error when a contract's transaction failed: figures of a failed operation say nothing. */
export function requireSuccess(transactions: Transaction[], wallets: Address[]): void {
    for (const { description, address } of contractsOnly(transactions, wallets)) {
        const fine =
            description.type === 'generic' &&
            description.computePhase.type === 'vm' &&
            description.computePhase.success &&
            description.actionPhase?.success === true;
        if (!fine) {
            throw new Error(
                `The transaction of ${address.toString(16)} failed: expected an operation that goes through.`,
            );
        }
    }
}

function contractsOnly(transactions: Transaction[], wallets: Address[]): Transaction[] {
    const outside = keysOf(wallets);
    return transactions.filter(({ address }) => !outside.has(address.toString()));
}

function gasOf({ description }: Transaction): bigint {
    return description.type === 'generic' && description.computePhase.type === 'vm'
        ? description.computePhase.gasUsed
        : 0n;
}

const keyOf = (address: Address): string => BigInt('0x' + address.hash.toString('hex')).toString();
const keysOf = (addresses: Address[]): Set<string> => new Set(addresses.map(keyOf));
