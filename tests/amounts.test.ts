import { beginCell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import '@ton/test-utils';
import fc from 'fast-check';
import { amountOf, Errors, packTerms, Prices, receiptPayload, SessionEscrow, SigningDomain, signPayload, Tier, Tokens, TokensPerPrice } from '../wrappers';
import { dataOf, exitCodeOf, setDataOf, tryAs } from './support/chain';
import { TestNetwork, TestOffer } from './support/network';
import { claimReceipt } from './session/messages';
import { StagedSession } from './session/staged';

const Seed = 1_000_000;
const Value = toNano('0.1');
const MostTokens = 2n ** 48n - 1n;
const MostPrice = 2n ** 64n - 1n;

const tokens = (prompt: bigint, cached = 0n, completion = 0n, reasoning = 0n): Tokens => ({ prompt, cached, completion, reasoning });
const prices = (prompt: bigint, cached = 0n, completion = 0n, reasoning = 0n): Prices => ({ prompt, cached, completion, reasoning });
const all = <T>(value: bigint, make: (a: bigint, b: bigint, c: bigint, d: bigint) => T) => make(value, value, value, value);

describe('Amount = ceil( sum over classes of tokens x price / 1,000,000 )', () => {
    let network: TestNetwork;
    let session: StagedSession;
    let start: BlockchainSnapshot;
    let domain: SigningDomain;
    let most: bigint; // what the deposit can pay

    /** A credit window that never limits a receipt claim: the amount alone decides. */
    const boundless = 2n ** 120n - 1n;
    const agreementAt = (pricesOfOffer: Prices) => network.agreement({
        provider: session.agreement.provider, leastTier: Tier.Tdx, creditWindow: boundless,
        offer: { ...TestOffer, maxCreditWindow: boundless, prices: pricesOfOffer },
    });

    beforeAll(async () => {
        network = await TestNetwork.ready();
        session = await StagedSession.open(network, {
            creditWindow: boundless, offer: { ...TestOffer, maxCreditWindow: boundless },
        });
        [domain, most] = [await session.domain(), await session.payable()];
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    /** The open session's terms get these prices. */
    async function setPrices(at: Prices): Promise<void> {
        const state = SessionEscrow.loadSessionState((await dataOf(network.chain, session.address))!.beginParse());
        const confirmation = SessionEscrow.loadConfirmation(state.rest.clone());
        const rest = beginCell()
            .store(SessionEscrow.storeConfirmation({ ...confirmation, terms: packTerms(agreementAt(at)) })).asSlice();
        await setDataOf(network.chain, session.address, beginCell().store(SessionEscrow.storeSessionState({ ...state, rest })).endCell());
    }

    /** What the escrow does with the receipt claim for these tokens, when the worker signed this amount. */
    async function claimed(used: Tokens, amount: bigint): Promise<{ exitCode: number | undefined; paid: bigint }> {
        const receipt = { sequence: 1, tokens: used, amount, transcriptHash: 0n };
        const signature = signPayload(receiptPayload(domain, receipt), network.workerKey.secretKey);
        const transaction = await tryAs(network.chain, session.settlement, session.address, Value, claimReceipt({ ...receipt, signature }));
        const [payout] = [...transaction.outMessages.values()].filter(({ info }) => info.type === 'internal' && !info.bounced);
        const sent = payout?.info.type === 'internal' ? payout.info.value.coins + payout.info.forwardFee : 0n;
        return { exitCode: exitCodeOf(transaction), paid: payout ? sent + transaction.totalFees.coins - Value : 0n };
    }

    /** The contract recomputes the amount under the signature, so only the amount that it computes itself can pass. */
    async function expectAgreement(used: Tokens, at: Prices): Promise<void> {
        await setPrices(at);
        const amount = amountOf(used, at);
        for (const wrong of [amount - 1n, amount + 1n].filter((one) => one >= 0n)) {
            expect((await claimed(used, wrong)).exitCode).toBe(Errors.BadSignature);
        }
        expect(await claimed(used, amount)).toEqual(
            amount === 0n ? { exitCode: Errors.NothingDue, paid: 0n } : { exitCode: 0, paid: amount < most ? amount : most },
        );
    }

    const edges: [string, Tokens, Prices][] = [
        ['nothing used', all(0n, tokens), all(1n, prices)],
        ['everything free', all(MostTokens, tokens), all(0n, prices)],
        ['one token at one nanoTON a million', tokens(1n), prices(1n)],
        ['999,999 tokens at 1', tokens(999_999n), prices(1n)],
        ['1,000,000 tokens at 1', tokens(1_000_000n), prices(1n)],
        ['1,000,001 tokens at 1', tokens(1_000_001n), prices(1n)],
        ['four classes that are one token together with others', tokens(250_000n, 250_000n, 250_000n, 250_000n), all(1n, prices)],
        ['cached tokens only', tokens(0n, 3n), prices(7n, 500_000n, 11n, 13n)],
        ['completion tokens only', tokens(0n, 0n, 3n), prices(7n, 11n, 500_000n, 13n)],
        ['reasoning tokens only', tokens(0n, 0n, 0n, 3n), prices(7n, 11n, 13n, 500_000n)],
        ['the most tokens of one class', tokens(MostTokens), prices(1n)],
        ['the highest price of one class', tokens(1n), prices(MostPrice)],
        ['the most tokens at the highest price in every class', all(MostTokens, tokens), all(MostPrice, prices)],
        ['a common conversation', tokens(1200n, 800n, 350n, 90n), TestOffer.prices],
    ];
    it.each(edges)('holds for contract and wrappers: %s', (_, used, at) => expectAgreement(used, at));

    it('holds for contract and wrappers: any tokens and prices, small and large', async () => {
        const number = (most: bigint) => fc.oneof(
            fc.bigInt(0n, most), fc.bigInt(0n, 2_000_000n), fc.constantFrom(0n, 1n, most - 1n, most),
        );
        const tuple = (most: bigint) => fc.tuple(number(most), number(most), number(most), number(most));
        await fc.assert(
            fc.asyncProperty(tuple(MostTokens), tuple(MostPrice), (used, at) => expectAgreement(tokens(...used), prices(...at))),
            { numRuns: 30, seed: Seed },
        );
    });

    it('rounds up, once, over the sum of all classes', () => {
        expect(amountOf(tokens(1n), prices(1n))).toBe(1n);
        expect(amountOf(tokens(1n, 1n, 1n, 1n), all(1n, prices))).toBe(1n);
        expect(amountOf(tokens(1_000_000n), prices(1n))).toBe(1n);
        expect(amountOf(tokens(1_000_001n), prices(1n))).toBe(2n);
    });

    it('is the exact quotient, rounded up by less than one nanoTON', () => {
        const figure = fc.bigInt(0n, MostTokens);
        const price = fc.bigInt(0n, MostPrice);
        fc.assert(fc.property(fc.tuple(figure, figure, figure, figure), fc.tuple(price, price, price, price), (used, at) => {
            const exact = used.reduce((sum, one, i) => sum + one * at[i], 0n);
            const amount = amountOf(tokens(...used), prices(...at));
            expect(amount * TokensPerPrice - exact).toBeGreaterThanOrEqual(0n);
            expect(amount * TokensPerPrice - exact).toBeLessThan(TokensPerPrice);
        }), { numRuns: 200, seed: Seed });
    });

    it('never falls when more is used', () => {
        const figure = fc.bigInt(0n, 2n ** 47n);
        const price = fc.bigInt(0n, MostPrice);
        fc.assert(fc.property(fc.tuple(figure, figure, figure, figure), figure, fc.nat(3), fc.tuple(price, price, price, price), (used, more, which, at) => {
            const later = used.map((one, i) => (i === which ? one + more : one)) as typeof used;
            expect(amountOf(tokens(...later), prices(...at))).toBeGreaterThanOrEqual(amountOf(tokens(...used), prices(...at)));
        }), { numRuns: 100, seed: Seed });
    });

    it('threat: payee alone says what was used: an amount that the worker invents is not paid, whatever it signs', async () => {
        const used = tokens(1000n);
        for (const invented of [0n, 1n, toNano('0.5'), boundless]) {
            expect(await claimed(used, invented)).toEqual({ exitCode: Errors.BadSignature, paid: 0n });
        }
        const amount = amountOf(used, TestOffer.prices);
        expect(await claimed(used, amount)).toEqual({ exitCode: 0, paid: amount });
    });
});
