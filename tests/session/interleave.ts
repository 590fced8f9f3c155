import { Message } from '@ton/core';
import { Blockchain, BlockchainTransaction } from '@ton/sandbox';

/** Something that happens in steps; a step may be several transactions, or none. */
export type Mover = {
    readonly landed: boolean;
    step(): Promise<BlockchainTransaction | BlockchainTransaction[]>;
};

/** A chain of messages in flight: each step delivers one and puts what it sends at the end of the queue. */
export class Flight {
    private constructor(private readonly messages: AsyncIterator<BlockchainTransaction>, private waiting: number) {}

    /** Puts a message on its way without delivering it. */
    static async launch(chain: Blockchain, message: Message): Promise<Flight> {
        return new Flight(await chain.sendMessageIter(message, { allowParallel: true }), 1);
    }

    /** Whether nothing is left to deliver. */
    get landed(): boolean {
        return this.waiting === 0;
    }

    /** Delivers one message. */
    async step(): Promise<BlockchainTransaction> {
        const { value, done } = await this.messages.next();
        if (done) {
            throw new Error('Nothing of this flight is left to deliver.');
        }
        const transaction = value as BlockchainTransaction;
        this.waiting += [...transaction.outMessages.values()].filter(({ info }) => info.type === 'internal').length - 1;
        return transaction;
    }

    /** Delivers everything that is left. */
    async land(): Promise<BlockchainTransaction[]> {
        const transactions: BlockchainTransaction[] = [];
        while (!this.landed) {
            transactions.push(await this.step());
        }
        return transactions;
    }
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
    chain: Blockchain, depart: () => Promise<Mover[]>, check: (run: Run) => Promise<void>,
): Promise<string[]> {
    const start = chain.snapshot();
    const orders: string[] = [];
    const pending: number[][] = [[]];
    for (let forced = pending.pop(); forced !== undefined; forced = pending.pop()) {
        await chain.loadFrom(start);
        const flights = await depart();
        const transactions: BlockchainTransaction[] = [];
        const taken: number[] = [];
        for (;;) {
            const able = flights.flatMap((flight, index) => (flight.landed ? [] : [index]));
            if (able.length === 0) {
                break;
            }
            let chosen = forced[taken.length];
            if (chosen === undefined) {
                // Here every other flight could have moved as well.
                const [first, ...others] = able;
                others.forEach((other) => pending.push([...taken, other]));
                chosen = first;
            }
            transactions.push(...[await flights[chosen].step()].flat());
            taken.push(chosen);
        }
        const order = taken.map((index) => String.fromCharCode(65 + index)).join('');
        orders.push(order);
        await check({ order, transactions });
    }
    await chain.loadFrom(start);
    return orders;
}
