import { NetworkProvider } from '@ton/blueprint';
import { Address, CommonMessageInfoInternal, Message, Transaction } from '@ton/core';
import { TonClient } from '@ton/ton';
import { describeExitCode } from '@ton-compute/contracts';
import { ScriptError } from './error';

/** Seconds without any news after which a message is given up. */
const Patience = 90;
/** Transactions of an account that are looked through for a message. */
const Page = 20;

/** A chain of messages, from the wallet's transaction on. */
export type Trace = {
    /** In the order in which they were found: a transaction stands before those that it caused. */
    transactions: Transaction[];
    /** nanoTON that the chain kept: fees of all transactions, the wallet's included, and of carrying their messages. */
    fees: bigint;
};

/** The wallet's last transaction before something is sent: what comes after it is ours. */
export async function lastLt(provider: NetworkProvider, account: Address): Promise<bigint> {
    return (await provider.provider(account).getState()).last?.lt ?? 0n;
}

/**
 * Waits for the wallet's transaction that sends to `target`, and for all transactions that follow from it.
 * @param after logical time of the wallet's last transaction before.
 * @throws ScriptError when nothing happens for 90 seconds.
 */
export async function follow(
    provider: NetworkProvider,
    wallet: Address,
    target: Address,
    after: bigint,
): Promise<Trace> {
    const first = await patiently(provider, `The wallet ${wallet.toString()} has not sent the message`, () =>
        walletTransaction(provider, wallet, target, after),
    );
    const transactions: Transaction[] = [];
    const waiting: Transaction[] = [first];
    for (let transaction = waiting.shift(); transaction !== undefined; transaction = waiting.shift()) {
        transactions.push(transaction);
        for (const message of internalMessages(transaction)) {
            const { dest } = message.info;
            waiting.push(
                await patiently(provider, `The message to ${dest.toString()} has not arrived`, () =>
                    resultOf(provider, message),
                ),
            );
        }
    }
    return { transactions, fees: transactions.reduce((sum, transaction) => sum + feesOf(transaction), 0n) };
}

type InternalMessage = Message & { info: CommonMessageInfoInternal };

export function internalMessages(transaction: Transaction): InternalMessage[] {
    return transaction.outMessages
        .values()
        .filter((message): message is InternalMessage => message.info.type === 'internal');
}

/** The account that a transaction ran on; all of these are in the basechain. */
export function accountOfTransaction({ address }: Transaction): Address {
    return Address.parseRaw(`0:${address.toString(16).padStart(64, '0')}`);
}

/** @returns the operation of the message that caused a transaction; 0 for plain coins. */
export function operationOf({ inMessage }: Transaction): number {
    const body = inMessage?.body.beginParse();
    return body !== undefined && body.remainingBits >= 32 ? body.loadUint(32) : 0;
}

/** @returns why a transaction failed, in words, or null when it went well or ran no code. */
export function failureOf({ description }: Transaction): string | null {
    if (description.type !== 'generic' || description.computePhase.type !== 'vm') {
        return null;
    }
    const { computePhase, actionPhase } = description;
    if (!computePhase.success) {
        return describeExitCode(computePhase.exitCode);
    }
    return actionPhase && !actionPhase.success ? describeExitCode(actionPhase.resultCode) : null;
}

async function walletTransaction(
    provider: NetworkProvider,
    wallet: Address,
    target: Address,
    after: bigint,
): Promise<Transaction | undefined> {
    const transactions = await recent(provider, wallet);
    return transactions.find(
        (transaction) =>
            transaction.lt > after && internalMessages(transaction).some(({ info }) => info.dest.equals(target)),
    );
}

/** The transaction that a message caused, if it has happened. */
async function resultOf(provider: NetworkProvider, { info }: InternalMessage): Promise<Transaction | undefined> {
    const api = provider.api();
    if (api instanceof TonClient) {
        // Finds it also on accounts that are gone, such as a session that was just closed.
        return api.tryLocateResultTx(info.src, info.dest, info.createdLt.toString());
    }
    const transactions = await recent(provider, info.dest);
    return transactions.find(({ inMessage }) => {
        const found = inMessage?.info;
        return found?.type === 'internal' && found.src.equals(info.src) && found.createdLt === info.createdLt;
    });
}

async function recent(provider: NetworkProvider, account: Address): Promise<Transaction[]> {
    const contract = provider.provider(account);
    const { last } = await contract.getState();
    return last ? contract.getTransactions(account, last.lt, Buffer.from(last.hash), Page) : [];
}

function feesOf({ totalFees, outMessages }: Transaction): bigint {
    return outMessages
        .values()
        .reduce((sum, { info }) => (info.type === 'internal' ? sum + info.forwardFee : sum), totalFees.coins);
}

/** Asks until there is an answer. An error counts as none yet: API servers answer with one to what they do not know. */
async function patiently<T>(
    provider: NetworkProvider,
    complaint: string,
    ask: () => Promise<T | undefined>,
): Promise<T> {
    const pause = provider.network() === 'custom' ? 150 : 2_000;
    let last = 'no error';
    for (const end = performance.now() + Patience * 1_000; performance.now() < end;) {
        try {
            const answer = await ask();
            if (answer !== undefined) {
                return answer;
            }
        } catch (error) {
            last = error instanceof Error ? error.message : String(error);
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
    }
    throw new ScriptError(
        `${complaint} within ${Patience} seconds (${last}). Look at the wallet before you repeat the command.`,
    );
}
