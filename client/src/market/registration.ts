import { Address, Transaction } from '@ton/core';
import { Provider } from '@ton-compute/contracts';
import { Chain } from '../chain/chain';

/** The most that toncenter gives at once. */
const PageSize = 100;

/**
 * Looks for the message with which the registry made the provider.
 * @param pages the most pages of 100 transactions; the history is read backwards.
 * @returns unix seconds, or null when the history that the API has, or that was asked for, ends before.
 */
export async function registrationTime(
    chain: Chain,
    registry: Address,
    provider: Address,
    pages: number,
): Promise<number | null> {
    let last: Transaction | undefined;
    for (let page = 0; page < pages; page += 1) {
        const transactions = await chain.transactions(provider, PageSize, last);
        const registration = transactions.find((transaction) => isRegistration(transaction, registry));
        if (registration !== undefined) {
            return registration.now;
        }
        const oldest = transactions.at(-1);
        if (oldest === undefined || oldest.prevTransactionLt === 0n) {
            return null;
        }
        last = oldest;
    }
    return null;
}

function isRegistration({ inMessage }: Transaction, registry: Address): boolean {
    if (inMessage?.info.type !== 'internal' || !inMessage.info.src.equals(registry)) {
        return false;
    }
    const body = inMessage.body.beginParse();
    return body.remainingBits >= 32 && body.loadUint(32) === Provider.Provider.opcodes.InitialiseProvider;
}
