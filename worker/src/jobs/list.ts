import { Address } from '@ton/core';
import { listingDeployment, ProviderRegistry } from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { readListing } from '../chain/job';

/** Looks through the registry's list of jobs: newest first, and each entry once. */
export class JobList {
    /** Entries below this one were looked at. */
    private seen = 0n;
    /** Entries whose own deployment had not arrived: looked at once more. */
    private late: bigint[] = [];

    /** @param lookBack entries that are looked at the first time. */
    constructor(
        private readonly chain: Chain,
        private readonly registry: Address,
        private readonly lookBack: number,
    ) {}

    /** @returns jobs that were listed since the last time and are not over. @throws {ChainUnreachable}, {ChainError} */
    async news(signal: AbortSignal): Promise<Address[]> {
        const { chain, registry } = this;
        const count = await chain.open(ProviderRegistry.ProviderRegistry.fromAddress(registry)).getJobCount();
        const earliest = count - BigInt(this.lookBack);
        const from = this.seen > earliest ? this.seen : earliest > 0n ? earliest : 0n;
        const newest = Array.from({ length: Number(count - from) }, (_, index) => count - 1n - BigInt(index));
        const jobs: Address[] = [];
        const missing: bigint[] = [];
        for (const index of [...newest, ...this.late]) {
            signal.throwIfAborted();
            const listed = await readListing(chain, (await listingDeployment(registry, index)).address);
            if (listed === null) {
                missing.push(index);
            } else if (listed.outcome === 0) {
                jobs.push(listed.job);
            }
        }
        this.late = missing.filter((index) => newest.includes(index));
        this.seen = count;
        return jobs;
    }
}
