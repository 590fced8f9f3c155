import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, createEmptyShardAccount, SandboxContract, TreasuryContract } from '@ton/sandbox';
import {
    accountOf, Errors, ProposalDelay, ProviderRegistry, registryDeployment, RewardSettlement, settlementDeployment, syncFeeValue,
} from '../../wrappers';
import { sendAs, transactionOf, valueOf } from '../support/chain';
import { EncryptionKey, TestNetwork, TestParameters } from '../support/network';
import { PriceSet } from '../support/prices';
import { carriageOf, pricesOf } from '../session/ledger';
import { attempt, fingerprint, refused } from '../session/outcome';
import { refusedForNothing, tryBatch } from './batches';
import * as message from './messages';

const Value = toNano('0.2');

let network: TestNetwork;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

const data = () => network.settlement.getSettlementData();
const send = (from: Address, body: Cell, value = Value) =>
    sendAs(network.chain, from, network.settlement.address, value, body);
const tryAs = (from: Address, body: Cell, value = Value) =>
    attempt(network.chain, from, network.settlement.address, body, value);

/** Governance raises the fee; the delay has ended and the change is applied. */
async function raiseFee(feeBasisPoints: bigint) {
    const parameters = beginCell().store(ProviderRegistry.storeParameters({
        $$type: 'Parameters', ...TestParameters, feeBasisPoints, treasury: accountOf(network.treasury.address),
    })).endCell();
    await network.registry.send(network.governance.getSender(), { value: Value }, { $$type: 'ProposeParameters', queryId: 0n, parameters });
    network.chain.now! += ProposalDelay;
    await network.registry.send(network.stranger.getSender(), { value: Value }, { $$type: 'ApplyParameters', queryId: 0n });
    expect((await network.registry.getRegistryData()).feeBasisPoints).toBe(feeBasisPoints);
}

async function feePaidOn(earned: bigint): Promise<bigint> {
    const { reserve, feeFloat } = await data();
    (await network.chain.getContract(network.settlement.address)).balance = reserve + feeFloat + earned;
    const { transactions } = await send(network.stranger.address, message.distribute());
    return valueOf(transactionOf({ transactions }, network.treasury.address)) + carriageOf(network.chain);
}

describe('the protocol fee', () => {
    it('is the registry\'s at the registration', async () => {
        expect(await data()).toMatchObject({
            feeBasisPoints: TestParameters.feeBasisPoints, treasury: accountOf(network.treasury.address),
            registry: accountOf(network.registry.address),
        });
    });

    it('that is raised does not reach back: a distribution before the sync pays the old one', async () => {
        await network.stranger.send({ to: network.settlement.address, value: toNano('20') });
        await raiseFee(1_000n);
        const earned = await network.settlement.getEarnings();
        const { transactions } = await send(network.stranger.address, message.distribute());
        const fee = valueOf(transactionOf({ transactions }, network.treasury.address)) + carriageOf(network.chain);
        expect(fee).toBeGreaterThan((earned * 249n) / 10_000n);
        expect(fee).toBeLessThanOrEqual((earned * 250n) / 10_000n);
    });

    it('counts from the sync on', async () => {
        await raiseFee(1_000n);
        await send(network.stranger.address, message.syncFee());
        expect((await data()).feeBasisPoints).toBe(1_000n);
        await sendAs(network.chain, network.stranger.address, network.settlement.address, Value); // rent until now
        expect(await feePaidOn(toNano('20'))).toBe(toNano('2'));
    });

    it('of zero sends nothing to the treasury', async () => {
        await raiseFee(0n);
        await send(network.stranger.address, message.syncFee());
        await network.stranger.send({ to: network.settlement.address, value: toNano('20') });
        const { transactions } = await send(network.stranger.address, message.distribute());
        expect(transactions).not.toHaveTransaction({ to: network.treasury.address });
        expect(transactions).toHaveTransaction({ from: network.settlement.address, to: network.owner.address, value: (v) => v! > toNano('19.9') });
    });
});

describe('SyncFee', () => {
    it('comes from anyone, and brings the change back to them', async () => {
        for (const { address } of [network.stranger, network.owner, network.client, network.governance]) {
            const { transactions } = await send(address, message.syncFee());
            expect(transactions).toHaveTransaction({ from: network.settlement.address, to: network.registry.address, success: true });
            expect(transactions).toHaveTransaction({ from: network.registry.address, to: network.settlement.address, success: true });
            const change = valueOf(transactionOf({ transactions }, address));
            expect(change).toBeGreaterThan(Value - toNano('0.01'));
        }
    });

    it('takes nothing from the settlement and leaves nothing there', async () => {
        const before = await network.balance(network.settlement.address);
        const state = await data();
        await send(network.stranger.address, message.syncFee());
        expect(await network.balance(network.settlement.address)).toBe(before);
        expect(await data()).toMatchObject({ feeFloat: state.feeFloat, sequence: state.sequence, feeBasisPoints: state.feeBasisPoints });
    });

    it('from the masterchain is refused: its change could not be returned', async () => {
        expect(await tryAs(new Address(-1, network.stranger.address.hash), message.syncFee())).toEqual(refused(Errors.NotBasechain));
    });

    it('without a registry changes nothing: the known fee stays in force and earnings can be distributed', async () => {
        (await network.chain.getContract(network.registry.address)).account = createEmptyShardAccount(network.registry.address);
        const { feeBasisPoints } = await data();
        const before = await network.balance(network.settlement.address);
        await send(network.stranger.address, message.syncFee());
        expect((await data()).feeBasisPoints).toBe(feeBasisPoints);
        expect(await network.balance(network.settlement.address)).toBeGreaterThan(before);
        expect(await feePaidOn(toNano('20'))).toBe(toNano('0.5'));
    });
});

describe('threat: Unauthenticated child or sibling (the protocol fee)', () => {
    const lie = () => message.packParameters(network.stranger.address, 0n);

    it('only the registry tells the fee: everyone else is refused', async () => {
        const { stranger, owner, governance, treasury, provider, client } = network;
        for (const { address } of [stranger, owner, governance, treasury, provider, client]) {
            expect(await tryAs(address, message.protocolFee(lie(), address))).toEqual(refused(Errors.AccessDenied));
        }
        const twin = new Address(-1, network.registry.address.hash);
        expect(await tryAs(twin, message.protocolFee(lie(), network.stranger.address))).toEqual(refused(Errors.NotBasechain));
    });

    it('who asks the registry directly gets the answer, and nobody else', async () => {
        const before = await fingerprint(network.chain, network.settlement.address);
        const question = beginCell().store(ProviderRegistry.storeRequestFee({
            $$type: 'RequestFee', queryId: 0n, payer: accountOf(network.settlement.address),
        })).endCell();
        const { transactions } = await sendAs(network.chain, network.stranger.address, network.registry.address, Value, question);
        expect(transactions).toHaveTransaction({ from: network.registry.address, to: network.stranger.address });
        expect(await fingerprint(network.chain, network.settlement.address)).toBe(before);
    });

    it('another registry\'s answer is not this one\'s: a registry with other parameters is another account', async () => {
        const other = await registryDeployment(network.stranger.address, null, {
            ...TestParameters, feeBasisPoints: 0n, treasury: accountOf(network.stranger.address),
        });
        expect(other.address.equals(network.registry.address)).toBe(false);
        expect(await tryAs(other.address, message.protocolFee(lie(), network.stranger.address))).toEqual(refused(Errors.AccessDenied));
    });
});

describe('a settlement whose fee is not known', () => {
    // As after a repeated deployment of an account that was lost: the provider does not know the fee.
    let provider: SandboxContract<TreasuryContract>;
    let settlement: SandboxContract<RewardSettlement.RewardSettlement>;
    let lost: TestNetwork;

    beforeEach(async () => {
        provider = await network.chain.treasury('staged provider');
        const { address, init } = await settlementDeployment(provider.address);
        settlement = network.chain.openContract(RewardSettlement.RewardSettlement.fromAddress(address));
        const registration = {
            workerKey: network.workerKey.publicKey, encryptionKey: EncryptionKey, dailyCap: toNano('10'), verifier: null,
            endpoint: 'http://127.0.0.1',
        };
        await sendAs(network.chain, provider.address, address, toNano('3'),
            message.initialise(network.owner.address, network.registry.address, registration, null), { init, bounce: false });
        await sendAs(network.chain, network.stranger.address, address, toNano('5'), message.payout());
        lost = Object.create(network, { settlement: { value: settlement } }) as TestNetwork;
    });

    const tryHere = (from: Address, body: Cell) => attempt(network.chain, from, settlement.address, body, Value);

    it('distributes nothing, and returns the value', async () => {
        expect((await settlement.getSettlementData()).treasury).toBe(0n);
        expect(await tryHere(network.stranger.address, message.distribute())).toEqual(refused(Errors.FeeUnknown));
    });

    it('refuses a batch that distributes before it accepts it, for nothing; other batches go', async () => {
        expect(await tryBatch(lost, await lost.batchBody([], { distribute: true }))).toEqual(refusedForNothing(Errors.FeeUnknown));
        expect(await tryBatch(lost, await lost.batchBody([]))).toMatchObject({ accepted: true, exitCode: 0, sequence: 'next' });
    });

    it('learns it from the registry when anyone asks, and distributes', async () => {
        await sendAs(network.chain, network.stranger.address, settlement.address, Value, message.syncFee());
        expect(await settlement.getSettlementData()).toMatchObject({
            feeBasisPoints: TestParameters.feeBasisPoints, treasury: accountOf(network.treasury.address),
        });
        const { transactions } = await sendAs(network.chain, network.stranger.address, settlement.address, Value, message.distribute());
        expect(transactions).toHaveTransaction({ from: settlement.address, to: network.treasury.address, success: true });
        expect(transactions).toHaveTransaction({ from: settlement.address, to: network.owner.address, success: true });
    });

    it('its owner still gets the float out', async () => {
        const { feeFloat } = await settlement.getSettlementData();
        expect((await tryHere(network.owner.address, message.releaseFees(feeFloat))).exitCode).toBe(0);
    });
});

describe.each(['old', '2026'] as PriceSet[])('least values (prices: %s)', (prices) => {
    it('one nanoTON less is refused; the least value brings the fee and some change back', async () => {
        const priced = await TestNetwork.create(prices);
        await priced.register();
        const to = priced.settlement.address;
        const least = syncFeeValue(pricesOf(priced.chain));
        const stranger = priced.stranger.address;
        expect(await attempt(priced.chain, stranger, to, message.syncFee(), least - 1n)).toEqual(refused(Errors.ValueTooLow));
        const { transactions } = await sendAs(priced.chain, stranger, to, least, message.syncFee());
        expect(transactions).toHaveTransaction({ from: priced.registry.address, to, success: true, actionResultCode: 0 });
        expect(transactions).toHaveTransaction({ from: to, to: stranger, success: true });
    });
});
