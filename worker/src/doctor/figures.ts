import { Prices } from '@ton-compute/contracts';

import { SettlementCosts } from '../settlement/account';
import { Speed } from './measure';

const BasisPoints = 10_000n;
const Million = 1_000_000n;
const SecondsPerHour = 3600;

/**
 * @param maxCostBasisPoints most of a claim that its fees may eat.
 * @returns nanoTON from which on the settler claims one session alone (`planBatch`): its item stays within the share, and
 *     the batch brings more than it costs.
 */
export function leastWorthwhile({ base, item }: SettlementCosts, maxCostBasisPoints: bigint): bigint {
    const byShare = (item * BasisPoints + maxCostBasisPoints - 1n) / maxCostBasisPoints;
    const byGain = base + item + 1n;
    return byShare > byGain ? byShare : byGain;
}

/**
 * @returns how many claims `budget` nanoTON pay: each in a batch of its own, and in batches of `most`.
 */
export function claimsPaid({ base, item }: SettlementCosts, budget: bigint, most: number): { single: bigint; batched: bigint } {
    const full = base + BigInt(most) * item;
    const rest = budget % full;
    return {
        single: budget / (base + item),
        batched: (budget / full) * BigInt(most) + (rest > base ? (rest - base) / item : 0n),
    };
}

/**
 * An upper bound: all slots busy without a pause, every token paid, prompts not counted, fees not subtracted.
 * @returns nanoTON in an hour.
 */
export function earningsBound({ completion }: Prices, { all }: Speed): bigint {
    return (completion * BigInt(Math.round(all * SecondsPerHour))) / Million;
}
