import { Address, beginCell, Cell } from '@ton/core';
import { BlockchainTransaction, EmulationError } from '@ton/sandbox';
import { BatchItemKind } from '../../wrappers';
import { actionCodeOf, dataOf, exitCodeOf } from '../support/chain';
import { TestNetwork } from '../support/network';
import { Flight } from '../session/interleave';

/** What an external message did to the settlement. */
export type BatchOutcome = {
    accepted: boolean;
    /** Exit code of the compute phase. */
    exitCode: number;
    /** Result code of the action phase; 0 too when there was none. */
    actionCode: number;
    /** nanoTON that the balance fell in this transaction, coins of the messages included. */
    charged: bigint;
    /** "next": the sequence is one higher than before. */
    sequence: 'same' | 'next';
};

/** A refusal before the message was accepted: not a nanoTON charged, not a bit of the state changed. */
export function refusedForNothing(exitCode: number): BatchOutcome {
    return { accepted: false, exitCode, actionCode: 0, charged: 0n, sequence: 'same' };
}

/** The external message of a batch. */
export function external(network: TestNetwork, body: Cell) {
    return { info: { type: 'external-in' as const, dest: network.settlement.address, importFee: 0n }, body };
}

/** Sends a batch, tells what its own transaction did, and delivers what it sent. */
export async function submit(
    network: TestNetwork, body: Cell,
): Promise<{ outcome: BatchOutcome; transactions: BlockchainTransaction[] }> {
    const { chain, settlement } = network;
    const before = await network.balance(settlement.address);
    const data = await dataOf(chain, settlement.address);
    const { sequence } = await settlement.getSettlementData();
    const flight = await Flight.launch(chain, external(network, body));
    let first: BlockchainTransaction;
    try {
        first = await flight.step();
    } catch (error) {
        if (!(error instanceof EmulationError) || error.exitCode === undefined) {
            throw error;
        }
        if (!(await dataOf(chain, settlement.address))!.equals(data!)) {
            throw new Error('A message that was not accepted has changed the state.');
        }
        const charged = before - (await network.balance(settlement.address));
        return { outcome: { accepted: false, exitCode: error.exitCode, actionCode: 0, charged, sequence: 'same' }, transactions: [] };
    }
    const charged = before - (await network.balance(settlement.address));
    const after = (await settlement.getSettlementData()).sequence;
    if (after !== sequence && after !== sequence + 1n) {
        throw new Error(`The sequence went from ${sequence} to ${after}.`);
    }
    const outcome: BatchOutcome = {
        accepted: true, exitCode: exitCodeOf(first)!, actionCode: actionCodeOf(first) ?? 0, charged,
        sequence: after === sequence ? 'same' : 'next',
    };
    return { outcome, transactions: [first, ...(await flight.land())] };
}

/** As submit, for what the batch's own transaction did. */
export async function tryBatch(network: TestNetwork, body: Cell): Promise<BatchOutcome> {
    return (await submit(network, body)).outcome;
}

export type RawItem = { kind?: number; account?: Address; arguments?: Cell };

/** One item as bits and a reference, unchecked. */
export function rawItem(item: RawItem = {}): Cell {
    return beginCell()
        .storeUint(item.kind ?? BatchItemKind.ClaimVoucher, 8)
        .storeBuffer((item.account ?? new Address(0, Buffer.alloc(32, 0xaa))).hash)
        .storeRef(item.arguments ?? Cell.EMPTY)
        .endCell();
}

/** A list of items as the contract reads it, of whatever items, up to three a cell. */
export function rawList(items: Cell[]): Cell {
    let next: Cell | null = null;
    for (let start = Math.floor(Math.max(items.length - 1, 0) / 3) * 3; start >= 0; start -= 3) {
        const builder = beginCell();
        items.slice(start, start + 3).forEach((item) => builder.storeSlice(item.beginParse()));
        if (next !== null) {
            builder.storeRef(next);
        }
        next = builder.endCell();
    }
    return next ?? Cell.EMPTY;
}

/** A tree of about `leaves` x 4/3 different cells: what an attacker who pays nothing for it would attach. */
export function tree(leaves: number): Cell {
    let layer = Array.from({ length: leaves }, (_, index) => beginCell().storeUint(index, 16).endCell());
    while (layer.length > 1) {
        const children = layer;
        layer = Array.from({ length: Math.ceil(children.length / 4) }, (_, index) =>
            children.slice(4 * index, 4 * index + 4).reduce((cell, child) => cell.storeRef(child), beginCell()).endCell());
    }
    return layer[0];
}
