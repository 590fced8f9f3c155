import { Address, beginCell, storeStateInit, Transaction } from '@ton/core';
import { ClientError, reasonOf } from '../errors';
import { Chain } from './chain';
import type { MessageSender, Outgoing } from './wallet';

/** One message of a request, with the names and encodings of TON Connect. */
export type WalletMessage = {
    /** Receiver in friendly form; it says whether the message may bounce. */
    address: string;
    /** nanoTON, decimal digits. */
    amount: string;
    /** Body as a bag of cells, base64. */
    payload: string;
    /** StateInit of a contract to deploy, as a bag of cells, base64. */
    stateInit?: string;
};

/** What a wallet is asked to sign and send: a `SendTransactionRequest` of TON Connect. */
export type WalletRequest = {
    /** Unix seconds after which it must not be sent any more. */
    validUntil: number;
    /** Global id of the network, decimal digits: a wallet on another one must refuse. */
    network: string;
    /** The wallet's address, raw. */
    from: string;
    messages: WalletMessage[];
};

/**
 * A wallet that keeps its key to itself, such as one connected through TON Connect. What it says is not relied on: only
 * what the chain shows counts.
 */
export interface ExternalWallet {
    /** In any form. */
    readonly address: Address | string;
    /** Asks the wallet; rejects when it, or its owner, does not want to. */
    send(request: WalletRequest): Promise<unknown>;
}

/** Seconds that the owner has to look at a request and confirm it. */
const RequestLife = 300;
const PollSeconds = 1;
/** Transactions of the wallet that are looked through: other requests may be confirmed meanwhile. */
const LookBack = 16;

/** Sends through an external wallet, and waits until the chain shows the message. */
export class ExternalSender implements MessageSender {
    readonly address: Address;

    /** @throws ClientError `invalid_option` for a wallet without an address. */
    constructor(
        private readonly wallet: ExternalWallet,
        private readonly globalId: number,
    ) {
        this.address = parseAddress(wallet.address);
    }

    /**
     * @throws ClientError `wallet_refused` when the wallet rejects the request; `not_confirmed` when the chain does not
     * show the message in time.
     */
    async send(chain: Chain, message: Outgoing): Promise<void> {
        const [newest] = await chain.transactions(this.address, 1);
        const after = newest?.lt ?? 0n;
        const validUntil = chain.now() + RequestLife;
        const answer = { refusal: null as { reason: unknown } | null };
        void (async () => this.wallet.send(this.request(validUntil, message)))().catch((reason: unknown) => {
            answer.refusal = { reason };
        });
        // The chain is watched from the beginning: answers of wallets on other devices get lost.
        while (chain.now() <= validUntil + 15) {
            const { refusal } = answer;
            if (await this.wasSent(chain, after, message)) {
                return;
            }
            if (refusal !== null) {
                throw this.refused(refusal.reason);
            }
            await chain.pause(PollSeconds);
        }
        throw new ClientError(
            'not_confirmed',
            `The wallet ${this.address.toString()} did not send the message within ${RequestLife} s, and must not send ` +
                'it any more. Look into the wallet before you try again.',
        );
    }

    private request(validUntil: number, { to, value, body, init, bounce }: Outgoing): WalletRequest {
        const message: WalletMessage = {
            address: to.toString({ bounceable: bounce }),
            amount: value.toString(),
            payload: body.toBoc().toString('base64'),
        };
        if (init !== undefined) {
            message.stateInit = beginCell().store(storeStateInit(init)).endCell().toBoc().toString('base64');
        }
        return {
            validUntil,
            network: this.globalId.toString(),
            from: this.address.toRawString(),
            messages: [message],
        };
    }

    private async wasSent(chain: Chain, after: bigint, message: Outgoing): Promise<boolean> {
        const transactions = await chain.transactions(this.address, LookBack);
        return transactions.some((transaction) => transaction.lt > after && sends(transaction, message));
    }

    private refused(reason: unknown): ClientError {
        return new ClientError(
            'wallet_refused',
            `The wallet ${this.address.toString()} did not take the message (${reasonOf(reason)}), and the chain does not ` +
                'show it. Confirm it in the wallet, or check that the wallet is connected and on the same network.',
            {},
            { cause: reason },
        );
    }
}

function sends({ outMessages }: Transaction, { to, body }: Outgoing): boolean {
    return outMessages
        .values()
        .some(({ info, body: sent }) => info.type === 'internal' && info.dest.equals(to) && sent.hash().equals(body.hash()));
}

/** Also an address of another copy of @ton/core will do. */
function parseAddress(address: Address | string): Address {
    try {
        return Address.parse(address.toString());
    } catch {
        throw new ClientError('invalid_option', `wallet.address: expected an address, got "${String(address)}".`);
    }
}
