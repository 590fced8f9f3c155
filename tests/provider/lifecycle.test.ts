import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, createEmptyShardAccount } from '@ton/sandbox';
import '@ton/test-utils';
import {
    accountOf, Errors, hashToBigInt, packRegistration, Provider, providerDeployment, ProviderStatus, settlementDeployment,
} from '../../wrappers';
import { actionCodeOf, dataOf, exitCodeOf, forwardFee, gasFeesOf, operation, rentOf, sendAs, transactionOf } from '../support/chain';
import { PriceSet } from '../support/prices';
import { EncryptionKey, testKey, TestNetwork, TestParameters, TestSession } from '../support/network';
import { attempt, refused } from '../session/outcome';
import { confirmSession, deploySettlement, initialiseProvider, retire, setEndpoint, setKeys, updateOffers } from './messages';

const Value = toNano('0.1');
const Year = 31_536_000;

describe('A provider', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const send = (body: Cell, from = network.owner.address, value = Value) =>
        attempt(network.chain, from, network.provider.address, body, value);
    const balance = () => network.balance(network.provider.address);
    const reserve = async () => (await network.provider.getProviderData()).reserve;
    const status = async () => Number((await network.provider.getProviderData()).status);
    const retireAs = (from: Address, value = Value) => sendAs(network.chain, from, network.provider.address, value, retire());

    describe('is initialised', () => {
        const registration = () => packRegistration({
            workerKey: testKey('thief').publicKey, encryptionKey: EncryptionKey, dailyCap: 1n, verifier: null, endpoint: 'x',
        });
        const initialise = async () => initialiseProvider(
            accountOf(network.stranger.address), 0n, registration(), (await dataOf(network.chain, network.registry.address))!.refs[0],
        );

        it('once: even its registry cannot do it again', async () => {
            expect(await send(await initialise(), network.registry.address)).toEqual(refused(Errors.Initialised));
        });

        it('by its own registry only, not by another one with the same code', async () => {
            const other = await TestNetwork.create('2026', { ...TestParameters, registrationFee: 0n });
            const { address, init } = await providerDeployment(network.registry.address, 1n);
            await sendAs(network.chain, network.stranger.address, address, Value, Cell.EMPTY, { init, bounce: false });
            for (const from of [other.registry.address, network.stranger.address, network.owner.address, network.governance.address]) {
                expect(await attempt(network.chain, from, address, await initialise(), toNano('2'))).toEqual(refused(Errors.AccessDenied));
            }
        });

        it('as the number that its address stands for: number 1 is another account than number 0', async () => {
            const { address, init } = await providerDeployment(network.registry.address, 1n);
            await sendAs(network.chain, network.registry.address, address, toNano('2'), await initialise(), { init, bounce: false });
            const data = await network.chain.openContract(Provider.Provider.fromAddress(address)).getProviderData();
            expect(data.index).toBe(1n);
            expect(address.equals(network.provider.address)).toBe(false);
        });

        it('before anything else works', async () => {
            const { address, init } = await providerDeployment(network.registry.address, 1n);
            await sendAs(network.chain, network.stranger.address, address, Value, Cell.EMPTY, { init, bounce: false });
            const bodies = [
                updateOffers(null, null), setKeys(testKey('worker').publicKey, EncryptionKey), setEndpoint(operation(1)), retire(),
                deploySettlement(), confirmSession(1n, Buffer.alloc(32, 1), Cell.EMPTY),
            ];
            for (const body of bodies) {
                expect(await attempt(network.chain, network.owner.address, address, body, Value)).toEqual(refused(Errors.Initialised));
            }
        });
    });

    describe('retires', () => {
        it('by returning everything above the rent reserve to the owner, to the nanoTON', async () => {
            const before = await balance();
            expect(before).toBeGreaterThan(toNano('1'));
            const result = await retireAs(network.owner.address);
            expect(result.transactions).toHaveTransaction({
                from: network.provider.address, to: network.owner.address, success: true,
                value: before + Value - await reserve() - forwardFee(network.chain)
                    - gasFeesOf(transactionOf(result, network.provider.address)),
            });
            expect(await balance()).toBe(await reserve());
            expect(await status()).toBe(ProviderStatus.Retired);
        });

        it('by the owner\'s word only', async () => {
            for (const { address } of [network.stranger, network.client, network.governance, network.registry, network.settlement]) {
                expect(await send(retire(), address)).toEqual(refused(Errors.AccessDenied));
            }
        });

        it('once for all: a second time returns what came in later, and is harmless', async () => {
            await retireAs(network.owner.address);
            await sendAs(network.chain, network.stranger.address, network.provider.address, toNano('3'));
            const before = await balance();
            const result = await retireAs(network.owner.address);
            expect(result.transactions).toHaveTransaction({
                from: network.provider.address, to: network.owner.address,
                value: before + Value - await reserve() - forwardFee(network.chain)
                    - gasFeesOf(transactionOf(result, network.provider.address)),
            });
            expect(await balance()).toBe(await reserve());
            const data = await dataOf(network.chain, network.provider.address);
            await retireAs(network.owner.address);
            expect(await dataOf(network.chain, network.provider.address)).toEqualCell(data!);
            expect(await balance()).toBe(await reserve());
        });

        it('without ever being active again', async () => {
            await retireAs(network.owner.address);
            expect(await send(updateOffers(null, null))).toEqual(refused(Errors.Retired));
            expect(await send(setKeys(testKey('worker').publicKey, EncryptionKey))).toEqual(refused(Errors.Retired));
            expect(await status()).toBe(ProviderStatus.Retired);
        });

        it('while sessions live: they go on paying, and close as if nothing had happened', async () => {
            const session = await network.openSession();
            await retireAs(network.owner.address);
            const earnings = await network.settlement.getEarnings();
            await session.claim(await session.voucher(toNano('0.4')));
            expect(await network.settlement.getEarnings()).toBeGreaterThanOrEqual(earnings + toNano('0.4'));
            await network.sendBatch([{ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.5')) }]);
            expect((await session.data()).claimed).toBe(toNano('0.5'));
            await session.startClose();
            network.chain.now! += session.agreement.closeWindow;
            const result = await session.finishClose();
            expect(result.transactions).toHaveTransaction({
                from: session.address, to: network.client.address, success: true, value: (value) => value! > toNano('0.45'),
            });
            expect(await network.exists(session.address)).toBe(false);
        });

        it('and its settlement still distributes', async () => {
            const session = await network.openSession();
            await session.claim(await session.voucher(toNano('0.4')));
            await retireAs(network.owner.address);
            const result = await network.settlement.send(network.stranger.getSender(), { value: Value }, { $$type: 'Distribute', queryId: 0n });
            expect(result.transactions).toHaveTransaction({
                from: network.settlement.address, to: network.owner.address, success: true, value: (value) => value! > toNano('0.38'),
            });
        });

        it('threat: no counter gates an exit: with many open sessions, and no one\'s consent', async () => {
            const sessions: TestSession[] = [];
            for (let salt = 1n; salt <= 5n; salt++) {
                sessions.push(await network.openSession(toNano('0.5'), { salt }));
            }
            const result = await retireAs(network.owner.address);
            expect(result.transactions).toHaveTransaction({ on: network.owner.address, from: network.provider.address, value: (value) => value! > toNano('1') });
        });

        it('threat: no stranger gates an exit: after gifts, dust, and messages that fail', async () => {
            for (const body of [Cell.EMPTY, operation(0x5e880009), retire(), updateOffers(null, null)]) {
                await sendAs(network.chain, network.stranger.address, network.provider.address, toNano('0.02'), body);
            }
            await sendAs(network.chain, network.stranger.address, network.provider.address, 1n, Cell.EMPTY);
            const before = await balance();
            await retireAs(network.owner.address);
            expect(before).toBeGreaterThan(toNano('1'));
            expect(await balance()).toBe(await reserve());
        });

        it('also when rent has eaten into the reserve: what the owner adds for the way comes back', async () => {
            const poor = await network.chain.getContract(network.provider.address);
            poor.balance = await reserve() / 2n;
            const result = await retireAs(network.owner.address);
            expect(result.transactions).toHaveTransaction({ from: network.provider.address, to: network.owner.address, success: true, value: (value) => value! > toNano('0.09') });
            expect(await status()).toBe(ProviderStatus.Retired);
        });

        it('threat: compute succeeded, action failed: not with a value that cannot carry the coins back; nothing is lost, and more value helps', async () => {
            const poor = await network.chain.getContract(network.provider.address);
            poor.balance = await reserve() / 2n;
            const result = await retireAs(network.owner.address, toNano('0.005'));
            const failed = transactionOf(result, network.provider.address);
            expect([exitCodeOf(failed), actionCodeOf(failed)]).toEqual([0, Errors.NotEnoughCoins]);
            expect(await status()).toBe(ProviderStatus.Active);
            const before = await balance();
            const second = await retireAs(network.owner.address);
            expect(second.transactions).toHaveTransaction({
                from: network.provider.address, to: network.owner.address,
                value: before + Value - await reserve() - forwardFee(network.chain)
                    - gasFeesOf(transactionOf(second, network.provider.address)),
            });
        });
    });

    describe('deploys its settlement again', () => {
        const deploy = (value = Value, from = network.stranger.address) =>
            sendAs(network.chain, from, network.provider.address, value, deploySettlement());

        it('by anyone\'s order; while the settlement lives nothing changes but its earnings', async () => {
            const session = await network.openSession();
            await session.claim(await session.voucher(toNano('0.2')));
            const [provider, settlement] = [await balance(), await dataOf(network.chain, network.settlement.address)];
            const [providerData, earnings] = [await dataOf(network.chain, network.provider.address), await network.settlement.getEarnings()];
            await deploy();
            expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(settlement!);
            expect(await dataOf(network.chain, network.provider.address)).toEqualCell(providerData!);
            expect(await balance()).toBe(provider);
            expect(await network.settlement.getEarnings()).toBeGreaterThan(earnings);
        });

        it('without costing the provider anything, however little the caller sends', async () => {
            for (const value of ['0.0001', '0.0005', '0.001', '0.002', '0.005']) {
                const before = await balance();
                await deploy(toNano(value));
                expect(await balance()).toBeGreaterThanOrEqual(before);
            }
        });

        it('threat: coins of a message stay behind when the action phase fails: a value that cannot carry the code comes back', async () => {
            expect(await send(deploySettlement(), network.stranger.address, toNano('0.002'))).toMatchObject({ returned: true, unchanged: true });
        });

        it('when its account is gone, with owner, registry and the present worker key; the fee has to be asked for', async () => {
            const next = testKey('next worker');
            await network.provider.send(network.owner.getSender(), { value: Value }, {
                $$type: 'SetKeys', queryId: 0n, workerKey: hashToBigInt(next.publicKey), encryptionKey: hashToBigInt(EncryptionKey),
            });
            const coins = await network.balance(network.settlement.address);
            await network.chain.setShardAccount(network.settlement.address, createEmptyShardAccount(network.settlement.address));
            expect(await network.exists(network.settlement.address)).toBe(false);
            expect(coins).toBeGreaterThan(0n);

            await deploy();
            expect(await network.settlement.getSettlementData()).toMatchObject({
                provider: accountOf(network.provider.address), owner: accountOf(network.owner.address),
                registry: accountOf(network.registry.address), workerKey: hashToBigInt(next.publicKey),
                sequence: 0n, dailyCap: toNano('10'), feeBasisPoints: 0n, treasury: 0n,
            });
            const early = await network.settlement.send(network.stranger.getSender(), { value: Value }, { $$type: 'Distribute', queryId: 0n });
            expect(exitCodeOf(transactionOf(early, network.settlement.address))).toBe(Errors.FeeUnknown);
            await network.settlement.send(network.stranger.getSender(), { value: Value }, { $$type: 'SyncFee', queryId: 0n });
            expect((await network.settlement.getSettlementData()).feeBasisPoints).toBe(TestParameters.feeBasisPoints);
        });

        it('threat: payout bounces into an account that no longer exists: payouts wait at the address and are earnings once it is there again', async () => {
            const session = await network.openSession();
            await network.chain.setShardAccount(network.settlement.address, createEmptyShardAccount(network.settlement.address));
            await session.claim(await session.voucher(toNano('0.4')));
            expect((await session.data()).claimed).toBe(toNano('0.4'));
            expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(toNano('0.4'));
            await deploy();
            const { feeFloat } = await network.settlement.getSettlementData();
            const earnings = await network.settlement.getEarnings();
            expect(feeFloat + earnings).toBeGreaterThanOrEqual(toNano('0.4'));
        });

        it('also after retirement', async () => {
            await retireAs(network.owner.address);
            await network.chain.setShardAccount(network.settlement.address, createEmptyShardAccount(network.settlement.address));
            await deploy();
            expect((await network.settlement.getSettlementData()).owner).toBe(accountOf(network.owner.address));
            expect(await balance()).toBe(await reserve());
        });

        it('at the address that it has always had', async () => {
            expect((await settlementDeployment(network.provider.address)).address).toEqualAddress(network.settlement.address);
        });
    });

    describe('threat: unknown operation, empty body, malformed cell, extra bits or references:', () => {
        it.each(['0x5e880000', '0x5e880008', '0x5e880009', '0x5e88000e', '0xffffffff', '0x00000001'])('operation %s is nobody\'s: it comes back', async (code) => {
            expect(await send(operation(Number(code)))).toEqual(refused(Errors.InvalidIncomingMessage));
        });

        it('a text comment comes back', async () => {
            expect(await send(beginCell().storeUint(0, 32).storeStringTail('hello').endCell())).toEqual(refused(Errors.InvalidIncomingMessage));
        });

        it.each(Object.entries({ ConfirmSession: 0x5e550003, SessionClosed: 0x5e55000c, InitialiseProvider: 0x5e880001, UpdateOffers: 0x5e880002, SetKeys: 0x5e880003, SetEndpoint: 0x5e880004, RequestNonce: 0x5e880007, SetAttester: 0x5e88000a, QuoteAccepted: 0x5eaa0030, QuoteRejected: 0x5eaa0031 }))(
            '%s without its fields comes back', async (_, code) => {
                expect(await send(operation(code))).toEqual(refused(Errors.CellUnderflow));
            });

        it.each([['nothing', Cell.EMPTY], ['the operation 0 alone', operation(0)], ['a single bit', beginCell().storeBit(1).endCell()]])(
            'a message of %s is a gift for the rent', async (_, body) => {
                const [data, before] = [await dataOf(network.chain, network.provider.address), await balance()];
                const result = await sendAs(network.chain, network.stranger.address, network.provider.address, Value, body);
                expect(await balance()).toBe(before + Value - gasFeesOf(transactionOf(result, network.provider.address)));
                expect(await dataOf(network.chain, network.provider.address)).toEqualCell(data!);
            });
    });

    it('threat: unauthenticated child or sibling: the owner\'s twin in the masterchain has no power', async () => {
        const twin = new Address(-1, network.owner.address.hash);
        for (const body of [retire(), updateOffers(null, null), setKeys(testKey('worker').publicKey, EncryptionKey)]) {
            const result = await sendAs(network.chain, twin, network.provider.address, Value, body);
            expect(exitCodeOf(transactionOf(result, network.provider.address))).toBe(Errors.NotBasechain);
        }
    });
});

describe.each<PriceSet>(['old', '2026'])('threat: death by rent: at the prices of %s', (prices) => {
    let network: TestNetwork;
    let session: TestSession;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create(prices, { ...TestParameters, registrationDeposit: 0n });
        await network.register(await network.registry.getRegistrationValue());
        await network.addOffer({ model: Buffer.alloc(32, 1), prices: { prompt: 1n, cached: 1n, completion: 1n, reasoning: 1n }, maxCreditWindow: 0n, minDeposit: 0n });
        session = await network.escrow({
            creditWindow: 0n, offer: { model: Buffer.alloc(32, 1), prices: { prompt: 1n, cached: 1n, completion: 1n, reasoning: 1n }, maxCreditWindow: 0n, minDeposit: 0n },
        });
        await session.open(toNano('0.1'));
        await session.claim(await session.voucher(toNano('1'))); // everything above the reserve
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const poor = () => [
        { name: 'provider', contract: network.provider }, { name: 'settlement', contract: network.settlement }, { name: 'escrow', contract: session.contract },
    ];

    it('provider, settlement and escrow with nothing but their reserves tell of at least a year', async () => {
        for (const { contract } of poor()) {
            expect(await contract.getRunway()).toBeGreaterThanOrEqual(BigInt(Year));
        }
    });

    it('each of them lives, and owes nothing, when the runway that it told has passed', async () => {
        for (const { contract } of poor()) {
            await network.chain.loadFrom(start);
            network.chain.now! += Number(await contract.getRunway());
            // A nanoTON pays for no computation: only the rent is settled.
            const result = await sendAs(network.chain, network.stranger.address, contract.address, 1n, Cell.EMPTY, { bounce: false });
            const visited = transactionOf(result, contract.address);
            expect(visited).toMatchObject({ oldStatus: 'active', endStatus: 'active' });
            expect(rentOf(visited).paid).toBeGreaterThan(0n);
            expect(rentOf(visited).due).toBe(0n);
            expect(await network.exists(contract.address)).toBe(true);
        }
    });

    it('the runway falls as time passes, and any gift makes it longer', async () => {
        for (const { contract } of poor()) {
            const before = await contract.getRunway();
            network.chain.now! += Year / 4;
            await sendAs(network.chain, network.stranger.address, contract.address, 1n, Cell.EMPTY, { bounce: false });
            const later = await contract.getRunway();
            expect(later).toBeLessThan(before);
            await sendAs(network.chain, network.stranger.address, contract.address, toNano('0.1'), Cell.EMPTY, { bounce: false });
            expect(await contract.getRunway()).toBeGreaterThan(later);
        }
    });

    it('the runway is 0, not negative, for an account that is in debt', async () => {
        for (const { contract } of poor()) {
            (await network.chain.getContract(contract.address)).balance = 0n;
            expect(await contract.getRunway()).toBe(0n);
        }
    });
});
