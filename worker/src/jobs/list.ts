import { Address } from '@ton/core';
import { listingDeployment, ProviderRegistry } from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { readListing } from '../chain/job';

/** Looks through the registry's list of jobs: newest first, and each entry once. */
export class JobList {
    /** Entries below this one were looked at. */
    private seen: bigint | null = null;

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
        const earliest = count > BigInt(this.lookBack) ? count - BigInt(this.lookBack) : 0n;
        const from = this.seen !== null && this.seen > earliest ? this.seen : earliest;
        const jobs: Address[] = [];
        let missing = count;
        for (let index = count - 1n; index >= from; index -= 1n) {
            signal.throwIfAborted();
            const listed = await readListing(chain, (await listingDeployment(registry, index)).address);
            if (listed === null) {
                missing = index; // Its own message has not arrived yet: looked at again.
            } else if (listed.outcome === 0) {
                jobs.push(listed.job);
            }
        }
        this.seen = this.seen !== null && missing < this.seen ? this.seen : missing;
        return jobs;
    }
}
