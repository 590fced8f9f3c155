import { Address, Cell, internal, SendMode } from '@ton/core';
import { KeyPair, mnemonicToPrivateKey, mnemonicValidate } from '@ton/crypto';
import { WalletContractV3R2, WalletContractV4, WalletContractV5R1 } from '@ton/ton';
import { ClientError } from '../errors';
import { AccountState, Chain } from './chain';
import { MessageSender, Outgoing, WalletOptions, WalletVersion } from './wallet';

/** Seconds during which the network may take the wallet's message; afterwards it is void. */
const MessageLife = 90;
const PollSeconds = 1;

type WalletContract = WalletContractV3R2 | WalletContractV4 | WalletContractV5R1;

function contractOf(version: WalletVersion, publicKey: Buffer, globalId: number): WalletContract {
    switch (version) {
        case 'v3r2':
            return WalletContractV3R2.create({ workchain: 0, publicKey });
        case 'v4r2':
            return WalletContractV4.create({ workchain: 0, publicKey });
        case 'v5r1':
            return WalletContractV5R1.create({ workchain: 0, publicKey, walletId: { networkGlobalId: globalId } });
    }
}

/** A wallet whose key is here. It signs nothing but the wallet's own messages. */
export class KeyWallet implements MessageSender {
    private constructor(
        private readonly contract: WalletContract,
        private readonly keys: KeyPair,
    ) {}

    /** @throws ClientError `invalid_option` for words that are no mnemonic or a version that is not known. */
    static async create(options: WalletOptions, globalId: number): Promise<KeyWallet> {
        const version = options.version ?? 'v5r1';
        if (version !== 'v3r2' && version !== 'v4r2' && version !== 'v5r1') {
            throw new ClientError(
                'invalid_option',
                `wallet.version: expected v3r2, v4r2 or v5r1, got "${String(version)}".`,
            );
        }
        const keys = options.keyPair ?? (await keysOf(options.mnemonic));
        return new KeyWallet(contractOf(version, keys.publicKey, globalId), keys);
    }

    get address(): Address {
        return this.contract.address;
    }

    /** @throws ClientError `not_confirmed` when the network did not take the message, which is void by then. */
    async send(chain: Chain, message: Outgoing, { status }: AccountState): Promise<void> {
        const seqno = status === 'active' ? await this.seqno(chain) : 0;
        const expires = chain.now() + MessageLife;
        const body = this.transfer(seqno, expires, message);
        await chain.sendExternal(this.address, body, seqno === 0 ? this.contract.init : null);
        await this.confirm(chain, seqno, expires);
    }

    private transfer(seqno: number, timeout: number, { to, value, body, init, bounce }: Outgoing): Cell {
        const args = {
            seqno,
            timeout,
            secretKey: this.keys.secretKey,
            messages: [internal({ to, value, body, init, bounce })],
            // Without ignored errors a failing action would be repeated by the network until the wallet's fees are
            // gone.
            sendMode: SendMode.PAY_GAS_SEPARATELY | SendMode.IGNORE_ERRORS,
        };
        return this.contract instanceof WalletContractV5R1
            ? this.contract.createTransfer(args)
            : this.contract instanceof WalletContractV4
              ? this.contract.createTransfer(args)
              : this.contract.createTransfer(args);
    }

    private async confirm(chain: Chain, seqno: number, expires: number): Promise<void> {
        // A little longer than the message lives: a block that takes it may be seen late.
        while (chain.now() <= expires + 15) {
            await chain.pause(PollSeconds);
            const { status } = await chain.account(this.address);
            if (status === 'active' && (await this.seqno(chain)) > seqno) {
                return;
            }
        }
        throw new ClientError(
            'not_confirmed',
            `The network did not take the wallet's message within ${MessageLife} s. The message is void now and ` +
                'nothing ' +
                'was spent: try again.',
        );
    }

    private seqno(chain: Chain): Promise<number> {
        return this.contract instanceof WalletContractV5R1
            ? chain.open(this.contract).getSeqno()
            : this.contract instanceof WalletContractV4
              ? chain.open(this.contract).getSeqno()
              : chain.open(this.contract).getSeqno();
    }
}

async function keysOf(mnemonic: string | readonly string[] | undefined): Promise<KeyPair> {
    if (mnemonic === undefined) {
        throw new ClientError('invalid_option', 'wallet: expected a mnemonic or a key pair.');
    }
    const words = typeof mnemonic === 'string' ? mnemonic.trim().split(/\s+/) : [...mnemonic];
    if (!(await mnemonicValidate(words))) {
        // Never show the words: errors end up in logs.
        throw new ClientError(
            'invalid_option',
            `wallet.mnemonic: these ${words.length} words are no valid mnemonic of a TON wallet (24 words expected).`,
        );
    }
    return mnemonicToPrivateKey(words);
}
