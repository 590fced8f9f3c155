import { Address, beginCell } from '@ton/core';
import { SessionEscrow } from '@ton-compute/contracts';
import { Chain } from './chain/chain';
import { readEscrow } from './chain/escrow';
import { closingValue, readChainPrices } from './chain/fees';
import { Wallet } from './chain/wallet';
import { ClientError } from './errors';
import { notOpen, requireTime } from './session/session';

/** Seconds to wait for the escrow to be gone. */
const Patience = 120;

/**
 * Takes everything out of a session that was never agreed, and waits until its account is gone.
 * @throws ClientError `too_early` until the opening's deadline, `session_not_open`, `not_confirmed`.
 */
export async function reclaim(chain: Chain, wallet: Wallet, escrow: Address): Promise<void> {
    const state = await readEscrow(chain, escrow);
    if (state === null) {
        throw await notOpen(chain, escrow, null);
    }
    if (state.status === 'open' || state.status === 'closing') {
        throw new ClientError('session_not_open', `The session is ${state.status}: close it instead of reclaiming.`);
    }
    if (state.status === 'opening') {
        requireTime(chain, state.deadline, 'The time for the provider to answer');
    }
    const body = beginCell().store(SessionEscrow.storeReclaim({ $$type: 'Reclaim', queryId: 0n })).endCell();
    const value = closingValue(await readChainPrices(chain));
    await wallet.send(chain, { to: escrow, value, body, bounce: true });
    for (let waited = 0; waited < Patience; waited += 1) {
        if ((await readEscrow(chain, escrow)) === null) {
            return;
        }
        await chain.pause(1);
    }
    throw new ClientError(
        'not_confirmed',
        'The reclaim was sent, but the escrow is still there. Look before you repeat it.',
    );
}
