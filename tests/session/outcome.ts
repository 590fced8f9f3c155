import { Address, Cell, StateInit, Transaction } from '@ton/core';
import { Blockchain } from '@ton/sandbox';
import { exitCodeOf, sendAs } from '../support/chain';

/** What one message did: as a whole, so that a test says in one line all that must be true of it. */
export type Outcome = {
    /** Exit code of the compute phase. */
    exitCode: number | undefined;
    /** Whether the whole value went back to the sender, less gas and the fee for carrying it. */
    returned: boolean;
    /**
     * Whether the account's code, data and balance are what they were. A message that deploys it may leave it deployed
     * with its initial data (the chain does so even when the message is refused), but not with a coin more.
     */
    unchanged: boolean;
};

/** A refusal with nothing lost: the exit code, the value back to the sender, the account as it was. */
export function refused(exitCode: number): Outcome {
    return { exitCode, returned: true, unchanged: true };
}

/** Code, data and balance of an account in one string. */
export async function fingerprint(chain: Blockchain, address: Address, init?: StateInit): Promise<string> {
    const contract = await chain.getContract(address);
    const state = contract.accountState;
    const { code, data } = state?.type === 'active' ? state.state : init ?? {};
    return [code, data].map((cell) => cell?.hash().toString('hex') ?? 'none').concat(String(contract.balance)).join(' ');
}

function wasReturned(transaction: Transaction, from: Address, value: bigint): boolean {
    const out = [...transaction.outMessages.values()];
    if (out.length !== 1 || out[0].info.type !== 'internal') {
        return false;
    }
    const { dest, bounced, value: back, forwardFee } = out[0].info;
    return bounced && dest.equals(from) && back.coins + forwardFee + transaction.totalFees.coins === value;
}

/** Delivers one bounceable message in the name of any account and tells what it did. */
export async function attempt(
    chain: Blockchain, from: Address, to: Address, body: Cell, value: bigint, init?: StateInit,
): Promise<Outcome> {
    const before = await fingerprint(chain, to, init);
    const { transactions } = await sendAs(chain, from, to, value, body, { init });
    const [transaction] = transactions;
    return {
        exitCode: exitCodeOf(transaction),
        returned: wasReturned(transaction, from, value),
        unchanged: before === (await fingerprint(chain, to)),
    };
}
