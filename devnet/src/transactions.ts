import { Cell, Dictionary, Transaction } from '@ton/core';

/** The messages of a transaction as the cells that are in it, so that their hashes are the ones on the chain. */
export function messageCells(transaction: Transaction): { incoming: Cell | null; outgoing: Cell[] } {
    const messages = transaction.raw.refs[0].beginParse();
    const incoming = messages.loadMaybeRef();
    const outgoing = messages.loadDict(Dictionary.Keys.Uint(15), Dictionary.Values.Cell());
    return { incoming, outgoing: [...outgoing.keys()].sort((a, b) => a - b).map((key) => outgoing.get(key)!) };
}

/** Units of gas that a transaction used. */
export function gasUsed({ description }: Transaction): bigint {
    return 'computePhase' in description && description.computePhase.type === 'vm'
        ? description.computePhase.gasUsed
        : 0n;
}

/** What a transaction cost its account, in nanoTON. */
export interface Fees {
    /** Import of an external message. */
    readonly import: bigint;
    readonly storage: bigint;
    readonly gas: bigint;
    /** Forwarding of the messages that were sent, the part for the next validators included. */
    readonly forward: bigint;
}

/** Splits the fees of an ordinary transaction. */
export function feesOf({ description, totalFees }: Transaction): Fees {
    if (description.type !== 'generic') {
        return { import: 0n, storage: 0n, gas: 0n, forward: 0n };
    }
    const { storagePhase, computePhase, actionPhase } = description;
    const storage = storagePhase?.storageFeesCollected ?? 0n;
    const gas = computePhase.type === 'vm' ? computePhase.gasFees : 0n;
    // The import fee has no field of its own: it is what remains of the total.
    const collected = storage + gas + (actionPhase?.totalActionFees ?? 0n);
    return {
        import: totalFees.coins - collected,
        storage,
        gas,
        forward: actionPhase?.totalFwdFees ?? 0n,
    };
}
