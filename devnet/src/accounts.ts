import {
    Address,
    beginCell,
    Cell,
    loadShardAccount,
    ShardAccount,
    storeAccountStorage,
    storeShardAccount,
} from '@ton/core';
import { createEmptyShardAccount, createShardAccount } from '@ton/sandbox';

/** State of an account in the words of the API. */
export type AccountStatus = 'active' | 'uninitialized' | 'frozen';

/** An account as of its last transaction. */
export class Account {
    private parsed?: ShardAccount;
    private codeCell?: Cell;
    private dataCell?: Cell;
    private codeBoc?: string;
    private dataBoc?: string;

    /**
     * @param address whose account
     * @param shardAccount serialised ShardAccount in base64, as the emulator takes and returns it
     */
    constructor(
        readonly address: Address,
        readonly shardAccount: string,
    ) {}

    /** NanoTON. */
    get balance(): bigint {
        return this.state.account?.storage.balance.coins ?? 0n;
    }

    /** Amounts of other currencies by their identifier. */
    get extraCurrencies(): Map<number, bigint> {
        const other = this.state.account?.storage.balance.other;
        return new Map(other ? other.keys().map((id) => [id, other.get(id)!]) : []);
    }

    get status(): AccountStatus {
        const type = this.state.account?.storage.state.type;
        return type === 'active' || type === 'frozen' ? type : 'uninitialized';
    }

    /** Code of an active account, else undefined. */
    get code(): Cell | undefined {
        return (this.codeCell ??= keepBoc(this.init()?.code));
    }

    /** Data of an active account, else undefined. */
    get data(): Cell | undefined {
        return (this.dataCell ??= keepBoc(this.init()?.data));
    }

    /** Code in base64, empty when there is none. */
    get codeBase64(): string {
        return (this.codeBoc ??= this.code?.toBoc().toString('base64') ?? '');
    }

    /** Data in base64, empty when there is none. */
    get dataBase64(): string {
        return (this.dataBoc ??= this.data?.toBoc().toString('base64') ?? '');
    }

    /** Hash of the state of a frozen account, else undefined. */
    get frozenHash(): Buffer | undefined {
        const state = this.state.account?.storage.state;
        return state?.type === 'frozen' ? hashToBuffer(state.stateHash) : undefined;
    }

    /** Logical time of the last transaction, 0 when there was none. */
    get lastLt(): bigint {
        return this.state.lastTransactionLt;
    }

    /** Hash of the last transaction, zeros when there was none. */
    get lastHash(): Buffer {
        return hashToBuffer(this.state.lastTransactionHash);
    }

    private get state(): ShardAccount {
        return (this.parsed ??= loadShardAccount(Cell.fromBase64(this.shardAccount).beginParse()));
    }

    private init() {
        const state = this.state.account?.storage.state;
        return state?.type === 'active' ? state.state : undefined;
    }
}

/** All accounts of the network. */
export class Accounts {
    private readonly accounts = new Map<string, Account>();

    /** How many accounts ever had a transaction or were there from the start. */
    get size(): number {
        return this.accounts.size;
    }

    /** The account of an address; an empty one, which is not remembered, when nothing ever happened to it. */
    get(address: Address): Account {
        const known = this.accounts.get(address.toRawString());
        return known ?? new Account(address, serialise(createEmptyShardAccount(address)));
    }

    /** Whether anything ever happened to the account. */
    has(address: Address): boolean {
        return this.accounts.has(address.toRawString());
    }

    /** Replaces an account by its state after a transaction. */
    set(account: Account): void {
        this.accounts.set(account.address.toRawString(), account);
    }

    /**
     * Puts an active account into the network without a transaction, as a zero state does.
     *
     * @param balance nanoTON
     */
    create(address: Address, init: { code: Cell; data: Cell }, balance: bigint): void {
        const shard = createShardAccount({ address, ...init, balance });
        const account = shard.account!;
        // The emulator only adds and subtracts what changes, and ends with a fault when the total becomes negative.
        account.storageStats.used = sizeOf(beginCell().store(storeAccountStorage(account.storage)).endCell());
        this.set(new Account(address, serialise(shard)));
    }

    /** Pairs of raw address and serialised ShardAccount. */
    export(): [string, string][] {
        return [...this.accounts].map(([address, account]) => [address, account.shardAccount]);
    }

    /** Replaces everything by what {@link export} returned. */
    import(entries: readonly (readonly [string, string])[]): void {
        this.accounts.clear();
        for (const [raw, shardAccount] of entries) {
            this.set(new Account(Address.parseRaw(raw), shardAccount));
        }
    }
}

/**
 * The same cell, serialised once: a get-method serialises code and data every time, which takes as long as the TVM
 * itself for a contract of some size.
 */
function keepBoc(cell: Cell | null | undefined): Cell | undefined {
    if (!cell) {
        return undefined;
    }
    const boc = cell.toBoc();
    return Object.create(cell, { toBoc: { value: () => boc } }) as Cell;
}

/** Cells and bits of a tree of cells, each different cell counted once. */
function sizeOf(root: Cell): { cells: bigint; bits: bigint } {
    const seen = new Map<string, Cell>();
    const visit = (cell: Cell): void => {
        const hash = cell.hash().toString('hex');
        if (!seen.has(hash)) {
            seen.set(hash, cell);
            cell.refs.forEach(visit);
        }
    };
    visit(root);
    const bits = [...seen.values()].reduce((sum, cell) => sum + cell.bits.length, 0);
    return { cells: BigInt(seen.size), bits: BigInt(bits) };
}

function serialise(account: ShardAccount): string {
    return beginCell().store(storeShardAccount(account)).endCell().toBoc().toString('base64');
}

function hashToBuffer(hash: bigint): Buffer {
    return Buffer.from(hash.toString(16).padStart(64, '0'), 'hex');
}
