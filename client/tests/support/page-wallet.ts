import { Address, Cell, internal, loadStateInit, SendMode } from '@ton/core';
import { mnemonicToPrivateKey } from '@ton/crypto';
import { Devnet } from '@ton-compute/devnet';
import { WalletContractV4 } from '@ton/ton';
import type { WalletRequest } from '../../src';

/** A wallet that is not in the page: it does what a wallet behind TON Connect does with a request. */
export class PageWallet {
    readonly requests: WalletRequest[] = [];
    /** What its owner does when asked. */
    owner: 'confirms' | 'rejects' = 'confirms';

    constructor(
        private readonly devnet: Devnet,
        private readonly mnemonic: readonly string[],
    ) {}

    async send(request: WalletRequest): Promise<{ boc: string }> {
        this.requests.push(request);
        if (this.owner === 'rejects') {
            throw new Error('Reject request');
        }
        const { publicKey, secretKey } = await mnemonicToPrivateKey([...this.mnemonic]);
        const wallet = this.devnet.client().open(WalletContractV4.create({ workchain: 0, publicKey }));
        await wallet.sendTransfer({
            seqno: await wallet.getSeqno(),
            secretKey,
            timeout: request.validUntil,
            sendMode: SendMode.PAY_GAS_SEPARATELY | SendMode.IGNORE_ERRORS,
            messages: request.messages.map(({ address, amount, payload, stateInit }) => {
                const { address: to, isBounceable: bounce } = Address.parseFriendly(address);
                const init = stateInit === undefined ? undefined : loadStateInit(Cell.fromBase64(stateInit).beginParse());
                return internal({ to, value: BigInt(amount), body: Cell.fromBase64(payload), init, bounce });
            }),
        });
        return { boc: 'not relied on' };
    }
}
