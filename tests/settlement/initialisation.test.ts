import '@ton/test-utils';
import { Address, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, createEmptyShardAccount } from '@ton/sandbox';
import { accountOf, Deployment, Errors, hashToBigInt, MaxBatchLife, RewardSettlement, settlementDeployment } from '../../wrappers';
import { dataOf, sendAs, transactionOf, valueOf } from '../support/chain';
import { EncryptionKey, TestNetwork, TestSession } from '../support/network';
import { attempt, refused } from '../session/outcome';
import { spentBy } from '../session/ledger';
import { refusedForNothing, tryBatch } from './batches';
import * as message from './messages';

const Value = toNano('0.3');

let network: TestNetwork;
let session: TestSession;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    session = await network.openSession(toNano('2'));
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

const data = () => network.settlement.getSettlementData();
const deploySettlement = (value = Value) =>
    network.provider.send(network.stranger.getSender(), { value }, { $$type: 'DeploySettlement', queryId: 0n });

const registration = () => ({
    verifier: null,
    workerKey: network.workerKey.publicKey, encryptionKey: EncryptionKey, dailyCap: toNano('10'), endpoint: 'http://127.0.0.1',
});

describe('the registration', () => {
    it('leaves a settlement with owner, keys, cap, fee and a float of all that the value was above deposit, fee and costs', async () => {
        expect(await data()).toMatchObject({
            provider: accountOf(network.provider.address), owner: accountOf(network.owner.address), sequence: 0n,
            workerKey: hashToBigInt(network.workerKey.publicKey), dailyCap: toNano('10'), spentToday: 0n,
            registry: accountOf(network.registry.address), floatBasisPoints: 0n,
        });
        const { feeFloat, reserve } = await data();
        expect(feeFloat).toBeGreaterThan(toNano('4.8'));
        expect((await network.balance(network.settlement.address)) - feeFloat).toBeGreaterThanOrEqual(reserve);
    });

    it('the settlement\'s address is a function of the provider\'s alone', async () => {
        const { address } = await settlementDeployment(network.provider.address);
        expect(address.equals(network.settlement.address)).toBe(true);
        expect(accountOf(address)).toBe((await network.provider.getProviderData()).settlement);
    });
});

describe('an initialisation that comes again', () => {
    it('is harmless: no bit of the state changes, and its value is earned', async () => {
        await network.sendBatch([]);
        const before = await dataOf(network.chain, network.settlement.address);
        const earnings = await network.settlement.getEarnings();
        const { transactions } = await deploySettlement();
        expect(transactions).toHaveTransaction({
            from: network.provider.address, to: network.settlement.address,
            op: RewardSettlement.RewardSettlement.opcodes.InitialiseSettlement, success: true,
        });
        expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(before!);
        expect(await network.settlement.getEarnings()).toBeGreaterThan(earnings + Value - toNano('0.02'));
    });

    it('from a stranger, with other owner and keys, is just as harmless', async () => {
        const before = await dataOf(network.chain, network.settlement.address);
        const parameters = message.packParameters(network.stranger.address, 10_000n);
        const theft = message.initialise(network.stranger.address, network.stranger.address, registration(), parameters);
        await sendAs(network.chain, network.stranger.address, network.settlement.address, Value, theft);
        expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(before!);
    });
});

describe('threat: Unauthenticated child or sibling (a settlement that is not initialised)', () => {
    let fresh: Deployment;

    beforeEach(async () => {
        fresh = await settlementDeployment((await network.chain.treasury('staged provider')).address);
        await sendAs(network.chain, network.stranger.address, fresh.address, toNano('1'), Cell.EMPTY, { init: fresh.init, bounce: false });
    });

    const tryAs = (from: Address, body: Cell) => attempt(network.chain, from, fresh.address, body, Value);

    it('only its provider initialises it: stranger, owner, another provider and a twin in the masterchain are refused', async () => {
        const body = message.initialise(network.stranger.address, network.registry.address, registration(), null);
        for (const { address } of [network.stranger, network.owner, network.provider, network.registry]) {
            expect(await tryAs(address, body)).toEqual(refused(Errors.AccessDenied));
        }
        const provider = (await network.chain.treasury('staged provider')).address;
        expect(await tryAs(new Address(-1, provider.hash), body)).toEqual(refused(Errors.NotBasechain));
        expect((await tryAs(provider, body)).exitCode).toBe(0);
    });

    it('does nothing else before that, and returns the value', async () => {
        const bodies = [
            message.fundFees(), message.distribute(), message.syncFee(), message.releaseFees(1n), message.setFeeLimits(1n, 1n),
            message.setWorkerKey(1n), message.setBeneficiaries([[network.stranger.address, 10_000]]),
            message.protocolFee(message.packParameters(network.stranger.address, 1n), network.stranger.address),
        ];
        const provider = (await network.chain.treasury('staged provider')).address;
        for (const body of bodies) {
            for (const from of [provider, network.stranger.address, network.registry.address]) {
                expect(await tryAs(from, body)).toEqual(refused(Errors.NotInitialised));
            }
        }
    });

    it('keeps the coins that are paid to it', async () => {
        const before = await network.balance(fresh.address);
        const { transactions } = await sendAs(network.chain, network.stranger.address, fresh.address, Value, message.payout());
        const received = transactionOf({ transactions }, fresh.address);
        expect(received.outMessagesCount).toBe(0);
        expect(await network.balance(fresh.address)).toBe(before + valueOf(received) - spentBy(received));
    });
});

describe('threat: Payout bounces into an account that no longer exists (a settlement that was lost)', () => {
    const Paid = toNano('1.5');

    beforeEach(async () => {
        (await network.chain.getContract(network.settlement.address)).account = createEmptyShardAccount(network.settlement.address);
    });

    const claim = async () => session.claim(await session.voucher(Paid), toNano('0.1'));

    it('a payout waits at the address', async () => {
        const { transactions } = await claim();
        expect(transactions).toHaveTransaction({ on: network.settlement.address, aborted: true });
        expect(await network.balance(network.settlement.address)).toBeGreaterThan(Paid);
        expect((await session.data()).claimed).toBe(Paid);
    });

    it('anyone may have the provider deploy it again; the owner is who it was, the protocol fee is unknown', async () => {
        await claim();
        await deploySettlement();
        expect(await data()).toMatchObject({
            owner: accountOf(network.owner.address), workerKey: hashToBigInt(network.workerKey.publicKey), sequence: 0n, treasury: 0n,
        });
    });

    it('what waited is the owner\'s: with float and earnings it is all there', async () => {
        await claim();
        const waiting = await network.balance(network.settlement.address);
        await deploySettlement();
        const { feeFloat } = await data();
        expect(feeFloat + (await network.settlement.getEarnings())).toBeGreaterThan(waiting);
    });

    it('payouts that waited are earnings, on which the fee is due, and no float that the worker key could spend', async () => {
        await claim();
        await deploySettlement();
        expect(await network.settlement.getEarnings()).toBeGreaterThanOrEqual(Paid);
        expect((await data()).feeFloat).toBeLessThanOrEqual(Value);
    });

    it('a batch of the former account cannot be replayed after an hour, though sequences begin anew', async () => {
        await network.chain.loadFrom(ready);
        const old = await network.batchBody([], { validUntil: network.chain.now! + MaxBatchLife });
        expect(await tryBatch(network, old)).toMatchObject({ accepted: true });
        (await network.chain.getContract(network.settlement.address)).account = createEmptyShardAccount(network.settlement.address);
        network.chain.now! += MaxBatchLife + 1;
        await deploySettlement(toNano('1'));
        expect((await data()).sequence).toBe(0n);
        expect(await tryBatch(network, old)).toEqual(refusedForNothing(Errors.Expired));
    });

    it('a deployment with hardly any value leaves no float, and does not fail', async () => {
        await deploySettlement(toNano('0.015'));
        expect((await data()).feeFloat).toBeGreaterThanOrEqual(0n);
    });
});
