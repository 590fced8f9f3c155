import { Cell, loadTransaction, parseTuple, Transaction, TupleItem } from '@ton/core';
import { Executor } from '@ton/sandbox';
import { Account } from './accounts';
import { ExternalMessageRefused, messageOf } from './errors';

/** What a transaction or a get-method sees of the network around it. */
export interface Surroundings {
    /** Serialised configuration in base64. */
    readonly config: string;
    /** Dictionary of public libraries. */
    readonly libraries: Cell | undefined;
    /** Unix time, seconds. */
    readonly now: number;
    /** 32 bytes. */
    readonly randomSeed: Buffer;
}

/** A transaction that was run but is not yet part of the network. */
export interface Execution {
    readonly transaction: Transaction;
    /** Serialised Transaction in base64. */
    readonly boc: string;
    /** The account after it. */
    readonly account: Account;
    /** List of actions, when the compute phase left one. */
    readonly actions: Cell | undefined;
}

/** Result of a get-method. */
export interface GetMethodResult {
    /** Exit code of the TVM: 0 and 1 mean success. */
    readonly exitCode: number;
    readonly gasUsed: number;
    readonly stack: TupleItem[];
}

/**
 * Gas that a get-method may use: what the tonlib behind toncenter grants, so that a getter too expensive for the real
 * network fails here as well.
 */
const GET_METHOD_GAS = 1_000_000n;

/** Exit code that tonlib reports for a get-method of an account without code. */
const NO_CODE = -13;

/** How many lines of the TVM's log an error carries. */
const LOG_LINES = 5;

let sharedExecutor: Promise<Executor> | undefined;

/**
 * Lets the executor of the sandbox do something. All networks of a process share one: it keeps no state, and compiling
 * it takes longer than everything else at the start.
 *
 * @throws Error when it fails; the next job gets a new one, because nothing can be said of the state of this one
 */
async function withExecutor<T>(job: (executor: Executor) => Promise<T>): Promise<T> {
    const executor = await (sharedExecutor ??= Executor.create());
    try {
        return await job(executor);
    } catch (error) {
        sharedExecutor = undefined;
        throw new Error(`The emulator of the TVM failed: ${messageOf(error)}. The network goes on without this`);
    }
}

/** The real TVM: runs transactions and get-methods on accounts without keeping any state itself. */
export class Emulator {
    /**
     * Runs a transaction; the account that was passed stays as it is.
     *
     * @param message the message that the account receives
     * @param lt logical time of the transaction
     * @param ignoreSignatures whether every signature check succeeds
     * @throws ExternalMessageRefused when the message is external and was not accepted
     */
    async execute(
        account: Account,
        message: Cell,
        lt: bigint,
        { config, libraries, now, randomSeed }: Surroundings,
        ignoreSignatures = false,
    ): Promise<Execution> {
        const args = {
            config,
            libs: libraries ?? null,
            verbosity: 'short' as const,
            shardAccount: account.shardAccount,
            message,
            now,
            lt,
            randomSeed,
            ignoreChksig: ignoreSignatures,
            debugEnabled: false,
        };
        const { result } = await withExecutor((executor) => executor.runTransaction(args));
        if (!result.success) {
            throw refusal(account, result.error, result.vmResults);
        }
        return {
            transaction: loadTransaction(Cell.fromBase64(result.transaction).beginParse()),
            boc: result.transaction,
            account: new Account(account.address, result.shardAccount),
            actions: result.actions ? Cell.fromBase64(result.actions) : undefined,
        };
    }

    /**
     * Runs a get-method.
     *
     * @param methodId number of the method
     * @param stack arguments, the first one at the bottom
     */
    async getMethod(
        account: Account,
        methodId: number,
        stack: TupleItem[],
        { config, libraries, now, randomSeed }: Surroundings,
    ): Promise<GetMethodResult> {
        const { code, data } = account;
        if (!code) {
            return { exitCode: NO_CODE, gasUsed: 0, stack: [] };
        }
        const args = {
            code,
            data: data ?? Cell.EMPTY,
            methodId,
            stack,
            config,
            verbosity: 'short' as const,
            libs: libraries,
            address: account.address,
            unixTime: now,
            balance: account.balance,
            randomSeed,
            gasLimit: GET_METHOD_GAS,
            debugEnabled: false,
            extraCurrency: Object.fromEntries(account.extraCurrencies),
        };
        const { output } = await withExecutor((executor) => executor.runGetMethod(args));
        if (!output.success) {
            throw new Error(`The TVM could not run the get-method: ${output.error}`);
        }
        return {
            exitCode: output.vm_exit_code,
            gasUsed: Number(output.gas_used),
            stack: parseStack(output.stack),
        };
    }
}

function parseStack(boc: string): TupleItem[] {
    try {
        return parseTuple(Cell.fromBase64(boc));
    } catch (error) {
        throw new Error(
            `The get-method left something on the stack that cannot be shown (${messageOf(error)}); expected ` +
                'integers, cells, slices, builders, tuples and null, but for instance no continuation',
        );
    }
}

function refusal(account: Account, error: string, vm?: { vmLog: string; vmExitCode: number }): Error {
    const address = account.address.toRawString();
    if (vm && vm.vmLog !== '') {
        const log = vm.vmLog.trim().split('\n').slice(-LOG_LINES).join('\n');
        const reason =
            `External message was not accepted by ${address}: the contract ` +
            (vm.vmExitCode === 0 || vm.vmExitCode === 1 ? 'ended without accepting it' : 'threw before it accepted');
        return new ExternalMessageRefused(vm.vmExitCode, reason, log);
    }
    if (vm) {
        // The compute phase was skipped: no code, and no state init in the message that gives this address.
        return new ExternalMessageRefused(
            undefined,
            `Failed to unpack account state: account ${address} is ${account.status} and the message carries no ` +
                'state init that hashes to its address',
        );
    }
    if (error.includes('before smart-contract execution')) {
        return new ExternalMessageRefused(
            undefined,
            `inbound external message rejected by account ${address} before smart-contract execution: its balance of ` +
                `${account.balance} nanoTON does not pay for the import of the message; send coins to it first`,
        );
    }
    return new ExternalMessageRefused(undefined, error);
}
