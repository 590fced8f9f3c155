import { createHash } from 'node:crypto';
import { Address, beginCell, Cell, loadMessage, Message, storeMessage, TupleItem } from '@ton/core';
import { Account, Accounts } from './accounts';
import { Blocks } from './blocks';
import { pricesConfig } from './config';
import { installConfigContract } from './configContract';
import { PriceSet } from './defaults';
import { Emulator, Execution, GetMethodResult, Surroundings } from './emulator';
import { DevnetError, ExternalMessageRefused, messageOf } from './errors';
import { History, TransactionRecord } from './history';
import { applyLibraryActions } from './libraries';
import { Logger } from './logger';
import { SerialQueue } from './serialQueue';
import { ChainState, recordFromState, recordToState } from './state';
import { Fees, feesOf, gasUsed, messageCells } from './transactions';

/** Distance of the logical times of two transactions: room for the messages that one transaction sends. */
const LT_STEP = 1_000_000n;

/** A block ends after so much gas, as on the basechain, and the rest of the messages waits for the next one. */
const BLOCK_GAS = 10_000_000n;

/** A block ends after so many transactions, which keeps the network answering when a chain of messages is endless. */
const BLOCK_TRANSACTIONS = 250;

/** In instant mode a request runs at most so many more blocks itself; what is then left goes on in the background. */
const INSTANT_BLOCKS = 1;

const LAST_UTIME = 0xffffffff;

/** For how many seconds the messages of wallets are usually valid. */
const WALLET_TIMEOUT = 60;

/** Where the coins of the faucet come from; no account is there. */
export const FAUCET_ADDRESS = new Address(0, createHash('sha256').update('ton-compute devnet faucet').digest());

/** How a network runs. */
export interface ChainOptions {
    /** Time between two blocks in milliseconds; 0 means that blocks are only made when something happens. */
    readonly blockTime: number;
    /** Whether an accepted external message is executed at once, in a block of its own. */
    readonly automine: boolean;
    readonly prices: PriceSet;
    /** Value of configuration parameter 19. */
    readonly globalId: number;
    /** 32 bytes from which the hashes of the blocks and all random seeds derive. */
    readonly genesisHash: Buffer;
    readonly logger: Logger;
    /** A block ends after so many transactions; 250 when omitted. */
    readonly blockTransactions?: number;
}

interface Draft {
    readonly seqno: number;
    readonly surroundings: Surroundings;
    readonly transactions: TransactionRecord[];
    gas: bigint;
}

/**
 * A TON network in memory: accounts, blocks, a queue of messages and a clock around the real TVM.
 *
 * Everything that reads or changes it goes through one queue, so that nobody sees a state in the middle of a block.
 */
export class Chain {
    private readonly emulator = new Emulator();
    private readonly queue = new SerialQueue();
    private readonly accounts = new Accounts();
    private readonly history = new History();
    private readonly blocks: Blocks;
    private readonly logger: Logger;
    private readonly automine: boolean;
    private readonly blockTime: number;
    private readonly blockTransactions: number;

    /** Accepted external messages that wait for the next block. */
    private externals: Cell[] = [];
    /** Internal messages on their way. */
    private internals: Cell[] = [];
    private lt = 0n;
    private offsetMs = 0;
    private libraries: Cell | undefined;
    private priceSet: PriceSet;
    private readonly globalId: number;
    private configCell: Cell;
    private configBoc: string;
    private timer: NodeJS.Timeout | undefined;
    private changes = 0;
    private stopped = false;

    /** An empty network, standing still until {@link start}. */
    constructor(options: ChainOptions) {
        this.logger = options.logger;
        this.blockTime = options.blockTime;
        this.blockTransactions = options.blockTransactions ?? BLOCK_TRANSACTIONS;
        this.automine = options.automine || options.blockTime === 0;
        this.blocks = new Blocks(options.genesisHash, Math.floor(Date.now() / 1000));
        this.priceSet = options.prices;
        this.globalId = options.globalId;
        this.configCell = pricesConfig(this.priceSet, { globalId: this.globalId });
        this.configBoc = toBase64(this.configCell);
        installConfigContract(this.accounts, this.configCell);
    }

    /** Begins to make blocks. */
    start(): void {
        if (this.blockTime > 0) {
            this.timer = setInterval(() => this.tick(), this.blockTime);
        }
    }

    /** Stops making blocks, for good, and waits for what is under way; messages that are left stay in the state. */
    async stop(): Promise<void> {
        clearInterval(this.timer);
        this.stopped = true;
        await this.queue.run(() => undefined);
    }

    /** Unix time of the network in seconds: the clock of this machine plus what was added, and never backwards. */
    now(): number {
        return Math.max(this.blocks.lastUtime, Math.floor((Date.now() + this.offsetMs) / 1000));
    }

    /**
     * Reads something at a moment when no block is being made.
     *
     * @param read gets the parts of the network; must not keep or change them
     */
    read<T>(read: (view: ChainView) => Promise<T> | T): Promise<T> {
        return this.queue.run(() => read(this.view()));
    }

    /** Grows with everything that happens except empty blocks; tells whether a saved state is still up to date. */
    get version(): number {
        return this.changes;
    }

    /**
     * Puts an active account into the network without a transaction, if nothing ever happened at its address.
     *
     * @param balance nanoTON
     */
    createAccount(address: Address, init: { code: Cell; data: Cell }, balance: bigint): Promise<void> {
        return this.queue.run(() => {
            if (!this.accounts.has(address)) {
                this.accounts.create(address, init, balance);
                this.changes++;
            }
        });
    }

    /**
     * Takes an external message. In instant mode it and everything that follows from it has happened when this
     * returns; else it waits for the next block.
     *
     * @param message serialised message
     * @throws ExternalMessageRefused when the contract does not accept it
     */
    sendExternal(message: Cell): Promise<void> {
        return this.queue.run(async () => {
            const draft = this.openBlock();
            const execution = await this.execute(draft, message, false).catch((error: unknown) => {
                throw this.withHintAboutTime(error);
            });
            if (!this.automine) {
                // Only the check counts: until the block comes, other messages may change the account.
                this.externals.push(message);
                this.changes++;
                return;
            }
            await this.makeBlock(draft, execution);
            await this.finishMessages();
        });
    }

    /**
     * Creates coins and sends them to an address in a message that does not bounce, in a block of its own.
     *
     * @param amount nanoTON
     */
    faucet(address: Address, amount: bigint): Promise<void> {
        return this.queue.run(async () => {
            this.lt += LT_STEP;
            const message: Message = {
                info: {
                    type: 'internal',
                    ihrDisabled: true,
                    bounce: false,
                    bounced: false,
                    src: FAUCET_ADDRESS,
                    dest: address,
                    value: { coins: amount },
                    ihrFee: 0n,
                    forwardFee: 0n,
                    createdLt: this.lt,
                    createdAt: this.now(),
                },
                body: Cell.EMPTY,
            };
            this.internals.push(beginCell().store(storeMessage(message)).endCell());
            await this.makeBlock();
            await this.finishMessages();
        });
    }

    /**
     * Makes blocks now.
     *
     * @param count how many
     * @returns number of the last block
     */
    mine(count: number): Promise<number> {
        return this.queue.run(async () => {
            for (let i = 0; i < count; i++) {
                await this.makeBlock();
            }
            return this.blocks.lastSeqno;
        });
    }

    /**
     * Moves the clock forward and makes a block, so that every later answer shows the new time.
     *
     * @param time Unix time in seconds that it will be, given the one that it is
     * @returns the new time
     * @throws DevnetError when the time would go backwards or leave 32 bits
     */
    setTime(time: (now: number) => number): Promise<number> {
        return this.queue.run(async () => {
            const now = this.now();
            const target = time(now);
            if (target < now || target > LAST_UTIME) {
                throw new DevnetError(
                    `Cannot set the time to ${target}: it is ${now}, and time only moves forward, up to ` +
                        `${LAST_UTIME}. To go back, restore a snapshot that was made earlier`,
                );
            }
            this.offsetMs = target * 1000 - Date.now();
            this.changes++;
            await this.makeBlock();
            return this.now();
        });
    }

    /** Puts another set of prices in force and makes a block. */
    setPrices(set: PriceSet): Promise<void> {
        return this.queue.run(async () => {
            this.applyPrices(set);
            this.changes++;
            await this.makeBlock();
        });
    }

    /** Everything there is to keep of the network. */
    exportState(): Promise<ChainState> {
        return this.queue.run(() => ({
            genesisHash: this.blocks.seed.toString('hex'),
            prices: this.priceSet,
            globalId: this.globalId,
            offsetMs: this.offsetMs,
            lt: this.lt.toString(),
            libraries: this.libraries ? toBase64(this.libraries) : null,
            externals: this.externals.map(toBase64),
            internals: this.internals.map(toBase64),
            blockTimes: this.blocks.exportTimes(),
            accounts: this.accounts.export(),
            transactions: this.history.export().map(recordToState),
        }));
    }

    /**
     * Goes back (or over) to a state that was kept. Its global id must be the one of this network.
     *
     * @throws DevnetError when the state was made with another global id
     */
    importState(state: ChainState): Promise<void> {
        return this.queue.run(() => {
            if (state.globalId !== this.globalId) {
                throw new DevnetError(
                    `The state was made with global id ${state.globalId}, this network has ${this.globalId}. ` +
                        'Signatures made under one are void under the other: start the network with the global id ' +
                        'of the state, or with another state',
                );
            }
            const records = state.transactions.map(recordFromState);
            this.accounts.import(state.accounts);
            this.history.clear();
            for (const { record, transaction } of records) {
                this.history.add(record, transaction);
            }
            this.blocks.import(
                Buffer.from(state.genesisHash, 'hex'),
                state.blockTimes,
                records.map(({ record }) => record),
            );
            this.externals = state.externals.map((boc) => Cell.fromBase64(boc));
            this.internals = state.internals.map((boc) => Cell.fromBase64(boc));
            this.lt = BigInt(state.lt);
            this.offsetMs = state.offsetMs;
            this.libraries = state.libraries ? Cell.fromBase64(state.libraries) : undefined;
            this.applyPrices(state.prices);
            this.changes++;
        });
    }

    private view(): ChainView {
        return {
            accounts: this.accounts,
            blocks: this.blocks,
            history: this.history,
            config: this.configCell,
            libraries: this.libraries,
            prices: this.priceSet,
            now: this.now(),
            lt: this.lt,
            pending: this.externals.length + this.internals.length,
            getMethod: (account, methodId, stack) =>
                this.emulator.getMethod(account, methodId, stack, this.openBlock().surroundings),
            estimate: async (message, ignoreSignatures) =>
                feesOf((await this.execute(this.openBlock(), message, ignoreSignatures)).transaction),
        };
    }

    private applyPrices(set: PriceSet): void {
        this.priceSet = set;
        this.configCell = pricesConfig(set, { globalId: this.globalId });
        this.configBoc = toBase64(this.configCell);
        installConfigContract(this.accounts, this.configCell);
    }

    private tick(): void {
        if (this.queue.length > 0) {
            // The machine cannot keep up: a late block is better than a growing line of them.
            return;
        }
        this.inBackground(() => this.makeBlock());
    }

    private inBackground(job: () => Promise<unknown>): void {
        this.queue
            .run(job)
            .catch((error: unknown) => this.logger.error({ err: error }, `A block failed: ${messageOf(error)}`));
    }

    private openBlock(): Draft {
        const seqno = this.blocks.lastSeqno + 1;
        return {
            seqno,
            surroundings: {
                config: this.configBoc,
                libraries: this.libraries,
                now: this.now(),
                randomSeed: this.blocks.randomSeed(seqno),
            },
            transactions: [],
            gas: 0n,
        };
    }

    private async makeBlock(draft = this.openBlock(), first?: Execution): Promise<void> {
        try {
            if (first) {
                this.commit(draft, first);
            }
            await this.fillBlock(draft);
        } finally {
            // What has happened stays, even if the emulator failed on a later message.
            this.blocks.append(draft.surroundings.now, draft.transactions);
        }
    }

    /** Runs messages until none is left or the block is full: first those on their way, then the new ones. */
    private async fillBlock(draft: Draft): Promise<void> {
        const hasRoom = () => draft.gas < BLOCK_GAS && draft.transactions.length < this.blockTransactions;
        for (let old = this.internals.length; old > 0 && hasRoom(); old--) {
            await this.deliver(draft, this.internals.shift()!);
        }
        while (this.externals.length > 0 && hasRoom()) {
            await this.deliver(draft, this.externals.shift()!);
        }
        while (this.internals.length > 0 && hasRoom()) {
            await this.deliver(draft, this.internals.shift()!);
        }
    }

    /** In instant mode: makes further blocks until all messages have arrived, at some point in the background. */
    private async finishMessages(): Promise<void> {
        if (!this.automine || this.stopped) {
            return;
        }
        for (let i = 0; i < INSTANT_BLOCKS && this.internals.length > 0; i++) {
            await this.makeBlock();
        }
        if (this.internals.length > 0) {
            // Waiting requests come first, then the rest of an exceptionally long chain of messages.
            setImmediate(() => this.inBackground(() => this.finishMessages()));
        }
    }

    private async deliver(draft: Draft, message: Cell): Promise<void> {
        try {
            this.commit(draft, await this.execute(draft, message, false));
        } catch (error) {
            if (error instanceof ExternalMessageRefused) {
                // It was acceptable when it came, but something before it in the block changed the account.
                this.logger.info({ error: error.message }, 'A message was dropped because it is no longer accepted');
            } else {
                this.logger.error({ err: error, message: toBase64(message) }, 'A message was dropped');
            }
        }
    }

    /** Wallets count `valid_until` from the clock of the machine: after a leap in time their messages are born old. */
    private withHintAboutTime(error: unknown): unknown {
        const ahead = this.now() - Math.floor(Date.now() / 1000);
        return error instanceof ExternalMessageRefused && ahead > WALLET_TIMEOUT
            ? error.withHint(
                  `The clock of this network is ${ahead} s ahead of the machine's. If the message is valid for a ` +
                      'limited time, count it from the time of the network (sync_utime of any account)',
              )
            : error;
    }

    private execute(draft: Draft, message: Cell, ignoreSignatures: boolean): Promise<Execution> {
        const { dest } = loadMessage(message.beginParse()).info;
        const account = this.accounts.get(dest as Address);
        return this.emulator.execute(account, message, this.lt + LT_STEP, draft.surroundings, ignoreSignatures);
    }

    private commit(draft: Draft, { transaction, boc, account, actions }: Execution): void {
        this.lt = transaction.lt;
        this.changes++;
        this.accounts.set(account);
        const record = {
            address: account.address,
            lt: transaction.lt,
            hash: transaction.hash(),
            boc,
            seqno: draft.seqno,
        };
        this.history.add(record, transaction);
        draft.transactions.push(record);
        draft.gas += gasUsed(transaction);
        const cells = messageCells(transaction).outgoing;
        transaction.outMessages.keys().forEach((key, index) => {
            if (transaction.outMessages.get(key)!.info.type === 'internal') {
                this.internals.push(cells[index]);
            }
        });
        if (actions && account.address.workChain === -1) {
            this.publishLibraries(actions);
        }
    }

    private publishLibraries(actions: Cell): void {
        try {
            this.libraries = applyLibraryActions(this.libraries, actions);
        } catch (error) {
            // A contract may leave actions that nobody can read; that is its own affair and stops nothing.
            this.logger.warn({ err: error }, 'The actions of a masterchain transaction could not be read');
        }
    }
}

/** The network at one moment. */
export interface ChainView {
    readonly accounts: Accounts;
    readonly blocks: Blocks;
    readonly history: History;
    /** Configuration in force. */
    readonly config: Cell;
    /** Dictionary of public libraries. */
    readonly libraries: Cell | undefined;
    readonly prices: PriceSet;
    /** Unix time, seconds. */
    readonly now: number;
    /** Logical time of the last transaction. */
    readonly lt: bigint;
    /** How many messages wait for the next block. */
    readonly pending: number;
    /**
     * Runs a get-method.
     *
     * @param methodId number of the method
     */
    getMethod(account: Account, methodId: number, stack: TupleItem[]): Promise<GetMethodResult>;
    /**
     * What an external message would cost its destination, without sending it.
     *
     * @throws ExternalMessageRefused when the contract does not accept it
     */
    estimate(message: Cell, ignoreSignatures: boolean): Promise<Fees>;
}

function toBase64(cell: Cell): string {
    return cell.toBoc({ idx: false }).toString('base64');
}
