import { beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import '@ton/test-utils';
import { accountOf, Errors, ProposalDelay, ProviderRegistry } from '../../wrappers';
import { bounceFeesOf, dataOf, gasFeesOf, transactionOf } from '../support/chain';
import { TestNetwork, TestParameters } from '../support/network';

type Wallet = SandboxContract<TreasuryContract>;
type RegistryMessage = Exclude<Parameters<ProviderRegistry.ProviderRegistry['send']>[3], null>;
type Changes = Partial<Omit<ProviderRegistry.Parameters, '$$type'>>;

const Value = toNano('0.05');

describe('Governance', () => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.create();
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    function send(message: RegistryMessage, from: Wallet = network.governance): Promise<SendMessageResult> {
        return network.registry.send(from.getSender(), { value: Value }, message);
    }

    function parametersCell(changes: Changes = {}): Cell {
        return beginCell().store(ProviderRegistry.storeParameters({
            $$type: 'Parameters', ...TestParameters, treasury: accountOf(network.treasury.address), ...changes,
        })).endCell();
    }

    const propose = (changes: Changes = {}, from?: Wallet) =>
        send({ $$type: 'ProposeParameters', queryId: 0n, parameters: parametersCell(changes) }, from);
    const apply = (from: Wallet = network.stranger) => send({ $$type: 'ApplyParameters', queryId: 0n }, from);
    const cancel = (from?: Wallet) => send({ $$type: 'CancelProposals', queryId: 0n }, from);
    const nominate = (successor: Wallet, from?: Wallet) =>
        send({ $$type: 'ProposeGovernance', queryId: 0n, governance: accountOf(successor.address) }, from);
    const accept = (from: Wallet) => send({ $$type: 'AcceptGovernance', queryId: 0n }, from);

    const parameters = async (): Promise<Changes> => {
        const { registrationDeposit, registrationFee, feeBasisPoints, treasury, listingFee } = await network.registry.getRegistryData();
        return { registrationDeposit, registrationFee, feeBasisPoints, treasury, listingFee };
    };
    const queue = () => network.registry.getRegistryData();
    const governor = async () => (await network.registry.getRegistryData()).governance;
    const pass = (seconds: number) => { network.chain.now! += seconds; };

    /** The message failed with this code, nothing changed in the registry, and the sender got everything back but the fees. */
    async function refused(action: () => Promise<SendMessageResult>, code: number, from: Wallet): Promise<void> {
        const before = await dataOf(network.chain, network.registry.address);
        const result = await action();
        const refusal = transactionOf(result, network.registry.address);
        expect(result.transactions).toHaveTransaction({ on: network.registry.address, exitCode: code, outMessagesCount: 1 });
        expect(result.transactions).toHaveTransaction({
            on: from.address, inMessageBounced: true, value: Value - gasFeesOf(refusal) - bounceFeesOf(refusal),
        });
        expect(await dataOf(network.chain, network.registry.address)).toEqualCell(before!);
    }

    describe('announcing parameters', () => {
        it('puts them into the public queue with the time from which they may be applied, and changes nothing else', async () => {
            const before = await parameters();
            await propose({ feeBasisPoints: 500n });
            expect(await parameters()).toEqual(before);
            const { parametersFrom, proposedParameters, proposedGovernance } = await queue();
            expect(parametersFrom).toBe(BigInt(network.chain.now! + ProposalDelay));
            expect(proposedParameters).toEqualCell(parametersCell({ feeBasisPoints: 500n }));
            expect(proposedGovernance).toBe(0n);
        });

        it('returns what is left of the value', async () => {
            const result = await propose();
            expect(result.transactions).toHaveTransaction({
                from: network.registry.address, to: network.governance.address, success: true,
                value: (value) => value! > toNano('0.045') && value! < Value,
            });
        });

        it('is governance\'s alone', () =>
            refused(() => propose({}, network.stranger), Errors.AccessDenied, network.stranger));

        it('can be repeated: the later announcement replaces the earlier one and its delay starts anew', async () => {
            await propose({ feeBasisPoints: 300n });
            pass(ProposalDelay - 1);
            await propose({ feeBasisPoints: 400n });
            pass(1);
            await refused(apply, Errors.DelayRunning, network.stranger);
            pass(ProposalDelay - 2);
            await refused(apply, Errors.DelayRunning, network.stranger);
            pass(1);
            await apply();
            expect((await queue()).feeBasisPoints).toBe(400n);
        });
    });

    describe('applying parameters', () => {
        it('is refused when nothing is announced', () => refused(apply, Errors.NoProposal, network.stranger));

        it('is refused one second before the delay has ended', async () => {
            await propose({ feeBasisPoints: 500n });
            pass(ProposalDelay - 1);
            await refused(apply, Errors.DelayRunning, network.stranger);
        });

        it('is anyone\'s from the second at which the delay ends, and sets all five values', async () => {
            const next = {
                feeBasisPoints: 1n, registrationDeposit: toNano('2'), registrationFee: toNano('3'),
                treasury: accountOf(network.stranger.address), listingFee: toNano('4'),
            };
            await propose(next);
            pass(ProposalDelay);
            await apply(network.stranger);
            expect(await parameters()).toMatchObject(next);
            expect((await queue()).proposedParameters).toBeNull();
        });

        it('happens once', async () => {
            await propose();
            pass(ProposalDelay);
            await apply();
            await refused(apply, Errors.NoProposal, network.stranger);
        });

        it('leaves an announced successor in the queue', async () => {
            await nominate(network.client);
            await propose();
            pass(ProposalDelay);
            await apply();
            await accept(network.client);
            expect(await governor()).toBe(accountOf(network.client.address));
        });

        it('binds the registrations that follow', async () => {
            const before = await network.registry.getRegistrationValue();
            await propose({ registrationFee: TestParameters.registrationFee + 1n, registrationDeposit: TestParameters.registrationDeposit + 2n });
            pass(ProposalDelay);
            await apply();
            expect(await network.registry.getRegistrationValue()).toBe(before + 3n);
        });
    });

    describe('a new listing fee', () => {
        it('binds the listings that follow', async () => {
            const before = await network.registry.getListingValue();
            await propose({ listingFee: TestParameters.listingFee + 7n });
            pass(ProposalDelay);
            await apply();
            expect(await network.registry.getListingValue()).toBe(before + 7n);
        });
    });

    describe('hard bounds', () => {
        const bounds: [string, Changes, Changes][] = [
            ['10 % of protocol fee', { feeBasisPoints: 1000n }, { feeBasisPoints: 1001n }],
            ['1,000 coins of deposit', { registrationDeposit: toNano('1000') }, { registrationDeposit: toNano('1000') + 1n }],
            ['100 coins of registration fee', { registrationFee: toNano('100') }, { registrationFee: toNano('100') + 1n }],
            ['10 coins of listing fee', { listingFee: toNano('10') }, { listingFee: toNano('10') + 1n }],
            ['a treasury that exists', { treasury: 1n }, { treasury: 0n }],
        ];
        it.each(bounds)('allow %s', async (_, within) => {
            await propose(within);
            pass(ProposalDelay);
            await apply();
            expect(await parameters()).toMatchObject(within);
        });
        it.each(bounds)('refuse what is one beyond %s', (_, __, beyond) =>
            refused(() => propose(beyond), Errors.OutOfBounds, network.governance));
        it.each<[string, Changes]>([
            ['protocol fee', { feeBasisPoints: 2n ** 16n - 1n }],
            ['deposit', { registrationDeposit: 2n ** 64n - 1n }],
            ['registration fee', { registrationFee: 2n ** 64n - 1n }],
            ['listing fee', { listingFee: 2n ** 64n - 1n }],
        ])('refuse the largest %s that can be written down', (_, most) =>
            refused(() => propose(most), Errors.OutOfBounds, network.governance));
        it('allow that nothing is asked of anyone', async () => {
            await propose({ feeBasisPoints: 0n, registrationDeposit: 0n, registrationFee: 0n, listingFee: 0n });
            pass(ProposalDelay);
            await apply();
            expect(await parameters()).toMatchObject({ feeBasisPoints: 0n, registrationDeposit: 0n, registrationFee: 0n, listingFee: 0n });
        });
    });

    describe('threat: malformed cell, extra bits or references: announced parameters with', () => {
        const proper = () => parametersCell().asBuilder();
        const cases: [string, () => Cell][] = [
            ['a bit too many', () => proper().storeBit(0).endCell()],
            ['a reference too many', () => proper().storeRef(Cell.EMPTY).endCell()],
            ['a bit too few', () => beginCell().storeBits(parametersCell().bits.substring(0, 463)).endCell()],
            ['nothing at all', () => Cell.EMPTY],
        ];
        it.each(cases)('%s are refused', (_, cell) => refused(
            () => send({ $$type: 'ProposeParameters', queryId: 0n, parameters: cell() }), Errors.Malformed, network.governance,
        ));
    });

    describe('handing over', () => {
        it('takes an announcement, the delay, and the successor\'s own word', async () => {
            await nominate(network.client);
            expect(await governor()).toBe(accountOf(network.governance.address));
            expect(await queue()).toMatchObject({
                proposedGovernance: accountOf(network.client.address), governanceFrom: BigInt(network.chain.now! + ProposalDelay),
            });
            pass(ProposalDelay);
            expect(await governor()).toBe(accountOf(network.governance.address));
            await accept(network.client);
            expect(await governor()).toBe(accountOf(network.client.address));
            expect((await queue()).proposedGovernance).toBe(0n);
        });

        it('can be announced by governance only', () =>
            refused(() => nominate(network.stranger, network.stranger), Errors.AccessDenied, network.stranger));

        it('is refused when nobody is announced', () =>
            refused(() => accept(network.client), Errors.NoProposal, network.client));

        it('is refused when only parameters are announced', async () => {
            await propose();
            pass(ProposalDelay);
            await refused(() => accept(network.client), Errors.NoProposal, network.client);
        });

        it('cannot be completed by anyone but the successor, not even by governance', async () => {
            await nominate(network.client);
            pass(ProposalDelay);
            await refused(() => accept(network.stranger), Errors.AccessDenied, network.stranger);
            await refused(() => accept(network.governance), Errors.AccessDenied, network.governance);
        });

        it('cannot be completed one second before the delay has ended, but at its end', async () => {
            await nominate(network.client);
            pass(ProposalDelay - 1);
            await refused(() => accept(network.client), Errors.DelayRunning, network.client);
            pass(1);
            await accept(network.client);
            expect(await governor()).toBe(accountOf(network.client.address));
        });

        it('to another successor starts the delay anew', async () => {
            await nominate(network.stranger);
            pass(ProposalDelay);
            await nominate(network.client);
            await refused(() => accept(network.stranger), Errors.AccessDenied, network.stranger);
            await refused(() => accept(network.client), Errors.DelayRunning, network.client);
        });

        it('leaves the old governance without power, and the new one with it', async () => {
            await nominate(network.client);
            pass(ProposalDelay);
            await accept(network.client);
            await refused(() => propose(), Errors.AccessDenied, network.governance);
            await refused(() => nominate(network.governance), Errors.AccessDenied, network.governance);
            await refused(() => cancel(), Errors.AccessDenied, network.governance);
            await propose({ feeBasisPoints: 7n }, network.client);
            expect((await queue()).proposedParameters).toEqualCell(parametersCell({ feeBasisPoints: 7n }));
        });

        it('drops what the old governance had announced', async () => {
            await propose({ feeBasisPoints: 1000n });
            await nominate(network.client);
            pass(ProposalDelay);
            await accept(network.client);
            await refused(apply, Errors.NoProposal, network.stranger);
        });
    });

    describe('taking back', () => {
        it('clears parameters and successor', async () => {
            await propose();
            await nominate(network.client);
            await cancel();
            expect(await queue()).toMatchObject({ proposedParameters: null, proposedGovernance: 0n });
            pass(ProposalDelay);
            await refused(apply, Errors.NoProposal, network.stranger);
            await refused(() => accept(network.client), Errors.NoProposal, network.client);
        });

        it('is governance\'s alone', async () => {
            await propose();
            await refused(() => cancel(network.stranger), Errors.AccessDenied, network.stranger);
        });

        it('of nothing is harmless', async () => {
            const before = await network.registry.getRegistryData();
            await cancel();
            expect(await network.registry.getRegistryData()).toEqual(before);
        });
    });

    it('announces parameters and a successor side by side: neither touches the other', async () => {
        await propose({ feeBasisPoints: 9n });
        pass(1000);
        await nominate(network.client);
        expect(await queue()).toMatchObject({
            parametersFrom: BigInt(network.chain.now! - 1000 + ProposalDelay), proposedGovernance: accountOf(network.client.address),
            governanceFrom: BigInt(network.chain.now! + ProposalDelay),
        });
        await propose({ feeBasisPoints: 10n });
        expect((await queue()).proposedGovernance).toBe(accountOf(network.client.address));
    });

    it('changes neither the counter, nor the verifier, nor addresses of providers', async () => {
        await network.register();
        const before = await network.registry.getRegistryData();
        const address = await network.registry.getProviderAddress(0n);
        await propose({ feeBasisPoints: 1000n });
        await nominate(network.client);
        pass(ProposalDelay);
        await apply();
        await accept(network.client);
        const after = await network.registry.getRegistryData();
        expect(after.providerCount).toBe(before.providerCount);
        expect(after.verifier).toBe(before.verifier);
        expect(await network.registry.getProviderAddress(0n)).toEqualAddress(address);
    });
});
