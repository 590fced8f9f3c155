import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import '@ton/test-utils';
import { accountOf, Errors, ProviderRegistry } from '../../wrappers';
import { bounceFeesOf, dataOf, exitCodeOf, forwardFee, gasFeesOf, operation, sendAs, transactionOf, valueOf } from '../support/chain';
import { Start, TestNetwork, TestParameters } from '../support/network';

const Value = toNano('0.05');
/** Operations that have fields to read. The query id is the sender's own: no contract reads it. */
const Opcodes = { RegisterProvider: 0x5e990001, ProposeParameters: 0x5e990002, ProposeGovernance: 0x5e990005, RequestFee: 0x5e990007 };
const CollectFeesOpcode = 0x5e990009;

describe('The registry', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create();
        await network.register();
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    const balance = () => network.balance(network.registry.address);
    const reserve = async () => (await network.registry.getRegistryData()).reserve;

    describe('telling the protocol fee', () => {
        const request = (from: SandboxContract<TreasuryContract>, payer: Address) => network.registry.send(
            from.getSender(), { value: Value }, { $$type: 'RequestFee', queryId: 77n, payer: accountOf(payer) },
        );

        it('answers whoever asks, with the parameters in force and the payer it was given', async () => {
            const before = await balance();
            const result = await request(network.stranger, network.client.address);
            const answer = [...transactionOf(result, network.registry.address).outMessages.values()];
            expect(answer).toHaveLength(1);
            expect(answer[0].info).toMatchObject({ type: 'internal', bounce: false, bounced: false });
            expect(answer[0].info.dest).toEqualAddress(network.stranger.address);
            const fee = ProviderRegistry.loadProtocolFee(answer[0].body.beginParse());
            expect(fee.queryId).toBe(77n);
            expect(fee.payer).toBe(accountOf(network.client.address));
            expect(ProviderRegistry.loadParameters(fee.parameters.beginParse()))
                .toMatchObject({ ...TestParameters, treasury: accountOf(network.treasury.address) });
            expect(await balance()).toBe(before);
        });

        it('returns what is left of the value to whoever asks, and changes nothing', async () => {
            const data = await dataOf(network.chain, network.registry.address);
            const result = await request(network.stranger, network.client.address);
            expect(result.transactions).toHaveTransaction({
                from: network.registry.address, to: network.stranger.address, value: (value) => value! > toNano('0.045'),
            });
            expect(result.transactions).not.toHaveTransaction({ to: network.client.address });
            expect(await dataOf(network.chain, network.registry.address)).toEqualCell(data!);
        });
    });

    describe('collecting fees', () => {
        const collect = (value = Value): Promise<SendMessageResult> => network.registry.send(
            network.stranger.getSender(), { value }, { $$type: 'CollectFees', queryId: 0n },
        );

        it('sends everything above the reserve to the treasury, by anyone\'s order', async () => {
            const fees = await balance() - await reserve();
            expect(fees).toBeGreaterThan(TestParameters.registrationFee);
            const result = await collect();
            expect(result.transactions).toHaveTransaction({
                from: network.registry.address, to: network.treasury.address, value: fees - forwardFee(network.chain), success: true,
            });
            expect(await balance()).toBe(await reserve());
        });

        it('returns the caller\'s change', async () => {
            const result = await collect();
            const inRegistry = transactionOf(result, network.registry.address);
            expect(result.transactions).toHaveTransaction({
                from: network.registry.address, to: network.stranger.address,
                value: Value - gasFeesOf(inRegistry) - forwardFee(network.chain),
            });
        });

        it('is refused when there is nothing above the reserve, and everything comes back', async () => {
            await collect();
            const result = await collect();
            const refusal = transactionOf(result, network.registry.address);
            expect(exitCodeOf(refusal)).toBe(Errors.NothingToCollect);
            expect(result.transactions).toHaveTransaction({
                on: network.stranger.address, inMessageBounced: true, value: Value - gasFeesOf(refusal) - bounceFeesOf(refusal),
            });
            expect(await balance()).toBe(await reserve());
        });

        it('never counts the caller\'s own coins as fees', async () => {
            await collect();
            const result = await collect(toNano('5'));
            expect(exitCodeOf(transactionOf(result, network.registry.address))).toBe(Errors.NothingToCollect);
        });

        it.each([1n, 66_666n])('threat: coins of a message stay behind when the action phase fails: fees of %s nanoTON, too few to be carried, cost the caller nothing', async (fees) => {
            (await network.chain.getContract(network.registry.address)).balance = await reserve() + fees;
            const result = await collect();
            expect(result.transactions).toHaveTransaction({
                from: network.registry.address, to: network.stranger.address, value: (value) => value! > toNano('0.045'),
            });
            expect(await balance()).toBeLessThanOrEqual(await reserve() + fees);
        });

        it('follows the treasury of the parameters in force', async () => {
            const parameters = beginCell().store(ProviderRegistry.storeParameters({
                $$type: 'Parameters', ...TestParameters, treasury: accountOf(network.client.address),
            })).endCell();
            await network.registry.send(network.governance.getSender(), { value: Value }, { $$type: 'ProposeParameters', queryId: 0n, parameters });
            network.chain.now = Start + 604_800;
            await network.registry.send(network.stranger.getSender(), { value: Value }, { $$type: 'ApplyParameters', queryId: 0n });
            const result = await collect();
            expect(result.transactions).toHaveTransaction({ from: network.registry.address, to: network.client.address, success: true });
            expect(result.transactions).not.toHaveTransaction({ to: network.treasury.address });
        });
    });

    describe('threat: unknown operation, empty body, malformed cell, extra bits or references:', () => {
        /** The message fails with this code, changes nothing, and its coins return. */
        async function returned(body: Cell, code: number): Promise<void> {
            const data = await dataOf(network.chain, network.registry.address);
            const before = await balance();
            const result = await network.stranger.send({ to: network.registry.address, value: Value, body });
            const refusal = transactionOf(result, network.registry.address);
            expect(exitCodeOf(refusal)).toBe(code);
            expect(result.transactions).toHaveTransaction({
                on: network.stranger.address, inMessageBounced: true, value: Value - gasFeesOf(refusal) - bounceFeesOf(refusal),
            });
            expect(await dataOf(network.chain, network.registry.address)).toEqualCell(data!);
            expect(await balance()).toBe(before);
        }

        it.each(['0x5e990000', '0x5e990008', '0x5e99000b', '0xffffffff', '0x00000001'])('operation %s is nobody\'s: it comes back', (code) =>
            returned(operation(Number(code)), Errors.InvalidIncomingMessage));

        it('a text comment comes back, unless it is empty', async () => {
            await returned(beginCell().storeUint(0, 32).storeStringTail('hello').endCell(), Errors.InvalidIncomingMessage);
        });

        it.each(Object.entries(Opcodes))('%s without its fields comes back', (_, code) =>
            returned(operation(code), Errors.CellUnderflow));

        it('the query id is not read: an operation without other fields works without it', async () => {
            await sendAs(network.chain, network.stranger.address, network.registry.address, Value, operation(CollectFeesOpcode));
            expect(await balance()).toBe(await reserve());
        });

        it.each([
            ['nothing', Cell.EMPTY], ['the operation 0 alone', operation(0)],
            ['a single bit', beginCell().storeBit(1).endCell()], ['31 bits', beginCell().storeUint(1, 31).endCell()],
        ])('a message of %s is a gift for the rent', async (_, body) => {
            const data = await dataOf(network.chain, network.registry.address);
            const before = await balance();
            const result = await network.stranger.send({ to: network.registry.address, value: Value, body });
            const gift = transactionOf(result, network.registry.address);
            expect(exitCodeOf(gift)).toBe(0);
            expect(await balance()).toBe(before + valueOf(gift) - gasFeesOf(gift));
            expect(await dataOf(network.chain, network.registry.address)).toEqualCell(data!);
        });
    });

    describe('threat: unauthenticated sibling: from the masterchain', () => {
        let outside: SandboxContract<TreasuryContract>;
        beforeEach(async () => { outside = await network.chain.treasury('outside', { workchain: -1 }); });

        const cases: [string, () => Cell][] = [
            ['a registration', () => beginCell().store(ProviderRegistry.storeRegisterProvider(network.registration())).endCell()],
            ['a question for the fee', () => beginCell().store(ProviderRegistry.storeRequestFee({ $$type: 'RequestFee', queryId: 0n, payer: 1n })).endCell()],
            ['an announcement', () => beginCell().store(ProviderRegistry.storeProposeGovernance({ $$type: 'ProposeGovernance', queryId: 0n, governance: 1n })).endCell()],
            ['an order to collect fees', () => beginCell().store(ProviderRegistry.storeCollectFees({ $$type: 'CollectFees', queryId: 0n })).endCell()],
        ];
        it.each(cases)('%s comes back', async (_, body) => {
            const data = await dataOf(network.chain, network.registry.address);
            const result = await outside.send({ to: network.registry.address, value: toNano('6'), body: body() });
            expect(exitCodeOf(transactionOf(result, network.registry.address))).toBe(Errors.NotBasechain);
            expect(result.transactions).toHaveTransaction({ on: outside.address, inMessageBounced: true, value: (value) => value! > toNano('5.9') });
            expect(await dataOf(network.chain, network.registry.address)).toEqualCell(data!);
        });

        it('even the account with governance\'s own hash has no power', async () => {
            const twin = new Address(-1, network.governance.address.hash);
            const body = beginCell().store(ProviderRegistry.storeCancelProposals({ $$type: 'CancelProposals', queryId: 0n })).endCell();
            const result = await sendAs(network.chain, twin, network.registry.address, Value, body);
            expect(exitCodeOf(transactionOf(result, network.registry.address))).toBe(Errors.NotBasechain);
        });
    });

    describe('threat: death by rent: the registry', () => {
        it('tells how long its balance lasts, and lives at least that long', async () => {
            await network.registry.send(network.stranger.getSender(), { value: Value }, { $$type: 'CollectFees', queryId: 0n });
            const runway = Number(await network.registry.getRunway());
            expect(runway).toBeGreaterThanOrEqual(31_536_000);
            network.chain.now! += runway;
            const result = await sendAs(network.chain, network.stranger.address, network.registry.address, toNano('0.01'));
            expect(transactionOf(result, network.registry.address)).toMatchObject({ oldStatus: 'active', endStatus: 'active' });
            expect(rentDue(result, network)).toBe(0n);
        });

        it('has a runway that grows with every gift', async () => {
            const before = await network.registry.getRunway();
            await sendAs(network.chain, network.stranger.address, network.registry.address, toNano('1'));
            expect(await network.registry.getRunway()).toBeGreaterThan(before);
        });
    });
});

function rentDue(result: SendMessageResult, network: TestNetwork): bigint {
    const { description } = transactionOf(result, network.registry.address);
    return description.type === 'generic' ? description.storagePhase?.storageFeesDue ?? 0n : -1n;
}
