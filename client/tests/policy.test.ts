import { checkPolicy, referencePrice, refuseOffer, refuseProvider, tcbStatusBits } from '../src/policy';
import { FullTime } from '@ton-compute/contracts';
import { Address } from '@ton/core';
import { createClient, formatCoins, parseCoins } from '../src';
import { ProviderInfo } from '../src/chain/providers';
import { refuseStanding } from '../src/find';

const now = 1_800_000_000;
const attested = { tier: 1, attestedUntil: now + 3600, tcbStatus: 0, measurement: Buffer.alloc(32, 5) };
const offer = {
    model: Buffer.alloc(32, 7),
    prices: { prompt: 10n, cached: 5n, completion: 30n, reasoning: 40n },
    maxCreditWindow: 0n,
    minDeposit: 0n,
};

describe('a policy', () => {
    it('refuses a provider whose record is worth less than the score that it asks for', () => {
        const record = { sessions: 9, volume: 100n, jobsDelivered: 0, jobsFailed: 0, jobsDeclined: 0, feesRemitted: 10n, attestedSeconds: FullTime };
        const provider = { status: 'active', record } as ProviderInfo;
        expect(refuseStanding(checkPolicy(), provider)).toBeNull();
        expect(refuseStanding(checkPolicy({ leastScore: 10n }), provider)).toBeNull();
        expect(refuseStanding(checkPolicy({ leastScore: 11n }), provider)).toContain('score');
        expect(refuseStanding(checkPolicy(), { ...provider, status: 'retired' })).toBe('it is retired');
    });

    it('asks for tier tdx unless told otherwise', () => {
        const policy = checkPolicy();
        expect(refuseProvider(policy, { ...attested, tier: 0, attestedUntil: 0 }, now)).toContain('not attested');
        expect(refuseProvider(policy, attested, now)).toBeNull();
        expect(refuseProvider(checkPolicy({ leastTier: 'open' }), { ...attested, tier: 0 }, now)).toBeNull();
    });

    it('lets nothing be sent unsealed where an enclave was asked for', async () => {
        const endpoint = 'http://127.0.0.1:1';
        const registry = new Address(0, Buffer.alloc(32));
        for (const policy of [undefined, { leastTier: 'tdx' as const }]) {
            await expect(createClient({ endpoint, registry, plain: true, policy })).rejects.toMatchObject({ code: 'invalid_option' });
        }
    });

    it('refuses an attestation that has expired or is about to, another TCB status and another image', () => {
        expect(refuseProvider(checkPolicy(), { ...attested, attestedUntil: now }, now)).toContain('not attested');
        expect(
            refuseProvider(checkPolicy(), { ...attested, attestedUntil: now + 299 }, now),
        ).toContain('expires in 299 s');
        expect(refuseProvider(checkPolicy(), { ...attested, tcbStatus: 2 }, now)).toContain('TCB status is 2');
        const accepting = checkPolicy({ acceptedTcbStatuses: [0, 2] });
        expect(refuseProvider(accepting, { ...attested, tcbStatus: 2 }, now)).toBeNull();
        expect(tcbStatusBits(accepting)).toBe(5);
        const images = (byte: number) => checkPolicy({
            measurements: [Buffer.alloc(32, byte).toString('hex').toUpperCase()],
        });
        expect(refuseProvider(images(5), attested, now)).toBeNull();
        expect(refuseProvider(images(6), attested, now)).toContain('not on the policy');
    });

    it('refuses models and prices that it does not accept, class by class', () => {
        expect(refuseOffer(checkPolicy(), offer)).toBeNull();
        expect(refuseOffer(checkPolicy({ models: ['00'.repeat(32)] }), offer)).toContain('not on the policy');
        expect(refuseOffer(checkPolicy({ models: ['07'.repeat(32)] }), offer)).toBeNull();
        for (const name of ['prompt', 'cached', 'completion', 'reasoning'] as const) {
            const price = offer.prices[name];
            expect(refuseOffer(checkPolicy({ priceCeiling: { [name]: price } }), offer)).toBeNull();
            expect(
                refuseOffer(checkPolicy({ priceCeiling: { [name]: price - 1n } }), offer),
            ).toContain(`${name} tokens`);
        }
    });

    it('names the value that is wrong', () => {
        const wrong: [Parameters<typeof checkPolicy>[0], string][] = [
            [{ leastTier: 'sgx' as never }, 'policy.leastTier'],
            [{ acceptedTcbStatuses: [8] }, 'policy.acceptedTcbStatuses'],
            [{ measurements: ['abc'] }, 'policy.measurements'],
            [{ models: ['xyz'] }, 'policy.models'],
            [{ spendingCap: -1n }, 'policy.spendingCap'],
            [{ headroom: 5 as never }, 'policy.headroom'],
            [{ hiddenTokens: -1 }, 'policy.hiddenTokens'],
            [{ leastScore: -1n }, 'policy.leastScore'],
            [{ priceCeiling: { prompt: -1n } }, 'policy.priceCeiling.prompt'],
        ];
        for (const [policy, name] of wrong) {
            expect(() => checkPolicy(policy)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
            expect(() => checkPolicy(policy)).toThrow(name);
        }
    });

    it('compares offers by a mix of prompt and completion', () => {
        expect(referencePrice({ prompt: 100n, cached: 0n, completion: 200n, reasoning: 0n })).toBe(125n);
    });
});

describe('amounts', () => {
    it('are read and written without rounding', () => {
        for (const [text, nano] of [
            ['0', 0n],
            ['1.5', 1_500_000_000n],
            ['0.000000001', 1n],
            ['123456789', 123456789n * 10n ** 9n],
        ] as const) {
            expect(parseCoins(text)).toBe(nano);
            expect(formatCoins(nano)).toBe(`${text} TON`);
        }
        expect(formatCoins(-1_500_000_000n)).toBe('-1.5 TON');
    });

    it.each(['', '-1', '1.', '.5', '1e3', '1,5', '0.0000000001', '1 TON'])('refuse "%s"', (text) => {
        expect(() => parseCoins(text)).toThrow('is no amount');
    });
});
