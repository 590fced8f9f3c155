import {
    WalletContractV1R1,
    WalletContractV1R2,
    WalletContractV1R3,
    WalletContractV2R1,
    WalletContractV2R2,
    WalletContractV3R1,
    WalletContractV3R2,
    WalletContractV4,
    WalletContractV5R1,
} from '@ton/ton';
import { Account } from '../accounts';

/** What a wallet contract tells about itself in its data. */
export interface WalletInformation {
    /** In the words of toncenter, such as `wallet v4 r2`. */
    readonly type: string;
    readonly seqno: number;
    /** Undefined for wallets older than v3. */
    readonly walletId: number | undefined;
}

/** Bits before the seqno, and whether an identifier follows. */
interface Layout {
    readonly type: string;
    readonly skip: number;
    readonly hasId: boolean;
}

const publicKey = Buffer.alloc(32);

const layouts = new Map<string, Layout>(
    (
        [
            [WalletContractV1R1.create({ workchain: 0, publicKey }), 'wallet v1 r1', 0, false],
            [WalletContractV1R2.create({ workchain: 0, publicKey }), 'wallet v1 r2', 0, false],
            [WalletContractV1R3.create({ workchain: 0, publicKey }), 'wallet v1 r3', 0, false],
            [WalletContractV2R1.create({ workchain: 0, publicKey }), 'wallet v2 r1', 0, false],
            [WalletContractV2R2.create({ workchain: 0, publicKey }), 'wallet v2 r2', 0, false],
            [WalletContractV3R1.create({ workchain: 0, publicKey }), 'wallet v3 r1', 0, true],
            [WalletContractV3R2.create({ workchain: 0, publicKey }), 'wallet v3 r2', 0, true],
            [WalletContractV4.create({ workchain: 0, publicKey }), 'wallet v4 r2', 0, true],
            [WalletContractV5R1.create({ workchain: 0, publicKey }), 'wallet v5 r1', 1, true],
        ] as const
    ).map(([wallet, type, skip, hasId]) => [wallet.init.code.hash().toString('hex'), { type, skip, hasId }]),
);

/** What kind of wallet an account is; undefined when it is none that is known. */
export function walletInformation(account: Account): WalletInformation | undefined {
    const layout = account.code && layouts.get(account.code.hash().toString('hex'));
    const data = account.data?.beginParse();
    if (!layout || !data || data.remainingBits < layout.skip + (layout.hasId ? 64 : 32)) {
        return undefined;
    }
    data.skip(layout.skip);
    const seqno = data.loadUint(32);
    return { type: layout.type, seqno, walletId: layout.hasId ? data.loadUint(32) : undefined };
}
