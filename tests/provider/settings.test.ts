import { beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import '@ton/test-utils';
import { Errors, hashToBigInt, packEndpoint, setKeysValue, Tier } from '../../wrappers';
import { dataOf, forwardFee, forwardFeesOf, gasFeesOf, pricesOf, sendAs, transactionOf } from '../support/chain';
import { chainConfig, PriceSet } from '../support/prices';
import { EncryptionKey, Start, testKey, TestNetwork } from '../support/network';
import { attest } from '../support/provider_state';
import { SmallOrderEd25519, SmallOrderX25519 } from '../support/weak_keys';
import { attempt, refused } from '../session/outcome';
import { retire, setEndpoint, setKeys } from './messages';

const NewWorker = testKey('new worker');
const NewEncryptionKey = Buffer.from('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f', 'hex');
const Value = toNano('0.1');

/** The provider's data with cells as text, which compare by content. */
async function shown(network: TestNetwork) {
    const data = await network.provider.getProviderData();
    return { ...data, endpoint: data.endpoint.toString(), offers: data.offers.values().map(String) };
}

describe('The worker\'s keys', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const send = (body: Cell, value = Value, from = network.owner.address) =>
        attempt(network.chain, from, network.provider.address, body, value);
    const keys = () => setKeys(NewWorker.publicKey, NewEncryptionKey);

    it('are replaced in the provider and, with the same message, in its settlement', async () => {
        await send(keys());
        const provider = await network.provider.getProviderData();
        expect(provider.workerKey).toBe(hashToBigInt(NewWorker.publicKey));
        expect(provider.encryptionKey).toBe(hashToBigInt(NewEncryptionKey));
        expect((await network.settlement.getSettlementData()).workerKey).toBe(hashToBigInt(NewWorker.publicKey));
    });

    it('leave endpoint, daily cap and everything else as registered', async () => {
        const [provider, settlement] = [await shown(network), await network.settlement.getSettlementData()];
        await send(keys());
        expect(await shown(network)).toEqual({
            ...provider, workerKey: hashToBigInt(NewWorker.publicKey), encryptionKey: hashToBigInt(NewEncryptionKey),
        });
        expect({ ...await network.settlement.getSettlementData(), beneficiaries: 0 })
            .toEqual({ ...settlement, workerKey: hashToBigInt(NewWorker.publicKey), beneficiaries: 0 });
    });

    it('sign batches from then on, and the old ones no more', async () => {
        await send(keys());
        const sequence = async () => (await network.settlement.getSettlementData()).sequence;
        await expect(network.sendBatch([])).rejects.toMatchObject({ exitCode: Errors.BadSignature });
        expect(await sequence()).toBe(0n);
        await network.sendBatchBody(await network.batchBody([], {}, NewWorker));
        expect(await sequence()).toBe(1n);
    });

    it('count for sessions that are confirmed from then on; a session that lives keeps the key it was promised', async () => {
        const before = await network.openSession(toNano('1'), { salt: 1n });
        await send(keys());
        const after = await network.openSession(toNano('1'), { salt: 2n });
        expect((await before.data()).workerKey).toBe(hashToBigInt(network.workerKey.publicKey));
        expect((await after.data()).workerKey).toBe(hashToBigInt(NewWorker.publicKey));
    });

    it('turn what is left of the value into earnings, to the nanoTON', async () => {
        const earnings = await network.settlement.getEarnings();
        const result = await sendAs(network.chain, network.owner.address, network.provider.address, Value, keys());
        const inProvider = transactionOf(result, network.provider.address);
        const inSettlement = transactionOf(result, network.settlement.address);
        expect(await network.settlement.getEarnings()).toBe(
            earnings + Value - gasFeesOf(inProvider) - forwardFeesOf(inProvider) - gasFeesOf(inSettlement),
        );
    });

    it.each([['stranger'], ['client'], ['governance']] as const)('cannot be replaced by the %s', async (who) => {
        expect(await send(keys(), Value, network[who].address)).toEqual(refused(Errors.AccessDenied));
    });

    it('cannot be replaced by the settlement or the registry either', async () => {
        for (const { address } of [network.settlement, network.registry]) {
            expect(await send(keys(), Value, address)).toEqual(refused(Errors.AccessDenied));
        }
    });

    it('cannot be replaced after retirement', async () => {
        await send(retire());
        expect(await send(keys())).toEqual(refused(Errors.Retired));
    });

    it.each<PriceSet>(['old', '2026'])('are replaced with exactly the least value, and refused with one nanoTON less, at the prices of %s', async (prices) => {
        network.chain.setConfig(chainConfig(prices));
        const least = setKeysValue(pricesOf(network.chain));
        expect(await send(keys(), least - 1n)).toEqual(refused(Errors.ValueTooLow));
        await send(keys(), least);
        expect((await network.settlement.getSettlementData()).workerKey).toBe(hashToBigInt(NewWorker.publicKey));
        expect((await network.provider.getProviderData()).workerKey).toBe(hashToBigInt(NewWorker.publicKey));
    });

    it('threat: attested front, unattested engine behind it: keys that the owner sets are not the attested ones, so the tier is open from then on', async () => {
        await attest(network, { expiry: Start + 86_400 });
        expect((await network.provider.getProviderData()).tier).toBe(BigInt(Tier.Tdx));
        await send(keys());
        expect(await network.provider.getProviderData()).toMatchObject({
            workerKey: hashToBigInt(NewWorker.publicKey), tier: BigInt(Tier.Open), attestedUntil: 0n,
        });
        const session = await network.escrow({ leastTier: Tier.Tdx, acceptedTcbStatuses: 0xff });
        await session.open(toNano('1'));
        expect(await network.exists(session.address)).toBe(false); // refused: everything is back with the client
    });

    it('threat: low-order public keys: are refused when they are of small order (tests/keys.test.ts tries all of them)', async () => {
        expect(await send(setKeys(SmallOrderEd25519[0][1], NewEncryptionKey))).toEqual(refused(Errors.BadKey));
        expect(await send(setKeys(NewWorker.publicKey, SmallOrderX25519[0][1]))).toEqual(refused(Errors.BadKey));
    });
});

describe('The endpoint', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const send = (endpoint: Cell, from = network.owner.address) =>
        attempt(network.chain, from, network.provider.address, setEndpoint(endpoint), Value);
    const bytes = (count: number) => beginCell().storeBuffer(Buffer.alloc(count, 'x')).endCell();

    it.each([1, 2, 126, 127])('may have %i bytes', async (count) => {
        await send(bytes(count));
        expect((await network.provider.getProviderData()).endpoint).toEqualCell(bytes(count));
    });

    it('changes nothing else', async () => {
        const before = await shown(network);
        const settlement = await dataOf(network.chain, network.settlement.address);
        await send(packEndpoint('https://elsewhere.example'));
        expect(await shown(network)).toEqual({ ...before, endpoint: packEndpoint('https://elsewhere.example').toString() });
        expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(settlement!);
    });

    it('returns what is left of the value', async () => {
        const result = await sendAs(network.chain, network.owner.address, network.provider.address, Value, setEndpoint(bytes(9)));
        expect(result.transactions).toHaveTransaction({
            from: network.provider.address, to: network.owner.address,
            value: Value - gasFeesOf(transactionOf(result, network.provider.address)) - forwardFee(network.chain),
        });
    });

    it.each([
        ['of no bytes', Cell.EMPTY],
        ['of 128 bytes, which need a second cell', beginCell().storeBuffer(Buffer.alloc(127, 'x')).storeRef(bytes(1)).endCell()],
        ['that fills its cell to the last bit', beginCell().storeBuffer(Buffer.alloc(127, 'x')).storeUint(0, 7).endCell()],
        ['of one bit', beginCell().storeBit(1).endCell()],
        ['of 12 bits', beginCell().storeUint(1, 12).endCell()],
        ['with a reference', beginCell().storeUint(1, 8).storeRef(Cell.EMPTY).endCell()],
        ['of a reference alone', beginCell().storeRef(bytes(1)).endCell()],
    ])('%s is refused', async (_, endpoint) => {
        expect(await send(endpoint)).toEqual(refused(Errors.BadEndpoint));
    });

    it('is the owner\'s alone to change', async () => {
        for (const { address } of [network.stranger, network.client, network.governance, network.registry]) {
            expect(await send(bytes(5), address)).toEqual(refused(Errors.AccessDenied));
        }
    });

    it('may still be changed after retirement: sessions that live go on', async () => {
        await attempt(network.chain, network.owner.address, network.provider.address, retire(), Value);
        await send(bytes(5));
        expect((await network.provider.getProviderData()).endpoint).toEqualCell(bytes(5));
    });
});
