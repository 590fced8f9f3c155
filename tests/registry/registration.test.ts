import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, SendMessageResult } from '@ton/sandbox';
import '@ton/test-utils';
import {
    accountOf, Errors, packEndpoint, Provider, providerDeployment, ProviderRegistry, ProviderStatus, settlementDeployment,
} from '../../wrappers';
import { bounceFeesOf, computeFee, dataOf, forwardFeesOf, gasFeesOf, transactionOf, valueOf } from '../support/chain';
import { PriceSet } from '../support/prices';
import { EncryptionKey, Start, testKey, TestNetwork, TestParameters } from '../support/network';

const { RegisterProviderGas, InitialiseProviderGas, InitialiseSettlementGas } = ProviderRegistry;
const Year = 31_536_000;
const BounceIfActionFails = 16; // a message's send mode

const LowOrderSigningKey = Buffer.alloc(32);
const LowOrderEncryptionKey = Buffer.alloc(32);

/** The verifier of the network that is tested. */
let verifier: bigint;

/** A registration whose fields may be wrong in every way. */
function registrationCell(changes: {
    workerKey?: Buffer; encryptionKey?: Buffer; endpoint?: Cell; extraBits?: number; shorter?: boolean; verifier?: bigint;
    references?: Cell[];
} = {}): Cell {
    const builder = beginCell()
        .storeBuffer(changes.workerKey ?? testKey('worker').publicKey)
        .storeBuffer(changes.encryptionKey ?? EncryptionKey)
        .storeUint(toNano('10'), changes.shorter ? 63 : 64)
        .storeUint(changes.verifier ?? verifier, 256)
        .storeUint(0, changes.extraBits ?? 0);
    for (const reference of changes.references ?? [changes.endpoint ?? packEndpoint('http://127.0.0.1:8080')]) {
        builder.storeRef(reference);
    }
    return builder.endCell();
}

describe.each<PriceSet>(['old', '2026'])('Registering a provider at the prices of %s', (prices) => {
    let network: TestNetwork;
    let fresh: BlockchainSnapshot;
    let least: bigint;

    beforeAll(async () => {
        network = await TestNetwork.create(prices);
        verifier = accountOf(network.verifier.address);
        fresh = network.chain.snapshot();
        least = await network.registry.getRegistrationValue();
    });
    beforeEach(() => network.chain.loadFrom(fresh));

    function register(value: bigint, registration?: Cell): Promise<SendMessageResult> {
        return network.registry.send(network.owner.getSender(), { value }, {
            ...network.registration(), ...(registration && { registration }),
        });
    }

    it('succeeds with exactly the value that registration_value names', async () => {
        await register(least);
        expect(await network.registry.getProviderCount()).toBe(1n);
        expect((await network.provider.getProviderData()).status).toBe(BigInt(ProviderStatus.Active));
        expect((await network.settlement.getSettlementData()).owner).toBe(accountOf(network.owner.address));
    });

    it('leaves the settlement its whole reserve when it succeeds with that least value', async () => {
        await register(least);
        const { reserve } = await network.settlement.getSettlementData();
        expect(await network.balance(network.settlement.address)).toBeGreaterThanOrEqual(reserve);
    });

    it('is refused with one nanoTON less, and everything comes back', async () => {
        const registryBefore = await network.balance(network.registry.address);
        const result = await register(least - 1n);
        const refusal = transactionOf(result, network.registry.address);
        expect(result.transactions).toHaveTransaction({ on: network.registry.address, exitCode: Errors.ValueTooLow });
        expect(result.transactions).toHaveTransaction({
            from: network.registry.address, to: network.owner.address, inMessageBounced: true,
            value: least - 1n - gasFeesOf(refusal) - bounceFeesOf(refusal),
        });
        expect(await network.balance(network.registry.address)).toBe(registryBefore);
        expect(await network.registry.getProviderCount()).toBe(0n);
        expect(await network.exists(network.provider.address)).toBe(false);
    });

    it('puts deposit, fee and float where they belong, to the nanoTON', async () => {
        const value = least + toNano('3');
        const registryBefore = await network.balance(network.registry.address);
        const result = await register(value);
        const [inRegistry, inProvider, inSettlement] = [network.registry, network.provider, network.settlement]
            .map((contract) => transactionOf(result, contract.address));

        // The registry keeps the fee, and what it did not burn of its gas budget.
        const registryBudget = computeFee(network.chain, RegisterProviderGas);
        expect(await network.balance(network.registry.address)).toBe(
            registryBefore + TestParameters.registrationFee + registryBudget - gasFeesOf(inRegistry),
        );
        // The provider keeps the deposit, and what it did not burn of its gas budget.
        const providerBudget = computeFee(network.chain, InitialiseProviderGas);
        expect(await network.balance(network.provider.address)).toBe(
            TestParameters.registrationDeposit + providerBudget - gasFeesOf(inProvider),
        );
        // Everything else reaches the settlement, and what is above its reserve is the float.
        const arrived = value - TestParameters.registrationFee - registryBudget - forwardFeesOf(inRegistry)
            - TestParameters.registrationDeposit - providerBudget - forwardFeesOf(inProvider);
        expect(valueOf(inSettlement)).toBe(arrived);
        expect(await network.balance(network.settlement.address)).toBe(arrived - gasFeesOf(inSettlement));
        const { feeFloat, reserve } = await network.settlement.getSettlementData();
        expect(feeFloat).toBe(arrived - reserve - computeFee(network.chain, InitialiseSettlementGas));
    });

    it('turns every further nanoTON into float', async () => {
        await register(least + toNano('1'));
        const { feeFloat: low } = await network.settlement.getSettlementData();
        await network.chain.loadFrom(fresh);
        await register(least + toNano('1') + 12_345n);
        expect((await network.settlement.getSettlementData()).feeFloat).toBe(low + 12_345n);
    });

    it('keeps the provider\'s rent reserve when the parameters ask for a smaller deposit', async () => {
        const cheap = await TestNetwork.create(prices, { ...TestParameters, registrationDeposit: 0n, registrationFee: 0n });
        await cheap.register(await cheap.registry.getRegistrationValue());
        const { reserve } = await cheap.provider.getProviderData();
        expect(await cheap.balance(cheap.provider.address)).toBeGreaterThanOrEqual(reserve);
        expect(await cheap.balance(cheap.provider.address)).toBeLessThan(reserve + toNano('0.01'));
    });

    describe('refuses and returns everything for', () => {
        const tooLong = beginCell().storeUint(0, 1016).storeUint(0, 7).endCell(); // 1,023 bits: no whole bytes
        const cases: [string, () => Cell, number][] = [
            ['a worker key of small order', () => registrationCell({ workerKey: LowOrderSigningKey }), Errors.BadKey],
            ['an encryption key of small order', () => registrationCell({ encryptionKey: LowOrderEncryptionKey }), Errors.BadKey],
            ['an empty endpoint', () => registrationCell({ endpoint: Cell.EMPTY }), Errors.BadEndpoint],
            ['an endpoint with half a byte', () => registrationCell({ endpoint: beginCell().storeUint(1, 12).endCell() }), Errors.BadEndpoint],
            ['an endpoint of more than 127 bytes', () => registrationCell({ endpoint: tooLong }), Errors.BadEndpoint],
            ['an endpoint of two cells', () => registrationCell({ endpoint: beginCell().storeUint(1, 8).storeRef(Cell.EMPTY).endCell() }), Errors.BadEndpoint],
            ['another verifier than the registry\'s', () => registrationCell({ verifier: verifier + 1n }), Errors.OtherVerifier],
            ['no verifier where the registry has one', () => registrationCell({ verifier: 0n }), Errors.OtherVerifier],
            ['a registration with a bit too many', () => registrationCell({ extraBits: 1 }), Errors.Malformed],
            ['a registration with a bit too few', () => registrationCell({ shorter: true }), Errors.Malformed],
            ['a registration without an endpoint', () => registrationCell({ references: [] }), Errors.Malformed],
            ['a registration with a reference too many', () => registrationCell({ references: [packEndpoint('a'), packEndpoint('a')] }), Errors.Malformed],
            ['an empty registration', () => Cell.EMPTY, Errors.Malformed],
        ];
        it.each(cases)('%s', async (_, registration, code) => {
            const value = least + toNano('1');
            const registryBefore = await network.balance(network.registry.address);
            const stateBefore = await dataOf(network.chain, network.registry.address);
            const result = await register(value, registration());
            const refusal = transactionOf(result, network.registry.address);
            expect(result.transactions).toHaveTransaction({ on: network.registry.address, exitCode: code });
            expect(result.transactions).toHaveTransaction({
                from: network.registry.address, to: network.owner.address, inMessageBounced: true,
                value: value - gasFeesOf(refusal) - bounceFeesOf(refusal),
            });
            expect(await network.balance(network.registry.address)).toBe(registryBefore);
            expect(await dataOf(network.chain, network.registry.address)).toEqualCell(stateBefore!);
            expect(await network.registry.getProviderCount()).toBe(0n);
        });

        it('nothing else: the same registration without a fault is accepted', async () => {
            await register(least + toNano('1'), registrationCell());
            expect(await network.registry.getProviderCount()).toBe(1n);
            expect((await network.provider.getProviderData()).verifier).toBe(verifier);
        });
    });

    describe.each([1, 2, 5])('threat: a stranger deploys it first: %i years before its registration, so that it owes rent:', (years) => {
        beforeEach(async () => {
            const { address, init } = await providerDeployment(network.registry.address, 0n);
            await network.stranger.send({ to: address, value: toNano('0.001'), init, bounce: false });
            expect(await network.exists(address)).toBe(true);
            network.chain.now = Start + years * Year;
            await register(await network.registry.getRegistrationValue());
        });

        it('the registration takes effect all the same', async () => {
            expect((await network.provider.getProviderData()).owner).toBe(accountOf(network.owner.address));
        });

        it('the settlement is there, or anyone can deploy it', async () => {
            await network.provider.send(network.stranger.getSender(), { value: toNano('0.5') }, { $$type: 'DeploySettlement', queryId: 0n });
            expect((await network.settlement.getSettlementData()).owner).toBe(accountOf(network.owner.address));
        });

        it('the deposit, less that rent, comes back with retirement', async () => {
            const result = await network.provider.send(network.owner.getSender(), { value: toNano('0.1') }, { $$type: 'Retire', queryId: 0n });
            expect(result.transactions).toHaveTransaction({
                from: network.provider.address, to: network.owner.address, success: true,
                value: (value) => value! > TestParameters.registrationDeposit - toNano('0.5'),
            });
        });
    });
});

describe('Numbering providers', () => {
    let network: TestNetwork;
    let fresh: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create();
        fresh = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(fresh));

    function providerAt(address: Address) {
        return network.chain.openContract(Provider.Provider.fromAddress(address));
    }

    it('gives each registration the next number, at the address that getter, wrappers and chain agree on', async () => {
        for (const [index, owner] of [network.owner, network.client, network.owner].entries()) {
            await network.registry.send(owner.getSender(), { value: toNano('2') }, network.registration());
            const { address } = await providerDeployment(network.registry.address, BigInt(index));
            expect(await network.registry.getProviderAddress(BigInt(index))).toEqualAddress(address);
            const data = await providerAt(address).getProviderData();
            expect(data.index).toBe(BigInt(index));
            expect(data.registry).toBe(accountOf(network.registry.address));
            expect(data.owner).toBe(accountOf(owner.address));
            expect(data.settlement).toBe(accountOf((await settlementDeployment(address)).address));
            expect(await network.registry.getProviderCount()).toBe(BigInt(index + 1));
        }
    });

    it('names addresses of providers that do not exist yet', async () => {
        const index = 2n ** 64n - 1n;
        const { address } = await providerDeployment(network.registry.address, index);
        expect(await network.registry.getProviderAddress(index)).toEqualAddress(address);
    });

    it('stores what was registered, and starts active, in tier open, without offers', async () => {
        await network.register();
        const data = await network.provider.getProviderData();
        expect(data.workerKey).toBe(BigInt('0x' + network.workerKey.publicKey.toString('hex')));
        expect(data.encryptionKey).toBe(BigInt('0x' + EncryptionKey.toString('hex')));
        expect(data.endpoint).toEqualCell(packEndpoint('http://127.0.0.1:8080'));
        expect(data).toMatchObject({
            status: BigInt(ProviderStatus.Active), tier: 0n, attestedUntil: 0n, sessions: 0n, volume: 0n,
        });
        expect(data.offers.size).toBe(0);
        const settlement = await network.settlement.getSettlementData();
        expect(settlement).toMatchObject({
            provider: accountOf(network.provider.address), owner: accountOf(network.owner.address),
            registry: accountOf(network.registry.address), workerKey: data.workerKey,
            dailyCap: toNano('10'), sequence: 0n, spentToday: 0n, floatBasisPoints: 0n,
        });
        expect(settlement).toMatchObject({
            feeBasisPoints: TestParameters.feeBasisPoints, treasury: accountOf(network.treasury.address),
        });
        expect(settlement.beneficiaries.size).toBe(0);
    });

    it('accepts an endpoint of one byte and of 127 bytes', async () => {
        for (const length of [1, 127]) {
            await network.chain.loadFrom(fresh);
            await network.registry.send(network.owner.getSender(), { value: toNano('2') }, network.registration({ endpoint: 'x'.repeat(length) }));
            expect((await network.provider.getProviderData()).endpoint.bits.length).toBe(8 * length);
        }
    });

    it('threat: message reordering: two registrations that overtake each other\'s deployments get two numbers', async () => {
        const body = beginCell().store(ProviderRegistry.storeRegisterProvider(network.registration())).endCell();
        const send = (from: Address) => network.chain.sendMessageIter({
            info: {
                type: 'internal', ihrDisabled: true, bounce: true, bounced: false, src: from, dest: network.registry.address,
                value: { coins: toNano('2') }, ihrFee: 0n, forwardFee: 0n, createdLt: 0n, createdAt: 0,
            },
            body,
        }, { allowParallel: true });
        const first = await send(network.owner.address);
        const second = await send(network.client.address);
        await first.next(); // the registry numbers the first
        await second.next(); // and the second, before the first provider exists
        expect(await network.registry.getProviderCount()).toBe(2n);
        expect(await network.exists(network.provider.address)).toBe(false);
        for await (const transaction of second) { expect(transaction.description).toMatchObject({ aborted: false }); }
        for await (const transaction of first) { expect(transaction.description).toMatchObject({ aborted: false }); }
        expect((await network.provider.getProviderData()).owner).toBe(accountOf(network.owner.address));
        const other = providerAt((await providerDeployment(network.registry.address, 1n)).address);
        expect((await other.getProviderData()).owner).toBe(accountOf(network.client.address));
    });

    it('threat: a stranger deploys it first: a provider deployed ahead of its registration has no effect on it', async () => {
        const { address, init } = await providerDeployment(network.registry.address, 0n);
        await network.stranger.send({ to: address, value: toNano('0.5'), init, bounce: false });
        expect(await network.exists(address)).toBe(true);
        const value = toNano('3');
        await network.registry.send(network.owner.getSender(), { value }, network.registration());
        expect((await network.provider.getProviderData()).owner).toBe(accountOf(network.owner.address));
        expect(await network.exists(network.settlement.address)).toBe(true);
    });

    it('threat: a stranger deploys it first: a settlement deployed ahead of its registration has no effect on it', async () => {
        const { address, init } = await settlementDeployment(network.provider.address);
        await network.stranger.send({ to: address, value: toNano('0.5'), init, bounce: false });
        await network.register();
        expect((await network.settlement.getSettlementData()).owner).toBe(accountOf(network.owner.address));
    });

    it('threat: unauthenticated child or sibling: only the registry itself can initialise provider number i', async () => {
        const { address, init } = await providerDeployment(network.registry.address, 0n);
        const body = beginCell().store(Provider.storeInitialiseProvider({
            $$type: 'InitialiseProvider', owner: accountOf(network.stranger.address), deposit: 0n,
            registration: registrationCell(), parameters: (await parametersCell(network))!,
        })).endCell();
        const result = await network.stranger.send({ to: address, value: toNano('2'), init, body });
        expect(result.transactions).toHaveTransaction({ on: address, exitCode: Errors.AccessDenied });
        await network.register();
        expect((await network.provider.getProviderData()).owner).toBe(accountOf(network.owner.address));
    });

    it('threat: unauthenticated child or sibling: a registry of other initial data is another registry, with other providers', async () => {
        const other = await TestNetwork.create('2026', { ...TestParameters, feeBasisPoints: 0n });
        expect(other.registry.address.equals(network.registry.address)).toBe(false);
        expect(other.provider.address.equals(network.provider.address)).toBe(false);
    });

    it('threat: coins of a message stay behind when the action phase fails: the deployment is sent so that everything bounces if it cannot be', async () => {
        const result = await network.register();
        const [deployment] = [...transactionOf(result, network.registry.address).outMessages.values()];
        expect(deployment.init?.code).toBeDefined();
        expect(transactionOf(result, network.registry.address).outActions)
            .toMatchObject([{ type: 'sendMsg', mode: BounceIfActionFails }]);
    });
});

async function parametersCell(network: TestNetwork): Promise<Cell | null> {
    const data = await dataOf(network.chain, network.registry.address);
    return data?.refs[0] ?? null;
}
