import { beginCell } from '@ton/core';
import { accountOf, JobEscrow } from '@ton-compute/contracts';
import { sealContentKey } from '@ton-compute/protocol';
import { Chain } from '../chain/chain';
import { awardingValue, readChainPrices } from '../chain/fees';
import { Bid, JobOnChain, readJob } from '../chain/job';
import { ProviderInfo, readProviderAt } from '../chain/providers';
import { ClientError } from '../errors';
import { refuseStanding } from '../find';
import { JobContext, requireWallet } from './context';
import { JobRecord } from './record';

/** Seconds after the wallet's transaction until which the job must have answered. */
const AnswerSeconds = 60;

/**
 * Looks at a bidder exactly as at the provider of a session: registry, code, keys, attestation, image and root.
 * @returns the provider, or why it is not acceptable.
 */
export async function judgeBidder(context: JobContext, chain: Chain, record: JobRecord, { provider }: Bid): Promise<ProviderInfo | string> {
    let info: ProviderInfo;
    try {
        info = await readProviderAt(chain, record.registry, provider);
    } catch (error) {
        if (error instanceof ClientError && error.code === 'provider_refused') {
            return error.message;
        }
        throw error;
    }
    return refuseStanding(record.policy, info) ?? (await context.trust.refuse(chain, record.policy, info)) ?? info;
}

/**
 * Seals the content key to the bidder's attested key and awards exactly this bid.
 *
 * Each award is on the chain for all to see, also one that came too late: a bidder whose award bounced because a better
 * bid arrived can read the input. It is an attested one that was accepted, so that is as private as with the winner.
 * @returns `awarded`; `other` when another bid is the best now, `gone` when the job has ended.
 * @throws ClientError `not_confirmed`.
 */
export async function awardBid(
    context: JobContext,
    chain: Chain,
    record: JobRecord,
    { openedLt, bid }: JobOnChain & { bid: Bid },
    provider: ProviderInfo,
): Promise<'awarded' | 'other' | 'gone'> {
    const wallet = requireWallet(context, 'award');
    const { globalId, job, contentKey } = record;
    const sealedKey = await sealContentKey(provider.encryptionKey, { globalId, job, openedLt }, contentKey);
    record.award = bid;
    await context.records.save(record);
    const body = beginCell()
        .store(
            JobEscrow.storeAwardJob({
                $$type: 'AwardJob',
                queryId: 0n,
                provider: accountOf(bid.provider),
                amount: bid.amount,
                sealedKey: beginCell().storeBuffer(sealedKey).endCell(),
            }),
        )
        .endCell();
    context.log.info({ job: job.toString(), provider: bid.provider.toString(), amount: bid.amount.toString() }, 'Awarding the job');
    // Bounceable: what the job refuses comes back, and it refuses every bid but the best.
    await wallet.send(chain, { to: job, value: awardingValue(await readChainPrices(chain)), body, bounce: true });
    for (let waited = 0; waited < AnswerSeconds; waited += 1) {
        const state = await readJob(chain, job);
        if (state === null) {
            return 'gone';
        }
        if (state.state === 'awarded') {
            return 'awarded';
        }
        if (state.bid === null || !sameBid(state.bid, bid)) {
            return 'other';
        }
        await chain.pause(1);
    }
    throw new ClientError(
        'not_confirmed',
        `The award of job ${job.toString()} was sent, but the job does not show it. Look at its status before you repeat it.`,
    );
}

export function sameBid(a: Bid, b: Bid): boolean {
    return a.provider.equals(b.provider) && a.amount === b.amount;
}
