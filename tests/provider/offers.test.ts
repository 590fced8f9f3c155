import { beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import '@ton/test-utils';
import { Errors, MaxOffers, OfferTerms, packOffer } from '../../wrappers';
import { forwardFee, gasFeesOf, sendAs, transactionOf } from '../support/chain';
import { TestNetwork, TestOffer } from '../support/network';
import { attempt, refused } from '../session/outcome';
import { offerHash, retire, updateOfferCells, updateOffers } from './messages';

const Value = toNano('0.1');

/** Offer number `i`, unlike the others. */
const offer = (i: number): OfferTerms => ({ ...TestOffer, model: Buffer.alloc(32, 100 + i) });

describe('The owner\'s offers', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;
    let full: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create();
        await network.register();
        start = network.chain.snapshot();
        for (let i = 0; i < MaxOffers; i++) {
            await network.addOffer(offer(i));
        }
        full = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const send = (body: Cell, from = network.owner.address) => attempt(network.chain, from, network.provider.address, body, Value);
    const update = (remove: OfferTerms | null, add: OfferTerms | null) => send(updateOffers(remove, add));
    const offers = async () => {
        const { offers: all } = await network.provider.getProviderData();
        expect(all.keys().every((hash) => hash === BigInt('0x' + all.get(hash)!.hash().toString('hex')))).toBe(true);
        return new Set(all.keys());
    };
    const set = (...all: OfferTerms[]) => new Set(all.map(offerHash));

    it('can be added', async () => {
        await update(null, offer(1));
        await update(null, offer(2));
        expect(await offers()).toEqual(set(offer(1), offer(2)));
    });

    it('can be removed', async () => {
        await update(null, offer(1));
        await update(null, offer(2));
        await update(offer(1), null);
        expect(await offers()).toEqual(set(offer(2)));
    });

    it('can be replaced in one message: a change of price', async () => {
        await update(null, offer(1));
        const dearer = { ...offer(1), prices: { ...TestOffer.prices, completion: 70_000_000n } };
        await update(offer(1), dearer);
        expect(await offers()).toEqual(set(dearer));
    });

    it('stay as they are when nothing is removed and nothing added', async () => {
        await update(null, offer(1));
        await update(null, null);
        expect(await offers()).toEqual(set(offer(1)));
    });

    it('return what is left of the value', async () => {
        const result = await sendAs(network.chain, network.owner.address, network.provider.address, Value, updateOffers(null, offer(1)));
        expect(result.transactions).toHaveTransaction({
            from: network.provider.address, to: network.owner.address, success: true,
            value: Value - gasFeesOf(transactionOf(result, network.provider.address)) - forwardFee(network.chain),
        });
    });

    it('are one when the same offer is added twice', async () => {
        await update(null, offer(1));
        await update(null, offer(1));
        expect(await offers()).toEqual(set(offer(1)));
    });

    it('are gone when one that was added twice is removed once', async () => {
        await update(null, offer(1));
        await update(null, offer(1));
        await update(offer(1), null);
        expect(await offers()).toEqual(set());
    });

    it('may be replaced by themselves', async () => {
        await update(null, offer(1));
        await update(offer(1), offer(1));
        expect(await offers()).toEqual(set(offer(1)));
    });

    it('cannot be removed when there is no such offer, and nothing is added instead', async () => {
        expect(await update(offer(1), null)).toEqual(refused(Errors.NoSuchOffer));
        expect(await update(offer(1), offer(2))).toEqual(refused(Errors.NoSuchOffer));
        expect(await offers()).toEqual(set());
    });

    it('cannot be changed by anyone else', async () => {
        await update(null, offer(1));
        for (const other of [network.stranger, network.client, network.governance]) {
            expect(await send(updateOffers(null, offer(2)), other.address)).toEqual(refused(Errors.AccessDenied));
            expect(await send(updateOffers(offer(1), null), other.address)).toEqual(refused(Errors.AccessDenied));
        }
    });

    it('cannot be changed after retirement, and are gone with it', async () => {
        await update(null, offer(1));
        await send(retire());
        expect(await offers()).toEqual(set());
        expect(await update(null, offer(1))).toEqual(refused(Errors.Retired));
    });

    describe('when there are 16 of them', () => {
        beforeEach(() => network.chain.loadFrom(full));

        it('are all there', async () => {
            expect((await offers()).size).toBe(MaxOffers);
        });

        it('do not take a 17th', async () => {
            expect(await update(null, offer(16))).toEqual(refused(Errors.TooManyOffers));
        });

        it('take one of themselves again', async () => {
            await update(null, offer(3));
            expect((await offers()).size).toBe(MaxOffers);
            await update(offer(3), null);
            await update(null, offer(16));
            expect((await offers()).size).toBe(MaxOffers);
            expect(await update(null, offer(17))).toEqual(refused(Errors.TooManyOffers));
        });

        it('can be replaced, each of them', async () => {
            for (let i = 0; i < MaxOffers; i++) {
                expect((await update(offer(i), offer(20 + i))).exitCode).toBe(0);
            }
            expect(await offers()).toEqual(set(...Array.from({ length: MaxOffers }, (_, i) => offer(20 + i))));
        });

        it('can all be removed, and then there is room for 16 again', async () => {
            for (let i = 0; i < MaxOffers; i++) {
                await update(offer(i), null);
            }
            expect(await offers()).toEqual(set());
            for (let i = 0; i < MaxOffers; i++) {
                expect((await update(null, offer(i))).exitCode).toBe(0);
            }
        });
    });

    describe('threat: malformed cell, extra bits or references: an offer with', () => {
        const proper = () => packOffer(offer(1)).asBuilder();
        const bits = packOffer(offer(1)).bits;
        const cases: [string, () => Cell, number][] = [
            ['a bit too many', () => proper().storeBit(1).endCell(), Errors.Malformed],
            ['a bit too few', () => beginCell().storeBits(bits.substring(0, bits.length - 1)).endCell(), Errors.Malformed],
            ['a reference', () => proper().storeRef(Cell.EMPTY).endCell(), Errors.Malformed],
            ['only three prices', () => beginCell().storeBits(bits.substring(0, bits.length - 64)).endCell(), Errors.Malformed],
            ['five prices', () => proper().storeUint(1, 64).endCell(), Errors.Malformed],
            ['nothing in it', () => Cell.EMPTY, Errors.CellUnderflow],
            ['amounts that are cut off', () => beginCell().storeUint(15, 4).storeUint(0, 8).endCell(), Errors.CellUnderflow],
        ];
        it.each(cases)('%s is refused', async (_, cell, code) => {
            expect(await send(updateOfferCells(null, cell()))).toEqual(refused(code));
            expect(await offers()).toEqual(set());
        });

        it('nothing of that is accepted', async () => {
            expect((await send(updateOfferCells(null, packOffer(offer(1))))).exitCode).toBe(0);
        });
    });

    it('threat: negative or overflowing prices are impossible: the largest figures that an offer can hold are accepted and come back as they are', async () => {
        const most = 2n ** 64n - 1n;
        const dearest: OfferTerms = {
            model: Buffer.alloc(32, 255), maxCreditWindow: 2n ** 120n - 1n, minDeposit: 2n ** 120n - 1n,
            prices: { prompt: most, cached: most, completion: most, reasoning: most },
        };
        await update(null, dearest);
        expect((await network.provider.getProviderData()).offers.get(offerHash(dearest))).toEqualCell(packOffer(dearest));
    });
});
