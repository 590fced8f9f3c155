import fc from 'fast-check';

import { affordableItems, BatchCosts, Candidate, planBatch, SettlementPolicy } from '../src/settlement/plan';

const Now = 1_800_000_000;
const Ton = 1_000_000_000n;
const policy: SettlementPolicy = { claimAbove: Ton, maxAge: 3600, maxCostBasisPoints: 500n };
const costs: BatchCosts = { base: 4_000_000n, item: 10_000_000n, budget: Ton };

function candidate(session: string, due: bigint, more: Partial<Candidate<string>> = {}): Candidate<string> {
    return { session, due, since: Now, deadline: null, ...more };
}

function chosen(candidates: Candidate<string>[], override: Partial<BatchCosts> = {}): string[] {
    return planBatch(candidates, policy, { ...costs, ...override }, Now).chosen.map(({ session }) => session);
}

describe('Plan of a batch', () => {
    it('waits while everything is small and young', () => {
        expect(chosen([candidate('a', Ton - 1n), candidate('b', Ton / 2n)])).toEqual([]);
    });

    it('claims what has reached the threshold, and takes along whatever is worth its fees', () => {
        expect(chosen([candidate('small', Ton / 2n), candidate('big', Ton), candidate('dust', 1000n)])).toEqual([
            'big',
            'small',
        ]);
    });

    it('claims smaller amounts once they are old', () => {
        expect(chosen([candidate('a', Ton / 2n, { since: Now - 3600 })])).toEqual(['a']);
        expect(chosen([candidate('a', Ton / 2n, { since: Now - 3599 })])).toEqual([]);
    });

    it('sends no claim whose fees are more than their share of it, however old', () => {
        const least = (costs.item * 10_000n) / policy.maxCostBasisPoints;
        expect(chosen([candidate('a', least, { since: 0 })])).toEqual(['a']);
        expect(chosen([candidate('a', least - 1n, { since: 0 })])).toEqual([]);
    });

    it('claims a closing session at once and first, for any gain, but not for a loss', () => {
        const closing = { deadline: Now + 900 };
        expect(
            chosen([candidate('big', 5n * Ton), candidate('closing', costs.base + costs.item + 1n, closing)]),
        ).toEqual(['closing', 'big']);
        expect(chosen([candidate('closing', costs.base + costs.item + 1n, closing)])).toEqual(['closing']);
        expect(chosen([candidate('closing', costs.item, closing)])).toEqual([]);
    });

    it('claims what can be paid for, the most urgent and the largest, and tells of the rest', () => {
        const candidates = [candidate('a', Ton), candidate('b', 3n * Ton), candidate('c', 2n * Ton)];
        const budget = costs.base + 2n * costs.item;
        const plan = planBatch(candidates, policy, { ...costs, budget }, Now);
        expect(plan.chosen.map(({ session }) => session)).toEqual(['b', 'c']);
        expect(plan.unaffordable).toBe(1);
        expect(planBatch(candidates, policy, { ...costs, budget: 0n }, Now)).toEqual({ chosen: [], unaffordable: 3 });
    });

    it('never costs more than its budget, never has more than 50 items, and always brings more than it costs', () => {
        const any = fc.record<Candidate<string>>({
            session: fc.string(),
            due: fc.bigInt({ min: 0n, max: 10n * Ton }),
            since: fc.option(fc.integer({ min: Now - 10_000, max: Now })),
            deadline: fc.option(fc.integer({ min: Now, max: Now + 10_000 })),
        });
        fc.assert(
            fc.property(
                fc.array(any, { maxLength: 80 }),
                fc.bigInt({ min: 0n, max: 2n * Ton }),
                (candidates, budget) => {
                    const { chosen: items } = planBatch(candidates, policy, { ...costs, budget }, Now);
                    const cost = costs.base + BigInt(items.length) * costs.item;
                    expect(items.length).toBeLessThanOrEqual(50);
                    if (items.length > 0) {
                        expect(cost).toBeLessThanOrEqual(budget);
                        expect(items.reduce((sum, { due }) => sum + due, 0n)).toBeGreaterThan(cost);
                    }
                },
            ),
        );
    });

    it('affords exactly what base and items cost', () => {
        expect(affordableItems({ base: 4n, item: 10n, budget: 13n })).toBe(0);
        expect(affordableItems({ base: 4n, item: 10n, budget: 14n })).toBe(1);
        expect(affordableItems({ base: 4n, item: 10n, budget: 10n ** 6n })).toBe(50);
    });
});
