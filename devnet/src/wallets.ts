import { Address, Cell, internal, Sender, SendMode } from '@ton/core';
import { KeyPair } from '@ton/crypto';
import { TonClient, WalletContractV4 } from '@ton/ton';
import { DevelopmentKey, developmentKeys } from './developmentKeys';

/** Balance of every development wallet at the start, in nanoTON: 10,000 TON. */
export const WALLET_BALANCE = 10_000n * 1_000_000_000n;

/** How many development wallets there are. */
export const MAX_WALLETS = developmentKeys.length;

/** For how many seconds the messages of {@link DevnetWallet.sender} are valid. */
const MESSAGE_TIMEOUT = 60;

/** A funded wallet (v4r2) of the local network. Its mnemonic is public: it is worth nothing anywhere else. */
export interface DevnetWallet {
    readonly name: string;
    readonly address: Address;
    /** 24 words. */
    readonly mnemonic: readonly string[];
    readonly keyPair: KeyPair;
    readonly contract: WalletContractV4;
    /** Code and data that the account begins with. */
    readonly init: { readonly code: Cell; readonly data: Cell };
    /**
     * A sender for wrappers: `contract.sendX(wallet.sender(client), ...)`. Unlike that of @ton/ton it counts the time
     * for which its messages are valid from the clock of the network, and so works after a leap in time.
     *
     * @param client client of the network to send through
     */
    sender(client: TonClient): Sender;
}

function createWallet(key: DevelopmentKey): DevnetWallet {
    const publicKey = Buffer.from(key.publicKey, 'hex');
    // The secret key of @ton/crypto is the seed with the public key behind it.
    const keyPair = { publicKey, secretKey: Buffer.concat([Buffer.from(key.seed, 'hex'), publicKey]) };
    const contract = WalletContractV4.create({ workchain: 0, publicKey });
    return {
        name: key.name,
        address: contract.address,
        mnemonic: key.mnemonic.split(' '),
        keyPair,
        contract,
        init: { code: contract.init.code, data: contract.init.data },
        sender: (client) => createSender(contract, keyPair, client),
    };
}

function createSender(contract: WalletContractV4, { secretKey }: KeyPair, client: TonClient): Sender {
    return {
        address: contract.address,
        send: async ({ to, value, bounce, sendMode, init, body, extracurrency }) => {
            const opened = client.open(contract);
            const { timestampt: now } = await client.getContractState(contract.address);
            await opened.sendTransfer({
                seqno: await opened.getSeqno(),
                secretKey,
                sendMode: sendMode ?? SendMode.PAY_GAS_SEPARATELY,
                timeout: now + MESSAGE_TIMEOUT,
                messages: [internal({ to, value, bounce: bounce ?? true, init, body, extracurrency })],
            });
        },
    };
}

/**
 * The first development wallets, always the same ones in the same order.
 *
 * @param count how many, from 0 to {@link MAX_WALLETS}
 */
export function developmentWallets(count: number): DevnetWallet[] {
    return developmentKeys.slice(0, count).map(createWallet);
}
