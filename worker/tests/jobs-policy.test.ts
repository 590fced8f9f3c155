import { Address } from '@ton/core';
import { JobAgreement, JobTask } from '@ton-compute/contracts';

import { Admission } from '../src/http/admission';
import { TokenBudget } from '../src/jobs/budget';
import { judge, JobLimits, JobOffer, JobSituation } from '../src/jobs/policy';
import { bidAmount, ownPrice } from '../src/jobs/price';
import { Speed, workOf } from '../src/jobs/speed';
import { TestOffer } from './support/offers';

const account = (byte: number) => new Address(0, Buffer.alloc(32, byte));
const Now = 1_000_000;

const market = { registry: account(1), providerCodeHash: Buffer.alloc(32, 2), providerCodeDepth: 9 };
const model = {
    id: 'tiny',
    weightsHash: TestOffer.model.toString('hex'),
    contextLength: 256,
    supports: { chat: true, embeddings: false },
    embeddingDimension: 0,
    weightsBytes: 1,
    architecture: 'llama',
};

/** A job that costs 1,000,000 nanoTON by the offer, and takes 1,000 s at speed 1. */
const agreement: JobAgreement = {
    client: account(3),
    salt: 0n,
    provider: null,
    acceptedTcbStatuses: 0b1,
    measurement: null,
    model: TestOffer.model,
    inputRoot: Buffer.alloc(32),
    itemCount: 10,
    awardDeadline: Now + 600,
    deliveryTime: 4_000,
    ceiling: 2_000_000n,
    bond: 100n,
    bidStep: 50_000n,
    market,
    specification: {
        task: JobTask.Chat,
        promptTokens: 0n,
        completionTokens: 1_000n,
        inputBytes: 500n,
        instructionsHash: Buffer.alloc(32),
        inputUrl: 'file:///store/in',
    },
};

const limits: JobLimits = {
    inputBytes: 1_000,
    items: 100,
    bondLimit: 1_000n,
    leastPriceShare: 8_000n,
    speedShare: 0.5,
    bidMargin: 60,
    longestAward: 3_600,
    deliveryMargin: 300,
};

const situation: JobSituation = {
    now: Now,
    provider: account(7),
    market,
    active: true,
    attestation: { until: Now + 1_000, tcbStatus: 0, measurement: Buffer.alloc(32, 5), evidenceHash: Buffer.alloc(32), machineId: Buffer.alloc(32) },
    models: [model],
    offers: [TestOffer],
    allows: (url) => url.startsWith('file:///store/'),
    speed: 1,
    committed: 0,
    bonds: 0n,
    funds: 1_000_000n,
    bidCosts: 10n,
    costs: 1_000n,
};

type Changes = {
    job?: Partial<JobAgreement>;
    specification?: Partial<JobAgreement['specification']>;
    limits?: Partial<JobLimits>;
    situation?: Partial<JobSituation>;
    best?: JobOffer['best'];
};

function verdict({ job, specification, limits: more, situation: other, best = null }: Changes = {}) {
    const changed = { ...agreement, ...job, specification: { ...agreement.specification, ...specification } };
    return judge({ agreement: changed, best }, { ...limits, ...more }, { ...situation, ...other });
}

const taken = { bid: 1_000_000n };

describe('The policy', () => {
    it('bids its price for a job that fits', () => {
        expect(verdict()).toEqual(taken);
    });

    it.each<[string, Changes, 'never' | 'busy' | 'model', Changes]>([
        ['a retired provider', { situation: { active: false } }, 'never', {}],
        ['a job for another provider', { job: { provider: account(8) } }, 'never', { job: { provider: account(7) } }],
        ['another registry', { job: { market: { ...market, registry: account(9) } } }, 'never', { job: { provider: account(7), market: { ...market, registry: account(9) } } }],
        ['another release', { job: { market: { ...market, providerCodeHash: Buffer.alloc(32, 3) } } }, 'never', {}],
        ['another depth of code', { job: { market: { ...market, providerCodeDepth: 10 } } }, 'never', {}],
        ['a worker that is not attested', { situation: { attestation: null } }, 'busy', {}],
        ['a TCB status that is not accepted', { job: { acceptedTcbStatuses: 0b10 } }, 'never', { job: { acceptedTcbStatuses: 0b11 } }],
        ['another measurement', { job: { measurement: Buffer.alloc(32, 6) } }, 'never', { job: { measurement: Buffer.alloc(32, 5) } }],
        ['another model', { job: { model: Buffer.alloc(32, 1) } }, 'model', {}],
        ['a model without an offer', { situation: { offers: [{ ...TestOffer, model: Buffer.alloc(32, 1) }] } }, 'model', {}],
        ['a task of the future', { specification: { task: 9 } }, 'never', {}],
        ['embeddings of a model that gives none', { specification: { task: JobTask.Embeddings } }, 'never', {}],
        ['less than a token for an item', { specification: { completionTokens: 9n } }, 'never', { job: { itemCount: 10 } }],
        ['a store that is not allowed', { specification: { inputUrl: 'file:///other/in' } }, 'never', {}],
        ['an input that is too large', { specification: { inputBytes: 1_001n } }, 'never', { specification: { inputBytes: 1_000n } }],
        ['too many items', { job: { itemCount: 101 } }, 'never', { job: { itemCount: 100 } }],
        ['an award deadline that is too near', { job: { awardDeadline: Now + 59 } }, 'never', { job: { awardDeadline: Now + 60 } }],
        ['an award deadline that is too far', { job: { awardDeadline: Now + 3_601 } }, 'busy', { job: { awardDeadline: Now + 3_600 } }],
        ['a job that takes too long', { job: { deliveryTime: 2_299 } }, 'never', { job: { deliveryTime: 2_300 } }],
        ['too slow a worker', { situation: { speed: 0.5 } }, 'never', { situation: { speed: 0.6 } }],
        ['too much other work', { situation: { committed: 851 } }, 'busy', { situation: { committed: 850 } }],
        ['a ceiling below its price', { job: { ceiling: 999_999n } }, 'never', { job: { ceiling: 1_000_000n } }],
        ['a bond above the limit', { job: { bond: 1_001n } }, 'never', { job: { bond: 1_000n } }],
        ['too many bonds', { situation: { bonds: 901n } }, 'busy', { situation: { bonds: 900n } }],
        ['an empty wallet', { situation: { funds: 109n } }, 'busy', { situation: { funds: 110n } }],
        ['a best bid that is too low', { best: 849_999n }, 'never', {}],
    ])('does not take %s', (_name, changes, kind, border) => {
        expect(verdict(changes)).toMatchObject({ kind, reason: expect.stringMatching(/\.$|\)\.$/) });
        expect(verdict(border)).toEqual(taken);
    });

    it('goes a step below the best bid, down to its share', () => {
        expect(verdict({ best: 1_060_000n })).toEqual(taken);
        expect(verdict({ best: 1_000_000n })).toEqual({ bid: 950_000n });
        expect(verdict({ best: 850_000n })).toEqual({ bid: 800_000n });
        expect(verdict({ best: 850_000n, limits: { leastPriceShare: 8_001n } })).toMatchObject({ kind: 'never' });
        expect(verdict({ best: 900_000n, situation: { costs: 860_000n } })).toMatchObject({ kind: 'never' });
    });
});

describe('The price', () => {
    it('is that of the cheapest offer, and covers the costs', () => {
        const dear = { ...TestOffer, prices: { ...TestOffer.prices, completion: 2_000_000_000n } };
        expect(ownPrice(agreement, [dear, TestOffer], 0n)).toBe(1_000_000n);
        expect(ownPrice(agreement, [TestOffer], 1_000_001n)).toBe(1_000_001n);
        expect(ownPrice(agreement, [], 0n)).toBeNull();
    });

    it('is never rounded down to below its share', () => {
        expect(bidAmount(11n, 10n, 1n, 8_000n, 0n)).toBe(9n);
        expect(bidAmount(11n, 9n, 1n, 8_000n, 0n)).toBeNull();
        expect(bidAmount(11n, 0n, 1n, 100n, 0n)).toBeNull();
    });
});

describe('Speed', () => {
    it('follows what was measured, and ignores what says nothing', () => {
        const speed = new Speed(10);
        speed.observe(0, 5);
        speed.observe(5, 0);
        expect(speed.perSecond).toBe(10);
        for (let count = 0; count < 50; count += 1) {
            speed.observe(workOf(80, 90), 1);
        }
        expect(speed.perSecond).toBeCloseTo(100, 1);
    });
});

describe('The token budget', () => {
    it('gives out what the terms pay for, once', () => {
        const budget = new TokenBudget(10, 10);
        const first = budget.take(6, 8);
        expect(first.completionTokens).toBe(8);
        expect(budget.take(4, 8).completionTokens).toBe(2);
        expect(() => budget.take(1, 1)).toThrow(/leave 0 prompt tokens, the item needs 1/);
        expect(() => budget.take(0, 1)).toThrow(/leave 0 completion tokens/);
        first.release(6, 3);
        expect(budget.take(0, 8).completionTokens).toBe(5);
    });

    it('takes a failed attempt back', () => {
        const budget = new TokenBudget(5, 5);
        budget.take(5, 5).release(0, 0);
        expect(budget.take(5, 5).completionTokens).toBe(5);
    });
});

describe('Work that can wait', () => {
    it('never takes the last slot', async () => {
        const admission = new Admission(() => 3, 5);
        const [first, second] = [admission.enterSpare(), admission.enterSpare()];
        expect([first === null, second === null, admission.enterSpare()]).toEqual([false, false, null]);
        first?.();
        first?.();
        const session = admission.enter();
        expect(admission.enterSpare()).toBeNull();
        const woken = admission.whenLeft(AbortSignal.timeout(1000));
        session();
        await woken;
        expect(admission.enterSpare()).not.toBeNull();
        await expect(admission.whenLeft(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
        admission.close();
        second?.();
        expect(admission.enterSpare()).toBeNull();
    });
});
