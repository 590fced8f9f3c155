import '@ton/test-utils';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, hashToBigInt, ProviderRegistry, RewardSettlement } from '../../wrappers';
import { dataOf, operation, sendAs, transactionOf, valueOf } from '../support/chain';
import { EncryptionKey, testKey, TestNetwork } from '../support/network';
import { spentBy } from '../session/ledger';
import { attempt, refused } from '../session/outcome';
import { tryBatch } from './batches';
import * as message from './messages';

const { opcodes } = RewardSettlement.RewardSettlement;
const Value = toNano('0.3');

const Parties = ['owner', 'provider', 'registry', 'treasury', 'governance', 'client', 'stranger', 'deployer'] as const;
type Party = (typeof Parties)[number];

let network: TestNetwork;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    await network.stranger.send({ to: network.settlement.address, value: toNano('2') }); // something to distribute
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

const attemptAs = (from: Address, body: Cell, value = Value) => attempt(network.chain, from, network.settlement.address, body, value);

type Rule = { operation: string; body: () => Cell; party?: Party; basechainOnly?: boolean };

const Rules: Rule[] = [
    { operation: 'Payout', body: () => message.payout() },
    { operation: 'FundFees', body: () => message.fundFees() },
    { operation: 'a plain transfer', body: () => Cell.EMPTY },
    { operation: 'Distribute', body: () => message.distribute(), basechainOnly: true },
    { operation: 'SyncFee', body: () => message.syncFee(), basechainOnly: true },
    { operation: 'SetWorkerKey', party: 'provider', body: () => message.setWorkerKey(1n), basechainOnly: true },
    {
        operation: 'ProtocolFee', party: 'registry', basechainOnly: true,
        body: () => message.protocolFee(message.packParameters(network.stranger.address, 1n), network.stranger.address),
    },
    {
        operation: 'SetBeneficiaries', party: 'owner', basechainOnly: true,
        body: () => message.setBeneficiaries([[network.stranger.address, 10_000]]),
    },
    { operation: 'SetFeeLimits', party: 'owner', basechainOnly: true, body: () => message.setFeeLimits(0n, 0n) },
    { operation: 'ReleaseFees', party: 'owner', basechainOnly: true, body: () => message.releaseFees(toNano('1')) },
];

describe('who may do what', () => {
    it.each(Rules)('$operation works for those whose it is, and returns the value to the others', async ({ body, party }) => {
        for (const name of Parties) {
            const outcome = await attemptAs(network[name].address, body());
            if (party === undefined || party === name) {
                expect([name, outcome.exitCode]).toEqual([name, 0]);
                await network.chain.loadFrom(ready);
            } else {
                expect([name, outcome]).toEqual([name, refused(Errors.AccessDenied)]);
            }
        }
    });

    it.each(Rules.filter(({ basechainOnly }) => basechainOnly))(
        '$operation: the same account hash in the masterchain is refused', async ({ body, party }) => {
            const twin = new Address(-1, network[party ?? 'stranger'].address.hash);
            expect(await attemptAs(twin, body())).toEqual(refused(Errors.NotBasechain));
        },
    );

    it.each(Rules.filter(({ basechainOnly }) => !basechainOnly))('$operation works from the masterchain too', async ({ body }) => {
        expect(await attemptAs(new Address(-1, network.stranger.address.hash), body())).toMatchObject({ exitCode: 0 });
    });
});

describe('threat: the worker key cannot withdraw', () => {
    it('an account whose address is the worker key has no rights', async () => {
        const worker = new Address(0, network.workerKey.publicKey);
        for (const { body, party } of Rules) {
            if (party !== undefined) {
                expect(await attemptAs(worker, body())).toEqual(refused(Errors.AccessDenied));
            }
        }
    });

    it('an operation of the owner\'s in the place of a batch is none, however it is signed', async () => {
        const { sequence } = await network.settlement.getSettlementData();
        for (const body of [message.releaseFees(toNano('1')), message.setBeneficiaries([[network.stranger.address, 10_000]])]) {
            const outcome = await tryBatch(network, body);
            expect(outcome).toMatchObject({ accepted: false, charged: 0n, exitCode: Errors.CellUnderflow });
        }
        expect((await network.settlement.getSettlementData()).sequence).toBe(sequence);
    });
});

describe('threat: Governance key stolen: no power over funds', () => {
    it('whatever governance announces and applies, the float, the earnings and the shares stay where they are', async () => {
        const before = await network.settlement.getSettlementData();
        const earnings = await network.settlement.getEarnings();
        const parameters = message.packParameters(network.governance.address, 1_000n);
        const propose = { $$type: 'ProposeParameters' as const, queryId: 0n, parameters };
        await network.registry.send(network.governance.getSender(), { value: Value }, propose);
        network.chain.now! += 604_800;
        await network.registry.send(network.governance.getSender(), { value: Value }, { $$type: 'ApplyParameters', queryId: 0n });
        expect(await network.settlement.getSettlementData()).toMatchObject({
            feeFloat: before.feeFloat, treasury: before.treasury, feeBasisPoints: before.feeBasisPoints, owner: before.owner,
        });
        expect(await network.settlement.getEarnings()).toBe(earnings);
    });
});

describe('the worker key', () => {
    it('is what the provider says: the owner sets it there, and batches of the old one stop', async () => {
        const next = testKey('next worker');
        const { transactions } = await network.provider.send(network.owner.getSender(), { value: toNano('0.2') }, {
            $$type: 'SetKeys', queryId: 0n, workerKey: hashToBigInt(next.publicKey), encryptionKey: hashToBigInt(EncryptionKey),
        });
        expect(transactions).toHaveTransaction({
            from: network.provider.address, to: network.settlement.address, op: opcodes.SetWorkerKey, success: true,
        });
        expect((await network.settlement.getSettlementData()).workerKey).toBe(hashToBigInt(next.publicKey));
        expect(await tryBatch(network, await network.batchBody([]))).toMatchObject({ accepted: false, exitCode: Errors.BadSignature });
        expect(await tryBatch(network, await network.batchBody([], {}, next))).toMatchObject({ accepted: true, exitCode: 0 });
    });

    it('changes alone: sequence, float, cap and day go on', async () => {
        await network.sendBatch([]);
        const { workerKey: _, beneficiaries: __, ...before } = await network.settlement.getSettlementData();
        await sendAs(network.chain, network.provider.address, network.settlement.address, Value, message.setWorkerKey(5n));
        const { workerKey, beneficiaries, ...after } = await network.settlement.getSettlementData();
        expect(workerKey).toBe(5n);
        expect(after).toEqual(before);
        expect(beneficiaries.size).toBe(0);
    });
});

describe('threat: Unknown operation, empty body, malformed cell', () => {
    const unknown: [string, number][] = [
        ['1', 1], ['one beyond its own', 0x5e770009], ['all ones', 0xffffffff],
        ['ClaimVoucher, which goes to a session', opcodes.ClaimVoucher],
        ['FinishSession, which goes to a session', opcodes.FinishSession],
        ['RequestFee, which goes to a registry', ProviderRegistry.ProviderRegistry.opcodes.RequestFee],
    ];

    it.each(unknown)('%s: the value comes back, nothing changes', async (_, code) => {
        for (const { address } of [network.owner, network.provider, network.registry, network.stranger]) {
            expect(await attemptAs(address, operation(code))).toEqual(refused(Errors.InvalidIncomingMessage));
        }
    });

    it('an empty body and the operation 0 are coins that were earned; a text comment comes back', async () => {
        const data = await dataOf(network.chain, network.settlement.address);
        for (const body of [Cell.EMPTY, operation(0)]) {
            const before = await network.settlement.getEarnings();
            const { transactions } = await sendAs(network.chain, network.stranger.address, network.settlement.address, Value, body);
            const received = transactionOf({ transactions }, network.settlement.address);
            expect(await network.settlement.getEarnings()).toBe(before + valueOf(received) - spentBy(received));
            expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(data!);
        }
        const comment = beginCell().storeUint(0, 32).storeStringTail('thank you').endCell();
        expect(await attemptAs(network.stranger.address, comment)).toEqual(refused(Errors.InvalidIncomingMessage));
    });

    it('a message without what it needs is refused, and the value comes back', async () => {
        const needed: [Party, number][] = [
            ['provider', opcodes.SetWorkerKey], ['provider', opcodes.InitialiseSettlement], ['registry', opcodes.ProtocolFee],
            ['owner', opcodes.SetBeneficiaries], ['owner', opcodes.SetFeeLimits], ['owner', opcodes.ReleaseFees],
        ];
        for (const [party, code] of needed) {
            expect([code, await attemptAs(network[party].address, operation(code))]).toEqual([code, refused(Errors.CellUnderflow)]);
        }
    });

    it('a message that cannot pay for its own gas changes nothing', async () => {
        const data = await dataOf(network.chain, network.settlement.address);
        for (const { body, party } of Rules) {
            if (party !== undefined) {
                const { transactions } = await sendAs(network.chain, network[party].address, network.settlement.address, 30_000n, body());
                expect(transactions).toHaveTransaction({ on: network.settlement.address, aborted: true });
                expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(data!);
            }
        }
    });
});

describe('threat: Coins of a message stay behind when the action phase fails', () => {
    it.each(Rules.filter(({ party }) => party === 'owner'))(
        '$operation with a value that pays for gas but not for the change is undone, and can be repeated', async ({ body }) => {
            // The least value that gets through the compute phase, and less than a message with the change costs beyond it.
            const before = await dataOf(network.chain, network.settlement.address);
            const probe = await sendAs(network.chain, network.owner.address, network.settlement.address, Value, body());
            const done = transactionOf({ transactions: probe.transactions }, network.settlement.address);
            const gas = done.description.type === 'generic' && done.description.computePhase.type === 'vm'
                ? done.description.computePhase.gasFees : 0n;
            await network.chain.loadFrom(ready);
            const { transactions } = await sendAs(network.chain, network.owner.address, network.settlement.address, gas + 1n, body());
            expect(transactions).toHaveTransaction({ on: network.settlement.address, aborted: true });
            expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(before!);
            expect((await attemptAs(network.owner.address, body())).exitCode).toBe(0);
        },
    );
});
