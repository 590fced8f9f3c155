import { MaxBatchItems } from '@ton-compute/contracts';

/** When it is worth to settle. */
export type SettlementPolicy = {
    /** nanoTON in one session that are claimed as soon as they are due. */
    claimAbove: bigint;
    /** Seconds after which smaller amounts are claimed too. */
    maxAge: number;
    /** Most of a claim that its fees may eat, in basis points. A session that is closing is claimed for any gain. */
    maxCostBasisPoints: bigint;
};

/** A session as the plan sees it. */
export type Candidate<T> = {
    session: T;
    /** nanoTON that a claim would bring now. */
    due: bigint;
    /** Unix seconds since when something is due; null when not known. */
    since: number | null;
    /** Unix seconds at which its close window ends; null while it is open. */
    deadline: number | null;
};

/** Upper bounds of a batch's cost, nanoTON: `batch_cost(count)` of the settlement is `base + count x item`. */
export type BatchCosts = {
    base: bigint;
    item: bigint;
    /** What may be spent now: the rest of the float and of the day's cap. */
    budget: bigint;
};

export type Plan<T> = {
    /** In the order in which they should be claimed. */
    chosen: Candidate<T>[];
    /** Due, worth it, and urgent or old enough, but not affordable. */
    unaffordable: number;
};

/**
 * Chooses what the next batch claims: whatever is urgent, big or old enough, and then everything else that is worth its
 * own cost, because the batch goes out anyway.
 * @param now unix seconds by the chain's clock.
 */
export function planBatch<T>(
    candidates: readonly Candidate<T>[],
    policy: SettlementPolicy,
    costs: BatchCosts,
    now: number,
): Plan<T> {
    const worthIt = candidates.filter((candidate) => isWorthIt(candidate, policy, costs.item));
    const reasons = worthIt.filter((candidate) => isReason(candidate, policy, now));
    if (reasons.length === 0) {
        return { chosen: [], unaffordable: 0 };
    }
    const reasonSet = new Set(reasons);
    const ordered = [...worthIt].sort(
        (a, b) =>
            (a.deadline ?? Infinity) - (b.deadline ?? Infinity) ||
            Number(reasonSet.has(b)) - Number(reasonSet.has(a)) ||
            Number(b.due > a.due) - Number(b.due < a.due),
    );
    const chosen = ordered.slice(0, affordableItems(costs));
    const pays = chosen.reduce((sum, { due }) => sum + due, 0n) > costs.base + BigInt(chosen.length) * costs.item;
    return {
        chosen: pays ? chosen : [],
        unaffordable: reasons.filter((candidate) => !chosen.includes(candidate)).length,
    };
}

/** @returns how many items the budget allows, at most 50. */
export function affordableItems({ base, item, budget }: BatchCosts): number {
    if (budget < base + item) {
        return 0;
    }
    const count = (budget - base) / item;
    return count > BigInt(MaxBatchItems) ? MaxBatchItems : Number(count);
}

function isWorthIt<T>({ due, deadline }: Candidate<T>, policy: SettlementPolicy, cost: bigint): boolean {
    return deadline === null ? cost * 10_000n <= due * policy.maxCostBasisPoints : due > cost;
}

function isReason<T>({ due, since, deadline }: Candidate<T>, policy: SettlementPolicy, now: number): boolean {
    return deadline !== null || due >= policy.claimAbove || (since !== null && now - since >= policy.maxAge);
}
