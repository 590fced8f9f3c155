import { Address, Cell, StateInit } from '@ton/core';
import { KeyPair } from '@ton/crypto';
import { formatCoins } from '../amounts';
import { ClientError } from '../errors';
import { Mutex } from '../mutex';
import { AccountState, Chain } from './chain';
import { ExternalSender, ExternalWallet } from './external-wallet';
import { KeyWallet } from './key-wallet';

export type WalletVersion = 'v3r2' | 'v4r2' | 'v5r1';

/** The wallet that pays deposits and owns refunds. Its key signs nothing but its own messages. */
export type WalletOptions = {
    /** 24 words, or the key pair of the wallet. */
    mnemonic?: string | readonly string[];
    keyPair?: KeyPair;
    /** v5r1 when omitted. */
    version?: WalletVersion;
};

/** One message of the wallet. */
export type Outgoing = {
    to: Address;
    /** nanoTON. */
    value: bigint;
    body: Cell;
    init?: StateInit;
    bounce: boolean;
};

/** Signs and sends messages of one wallet. */
export interface MessageSender {
    readonly address: Address;
    /** Sends one message and waits until the wallet's transaction is there. @param state of the wallet's account, just read. */
    send(chain: Chain, message: Outgoing, state: AccountState): Promise<void>;
}

/** nanoTON beside the value that the wallet should hold for its own fees. */
const WalletFees = 30_000_000n;

/** The wallet of a client: one message at a time, and none that the balance does not cover. */
export class Wallet {
    private readonly mutex = new Mutex();

    private constructor(private readonly sender: MessageSender) {}

    /** @throws ClientError `invalid_option` naming what is wrong. */
    static async create(options: WalletOptions | ExternalWallet, globalId: number): Promise<Wallet> {
        return new Wallet(
            'send' in options ? new ExternalSender(options, globalId) : await KeyWallet.create(options, globalId),
        );
    }

    get address(): Address {
        return this.sender.address;
    }

    /**
     * Sends one message and waits until the wallet's transaction is there.
     * @throws ClientError `wallet_balance` before anything is sent; `wallet_refused` when an external wallet did not take
     * it; `not_confirmed` when the chain does not show it in time.
     */
    send(chain: Chain, message: Outgoing): Promise<void> {
        return this.mutex.run(() => this.sendNow(chain, message));
    }

    private async sendNow(chain: Chain, message: Outgoing): Promise<void> {
        const state = await chain.account(this.address);
        const { balance } = state;
        const needed = message.value + WalletFees;
        if (balance < needed) {
            throw new ClientError(
                'wallet_balance',
                `The wallet ${this.address.toString()} holds ${formatCoins(balance)} and needs ` +
                    `${formatCoins(needed)}: ` +
                    `${formatCoins(message.value)} for the message and a margin for its own fees. Nothing was sent. ` +
                    'Send coins to the wallet, or check its version: another version has another address.',
                { balance, needed, wallet: this.address.toRawString() },
            );
        }
        await this.sender.send(chain, message, state);
    }
}
