import { Address } from '@ton/core';

import { Attester } from '../attestation/attester';
import { GasWallet } from '../attestation/gas-wallet';
import { Chain } from '../chain/chain';
import { WorkerKeys } from '../keys/keys';
import { Ledger } from '../ledger/ledger';
import { Logger } from '../logger';

/** What all parts of the job desk share: chain, coins and keys. */
export type JobOffice = {
    chain: Chain;
    ledger: Ledger;
    logger: Logger;
    keys: WorkerKeys;
    globalId: number;
    /** The provider contract. */
    provider: Address;
    wallet: GasWallet;
    attester: Pick<Attester, 'attested'>;
};

/** Prices may rise between the estimate and the transaction; what is not used comes back. */
export const ValueMargin = 2n;
