import { Address, beginCell, Cell, contractAddress, toNano } from '@ton/core';
import { BlockchainSnapshot, TreasuryContract } from '@ton/sandbox';
import '@ton/test-utils';
import {
    accountOf, addressOf, Errors, escrowDeployment, hashToBigInt, packOffer, packTerms, Provider, providerDeployment, ProviderRegistry,
    SessionEscrow, SessionStatus, settlementDeployment, Tier,
} from '../../wrappers';
import { dataOf, exitCodeOf, sendAs, transactionOf, treeSize } from '../support/chain';
import { EncryptionKey, Start, testKey, TestNetwork, TestOffer, TestSession } from '../support/network';
import { attest, rewriteProvider } from '../support/provider_state';
import { attempt, refused } from '../session/outcome';
import { confirmSession, retire, sessionClosed, updateOffers } from './messages';

const Value = toNano('0.1');
const { RejectRetired, RejectOffer, RejectTier, RejectTcbStatus, RejectMeasurement } = Provider;

describe('A provider that is asked for a session', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const termsOf = (session: TestSession) => packTerms(session.agreement);
    const question = (session: TestSession, openedLt = 5n) => confirmSession(openedLt, network.sessionKey.publicKey, termsOf(session));

    /** The escrow of these terms asks; it need not be deployed for that. */
    async function ask(session: TestSession, from: Address = session.address) {
        const result = await sendAs(network.chain, from, network.provider.address, Value, question(session));
        return transactionOf(result, network.provider.address);
    }

    async function answer(session: TestSession): Promise<Cell> {
        const [message] = [...(await ask(session)).outMessages.values()];
        expect(message.info.dest).toEqualAddress(session.address);
        expect(message.info).toMatchObject({ bounce: false, bounced: false });
        return message.body;
    }

    const confirmed = async (session: TestSession) => SessionEscrow.loadSessionConfirmed((await answer(session)).beginParse());
    const rejected = async (session: TestSession) => SessionEscrow.loadSessionRejected((await answer(session)).beginParse());

    it('confirms terms that it offers, with the opening\'s time, its worker key and no expiry in tier open', async () => {
        expect(await confirmed(await network.escrow())).toMatchObject({
            openedLt: 5n, workerKey: hashToBigInt(network.workerKey.publicKey), expiry: 0n,
        });
    });

    it('rejects terms whose offer is not one of its own', async () => {
        const dearer = { ...TestOffer, prices: { ...TestOffer.prices, prompt: TestOffer.prices.prompt - 1n } };
        expect(await rejected(await network.escrow({ offer: dearer }))).toMatchObject({ openedLt: 5n, reason: RejectOffer });
    });

    it('rejects terms whose offer is one of its own no longer, and the client has everything back', async () => {
        await attempt(network.chain, network.owner.address, network.provider.address, updateOffers(TestOffer, null), Value);
        const session = await network.escrow();
        const before = await network.balance(network.client.address);
        await session.open(toNano('1'));
        expect(await network.exists(session.address)).toBe(false);
        expect(await network.balance(network.client.address)).toBeGreaterThan(before - toNano('0.01'));
    });

    it('rejects everyone after retirement', async () => {
        await attempt(network.chain, network.owner.address, network.provider.address, retire(), Value);
        expect(await rejected(await network.escrow())).toMatchObject({ reason: RejectRetired });
    });

    it('keeps nothing of the question, whatever the answer', async () => {
        for (const session of [await network.escrow(), await network.escrow({ leastTier: Tier.Tdx })]) {
            const [data, balance] = [await dataOf(network.chain, network.provider.address), await network.balance(network.provider.address)];
            await ask(session);
            expect(await dataOf(network.chain, network.provider.address)).toEqualCell(data!);
            expect(await network.balance(network.provider.address)).toBe(balance);
        }
    });

    it('gives the same answer when it is asked twice', async () => {
        const session = await network.escrow();
        expect(await answer(session)).toEqualCell(await answer(session));
    });

    it('does no harm to an open session by answering twice', async () => {
        const session = await network.openSession();
        await session.claim(await session.voucher(toNano('0.2')));
        const before = await dataOf(network.chain, session.address);
        const openedLt = (await session.data()).openedLt;
        const result = await sendAs(network.chain, session.address, network.provider.address, Value, question(session, openedLt));
        expect(exitCodeOf(transactionOf(result, network.provider.address))).toBe(0);
        expect(exitCodeOf(transactionOf(result, session.address))).toBe(0); // the snapshot is renewed, by the same one
        expect(await dataOf(network.chain, session.address)).toEqualCell(before!);
    });

    it('sends back what is left of the value with the answer', async () => {
        const transaction = await ask(await network.escrow());
        const [{ info }] = [...transaction.outMessages.values()];
        const sent = info.type === 'internal' ? info.value.coins + info.forwardFee : 0n;
        expect(sent + transaction.totalFees.coins).toBe(Value);
    });

    describe('in tier tdx', () => {
        const expiry = Start + 3600;
        const tdx = (changes = {}) => network.escrow({ leastTier: Tier.Tdx, acceptedTcbStatuses: 0b0000_0001, ...changes });

        it('rejects terms that ask for tdx while it has no attestation', async () => {
            expect(await rejected(await tdx())).toMatchObject({ reason: RejectTier });
        });

        it('confirms them once it is attested, with the record\'s expiry', async () => {
            await attest(network, { expiry });
            expect(await confirmed(await tdx())).toMatchObject({ expiry: BigInt(expiry) });
        });

        it('gives the expiry to sessions that ask only for tier open, too', async () => {
            await attest(network, { expiry });
            expect(await confirmed(await network.escrow())).toMatchObject({ expiry: BigInt(expiry) });
        });

        it('is tier open again, by itself, from the second at which the record expires', async () => {
            await attest(network, { expiry });
            network.chain.now = expiry - 1;
            expect(await confirmed(await tdx())).toMatchObject({ expiry: BigInt(expiry) });
            expect((await network.provider.getProviderData()).tier).toBe(BigInt(Tier.Tdx));
            network.chain.now = expiry;
            expect(await rejected(await tdx())).toMatchObject({ reason: RejectTier });
            expect(await confirmed(await network.escrow())).toMatchObject({ expiry: 0n });
            expect((await network.provider.getProviderData()).tier).toBe(BigInt(Tier.Open));
        });

        it.each([2, 7, 255])('rejects tier %i, which does not exist', async (leastTier) => {
            await attest(network, { expiry });
            expect(await rejected(await tdx({ leastTier }))).toMatchObject({ reason: RejectTier });
        });

        it.each([0, 1, 7])('confirms TCB status %i only to clients that accept it', async (tcbStatus) => {
            await attest(network, { expiry, tcbStatus });
            expect(await confirmed(await tdx({ acceptedTcbStatuses: 1 << tcbStatus }))).toMatchObject({ expiry: BigInt(expiry) });
            expect(await rejected(await tdx({ acceptedTcbStatuses: 0xff - (1 << tcbStatus) }))).toMatchObject({ reason: RejectTcbStatus });
            expect(await rejected(await tdx({ acceptedTcbStatuses: 0 }))).toMatchObject({ reason: RejectTcbStatus });
        });

        it('confirms the measurement that it runs and no other', async () => {
            const measurement = Buffer.alloc(32, 9);
            await attest(network, { expiry, measurement: hashToBigInt(measurement) });
            expect(await confirmed(await tdx({ measurement }))).toMatchObject({ expiry: BigInt(expiry) });
            expect(await rejected(await tdx({ measurement: Buffer.alloc(32, 8) }))).toMatchObject({ reason: RejectMeasurement });
        });

        it('loses its record with retirement', async () => {
            await attest(network, { expiry });
            await attempt(network.chain, network.owner.address, network.provider.address, retire(), Value);
            expect((await network.provider.getProviderData()).attestedUntil).toBe(0n);
        });

        it('shows the record in its getter', async () => {
            await attest(network, { expiry, tcbStatus: 3, measurement: 77n });
            expect(await network.provider.getProviderData()).toMatchObject({
                tier: BigInt(Tier.Tdx), attestedUntil: BigInt(expiry), tcbStatus: 3n, measurement: 77n,
            });
        });
    });

    describe('threat: unauthenticated child or sibling: does not believe', () => {
        it('a wallet that asks with the terms of a session', async () => {
            const session = await network.escrow();
            expect(await attempt(network.chain, network.stranger.address, network.provider.address, question(session), Value))
                .toEqual(refused(Errors.AccessDenied));
        });

        it('a contract with the same data and other code', async () => {
            const session = await network.escrow();
            const forged = contractAddress(0, { code: TreasuryContract.code, data: session.deployment.init.data });
            expect(await attempt(network.chain, forged, network.provider.address, question(session), Value))
                .toEqual(refused(Errors.AccessDenied));
        });

        it('an escrow with other data: another session key', async () => {
            const session = await network.escrow();
            const other = await escrowDeployment(testKey('another session').publicKey, network.settlement.address, termsOf(session));
            expect(await attempt(network.chain, other.address, network.provider.address, question(session), Value))
                .toEqual(refused(Errors.AccessDenied));
        });

        it('an escrow that asks for other terms than its own', async () => {
            const [dear, cheap] = [await network.escrow(), await network.escrow({ creditWindow: 0n })];
            expect(await attempt(network.chain, cheap.address, network.provider.address, question(dear), Value))
                .toEqual(refused(Errors.AccessDenied));
        });

        it('an escrow whose initial data say that it is open already', async () => {
            const terms = packTerms(network.agreement());
            const data = beginCell().storeUint(toNano('1'), 64).storeUint(0xffffffff, 32).storeUint(1, 64)
                .storeBuffer(network.sessionKey.publicKey).storeBuffer(network.settlement.address.hash)
                .storeUint(1, 256).storeUint(0, 32).storeBit(0).storeRef(terms).endCell();
            const { code } = (await network.escrow()).deployment.init;
            const forged = contractAddress(0, { code, data });
            expect(await attempt(network.chain, forged, network.provider.address,
                confirmSession(1n, network.sessionKey.publicKey, terms), Value)).toEqual(refused(Errors.AccessDenied));
            expect(await attempt(network.chain, forged, network.provider.address,
                sessionClosed(toNano('1'), network.sessionKey.publicKey, terms), Value)).toEqual(refused(Errors.AccessDenied));
        });

        it('an escrow that pays into another provider\'s settlement; the client has everything back', async () => {
            const other = await settlementDeployment((await providerDeployment(network.registry.address, 1n)).address);
            const session = await network.escrow({}, other.address);
            const before = await network.balance(network.client.address);
            const result = await session.open(toNano('1'));
            expect(exitCodeOf(transactionOf(result, network.provider.address))).toBe(Errors.AccessDenied);
            expect(await network.exists(session.address)).toBe(false);
            expect(await network.balance(network.client.address)).toBeGreaterThan(before - toNano('0.01'));
        });

        it('an escrow of another provider with our settlement', async () => {
            await network.registry.send(network.client.getSender(), { value: toNano('3') }, network.registration());
            const { address: second } = await providerDeployment(network.registry.address, 1n);
            const session = await network.escrow({ provider: second });
            const result = await session.open(toNano('1'));
            expect(exitCodeOf(transactionOf(result, second))).toBe(Errors.AccessDenied);
            expect(await network.exists(session.address)).toBe(false);
        });

        it('the escrow\'s own twin in the masterchain', async () => {
            const session = await network.escrow();
            expect(exitCodeOf(await ask(session, new Address(-1, session.address.hash)))).toBe(Errors.NotBasechain);
        });

        it('anyone but the escrow of these terms, whom it does believe', async () => {
            expect(exitCodeOf(await ask(await network.escrow()))).toBe(0);
        });
    });

    describe('threat: malformed cell, extra bits or references: refuses', () => {
        const askWith = async (terms: Cell) => {
            const { address } = await escrowDeployment(network.sessionKey.publicKey, network.settlement.address, terms);
            return attempt(network.chain, address, network.provider.address, confirmSession(5n, network.sessionKey.publicKey, terms), Value);
        };

        it('terms without an offer', async () => {
            const bits = packTerms(network.agreement()).bits;
            for (const terms of [beginCell().storeBits(bits).endCell(), Cell.EMPTY]) {
                const outcome = await askWith(terms);
                expect([Errors.CellUnderflow, Errors.Malformed]).toContain(outcome.exitCode);
                expect(outcome).toMatchObject({ returned: true, unchanged: true });
            }
        });

        it('terms that carry a reference beside the offer: the escrow\'s rent would be another than its reserve covers', async () => {
            const ballast = (depth: number): Cell =>
                depth === 0 ? beginCell().storeUint(0, 1000).endCell() : beginCell().storeUint(depth, 1000).storeRef(ballast(depth - 1)).endCell();
            const terms = packTerms(network.agreement()).asBuilder().storeRef(ballast(100)).endCell();
            expect(treeSize([terms]).cells).toBeGreaterThan(100n);
            expect(await askWith(terms)).toMatchObject({ exitCode: Errors.Malformed, returned: true, unchanged: true });
        });

        it('nothing of terms as the wrappers pack them', async () => {
            expect((await askWith(packTerms(network.agreement()))).exitCode).toBe(0);
        });
    });

    describe('counts a session that has ended', () => {
        const counters = async () => {
            const { sessions, volume } = await network.provider.getProviderData();
            return { sessions, volume };
        };
        async function close(session: TestSession): Promise<void> {
            await session.startClose();
            network.chain.now! += session.agreement.closeWindow;
            await session.finishClose();
        }

        it('with what it paid, when the client closes it', async () => {
            const session = await network.openSession();
            await session.claim(await session.voucher(toNano('0.3')));
            expect(await counters()).toEqual({ sessions: 0n, volume: 0n });
            await close(session);
            expect(await counters()).toEqual({ sessions: 1n, volume: toNano('0.3') });
        });

        it('with the last payout, when the provider closes it', async () => {
            const session = await network.openSession();
            await network.sendBatch([{ kind: 'finish', escrow: session.address, voucher: await session.voucher(toNano('0.25')) }]);
            expect(await counters()).toEqual({ sessions: 1n, volume: toNano('0.25') });
        });

        it('one by one', async () => {
            for (let salt = 1n; salt <= 3n; salt++) {
                const session = await network.openSession(toNano('1'), { salt });
                await session.claim(await session.voucher(salt * 1000n));
                await close(session);
            }
            expect(await counters()).toEqual({ sessions: 3n, volume: 6000n });
        });

        it('not when it was refused or taken back', async () => {
            const session = await network.escrow({ leastTier: Tier.Tdx });
            await session.open(toNano('1'));
            expect(await network.exists(session.address)).toBe(false);
            expect(await counters()).toEqual({ sessions: 0n, volume: 0n });
        });

        it('threat: unauthenticated child or sibling: only when its own escrow says so', async () => {
            const session = await network.openSession();
            const news = sessionClosed(toNano('1000'), network.sessionKey.publicKey, termsOf(session));
            const forged = contractAddress(0, { code: TreasuryContract.code, data: session.deployment.init.data });
            for (const from of [network.stranger.address, network.owner.address, network.settlement.address, forged]) {
                expect(await attempt(network.chain, from, network.provider.address, news, Value)).toEqual(refused(Errors.AccessDenied));
            }
            expect(await counters()).toEqual({ sessions: 0n, volume: 0n });
        });

        it('threat: unauthenticated child or sibling: not when it is another provider\'s session', async () => {
            await network.registry.send(network.client.getSender(), { value: toNano('3') }, network.registration());
            const { address: second } = await providerDeployment(network.registry.address, 1n);
            const session = await network.openSession();
            const news = sessionClosed(toNano('1'), network.sessionKey.publicKey, termsOf(session));
            expect(await attempt(network.chain, session.address, second, news, Value)).toEqual(refused(Errors.AccessDenied));
        });

        it('also after retirement', async () => {
            const session = await network.openSession();
            await session.claim(await session.voucher(toNano('0.3')));
            await attempt(network.chain, network.owner.address, network.provider.address, retire(), Value);
            await close(session);
            expect(await counters()).toEqual({ sessions: 1n, volume: toNano('0.3') });
        });

        it('threat: counters that freeze a stake or leak when a message is lost: a counter that is full holds up neither refund nor exit', async () => {
            const session = await network.openSession();
            await session.claim(await session.voucher(toNano('0.3')));
            for (const state of [{ sessions: 2n ** 32n - 1n }, { volume: 2n ** 64n - 1n }]) {
                const before = network.chain.snapshot();
                await rewriteProvider(network, { state });
                await session.startClose();
                network.chain.now! += session.agreement.closeWindow;
                const result = await session.finishClose();
                expect(exitCodeOf(transactionOf(result, network.provider.address))).toBe(Errors.IntegerOutOfRange);
                expect(result.transactions).toHaveTransaction({
                    from: session.address, to: network.client.address, success: true, value: (value) => value! > toNano('0.65'),
                });
                expect((await attempt(network.chain, network.owner.address, network.provider.address, retire(), Value)).exitCode).toBe(0);
                await network.chain.loadFrom(before);
            }
        });
    });

    it('that is not initialised yet refuses, and the client has everything back', async () => {
        const { address, init } = await providerDeployment(network.registry.address, 1n);
        await network.stranger.send({ to: address, value: Value, init, bounce: false });
        const { address: settlement } = await settlementDeployment(address);
        const session = await network.escrow({ provider: address }, settlement);
        const before = await network.balance(network.client.address);
        const result = await session.open(toNano('1'));
        expect(exitCodeOf(transactionOf(result, address))).toBe(Errors.Initialised);
        expect(await network.exists(session.address)).toBe(false);
        expect(await network.balance(network.client.address)).toBeGreaterThan(before - toNano('0.01'));
    });

    it('tells the account of the escrow of any terms', async () => {
        const session = await network.escrow();
        expect(addressOf(await network.provider.getEscrowAccount(hashToBigInt(network.sessionKey.publicKey), termsOf(session))))
            .toEqualAddress(session.address);
    });

    it('threat: message reordering: new keys that overtake a question are the ones that it confirms', async () => {
        const session = await network.escrow();
        const steps = await network.chain.sendMessageIter({
            info: {
                type: 'internal', ihrDisabled: true, bounce: true, bounced: false, src: network.client.address, dest: session.address,
                value: { coins: toNano('1') }, ihrFee: 0n, forwardFee: 0n, createdLt: 0n, createdAt: 0,
            },
            init: session.deployment.init,
            body: beginCell().store(SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n })).endCell(),
        }, { allowParallel: true });
        await steps.next(); // the escrow has asked
        const next = testKey('next worker');
        await network.provider.send(network.owner.getSender(), { value: Value }, {
            $$type: 'SetKeys', queryId: 0n, workerKey: hashToBigInt(next.publicKey), encryptionKey: hashToBigInt(EncryptionKey),
        });
        for await (const step of steps) { expect(step.description).toMatchObject({ aborted: false }); }
        expect(await session.data()).toMatchObject({ status: BigInt(SessionStatus.Open), workerKey: hashToBigInt(next.publicKey) });
    });

    it('threat: message reordering: an offer that is withdrawn while a question is on its way is not confirmed', async () => {
        const session = await network.escrow();
        const steps = await network.chain.sendMessageIter({
            info: {
                type: 'internal', ihrDisabled: true, bounce: true, bounced: false, src: network.client.address, dest: session.address,
                value: { coins: toNano('1') }, ihrFee: 0n, forwardFee: 0n, createdLt: 0n, createdAt: 0,
            },
            init: session.deployment.init,
            body: beginCell().store(SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n })).endCell(),
        }, { allowParallel: true });
        await steps.next();
        await attempt(network.chain, network.owner.address, network.provider.address, updateOffers(TestOffer, null), Value);
        for await (const step of steps) { expect(step.description).toMatchObject({ aborted: false }); }
        expect(await network.exists(session.address)).toBe(false);
    });
});
