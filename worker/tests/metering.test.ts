import fc from 'fast-check';
import { amountOf, NoTokens, Prices, Tokens } from '@ton-compute/contracts';

import {
    allowanceOf,
    AttestationMargin,
    claimableOf,
    creditOf,
    EscrowFunds,
    shortfallOf,
} from '../src/money/allowance';
import { Hold, Tab } from '../src/money/tab';

const Now = 1_800_000_000;
const amount = fc.bigInt({ min: 0n, max: 10n ** 18n });
const funds = fc.record<EscrowFunds>({
    claimed: amount,
    balance: amount,
    reserve: amount,
    creditWindow: amount,
    attestedUntil: fc.constantFrom(0, Now - 1, Now + AttestationMargin, Now + 86_400),
});
const price = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const prices = fc.record<Prices>({ prompt: price, cached: price, completion: price, reasoning: price });

describe('Allowance', () => {
    it('is the voucher and the window, but never more than the escrow can pay', () => {
        fc.assert(
            fc.property(funds, amount, (escrow, cumulative) => {
                const allowance = allowanceOf(escrow, cumulative, Now);
                expect(allowance).toBeLessThanOrEqual(escrow.claimed + claimableOf(escrow));
                const signed = cumulative > escrow.claimed ? cumulative : escrow.claimed;
                expect(allowance).toBeLessThanOrEqual(signed + creditOf(escrow, Now));
                expect([escrow.claimed + claimableOf(escrow), signed + creditOf(escrow, Now)]).toContain(allowance);
            }),
        );
    });

    it('gives no credit in tier open, nor when a receipt-only claim could come too late', () => {
        const escrow = { claimed: 0n, balance: 100n, reserve: 0n, creditWindow: 30n };
        expect(creditOf({ ...escrow, attestedUntil: 0 }, Now)).toBe(0n);
        expect(creditOf({ ...escrow, attestedUntil: Now + AttestationMargin }, Now)).toBe(0n);
        expect(creditOf({ ...escrow, attestedUntil: Now + AttestationMargin + 1 }, Now)).toBe(30n);
    });

    it('tells exactly what is missing: with it, the same use is allowed, and with one nanoTON less it is not', () => {
        fc.assert(
            fc.property(funds, amount, amount, (escrow, cumulative, use) => {
                const missing = shortfallOf(escrow, cumulative, Now, use);
                if (missing === null) {
                    expect(use).toBeLessThanOrEqual(allowanceOf(escrow, cumulative, Now));
                } else if (missing.reason === 'voucher') {
                    expect(missing.owed).toBe(missing.required - cumulative);
                    expect(shortfallOf(escrow, missing.required, Now, use)).toBeNull();
                    expect(shortfallOf(escrow, missing.required - 1n, Now, use)).not.toBeNull();
                } else {
                    const topUp = missing.required - missing.claimable;
                    const balance = escrow.reserve + missing.claimable + topUp;
                    expect(shortfallOf({ ...escrow, balance }, cumulative, Now, use)?.reason).not.toBe('deposit');
                    expect(shortfallOf({ ...escrow, balance: balance - 1n }, cumulative, Now, use)?.reason).toBe(
                        'deposit',
                    );
                }
            }),
        );
    });
});

describe('Tab', () => {
    const step = fc.oneof(
        fc.record({ kind: fc.constant('open' as const), prompt: fc.bigInt({ min: 0n, max: 3000n }) }),
        fc.record({ kind: fc.constant('token' as const), which: fc.nat(7) }),
        fc.record({ kind: fc.constant('close' as const), which: fc.nat(7) }),
    );

    it('never lets requests at once use more than the allowance together', () => {
        fc.assert(
            fc.property(prices, amount, fc.array(step, { maxLength: 80 }), (session, allowance, steps) => {
                const tab = new Tab(
                    NoTokens,
                    session,
                    (use) => refuseAbove(allowance, use),
                    () => undefined,
                );
                const holds: { hold: Hold; used: Tokens }[] = [];
                for (const action of steps) {
                    if (action.kind === 'open') {
                        const hold = tab.open({ ...NoTokens, prompt: action.prompt, completion: 1n });
                        if (hold instanceof Hold) {
                            hold.usePrompt();
                            holds.push({ hold, used: { ...NoTokens, prompt: action.prompt } });
                        }
                    } else if (holds.length > 0) {
                        const index = action.which % holds.length;
                        const { hold, used } = holds[index];
                        if (action.kind === 'token' && hold.ensureNext() === null) {
                            hold.use({ ...NoTokens, completion: 1n });
                            used.completion += 1n;
                        } else if (action.kind === 'close') {
                            hold.close(used);
                            holds.splice(index, 1);
                        }
                    }
                    expect(tab.amount).toBeLessThanOrEqual(allowance);
                }
            }),
        );
    });

    it('bills what the engine counted at the end, whatever was reserved or counted on the way', () => {
        const count = fc.bigInt({ min: 0n, max: 500n });
        const total = fc.record<Tokens>({ prompt: count, cached: count, completion: count, reasoning: count });
        fc.assert(
            fc.property(prices, total, fc.nat(400), (session, final, steps) => {
                const tab = new Tab(
                    NoTokens,
                    session,
                    () => null,
                    () => undefined,
                );
                const hold = tab.open({ ...NoTokens, prompt: final.prompt + final.cached, completion: 1n }) as Hold;
                const streamed = final.completion < BigInt(steps) ? final.completion : BigInt(steps);
                for (let i = 0n; i < streamed; i += 1n) {
                    hold.ensureNext();
                    hold.use({ ...NoTokens, completion: 1n });
                }
                hold.close(final);
                expect(tab.spent).toEqual(final);
                expect(tab.amount).toBe(amountOf(final, session));
            }),
        );
    });

    it('never takes back what was counted, and never counts a token in two classes', () => {
        const count = fc.bigInt({ min: 0n, max: 50n });
        const total = fc.record<Tokens>({ prompt: count, cached: count, completion: count, reasoning: count });
        fc.assert(
            fc.property(total, total, (streamed, final) => {
                const tab = new Tab(
                    NoTokens,
                    flatPrice(1n),
                    () => null,
                    () => undefined,
                );
                const hold = tab.open(NoTokens) as Hold;
                hold.use(streamed);
                hold.close(final);
                const { prompt, cached, completion, reasoning } = tab.spent;
                for (const name of ['prompt', 'cached', 'completion', 'reasoning'] as const) {
                    expect(tab.spent[name]).toBeGreaterThanOrEqual(streamed[name]);
                    expect(tab.spent[name]).toBeLessThanOrEqual(max(streamed[name], final[name]));
                }
                expect(prompt + cached).toBe(max(streamed.prompt + streamed.cached, final.prompt + final.cached));
                expect(completion + reasoning).toBe(
                    max(streamed.completion + streamed.reasoning, final.completion + final.reasoning),
                );
            }),
        );
    });

    it('gives back what a request reserved and did not use, and says so to those who wait', () => {
        let released = 0;
        const tab = new Tab(
            NoTokens,
            flatPrice(1_000_000n),
            (use) => refuseAbove(10n, use),
            () => (released += 1),
        );
        const first = tab.open({ ...NoTokens, prompt: 9n, completion: 1n }) as Hold;
        expect(tab.open({ ...NoTokens, prompt: 1n, completion: 1n })).toMatchObject({ reason: 'voucher' });
        first.close(NoTokens);
        expect(released).toBe(1);
        expect(tab.open({ ...NoTokens, prompt: 1n, completion: 1n })).toBeInstanceOf(Hold);
        expect(tab.amount).toBe(0n);
    });

    it('counts tokens beyond a reservation, which backends that give several at once can produce', () => {
        const tab = new Tab(
            NoTokens,
            flatPrice(1_000_000n),
            (use) => refuseAbove(3n, use),
            () => undefined,
        );
        const hold = tab.open({ ...NoTokens, prompt: 1n, completion: 1n }) as Hold;
        hold.usePrompt();
        hold.use({ ...NoTokens, completion: 5n });
        expect(tab.amount).toBe(6n);
        expect(hold.ensureNext()).toMatchObject({ reason: 'voucher', owed: 4n });
    });
});

function refuseAbove(allowance: bigint, use: bigint) {
    return shortfallOf(
        { claimed: 0n, balance: 10n ** 40n, reserve: 0n, creditWindow: 0n, attestedUntil: 0 },
        allowance,
        Now,
        use,
    );
}

function flatPrice(perMillion: bigint): Prices {
    return { prompt: perMillion, cached: perMillion, completion: perMillion, reasoning: perMillion };
}

function max(a: bigint, b: bigint): bigint {
    return a > b ? a : b;
}
