import { Address } from '@ton/core';
import { ProviderInfo, readProvider, readProviderAt, readProviderCount } from '../chain/providers';
import { Deadline } from '../deadline';
import { reasonOf } from '../errors';
import { refuseStanding } from '../find';
import { JobContext } from './context';
import { JobRecord } from './record';

/** Seconds for one announcement. */
const AnnounceSeconds = 5;
/** Providers that are told at the same time. */
const Parallel = 8;
/** The newest so many providers of a registry are told; the others find listed jobs themselves. */
const MostProviders = 1_000n;

/**
 * Tells workers of a job, so that they need not wait for their next look at the list. Best effort: whoever is not
 * reached, or does not care, is none of the job's business.
 * @param only the provider of a direct job; null: all that the policy accepts.
 * @returns how many workers took it.
 */
export async function announceJob(
    context: JobContext,
    { registry, job, policy }: JobRecord,
    only: Address | null,
    signal?: AbortSignal,
): Promise<number> {
    const { trust, log } = context;
    const chain = context.chain.with(signal);
    let told = 0;
    const tell = async (read: () => Promise<ProviderInfo>): Promise<void> => {
        try {
            const provider = await read();
            if ((refuseStanding(policy, provider) ?? (await trust.refuse(chain, policy, provider))) === null) {
                await post(provider.endpoint, job, signal);
                told += 1;
            }
        } catch (error) {
            signal?.throwIfAborted();
            log.debug({ job: job.toString(), reason: reasonOf(error) }, 'A provider was not told of the job');
        }
    };
    if (only !== null) {
        await tell(() => readProviderAt(chain, registry, only));
        return told;
    }
    const count = await readProviderCount(chain, registry);
    let next = count > MostProviders ? count - MostProviders : 0n;
    const work = async (): Promise<void> => {
        while (next < count) {
            const index = next;
            next += 1n;
            await tell(() => readProvider(chain, registry, index));
        }
    };
    await Promise.all(Array.from({ length: Parallel }, work));
    return told;
}

async function post(endpoint: string, job: Address, signal?: AbortSignal): Promise<void> {
    const deadline = new Deadline(signal);
    deadline.within(AnnounceSeconds);
    try {
        const response = await fetch(`${endpoint}/jobs`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ job: job.toRawString() }),
            redirect: 'error',
            signal: deadline.signal,
        });
        await response.body?.cancel();
        if (!response.ok) {
            throw new Error(`HTTP ${response.status}`);
        }
    } finally {
        deadline.release();
    }
}
