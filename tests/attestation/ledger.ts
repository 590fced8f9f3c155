import { Address, beginCell, Cell, loadShardAccount, loadTransaction, Message, ShardAccount, StateInit, storeMessage, storeShardAccount, Transaction } from '@ton/core';
import { createEmptyShardAccount, Executor, internal } from '@ton/sandbox';
import { accountOf } from '../../wrappers';
import { chainConfig, PriceSet } from '../support/prices';

/** A message that left the contracts, for an account that has no code: whoever sent, or whoever gets a verdict. */
export type Delivery = { source: Address; to: Address; value: bigint; body: Cell; bounced: boolean };

/** All that one message led to. */
export type Outcome = {
    transactions: Transaction[];
    deliveries: Delivery[];
    /** nanoTON that the validators got: fees of transactions and of carrying messages. */
    fees: bigint;
    /** nanoTON by which the balances of the contracts grew. */
    kept: bigint;
};

/** Accounts as they were; a ledger can be put back to it at no cost. */
export type Saved = ReadonlyMap<string, string>;

const Workers: Partial<Record<PriceSet, Promise<Executor>>> = {};
const Configs = new Map<PriceSet, string>();

/**
 * The accounts of a few contracts, on the emulator itself. For tests that send many thousands of messages and go back
 * after each: a wallet that signs, and a snapshot of a whole chain, cost several times what the contracts do.
 */
export class Ledger {
    private accounts = new Map<string, string>();
    private lt = 0n;

    private constructor(
        private readonly executor: Executor,
        private readonly config: string,
        /** Unix seconds. */
        public now: number,
    ) {}

    static async create(now: number, prices: PriceSet = '2026'): Promise<Ledger> {
        const executor = await (Workers[prices] ??= Executor.create());
        const config = Configs.get(prices) ?? chainConfig(prices).toBoc().toString('base64');
        Configs.set(prices, config);
        return new Ledger(executor, config, now);
    }

    save(): Saved {
        return new Map(this.accounts);
    }

    restore(saved: Saved): void {
        this.accounts = new Map(saved);
    }

    /** The account as it is stored; undefined if there is none. */
    raw(address: Address): string | undefined {
        return this.accounts.get(key(address));
    }

    /** Data of a contract; null when it is not active. */
    dataOf(address: Address): Cell | null {
        const state = this.parsed(address)?.account?.storage.state;
        return state?.type === 'active' ? (state.state.data ?? null) : null;
    }

    balanceOf(address: Address): bigint {
        return this.parsed(address)?.account?.storage.balance.coins ?? 0n;
    }

    /** Sends a message in the name of any account and lets all that follows happen. */
    async post(from: Address, to: Address, value: bigint, body: Cell, init?: StateInit): Promise<Outcome> {
        const outcome: Outcome = { transactions: [], deliveries: [], fees: 0n, kept: 0n };
        const queue: Message[] = [internal({ from, to, value, body, bounce: true, stateInit: init })];
        while (queue.length > 0) {
            const message = queue.shift()!;
            const { info } = message;
            if (info.type !== 'internal') {
                throw new Error(`Expected internal messages, got one that is ${info.type}.`);
            }
            if (this.raw(info.dest) === undefined && !message.init) {
                if (info.bounce) {
                    // Nobody is there: what was sent comes back.
                    this.accounts.set(key(info.dest), emptyAccount(info.dest));
                } else {
                    outcome.deliveries.push({
                        source: info.src, to: info.dest, value: info.value.coins, body: message.body, bounced: info.bounced,
                    });
                    continue;
                }
            }
            const before = this.raw(info.dest) === undefined ? 0n : this.balanceOf(info.dest);
            const transaction = await this.run(message, info.dest);
            outcome.transactions.push(transaction);
            outcome.fees += transaction.totalFees.coins;
            for (const sent of transaction.outMessages.values()) {
                if (sent.info.type === 'internal') {
                    outcome.fees += sent.info.forwardFee;
                }
                queue.push(sent);
            }
            outcome.kept += this.balanceOf(info.dest) - before;
        }
        return outcome;
    }

    private async run(message: Message, to: Address): Promise<Transaction> {
        this.lt += 1_000_000n;
        const { result } = await this.executor.runTransaction({
            config: this.config,
            libs: null,
            verbosity: 'short',
            shardAccount: this.raw(to) ?? emptyAccount(to),
            now: this.now,
            lt: this.lt,
            randomSeed: Buffer.alloc(32),
            ignoreChksig: false,
            debugEnabled: false,
            message: beginCell().store(storeMessage(message)).endCell(),
        });
        if (!result.success) {
            throw new Error(`The emulator gave up: ${result.error}`);
        }
        const shard = result.shardAccount;
        this.accounts.set(key(to), shard);
        if (this.parsed(to)?.account == null) {
            this.accounts.delete(key(to));
        }
        return loadTransaction(Cell.fromBase64(result.transaction).beginParse());
    }

    private parsed(address: Address): ShardAccount | null {
        const raw = this.raw(address);
        return raw === undefined ? null : parse(raw);
    }
}

/** Most accounts are looked at again and again. */
const Parsed = new Map<string, ShardAccount>();

function parse(raw: string): ShardAccount {
    let found = Parsed.get(raw);
    if (found === undefined) {
        if (Parsed.size > 64) {
            Parsed.clear();
        }
        found = loadShardAccount(Cell.fromBase64(raw).beginParse());
        Parsed.set(raw, found);
    }
    return found;
}

function key(address: Address): string {
    return accountOf(address).toString(16);
}

function emptyAccount(address: Address): string {
    return beginCell().store(storeShardAccount(createEmptyShardAccount(address))).endCell().toBoc().toString('base64');
}
