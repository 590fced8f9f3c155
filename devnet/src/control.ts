import { Address } from '@ton/core';
import { Prices } from './config';
import { PriceSet } from './defaults';
import { DevnetWallet } from './wallets';

/** What a local network tells about itself. */
export interface DevnetInfo {
    /** URL for TonClient. */
    readonly endpoint: string;
    readonly priceSet: PriceSet;
    /** The prices in force, read from the configuration. */
    readonly prices: Prices;
    /** Configuration parameter 19. */
    readonly globalId: number;
    /** Milliseconds between two blocks; 0 when blocks are only made for messages. */
    readonly blockTime: number;
    /** Whether an external message is executed at once. */
    readonly automine: boolean;
    /** Number of the last block. */
    readonly seqno: number;
    /** Unix time of the network, seconds. */
    readonly time: number;
    /** Logical time of the last transaction. */
    readonly lt: bigint;
    readonly accounts: number;
    readonly transactions: number;
    /** Messages that wait for the next block. */
    readonly pendingMessages: number;
    /** Funded wallets with their balances in nanoTON. */
    readonly wallets: readonly (DevnetWallet & { readonly balance: bigint })[];
    readonly stateFile: string | undefined;
    readonly snapshotDir: string;
}

/** What a local network can do and a real one cannot. */
export interface Control {
    info(): Promise<DevnetInfo>;

    /**
     * Creates coins and sends them to an address.
     *
     * @param amount nanoTON
     */
    faucet(address: Address | string, amount: bigint): Promise<void>;

    /**
     * Makes blocks now.
     *
     * @param blocks how many; 1 when omitted
     * @returns number of the last block
     */
    mine(blocks?: number): Promise<number>;

    /**
     * Moves the clock forward.
     *
     * @param seconds by how much
     * @returns Unix time in seconds that it is now
     */
    increaseTime(seconds: number): Promise<number>;

    /**
     * Moves the clock forward to a time.
     *
     * @param unixTime seconds
     * @returns Unix time in seconds that it is now
     * @throws DevnetError when that time is in the network's past
     */
    setTime(unixTime: number): Promise<number>;

    /** Puts another set of prices in force. */
    setPrices(set: PriceSet): Promise<void>;

    /**
     * Keeps the whole network in memory. The last 16 snapshots are kept.
     *
     * @returns name for {@link restore}
     */
    snapshot(): Promise<string>;

    /**
     * Brings back a snapshot; it can be brought back any number of times.
     *
     * @param name what {@link snapshot} returned
     * @throws DevnetError when there is no such snapshot
     */
    restore(name: string): Promise<void>;

    /**
     * Writes the whole network to a file.
     *
     * @throws DevnetError when the file exists and is something else, or cannot be written
     */
    saveTo(path: string): Promise<void>;

    /**
     * Brings back what {@link saveTo} wrote.
     *
     * @throws DevnetError when the file is missing, damaged or of a network with another global id
     */
    loadFrom(path: string): Promise<void>;

    /** Folder in which requests may write and read snapshots. */
    readonly snapshotDir: string;
}
