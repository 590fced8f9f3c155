import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import '@ton/test-utils';
import {
    accountOf, addressOf, attestationContext, attestationDigest, AttestationLifetime, attestationValue, AttestedKeys, Errors, hashToBigInt, NonceLifetime,
    NonceRenewal, Provider, providerDeployment, reportDataOf, requestNonceValue, SessionStatus, Tier,
} from '../../wrappers';
import { dataOf, exitCodeOf, forwardFeesOf, gasFeesOf, pricesOf, sendAs, transactionOf } from '../support/chain';
import { EncryptionKey, GlobalId, Start, testKey, TestNetwork } from '../support/network';
import { rewriteProvider, standingOf } from '../support/provider_state';
import { chainConfig, PriceSet } from '../support/prices';
import { SmallOrderEd25519, SmallOrderX25519 } from '../support/weak_keys';
import { attempt, refused } from '../session/outcome';
import { quoteRejected, requestNonce, retire, setAttester, setEndpoint, setKeys } from './messages';
import { askNonce, attestGuest, deliver, guest, GuestEncryptionKey, GuestKey, QuoteChanges, Value, Verdict, verdictOn } from './quotes';

let network: TestNetwork;
let start: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    start = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(start));

const send = (body: Cell, from = network.owner.address, value = Value) =>
    attempt(network.chain, from, network.provider.address, body, value);
const data = () => network.provider.getProviderData();
const nonces = () => network.provider.getAttestationNonce();
const pass = (seconds: number) => { network.chain.now! += seconds; };
const settlementKey = async () => (await network.settlement.getSettlementData()).workerKey;
const reasonOf = async (keys: AttestedKeys, changes: QuoteChanges = {}) => {
    const { outcome, unchanged } = await deliver(network, verdictOn(network, keys, changes));
    expect([outcome?.reason, unchanged]).toEqual([outcome?.reason, outcome?.reason !== 0]);
    return outcome?.reason;
};

describe('A nonce', () => {
    it('is given to anyone who asks, with the rest of the value, and with the time until which it is valid', async () => {
        for (const { address } of [network.stranger, network.owner, network.client]) {
            const { nonce, queryId, validUntil, message } = await askNonce(network, address);
            expect(nonce).not.toBe(0n);
            expect([queryId, validUntil]).toEqual([5n, BigInt(Start + NonceLifetime)]);
            expect(message.info).toMatchObject({ bounce: false });
            expect(message.info.dest).toEqualAddress(address);
            expect(message.info.type === 'internal' && message.info.value.coins).toBeGreaterThan(Value - toNano('0.01'));
        }
    });

    it('costs the provider nothing', async () => {
        const before = await network.balance(network.provider.address);
        await askNonce(network);
        expect(await network.balance(network.provider.address)).toBe(before);
    });

    it.each<PriceSet>(['old', '2026'])('is given for the least value, and refused for one nanoTON less, at the prices of %s', async (prices) => {
        network.chain.setConfig(chainConfig(prices));
        const least = requestNonceValue(pricesOf(network.chain));
        expect(await send(requestNonce(), network.stranger.address, least - 1n)).toEqual(refused(Errors.ValueTooLow));
        expect(await send(requestNonce(), network.stranger.address, least)).toMatchObject({ exitCode: 0 });
        expect((await nonces()).nonce).not.toBe(0n);
    });

    it('is the same for everyone while it is younger than 1,800 s, and another one from then on', async () => {
        const first = await askNonce(network);
        pass(NonceRenewal - 1);
        expect(await askNonce(network, network.client.address)).toMatchObject({ nonce: first.nonce, validUntil: first.validUntil });
        pass(1);
        expect((await askNonce(network)).nonce).not.toBe(first.nonce);
    });

    it('is another one in every provider, block and transaction', async () => {
        await network.registry.send(network.owner.getSender(), { value: toNano('3') }, network.registration());
        const { address } = await providerDeployment(network.registry.address, 1n);
        const seen = new Set<bigint>();
        const fresh = network.chain.snapshot();
        for (const seed of [1, 2]) {
            for (const at of [network.provider.address, address]) {
                await network.chain.loadFrom(fresh);
                network.chain.random = Buffer.alloc(32, seed);
                const result = await sendAs(network.chain, network.stranger.address, at, Value, requestNonce());
                const [message] = [...transactionOf(result, at).outMessages.values()];
                seen.add(Provider.loadNonceIssued(message.body.beginParse()).nonce);
            }
        }
        expect(seen.size).toBe(4);
        network.chain.random = Buffer.alloc(32, 1);
        await network.chain.loadFrom(fresh);
        pass(NonceRenewal);
        seen.add((await askNonce(network)).nonce);
        pass(NonceRenewal);
        seen.add((await askNonce(network)).nonce);
        expect(seen.size).toBe(6);
    });

    it('and the one before it can be read with a get-method, each while it is valid', async () => {
        expect(await nonces()).toMatchObject({ nonce: 0n, givenUntil: 0n, validUntil: 0n, previous: 0n, previousValidUntil: 0n });
        const first = (await askNonce(network)).nonce;
        expect(await nonces()).toMatchObject({
            nonce: first, givenUntil: BigInt(Start + NonceRenewal), validUntil: BigInt(Start + NonceLifetime), previous: 0n,
        });
        pass(NonceRenewal);
        const second = (await askNonce(network)).nonce;
        expect(await nonces()).toMatchObject({ nonce: second, previous: first, previousValidUntil: BigInt(Start + NonceLifetime) });
        pass(NonceLifetime - NonceRenewal);
        expect(await nonces()).toMatchObject({ nonce: second, previous: 0n, previousValidUntil: 0n });
        pass(NonceRenewal);
        expect(await nonces()).toMatchObject({ nonce: 0n, givenUntil: 0n, validUntil: 0n });
    });

    it('is refused by a provider that has retired, and by one that is not initialised', async () => {
        await send(retire());
        expect(await send(requestNonce(), network.stranger.address)).toEqual(refused(Errors.Retired));
        const { address, init } = await providerDeployment(network.registry.address, 9n);
        await network.stranger.send({ to: address, value: Value, init, bounce: false });
        expect(await attempt(network.chain, network.stranger.address, address, requestNonce(), Value)).toEqual(refused(Errors.Initialised));
    });

    it.each([1, 450, 899, 900, 1799, 1800, 1801])(
        'threat: nonce used up by strangers: whoever asks every %i s cannot end the life of a nonce before its last second', async (pause) => {
            const { nonce } = await askNonce(network);
            const alive = network.chain.snapshot();
            const until = Start + NonceLifetime - 1;
            // Every schedule begins at another offset too, so that the renewals fall on all sorts of seconds.
            for (const offset of [0, 1, NonceRenewal - 1, NonceRenewal]) {
                await network.chain.loadFrom(alive);
                network.chain.now = Start + offset;
                const step = pause < 100 ? 600 * pause - 1 : pause;
                for (; network.chain.now! < until; network.chain.now = Math.min(until, network.chain.now! + step)) {
                    await askNonce(network);
                }
                await askNonce(network);
                expect(await reasonOf(guest(nonce))).toBe(0);
            }
        },
    );
});

describe('A quote that the verifier accepted', () => {
    it('makes the record, with everything that a client wants to know, in one get-method', async () => {
        await attestGuest(network);
        expect(await data()).toMatchObject({
            tier: BigInt(Tier.Tdx), attestedUntil: Verdict.expiry, tcbStatus: Verdict.tcbStatus, measurement: Verdict.measurement,
            evidenceHash: hashToBigInt(Buffer.alloc(32, 9)), machineId: Verdict.machineId, evaluationNumber: Verdict.evaluationNumber,
            workerKey: hashToBigInt(GuestKey.publicKey), encryptionKey: hashToBigInt(GuestEncryptionKey),
            verifier: accountOf(network.verifier.address),
        });
    });

    it('changes nothing else of the provider', async () => {
        const flat = async () => {
            const { endpoint, offers, ...rest } = await data();
            return { ...rest, endpoint: endpoint.toString(), offers: offers.values().map(String) };
        };
        const before = await flat();
        await attestGuest(network);
        const { tier, attestedUntil, tcbStatus, measurement, evidenceHash, machineId, evaluationNumber, workerKey, encryptionKey } = await flat();
        expect(await flat()).toEqual({
            ...before, tier, attestedUntil, tcbStatus, measurement, evidenceHash, machineId, evaluationNumber, workerKey, encryptionKey,
        });
    });

    it('sets the worker key of the settlement, which signs batches from then on', async () => {
        await attestGuest(network);
        expect(await settlementKey()).toBe(hashToBigInt(GuestKey.publicKey));
        await expect(network.sendBatch([])).rejects.toMatchObject({ exitCode: Errors.BadSignature });
        await network.sendBatchBody(await network.batchBody([], {}, GuestKey));
        expect((await network.settlement.getSettlementData()).sequence).toBe(1n);
    });

    it('sets it again when it has not changed: a settlement that missed it has it then', async () => {
        await attestGuest(network);
        await sendAs(network.chain, network.provider.address, network.settlement.address, Value,
            beginCell().storeUint(0x5e770002, 32).storeUint(4n, 256).endCell());
        pass(NonceLifetime);
        await attestGuest(network);
        expect(await settlementKey()).toBe(hashToBigInt(GuestKey.publicKey));
    });

    it('is answered to whoever sent it, with the rest of the value, and not a nanoTON of the deposit moves', async () => {
        const before = await network.balance(network.provider.address);
        const { transaction, outcome } = await attestGuest(network);
        const [toSettlement] = [...transaction.outMessages.values()];
        const passedOn = toSettlement.info.type === 'internal' ? toSettlement.info.value.coins : 0n;
        expect(outcome).toEqual({
            queryId: Verdict.queryId, reason: 0, to: network.owner.address.toString(), bounce: false,
            value: Value - passedOn - gasFeesOf(transaction) - forwardFeesOf(transaction),
        });
        expect(await network.balance(network.provider.address)).toBe(before);
    });

    it.each<PriceSet>(['old', '2026'])('is believed with exactly the least value, and answered with one nanoTON less, at the prices of %s', async (prices) => {
        network.chain.setConfig(chainConfig(prices));
        const { nonce } = await askNonce(network);
        const least = attestationValue(pricesOf(network.chain));
        const poor = await deliver(network, verdictOn(network, guest(nonce)), least - 1n);
        expect([poor.outcome?.reason, poor.unchanged]).toEqual([Errors.ValueTooLow, true]);
        const before = await network.balance(network.provider.address);
        expect((await deliver(network, verdictOn(network, guest(nonce)), least)).outcome).toMatchObject({ reason: 0 });
        expect(await network.balance(network.provider.address)).toBe(before);
        expect(await settlementKey()).toBe(hashToBigInt(GuestKey.publicKey));
    });

    it('lasts no longer than the verdict, and no longer than two days', async () => {
        for (const [verdict, lasts] of [[1, 1], [AttestationLifetime - 1, AttestationLifetime - 1], [AttestationLifetime + 1, AttestationLifetime]]) {
            await attestGuest(network, {}, { expiry: BigInt(network.chain.now! + verdict) });
            expect((await data()).attestedUntil).toBe(BigInt(network.chain.now! + lasts));
        }
    });

    it('is refused when its verdict has expired, to the second', async () => {
        const { nonce } = await askNonce(network);
        expect(await reasonOf(guest(nonce), { expiry: BigInt(Start) })).toBe(Errors.VerdictExpired);
        expect(await reasonOf(guest(nonce), { expiry: BigInt(Start + 1) })).toBe(0);
    });

    it('no longer holds after its expiry: the tier is open by itself', async () => {
        await attestGuest(network);
        network.chain.now = Number(Verdict.expiry) - 1;
        expect(await data()).toMatchObject({ tier: BigInt(Tier.Tdx) });
        pass(1);
        expect(await data()).toMatchObject({ tier: BigInt(Tier.Open), workerKey: hashToBigInt(GuestKey.publicKey) });
        const demanding = await network.openSession(toNano('1'), { leastTier: Tier.Tdx, acceptedTcbStatuses: 0xff });
        expect(await network.exists(demanding.address)).toBe(false);
        const open = await network.openSession(toNano('1'));
        expect(await open.data()).toMatchObject({ status: BigInt(SessionStatus.Open), attestedUntil: 0n });
    });

    it('opens sessions that ask for it, and those that it does not satisfy have everything back', async () => {
        await attestGuest(network);
        const terms = { leastTier: Tier.Tdx, acceptedTcbStatuses: 1 << Number(Verdict.tcbStatus), measurement: beginCell().storeUint(Verdict.measurement, 256).asSlice().loadBuffer(32) };
        const session = await network.openSession(toNano('1'), terms);
        expect(await session.data()).toMatchObject({
            status: BigInt(SessionStatus.Open), attestedUntil: Verdict.expiry, workerKey: hashToBigInt(GuestKey.publicKey),
        });
        for (const changes of [{ acceptedTcbStatuses: 0xff ^ (1 << Number(Verdict.tcbStatus)) }, { measurement: Buffer.alloc(32, 1) }]) {
            const before = await network.balance(network.client.address);
            const refusedSession = await network.openSession(toNano('1'), { ...terms, ...changes, salt: 2n });
            expect(await network.exists(refusedSession.address)).toBe(false);
            expect(await network.balance(network.client.address)).toBeGreaterThan(before - toNano('0.01'));
        }
    });

    it('threat: a machine that lost its keys in a reboot attests again with new ones, without anybody else\'s help', async () => {
        await attestGuest(network);
        const next = testKey('after the reboot');
        await attestGuest(network, { workerKey: next.publicKey, encryptionKey: EncryptionKey }, { expiry: Verdict.expiry + 9n });
        expect(await data()).toMatchObject({
            tier: BigInt(Tier.Tdx), workerKey: hashToBigInt(next.publicKey), encryptionKey: hashToBigInt(EncryptionKey),
            attestedUntil: Verdict.expiry + 9n,
        });
        expect(await settlementKey()).toBe(hashToBigInt(next.publicKey));
    });

    it('leaves the record when the endpoint changes or somebody asks for a nonce', async () => {
        await attestGuest(network);
        const before = await data();
        await send(setEndpoint(beginCell().storeBuffer(Buffer.from('elsewhere')).endCell()));
        await askNonce(network);
        const { tier, attestedUntil, measurement, evidenceHash, machineId, evaluationNumber, tcbStatus, verifier } = before;
        expect(await data()).toMatchObject({ tier, attestedUntil, measurement, evidenceHash, machineId, evaluationNumber, tcbStatus, verifier });
    });
});

describe('threat: quotes stockpiled, replayed or registered by somebody else', () => {
    it('a nonce counts until its last second, and not in the second after', async () => {
        const { nonce } = await askNonce(network);
        pass(NonceLifetime - 1);
        const last = network.chain.snapshot();
        expect(await reasonOf(guest(nonce))).toBe(0);
        await network.chain.loadFrom(last);
        pass(1);
        expect(await reasonOf(guest(nonce))).toBe(Errors.BadNonce);
    });

    it('the previous nonce counts until its own last second too, and not in the second after', async () => {
        const { nonce } = await askNonce(network);
        pass(NonceRenewal);
        await askNonce(network);
        pass(NonceLifetime - NonceRenewal - 1);
        const last = network.chain.snapshot();
        expect(await reasonOf(guest(nonce))).toBe(0);
        await network.chain.loadFrom(last);
        pass(1);
        expect(await reasonOf(guest(nonce))).toBe(Errors.BadNonce);
    });

    it('an accepted quote uses up its nonce: it cannot come twice, nor another one with the same nonce', async () => {
        const { nonce } = await attestGuest(network);
        expect(await reasonOf(guest(nonce))).toBe(Errors.BadNonce);
        expect(await reasonOf(guest(nonce, { workerKey: testKey('another').publicKey }))).toBe(Errors.BadNonce);
        expect((await askNonce(network)).nonce).not.toBe(nonce);
        expect(await reasonOf(guest(nonce))).toBe(Errors.BadNonce);
    });

    it('it uses up an older nonce as well, so that an older quote cannot undo it; a younger one stays', async () => {
        const old = await askNonce(network);
        pass(NonceRenewal);
        const young = await askNonce(network);
        const both = network.chain.snapshot();
        expect(await reasonOf(guest(young.nonce))).toBe(0);
        expect(await reasonOf(guest(old.nonce))).toBe(Errors.BadNonce);
        await network.chain.loadFrom(both);
        expect(await reasonOf(guest(old.nonce))).toBe(0);
        expect(await reasonOf(guest(old.nonce))).toBe(Errors.BadNonce);
        expect(await reasonOf(guest(young.nonce))).toBe(0);
    });

    it('a refused quote uses up nothing', async () => {
        const { nonce } = await askNonce(network);
        await deliver(network, quoteRejected(accountOf(network.owner.address), 1521n));
        expect(await reasonOf(guest(nonce), { expiry: 1n })).toBe(Errors.VerdictExpired);
        expect(await reasonOf(guest(nonce))).toBe(0);
    });

    it('a nonce that was never given does not count; nor does 0, when none was given', async () => {
        expect(await reasonOf(guest(0n))).toBe(Errors.BadNonce);
        const { nonce } = await askNonce(network);
        expect(await reasonOf(guest(0n))).toBe(Errors.BadNonce);
        expect(await reasonOf(guest(nonce + 1n))).toBe(Errors.BadNonce);
    });

    /** A quote that is right in everything but one thing. */
    const withReport = (keys: AttestedKeys, provider: Address, globalId = GlobalId) =>
        // Not reportDataOf: it refuses what a forger would write.
        verdictOn(network, keys, {
            reportData: beginCell().storeBuffer(keys.workerKey).storeBuffer(attestationDigest(provider, globalId, keys)).endCell(),
        });
    it.each([
        ['of another network', (keys: AttestedKeys) => withReport(keys, network.provider.address, -3)],
        ['for another provider', (keys: AttestedKeys) => withReport(keys, network.owner.address)],
        ['for the same account in the masterchain', (keys: AttestedKeys) => withReport(keys, new Address(-1, network.provider.address.hash))],
        ['with another encryption key than the quote\'s', (keys: AttestedKeys) =>
            verdictOn(network, keys, { context: attestationContext({ ...keys, encryptionKey: EncryptionKey }) })],
        ['with another GPU evidence than the quote\'s', (keys: AttestedKeys) =>
            verdictOn(network, keys, { context: attestationContext({ ...keys, evidenceHash: Buffer.alloc(32) }) })],
        ['that was made for another nonce', (keys: AttestedKeys) =>
            verdictOn(network, { ...keys, nonce: 1n }, { context: attestationContext(keys) })],
        ['whose report_data name nothing', (keys: AttestedKeys) =>
            verdictOn(network, keys, { reportData: beginCell().storeBuffer(keys.workerKey).storeUint(0, 256).endCell() })],
    ])('a quote %s is refused', async (_, make) => {
        const { nonce } = await askNonce(network);
        const { outcome, unchanged } = await deliver(network, make(guest(nonce)));
        expect([outcome?.reason, unchanged]).toEqual([Errors.BadReportData, true]);
        expect(await reasonOf(guest(nonce))).toBe(0);
    });

    it.each([
        ['bit less in the context', { context: beginCell().storeUint(0, 767).endCell() }],
        ['bit more in the context', { context: beginCell().storeUint(0, 769).endCell() }],
        ['reference in the context', (keys: AttestedKeys) => ({ context: beginCell().storeSlice(attestationContext(keys).asSlice()).storeRef(Cell.EMPTY).endCell() })],
        ['context of nothing', { context: Cell.EMPTY }],
        ['bit less in report_data', { reportData: beginCell().storeUint(0, 511).endCell() }],
        ['bit more in report_data', { reportData: beginCell().storeUint(0, 513).endCell() }],
        ['reference in report_data', (keys: AttestedKeys) => ({
            reportData: beginCell().storeBuffer(reportDataOf(network.provider.address, GlobalId, keys)).storeRef(Cell.EMPTY).endCell(),
        })],
        ['report_data of nothing', { reportData: Cell.EMPTY }],
    ] as [string, QuoteChanges | ((keys: AttestedKeys) => QuoteChanges)][])('threat: cell boundaries chosen by the sender: a %s is refused', async (_, changes) => {
        const keys = guest((await askNonce(network)).nonce);
        expect(await reasonOf(keys, typeof changes === 'function' ? changes(keys) : changes)).toBe(Errors.Malformed);
    });

    it('threat: low-order public keys: a quote with one is refused, also with its coins given back', async () => {
        const { nonce } = await askNonce(network);
        expect(await reasonOf(guest(nonce, { workerKey: SmallOrderEd25519[0][1] }))).toBe(Errors.BadKey);
        expect(await reasonOf(guest(nonce, { encryptionKey: SmallOrderX25519[0][1] }))).toBe(Errors.BadKey);
    });

    it('a refused quote is answered to its sender, with the query and the rest of the value, and costs the provider nothing', async () => {
        const { transaction, outcome, unchanged } = await deliver(network, verdictOn(network, guest(1n)));
        expect(outcome).toEqual({
            queryId: Verdict.queryId, reason: Errors.BadNonce, to: network.owner.address.toString(), bounce: false,
            value: Value - gasFeesOf(transaction) - forwardFeesOf(transaction),
        });
        expect(unchanged).toBe(true);
    });

    it('what the verifier rejects is passed on to its sender, with its reason', async () => {
        await attestGuest(network);
        const { outcome, unchanged, transaction } = await deliver(network, quoteRejected(accountOf(network.stranger.address), 1533n, 8n));
        expect(outcome).toEqual({
            queryId: 8n, reason: 1533, to: network.stranger.address.toString(), bounce: false,
            value: Value - gasFeesOf(transaction) - forwardFeesOf(transaction),
        });
        expect(unchanged).toBe(true);
    });
});

describe('threat: unauthenticated sender: a verdict', () => {
    const bodies = async () => [verdictOn(network, guest((await askNonce(network)).nonce)), quoteRejected(accountOf(network.stranger.address), 1n)];

    it('counts from nobody but the verifier', async () => {
        for (const body of await bodies()) {
            for (const { address } of [network.owner, network.stranger, network.governance, network.registry, network.settlement]) {
                expect(await send(body, address)).toEqual(refused(Errors.AccessDenied));
            }
            expect(await send(body, new Address(-1, network.verifier.address.hash))).toEqual(refused(Errors.NotBasechain));
        }
    });

    it('counts from nobody at all in a network without a verifier, not even from the account whose hash is 0', async () => {
        const body = verdictOn(network, guest((await askNonce(network)).nonce));
        const { standing } = await standingOf(network);
        const registration = Provider.loadRegistration(standing.registration.beginParse());
        await rewriteProvider(network, {
            standing: { registration: beginCell().store(Provider.storeRegistration({ ...registration, verifier: 0n })).endCell() },
        });
        for (const from of [addressOf(0n), network.verifier.address]) {
            expect(await send(body, from)).toEqual(refused(Errors.AccessDenied));
            expect(await send(quoteRejected(1n, 1n), from)).toEqual(refused(Errors.AccessDenied));
        }
    });

    it('for a provider that has retired is answered with that, and its coins come back', async () => {
        const { nonce } = await askNonce(network);
        await send(retire());
        expect(await reasonOf(guest(nonce))).toBe(Errors.Retired);
        expect((await data()).tier).toBe(BigInt(Tier.Open));
    });

    it('reaches a provider that is not initialised in vain', async () => {
        const { address, init } = await providerDeployment(network.registry.address, 9n);
        await network.stranger.send({ to: address, value: Value, init, bounce: false });
        const result = await sendAs(network.chain, network.verifier.address, address, Value, verdictOn(network, guest(1n)));
        expect(exitCodeOf(transactionOf(result, address))).toBe(Errors.Initialised);
    });
});

describe('threat: a genuine quote of somebody else\'s machine: who may send quotes', () => {
    const payer = (address: Address) => ({ payer: accountOf(address) });

    it('a stranger\'s quote is refused, however genuine: he would put his own keys in the place of the provider\'s', async () => {
        const { nonce } = await askNonce(network);
        for (const { address } of [network.stranger, network.client, network.governance, network.settlement]) {
            expect(await reasonOf(guest(nonce), payer(address))).toBe(Errors.NotAttester);
        }
        expect(await reasonOf(guest(nonce), payer(network.owner.address))).toBe(0);
    });

    it('the owner may name an attester, who is shown, and whose quotes count beside the owner\'s', async () => {
        await send(setAttester(accountOf(network.client.address)));
        expect((await data()).attester).toBe(accountOf(network.client.address));
        await attestGuest(network, {}, payer(network.client.address));
        expect((await data()).attester).toBe(accountOf(network.client.address));
        await attestGuest(network);
        expect(await reasonOf(guest((await askNonce(network)).nonce), payer(network.stranger.address))).toBe(Errors.NotAttester);
    });

    it('the owner may name another one or nobody; record and nonces stay as they are', async () => {
        await attestGuest(network);
        const { nonce } = await askNonce(network);
        const before = await data();
        await send(setAttester(accountOf(network.client.address)));
        await send(setAttester(0n));
        const { attestedUntil, measurement, machineId } = before;
        expect(await data()).toMatchObject({ attester: 0n, tier: BigInt(Tier.Tdx), attestedUntil, measurement, machineId });
        expect(await reasonOf(guest(nonce), payer(network.client.address))).toBe(Errors.NotAttester);
        expect(await reasonOf(guest(nonce))).toBe(0);
    });

    it('nobody but the owner names one, and what is left of the value comes back', async () => {
        for (const { address } of [network.stranger, network.client, network.settlement, network.registry, network.verifier]) {
            expect(await send(setAttester(accountOf(address)), address)).toEqual(refused(Errors.AccessDenied));
        }
        const result = await sendAs(network.chain, network.owner.address, network.provider.address, Value, setAttester(1n));
        const transaction = transactionOf(result, network.provider.address);
        expect(result.transactions).toHaveTransaction({
            from: network.provider.address, to: network.owner.address, value: Value - gasFeesOf(transaction) - forwardFeesOf(transaction),
        });
    });

    it('a provider that has retired needs none', async () => {
        await send(retire());
        expect(await send(setAttester(1n))).toEqual(refused(Errors.Retired));
    });
});

describe('Keys that the owner sets', () => {
    it('end the record, and every outstanding nonce with it: a quote that is on its way cannot undo them', async () => {
        const old = await askNonce(network);
        pass(NonceRenewal);
        const young = await askNonce(network);
        await send(setKeys(testKey('owner\'s').publicKey, EncryptionKey));
        for (const { nonce } of [old, young]) {
            expect(await reasonOf(guest(nonce))).toBe(Errors.BadNonce);
        }
        expect(await data()).toMatchObject({ workerKey: hashToBigInt(testKey('owner\'s').publicKey), tier: BigInt(Tier.Open) });
        await attestGuest(network);
        expect(await data()).toMatchObject({ workerKey: hashToBigInt(GuestKey.publicKey), tier: BigInt(Tier.Tdx) });
    });

    it('end an attested record, of which nothing is left; the attester stays', async () => {
        await attestGuest(network);
        await send(setAttester(7n));
        await send(setKeys(testKey('owner\'s').publicKey, EncryptionKey));
        expect(await data()).toMatchObject({
            tier: BigInt(Tier.Open), attestedUntil: 0n, tcbStatus: 0n, measurement: 0n, evidenceHash: 0n, machineId: 0n,
            evaluationNumber: 0n, attester: 7n,
        });
    });

    it('leave no cell behind in a provider that was never attested', async () => {
        await send(setKeys(testKey('owner\'s').publicKey, EncryptionKey));
        expect((await standingOf(network)).standing.attestation).toBeNull();
    });

    it('survive the retirement, which ends record and nonces; attested time and attester stay', async () => {
        await send(setAttester(7n));
        await attestGuest(network);
        network.chain.now! += 100;
        await askNonce(network);
        await send(retire());
        network.chain.now! += 100; // not attested, so it does not count
        expect(await data()).toMatchObject({
            tier: BigInt(Tier.Open), attestedUntil: 0n, tcbStatus: 0n, measurement: 0n, evidenceHash: 0n, machineId: 0n,
            evaluationNumber: 0n, attester: 7n, attestedSeconds: 100n, workerKey: hashToBigInt(GuestKey.publicKey),
        });
        expect(await network.provider.getAttestationNonce()).toMatchObject({ nonce: 0n, previous: 0n });
        expect(await dataOf(network.chain, network.provider.address)).not.toBeNull();
    });
});
