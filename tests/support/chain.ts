import { Address, beginCell, Cell, Dictionary, StateInit, Transaction } from '@ton/core';
import { Blockchain, internal, SendMessageResult } from '@ton/sandbox';
import * as Wrappers from '../../wrappers/fees';

// What a test reads from a chain beside getters: transactions, gas, raw data, storage, and the chain's own prices.

/** The only transaction of an account in a result. */
export function transactionOf<T extends Transaction>(result: { transactions: T[] }, address: Address): T {
    const found = result.transactions.filter((transaction) => transaction.address === BigInt('0x' + address.hash.toString('hex')));
    if (found.length !== 1) {
        throw new Error(`Expected one transaction of ${address.toRawString()}, found ${found.length}.`);
    }
    return found[0];
}

function phasesOf(transaction: Transaction) {
    if (transaction.description.type !== 'generic') {
        throw new Error(`Expected an ordinary transaction, got ${transaction.description.type}.`);
    }
    return transaction.description;
}

/** Gas of a transaction; 0 when nothing was computed. */
export function gasOf(transaction: Transaction): bigint {
    const { computePhase } = phasesOf(transaction);
    return computePhase.type === 'vm' ? computePhase.gasUsed : 0n;
}

/** Exit code of the compute phase; undefined when nothing was computed. */
export function exitCodeOf(transaction: Transaction): number | undefined {
    const { computePhase } = phasesOf(transaction);
    return computePhase.type === 'vm' ? computePhase.exitCode : undefined;
}

/** Result code of the action phase; undefined when there was none. */
export function actionCodeOf(transaction: Transaction): number | undefined {
    return phasesOf(transaction).actionPhase?.resultCode;
}

/** nanoTON for gas. */
export function gasFeesOf(transaction: Transaction): bigint {
    const { computePhase } = phasesOf(transaction);
    return computePhase.type === 'vm' ? computePhase.gasFees : 0n;
}

/** nanoTON for carrying the messages that a transaction sent. */
export function forwardFeesOf(transaction: Transaction): bigint {
    return phasesOf(transaction).actionPhase?.totalFwdFees ?? 0n;
}

/** nanoTON for carrying back the message that a transaction bounced. */
export function bounceFeesOf(transaction: Transaction): bigint {
    const { bouncePhase } = phasesOf(transaction);
    if (bouncePhase?.type !== 'ok') {
        throw new Error('The message was not bounced.');
    }
    return bouncePhase.messageFees + bouncePhase.forwardFees;
}

/** nanoTON for rent that a transaction paid, and what it still owes. */
export function rentOf(transaction: Transaction): { paid: bigint; due: bigint } {
    const { storagePhase } = phasesOf(transaction);
    return { paid: storagePhase?.storageFeesCollected ?? 0n, due: storagePhase?.storageFeesDue ?? 0n };
}

/** nanoTON that a transaction's message brought. */
export function valueOf(transaction: Transaction): bigint {
    const info = transaction.inMessage?.info;
    return info?.type === 'internal' ? info.value.coins : 0n;
}

/** An account's data, or null when it is not active. */
export async function dataOf(chain: Blockchain, address: Address): Promise<Cell | null> {
    const state = (await chain.getContract(address)).accountState;
    return state?.type === 'active' ? state.state.data ?? null : null;
}

/** Replaces an account's data: for states that no message can bring about yet, or that take years. */
export async function setDataOf(chain: Blockchain, address: Address, data: Cell): Promise<void> {
    const contract = await chain.getContract(address);
    const { account, lastTransactionHash, lastTransactionLt } = contract.account;
    const state = account?.storage.state;
    if (!account || state?.type !== 'active') {
        throw new Error(`${address.toRawString()} is not active.`);
    }
    contract.account = {
        account: { ...account, storage: { ...account.storage, state: { ...state, state: { ...state.state, data } } } },
        lastTransactionHash,
        lastTransactionLt,
    };
}

/** Cells and bits that the chain charges an account for: unique cells of code and data, and the account's own cell. */
export async function storedBy(chain: Blockchain, address: Address): Promise<{ cells: bigint; bits: bigint }> {
    const used = (await chain.getContract(address)).account.account!.storageStats.used;
    return { cells: used.cells, bits: used.bits };
}

/** Unique cells and bits below a message's root cell, which is what carrying it costs beside the lump price. */
export function treeSize(roots: (Cell | null | undefined)[]): { cells: bigint; bits: bigint } {
    const seen = new Map<string, number>();
    const visit = (cell: Cell) => {
        const hash = cell.hash().toString('hex');
        if (!seen.has(hash)) {
            seen.set(hash, cell.bits.length);
            cell.refs.forEach(visit);
        }
    };
    roots.forEach((cell) => cell && visit(cell));
    return { cells: BigInt(seen.size), bits: BigInt([...seen.values()].reduce((sum, bits) => sum + bits, 0)) };
}

/** Sends a message in the name of any account, also of one that could never send it. */
export function sendAs(
    chain: Blockchain, from: Address, to: Address, value: bigint, body: Cell = Cell.EMPTY,
    options: { bounce?: boolean; init?: StateInit } = {},
): Promise<SendMessageResult> {
    return chain.sendMessage(internal({ from, to, value, body, bounce: options.bounce, stateInit: options.init }));
}

/** What an account would do with a message: its transaction alone, after which the account is as it was. */
export async function tryAs(chain: Blockchain, from: Address, to: Address, value: bigint, body: Cell): Promise<Transaction> {
    const contract = await chain.getContract(to);
    const before = contract.snapshot();
    const transaction = await contract.receiveMessage(internal({ from, to, value, body }));
    contract.loadFrom(before);
    return transaction;
}

/** As tryAs, for an external message. */
export async function tryExternal(chain: Blockchain, to: Address, body: Cell): Promise<Transaction> {
    const contract = await chain.getContract(to);
    const before = contract.snapshot();
    const transaction = await contract.receiveMessage({ info: { type: 'external-in', dest: to, importFee: 0n }, body });
    contract.loadFrom(before);
    return transaction;
}

/** A message that consists of an operation and nothing else. */
export function operation(code: number): Cell {
    return beginCell().storeUint(code, 32).endCell();
}

const PriceCells = new Map<string, Parameters<typeof Wrappers.parseChainPrices>[0]>();

/** The basechain prices of a chain, at its time. Reading a whole configuration takes long, so it is done once for each. */
export function pricesOf(chain: Blockchain): Wrappers.ChainPrices {
    let found = PriceCells.get(chain.configBase64);
    if (found === undefined) {
        const all = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), chain.config);
        const { storage, gas, forward } = Wrappers.PriceParameters;
        found = { storage: all.get(storage)!, gas: all.get(gas)!, forward: all.get(forward)! };
        PriceCells.set(chain.configBase64, found);
    }
    return Wrappers.parseChainPrices(found, chain.now!);
}

/** nanoTON for gas at a chain's prices: GETGASFEE. */
export function computeFee(chain: Blockchain, gas: bigint): bigint {
    return Wrappers.computeFee(pricesOf(chain), gas);
}

/** nanoTON for carrying a message at a chain's prices: GETFORWARDFEE. */
export function forwardFee(chain: Blockchain, cells = 0n, bits = 0n): bigint {
    return Wrappers.forwardFee(pricesOf(chain), cells, bits);
}

/** nanoTON of rent at a chain's prices: GETSTORAGEFEE. */
export function storageFee(chain: Blockchain, cells: bigint, bits: bigint, seconds: bigint): bigint {
    return Wrappers.storageFee(pricesOf(chain), cells, bits, seconds);
}
