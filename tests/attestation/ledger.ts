import { createHash } from 'node:crypto';
import {
    Address, beginCell, Cell, loadStorageInfo, loadTransaction, Message, StateInit, storeMessage, storeShardAccount, Transaction,
} from '@ton/core';
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

    /** Names code and data of a contract: the same name, the same state. Empty if there is none. */
    stateOf(address: Address): string {
        const raw = this.raw(address);
        return raw === undefined ? '' : look(raw).state;
    }

    balanceOf(address: Address): bigint {
        const raw = this.raw(address);
        return raw === undefined ? 0n : look(raw).balance;
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
            const before = this.balanceOf(info.dest);
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
        if (look(shard).exists) {
            this.accounts.set(key(to), shard);
        } else {
            this.accounts.delete(key(to));
        }
        return loadTransaction(Cell.fromBase64(result.transaction).beginParse());
    }
}

type Look = { exists: boolean; balance: bigint; state: string };

let lastLook: { raw: string; look: Look } | null = null;

/**
 * What a test wants to know of a serialized ShardAccount without reading its hundreds of cells: the balance stands in
 * the second cell, and what comes after it are code and data.
 */
function look(raw: string): Look {
    if (lastLook?.raw === raw) {
        return lastLook.look;
    }
    const bytes = Buffer.from(raw, 'base64');
    const size = bytes[4] & 7;
    const indexed = (bytes[4] & 0x80) !== 0;
    const cells = bytes.readUIntBE(6, size);
    const start = 6 + 3 * size + bytes[5] + size + (indexed ? cells * bytes[5] : 0);
    const cellAt = (offset: number) => {
        const [refs, length] = [bytes[offset] & 7, Math.ceil(bytes[offset + 1] / 2)];
        return { content: bytes.subarray(offset + 2, offset + 2 + length), end: offset + 2 + length + refs * size };
    };
    const account = cellAt(cellAt(start).end);
    const end = bytes.length - (bytes[4] & 0x40 ? 4 : 0);
    const slice = beginCell().storeBuffer(account.content).endCell().beginParse();
    const exists = slice.loadBit();
    let balance = 0n;
    if (exists) {
        slice.loadAddress();
        loadStorageInfo(slice);
        slice.loadUintBig(64);
        balance = slice.loadCoins();
    }
    const state = account.end < end ? createHash('sha256').update(bytes.subarray(account.end, end)).digest('hex') : '';
    lastLook = { raw, look: { exists, balance, state } };
    return lastLook.look;
}

function key(address: Address): string {
    return accountOf(address).toString(16);
}

function emptyAccount(address: Address): string {
    return beginCell().store(storeShardAccount(createEmptyShardAccount(address))).endCell().toBoc().toString('base64');
}
