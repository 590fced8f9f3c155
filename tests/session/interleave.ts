import { Message } from '@ton/core';
import { Blockchain, BlockchainTransaction } from '@ton/sandbox';

/** A chain of messages in flight: each `next` delivers one and puts what it sends at the end of the queue. */
export type Flight = AsyncIterator<BlockchainTransaction>;

/** Puts a message on its way without delivering it. */
export async function launch(chain: Blockchain, message: Message): Promise<Flight> {
    return chain.sendMessageIter(message, { allowParallel: true });
}

/** Delivers one message of a flight that is known to have one. */
export async function step(flight: Flight): Promise<BlockchainTransaction> {
    const { value, done } = await flight.next();
    if (done) {
        throw new Error('Nothing of this flight is left to deliver.');
    }
    return value;
}

/** Delivers everything that is left of a flight. */
export async function land(flight: Flight): Promise<BlockchainTransaction[]> {
    const transactions: BlockchainTransaction[] = [];
    for (let next = await flight.next(); !next.done; next = await flight.next()) {
        transactions.push(next.value);
    }
    return transactions;
}

export type Run = {
    /** Which flight moved at each step, for instance "ABBA". */
    order: string;
    transactions: BlockchainTransaction[];
};

/**
 * Runs several flights in every order in which their messages can be delivered, each time from the present state.
 * @param depart puts the flights on their way; called anew for each order.
 * @param check looks at the state after everything was delivered.
 * @returns the orders that were run.
 */
export async function inEveryOrder(
    chain: Blockchain, depart: () => Promise<Flight[]>, check: (run: Run) => Promise<void>,
): Promise<string[]> {
    const start = chain.snapshot();
    const orders: string[] = [];
    const pending: number[][] = [[]];
    while (pending.length > 0) {
        const choices = pending.pop()!;
        await chain.loadFrom(start);
        const flights = await depart();
        const airborne = flights.map((_, index) => index);
        const transactions: BlockchainTransaction[] = [];
        const taken: number[] = [];
        let duplicate = false;
        while (airborne.length > 0 && !duplicate) {
            const forced = taken.length < choices.length;
            const chosen = forced ? choices[taken.length] : airborne[0];
            const { value, done } = await flights[chosen].next();
            if (!done) {
                if (!forced) {
                    // Every other flight could have moved here instead.
                    airborne.filter((index) => index !== chosen).forEach((index) => pending.push([...taken, index]));
                }
                taken.push(chosen);
                transactions.push(value);
            } else if (forced) {
                duplicate = true; // that flight had landed: another run covers this order
            } else {
                airborne.splice(airborne.indexOf(chosen), 1);
            }
        }
        if (!duplicate) {
            const order = taken.map((index) => String.fromCharCode(65 + index)).join('');
            orders.push(order);
            await check({ order, transactions });
        }
    }
    await chain.loadFrom(start);
    return orders;
}
