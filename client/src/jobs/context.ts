import { Address } from '@ton/core';
import { Chain } from '../chain/chain';
import { Wallet } from '../chain/wallet';
import { ClientError } from '../errors';
import { Logger } from '../log';
import { CheckedPolicy } from '../policy';
import { AttestationTrust } from '../trust';
import { JobStore } from './store';

/** What all jobs of a client share. */
export type JobContext = {
    chain: Chain;
    registry: Address;
    globalId: number;
    policy: CheckedPolicy;
    wallet: Wallet | null;
    records: JobStore;
    trust: AttestationTrust;
    log: Logger;
};

/** @throws ClientError `no_wallet`. */
export function requireWallet({ wallet }: JobContext, purpose: string): Wallet {
    if (wallet === null) {
        throw new ClientError('no_wallet', `A wallet is needed to ${purpose} a job: give createClient one.`);
    }
    return wallet;
}
