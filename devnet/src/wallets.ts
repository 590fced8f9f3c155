import { Address, Cell, Sender } from '@ton/core';
import { keyPairFromSeed, KeyPair } from '@ton/crypto';
import { TonClient, WalletContractV4 } from '@ton/ton';
import { DevelopmentKey, developmentKeys } from './developmentKeys';

/** Balance of every development wallet at the start, in nanoTON: 10,000 TON. */
export const WALLET_BALANCE = 10_000n * 1_000_000_000n;

/** How many development wallets there are. */
export const MAX_WALLETS = developmentKeys.length;

/** What `blueprint run --mnemonic` calls this wallet contract (its WALLET_VERSION). */
export const WALLET_VERSION = 'v4r2';

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
     * A sender for wrappers: `contract.sendX(wallet.sender(client), ...)`.
     *
     * @param client client of the network to send through
     */
    sender(client: TonClient): Sender;
}

function createWallet(key: DevelopmentKey): DevnetWallet {
    const keyPair = keyPairFromSeed(Buffer.from(key.seed, 'hex'));
    const contract = WalletContractV4.create({ workchain: 0, publicKey: keyPair.publicKey });
    return {
        name: key.name,
        address: contract.address,
        mnemonic: key.mnemonic.split(' '),
        keyPair,
        contract,
        init: { code: contract.init.code, data: contract.init.data },
        sender: (client) => client.open(contract).sender(keyPair.secretKey),
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
