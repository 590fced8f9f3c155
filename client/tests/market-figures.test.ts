import fc from 'fast-check';
import { Address } from '@ton/core';
import { scoreOf } from '@ton-compute/contracts';
import { earningsOf, LeastTime, perAttestedHour } from '../src/market/earnings';
import { jobFigures } from '../src/market/job-figures';
import { groupByModel } from '../src/market/models';
import { mapParallel } from '../src/market/parallel';
import { endpointOf, reputationOf } from '../src/market/providers';
import { sharingOf } from '../src/market/sharing';
import { evenPart, median, perHour, perMillion, spreadOf, sumOf } from '../src/market/statistics';
import { JobStates, JobView, OfferView } from '../src';

const somewhere = new Address(0, Buffer.alloc(32, 1));
const amounts = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

function jobOf(change: Partial<JobView>): JobView {
    return {
        index: 0,
        listing: somewhere,
        job: somewhere,
        client: somewhere,
        state: 'bidding',
        model: 'aa',
        task: 'chat',
        items: 1,
        promptTokens: 1,
        completionTokens: 1,
        inputBytes: 1,
        ceiling: 10n,
        ceilingPerMillion: 5n,
        bond: 1n,
        measurement: null,
        awardDeadline: 1,
        deliveryTime: 60,
        deliveryDeadline: null,
        bestBid: null,
        provider: null,
        paid: null,
        paidPerMillion: null,
        ...change,
    };
}

function offerOf(provider: number, model: string, price: bigint): OfferView {
    const prices = { prompt: price, cached: price, completion: price, reasoning: price };
    return { id: `${provider}${model}`, model, provider, prices, referencePrice: price, minDeposit: 0n, maxCreditWindow: 0n };
}

describe('the median', () => {
    it('is the one in the middle, or the mean of two, rounded down', () => {
        expect([median([]), median([7n]), median([9n, 1n, 5n]), median([1n, 4n]), median([-1n, -2n])]).toEqual([null, 7n, 5n, 2n, -2n]);
    });

    it('has half of the amounts on each side, whatever their order', () => {
        fc.assert(
            fc.property(amounts, (list) => {
                const middle = median(list);
                expect(median([...list].reverse())).toBe(middle);
                if (middle !== null) {
                    expect(list.filter((amount) => amount < middle).length).toBeLessThanOrEqual(list.length / 2);
                    expect(list.filter((amount) => amount > middle).length).toBeLessThanOrEqual(list.length / 2);
                    const { least, highest } = spreadOf(list)!;
                    expect(least <= middle && middle <= highest).toBe(true);
                    expect(list).toEqual(expect.arrayContaining([least, highest]));
                }
            }),
        );
    });
});

describe('rates', () => {
    it('are per 1,000,000 tokens and per hour, rounded down', () => {
        expect([perMillion(3n, 2_000_000n), perMillion(5n, 0n), perHour(10n, 7_200)]).toEqual([1n, null, 5n]);
    });

    it('are never extrapolated from less than an hour', () => {
        const base = { status: 'active', volume: 100n, registeredAt: 1_000, attestedSeconds: 7_200 } as const;
        expect(earningsOf(base, 1_010)).toEqual({ perHour: 100n, seconds: LeastTime, basis: 'registered' });
        expect(earningsOf(base, 1_000 + 36_000)).toEqual({ perHour: 10n, seconds: 36_000, basis: 'registered' });
        expect(earningsOf({ ...base, registeredAt: null }, 0)).toEqual({ perHour: 50n, seconds: 7_200, basis: 'attested' });
        expect(earningsOf({ ...base, status: 'retired' }, 99_999)?.basis).toBe('attested');
        expect(earningsOf({ ...base, registeredAt: null, attestedSeconds: 0 }, 9)).toBeNull();
        expect([perAttestedHour(base), perAttestedHour({ volume: 5n, attestedSeconds: 0 })]).toEqual([50n, null]);
        fc.assert(
            fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n }), fc.nat(), fc.nat(), (volume, registeredAt, now) => {
                const { perHour: rate } = earningsOf({ ...base, volume, registeredAt }, now)!;
                expect(rate >= 0n && rate <= volume).toBe(true);
            }),
        );
    });
});

describe('a split', () => {
    it('has even parts whose sum is the whole', () => {
        fc.assert(
            fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n }), fc.integer({ min: 1, max: 16 }), (amount, count) => {
                const parts = Array.from({ length: count }, (_, index) => evenPart(amount, count, index));
                expect(sumOf(parts)).toBe(amount);
                expect(spreadOf(parts)!.highest - spreadOf(parts)!.least).toBeLessThanOrEqual(1n);
            }),
        );
    });
});

describe('sharing', () => {
    it('counts the other active providers of the machine', () => {
        const of = (index: number, machineId: string | null, status: 'active' | 'retired' = 'active') => ({ index, machineId, status });
        const counted = sharingOf([of(0, 'a'), of(1, 'a'), of(2, 'a', 'retired'), of(3, 'b'), of(4, null)]);
        expect([...counted.values()]).toEqual([1, 1, 2, 0, null]);
    });

    it('is mutual', () => {
        fc.assert(
            fc.property(fc.array(fc.constantFrom('a', 'b', 'c', null)), (machines) => {
                const providers = machines.map((machineId, index) => ({ index, machineId, status: 'active' as const }));
                for (const [index, count] of sharingOf(providers)) {
                    const same = machines.filter((machine) => machine === machines[index]).length - 1;
                    expect(count).toBe(machines[index] === null ? null : same);
                }
            }),
        );
    });
});

describe('models', () => {
    it('get all volume of the providers that offer something, and none twice', () => {
        const provider = fc.record({
            volume: fc.bigInt({ min: 0n, max: 2n ** 60n }),
            models: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
            status: fc.constantFrom('active' as const, 'retired' as const),
        });
        fc.assert(
            fc.property(fc.array(provider), (drawn) => {
                const providers = drawn.map((one, index) => ({
                    ...one,
                    index,
                    earnings: earningsOf({ ...one, registeredAt: 0, attestedSeconds: 0 }, 7_200),
                }));
                const offers = providers.flatMap(({ index, models }) => models.map((model) => offerOf(index, model, BigInt(index))));
                const views = groupByModel(providers, offers, []);
                const offering = providers.filter(({ status, models }) => status === 'active' && models.length > 0);
                expect(sumOf(views.map(({ settledVolume }) => settledVolume))).toBe(sumOf(offering.map(({ volume }) => volume)));
                for (const view of views) {
                    expect(view.providers).toBe(offering.filter(({ models }) => models.some((model) => model === view.model)).length);
                    expect(view.offers.every(({ model }) => model === view.model)).toBe(true);
                    expect(view.splitProviders).toBeLessThanOrEqual(view.providers);
                }
            }),
        );
    });

    it('are there when only jobs name them', () => {
        const [view] = groupByModel([], [], [jobOf({ model: 'zz', state: 'not_taken' })]);
        expect(view).toMatchObject({ model: 'zz', providers: 0, prices: null, jobs: { notTaken: 1 } });
    });
});

describe('figures of jobs', () => {
    it('count every job once, and tell demand that nobody served', () => {
        fc.assert(
            fc.property(fc.array(fc.constantFrom(...JobStates)), (states) => {
                const { count, byState, notTaken } = jobFigures(states.map((state) => jobOf({ state })));
                expect(Object.values(byState).reduce((a, b) => a + b, 0)).toBe(count);
                expect(notTaken).toBe(byState.not_taken + byState.expired);
            }),
        );
        const figures = jobFigures([
            jobOf({ state: 'expired', bestBid: 9n }),
            jobOf({ state: 'not_taken', ceiling: 30n, ceilingPerMillion: 15n }),
            jobOf({ state: 'delivered', paid: 8n, paidPerMillion: 4n }),
            jobOf({ state: 'delivered', paid: 2n, paidPerMillion: null }),
        ]);
        expect(figures).toMatchObject({
            notTakenCeiling: 40n,
            notTakenPerMillion: 10n,
            notTakenWithBid: 1,
            paid: 10n,
            paidPerMillion: { least: 4n, median: 4n, highest: 4n },
        });
    });
});

describe('a reputation', () => {
    it('has the factors of its score', () => {
        const record = fc.record({
            sessions: fc.nat(),
            volume: fc.constant(0n),
            jobsDelivered: fc.nat(100_000),
            jobsFailed: fc.nat(1_000),
            jobsDeclined: fc.nat(1_000),
            feesRemitted: fc.bigInt({ min: 0n, max: 2n ** 50n }),
            attestedSeconds: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
        });
        fc.assert(
            fc.property(record, (drawn) => {
                const { score, fees, reliability, time } = reputationOf(drawn);
                expect(score).toBe(scoreOf(drawn));
                expect(Math.abs(Number(score) - Number(fees) * reliability * time)).toBeLessThanOrEqual(2 + Number(fees) * 1e-9);
            }),
        );
    });
});

describe('an endpoint', () => {
    it('is a plain URL, or null with the text quoted', () => {
        const of = (endpointText: string) => endpointOf({ address: somewhere, endpointText });
        expect(of('https://a.example/v/')).toEqual({ endpoint: 'https://a.example/v', endpointProblem: null });
        for (const text of ['', 'javascript:alert(1)', 'http://user@a.example', 'https://a.example/?q', '\u0000']) {
            expect(of(text)).toEqual({ endpoint: null, endpointProblem: `no plain http(s) URL: ${JSON.stringify(text)}` });
        }
    });
});

describe('parallel work', () => {
    it('keeps the order and the limit, and ends with the first error', async () => {
        let running = 0;
        let most = 0;
        const counts: number[] = [];
        const work = async (thing: number) => {
            running += 1;
            most = Math.max(most, running);
            await new Promise((resolve) => setTimeout(resolve, 1));
            running -= 1;
            return thing * 2;
        };
        const things = Array.from({ length: 20 }, (_, index) => index);
        expect(await mapParallel(things, 3, work, (count) => counts.push(count))).toEqual(things.map((thing) => thing * 2));
        expect([most, counts]).toEqual([3, things.map((thing) => thing + 1)]);
        let begun = 0;
        const failing = mapParallel(things, 2, async () => {
            begun += 1;
            throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(begun).toBeLessThan(3);
    });
});
