import { ABIReceiver, Address, beginCell, Cell, Contract, Dictionary, toNano } from '@ton/core';
import { BlockchainSnapshot, SendMessageResult } from '@ton/sandbox';
import '@ton/test-utils';
import {
    accountOf, Errors, feesRemittedBudget, JobEscrow, JobStatus, packEndpoint, packOffer, packRegistration, packSignedVoucher, ProposalDelay, Provider, ProviderRegistry,
    ProviderStatus, RewardSettlement, SessionEscrow, SessionStatus,
} from '../../wrappers';
import { dataOf, exitCodeOf, forwardFee, pricesOf, transactionOf } from '../support/chain';
import { attestForJobs, SealedKey, TestJob } from '../support/jobs';
import { EncryptionKey, testKey, TestNetwork, TestOffer, TestParameters, TestSession } from '../support/network';

const Value = toNano('0.3');

/** Names of the messages that a contract receives, as its bindings tell. */
function receivedBy(contract: Contract): string[] {
    return contract.abi!.receivers!
        .filter(({ receiver }: ABIReceiver) => receiver === 'internal')
        .map(({ message }: ABIReceiver) => (message.kind === 'typed' ? message.type : message.kind))
        .sort();
}

describe('threat: governance key stolen: governance', () => {
    let network: TestNetwork;
    let session: TestSession;
    let job: TestJob;
    let live: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        session = await network.openSession(toNano('1'));
        await session.claim(await session.voucher(toNano('0.3')));
        await attestForJobs(network);
        job = await TestJob.awarded(network);
        expect((await job.data()).status).toBe(BigInt(JobStatus.Awarded));
        live = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(live));

    const registration = () => packRegistration({
        workerKey: testKey('thief').publicKey, encryptionKey: EncryptionKey, dailyCap: 2n ** 63n, verifier: network.stranger.address, endpoint: 'thief',
    });
    const parameters = (changes: Partial<ProviderRegistry.Parameters> = {}) => beginCell().store(
        ProviderRegistry.storeParameters({
            $$type: 'Parameters', ...TestParameters, treasury: accountOf(network.governance.address), ...changes,
        }),
    ).endCell();
    const ours = () => accountOf(network.governance.address);

    /** A thief's version of every message that a contract receives; null for an empty body. */
    type Attack = { name: string; body: () => Promise<Cell> | Cell };
    const attack = (name: string, store: (b: ReturnType<typeof beginCell>) => unknown): Attack => ({
        name, body: () => { const builder = beginCell(); store(builder); return builder.endCell(); },
    });
    const thiefVoucher = () => packSignedVoucher({ cumulative: toNano('0.9'), receiptHash: 0n, signature: Buffer.alloc(64, 1) });

    const refusedBySession: [Attack, number][] = [
        [attack('OpenSession', (b) => SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n })(b)), Errors.AlreadyOpened],
        [attack('SessionConfirmed', (b) => SessionEscrow.storeSessionConfirmed({ $$type: 'SessionConfirmed', openedLt: 1n, workerKey: 1n, expiry: 0n })(b)), Errors.AccessDenied],
        [attack('SessionRejected', (b) => SessionEscrow.storeSessionRejected({ $$type: 'SessionRejected', openedLt: 1n, reason: 1n })(b)), Errors.AccessDenied],
        [attack('Reclaim', (b) => SessionEscrow.storeReclaim({ $$type: 'Reclaim', queryId: 0n })(b)), Errors.AccessDenied],
        [attack('ClaimVoucher', (b) => SessionEscrow.storeClaimVoucher({ $$type: 'ClaimVoucher', voucher: thiefVoucher() })(b)), Errors.BadSignature],
        [attack('ClaimReceipt', (b) => SessionEscrow.storeClaimReceipt({ $$type: 'ClaimReceipt', claim: Cell.EMPTY })(b)), Errors.AccessDenied],
        [attack('FinishSession', (b) => SessionEscrow.storeFinishSession({ $$type: 'FinishSession', voucher: Cell.EMPTY })(b)), Errors.AccessDenied],
        [attack('StartClose', (b) => SessionEscrow.storeStartClose({ $$type: 'StartClose', queryId: 0n })(b)), Errors.AccessDenied],
        [attack('FinishClose', (b) => SessionEscrow.storeFinishClose({ $$type: 'FinishClose', queryId: 0n })(b)), Errors.NotClosing],
    ];
    const refusedByProvider: [Attack, number][] = [
        [attack('ConfirmSession', (b) => Provider.storeConfirmSession({ $$type: 'ConfirmSession', openedLt: 1n, sessionKey: 1n, terms: session.deployment.init.data.refs[0] ?? Cell.EMPTY })(b)), Errors.AccessDenied],
        [attack('SessionClosed', (b) => Provider.storeSessionClosed({ $$type: 'SessionClosed', claimed: 1n, sessionKey: 1n, terms: Cell.EMPTY })(b)), Errors.AccessDenied],
        [attack('InitialiseProvider', (b) => Provider.storeInitialiseProvider({ $$type: 'InitialiseProvider', owner: ours(), deposit: 0n, registration: registration(), parameters: parameters() })(b)), Errors.Initialised],
        [attack('UpdateOffers', (b) => Provider.storeUpdateOffers({ $$type: 'UpdateOffers', queryId: 0n, remove: BigInt('0x' + packOffer(TestOffer).hash().toString('hex')), add: null })(b)), Errors.AccessDenied],
        [attack('SetKeys', (b) => Provider.storeSetKeys({ $$type: 'SetKeys', queryId: 0n, workerKey: BigInt('0x' + testKey('thief').publicKey.toString('hex')), encryptionKey: BigInt('0x' + EncryptionKey.toString('hex')) })(b)), Errors.AccessDenied],
        [attack('SetEndpoint', (b) => Provider.storeSetEndpoint({ $$type: 'SetEndpoint', queryId: 0n, endpoint: packEndpoint('thief') })(b)), Errors.AccessDenied],
        [attack('SetAttester', (b) => Provider.storeSetAttester({ $$type: 'SetAttester', queryId: 0n, attester: ours() })(b)), Errors.AccessDenied],
        [attack('QuoteAccepted', (b) => Provider.storeQuoteAccepted({
            $$type: 'QuoteAccepted', queryId: 0n, payer: ours(), expiry: 2n ** 32n - 1n, tcbStatus: 0n, evaluationNumber: 1n, measurement: 1n,
            machineId: 1n, reportData: Cell.EMPTY, context: Cell.EMPTY,
        })(b)), Errors.AccessDenied],
        [attack('QuoteRejected', (b) => Provider.storeQuoteRejected({ $$type: 'QuoteRejected', queryId: 0n, payer: ours(), reason: 1n, context: Cell.EMPTY })(b)), Errors.AccessDenied],
        [attack('RelayBid', (b) => Provider.storeRelayBid({ $$type: 'RelayBid', openedLt: 1n, amount: 0n, job: ours() })(b)), Errors.AccessDenied],
        [attack('RelayDelivery', (b) => Provider.storeRelayDelivery({ $$type: 'RelayDelivery', job: ours(), delivery: Cell.EMPTY })(b)), Errors.AccessDenied],
        [attack('JobClosed', (b) => Provider.storeJobClosed({ $$type: 'JobClosed', outcome: 3n, paid: 0n, terms: job.terms })(b)), Errors.AccessDenied],
        [attack('FeesRemitted', (b) => Provider.storeFeesRemitted({ $$type: 'FeesRemitted', amount: 1n })(b)), Errors.AccessDenied],
        [attack('Retire', (b) => Provider.storeRetire({ $$type: 'Retire', queryId: 0n })(b)), Errors.AccessDenied],
    ];
    const refusedBySettlement: [Attack, number][] = [
        [attack('SetWorkerKey', (b) => RewardSettlement.storeSetWorkerKey({ $$type: 'SetWorkerKey', workerKey: 1n })(b)), Errors.AccessDenied],
        [attack('ProtocolFee', (b) => RewardSettlement.storeProtocolFee({ $$type: 'ProtocolFee', queryId: 0n, payer: ours(), parameters: parameters() })(b)), Errors.AccessDenied],
        [attack('SetBeneficiaries', (b) => RewardSettlement.storeSetBeneficiaries({
            $$type: 'SetBeneficiaries', queryId: 0n,
            beneficiaries: Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Uint(16)).set(ours(), 10_000),
        })(b)), Errors.AccessDenied],
        [attack('SetFeeLimits', (b) => RewardSettlement.storeSetFeeLimits({ $$type: 'SetFeeLimits', queryId: 0n, dailyCap: 2n ** 63n, floatBasisPoints: 10_000n })(b)), Errors.AccessDenied],
        [attack('ReleaseFees', (b) => RewardSettlement.storeReleaseFees({ $$type: 'ReleaseFees', queryId: 0n, amount: toNano('1') })(b)), Errors.AccessDenied],
    ];
    const refusedByJob: [Attack, number][] = [
        [attack('PostJob', (b) => JobEscrow.storePostJob({ $$type: 'PostJob', queryId: 0n, listing: 0n })(b)), Errors.AlreadyPosted],
        [attack('JobListed', (b) => JobEscrow.storeJobListed({ $$type: 'JobListed', openedLt: 1n, listing: ours() })(b)), Errors.AccessDenied],
        [attack('RelayedBid', (b) => JobEscrow.storeRelayedBid({
            $$type: 'RelayedBid', fromOwner: true, openedLt: 1n, index: 0n, amount: 0n, tcbStatus: 0n, measurement: 0x333n, payer: ours(), settlement: ours(),
        })(b)), Errors.AccessDenied],
        [attack('AwardJob', (b) => JobEscrow.storeAwardJob({ $$type: 'AwardJob', queryId: 0n, provider: ours(), amount: 0n, sealedKey: SealedKey })(b)), Errors.AccessDenied],
        [attack('CancelJob', (b) => JobEscrow.storeCancelJob({ $$type: 'CancelJob', queryId: 0n })(b)), Errors.AccessDenied],
        [attack('RelayedDelivery', (b) => JobEscrow.storeRelayedDelivery({
            $$type: 'RelayedDelivery', tcbStatus: 0n, measurement: 0x333n, workerKey: 1n, delivery: Cell.EMPTY,
        })(b)), Errors.AccessDenied],
        [attack('ExpireJob', (b) => JobEscrow.storeExpireJob({ $$type: 'ExpireJob', queryId: 0n })(b)), Errors.DeadlineAhead],
    ];
    // What anyone may send, governance like any stranger: it brings coins or starts what its owner gets the result of.
    const openToAnyone = {
        session: ['RefreshAttestation', 'TopUp', 'empty'],
        provider: ['DeploySettlement', 'RequestNonce', 'empty'],
        settlement: ['Distribute', 'FundFees', 'InitialiseSettlement', 'Payout', 'SyncFee', 'empty'],
        job: ['empty'],
    };

    it('is tried against every message that the money contracts receive', () => {
        const names = (list: [Attack, number][]) => list.map(([{ name }]) => name);
        expect([...names(refusedBySession), ...openToAnyone.session].sort()).toEqual(receivedBy(session.contract as never));
        expect([...names(refusedByProvider), ...openToAnyone.provider].sort()).toEqual(receivedBy(network.provider as never));
        expect([...names(refusedBySettlement), ...openToAnyone.settlement].sort()).toEqual(receivedBy(network.settlement as never));
        expect([...names(refusedByJob), ...openToAnyone.job].sort()).toEqual(receivedBy(job.contract as never));
    });

    async function expectRefused(target: Address, { body }: Attack, code: number): Promise<void> {
        const data = await dataOf(network.chain, target);
        const balance = await network.balance(target);
        const result = await network.governance.send({ to: target, value: Value, body: await body() });
        expect(exitCodeOf(transactionOf(result, target))).toBe(code);
        expect(result.transactions).toHaveTransaction({ from: target, to: network.governance.address, inMessageBounced: true });
        expect(await dataOf(network.chain, target)).toEqualCell(data!);
        expect(await network.balance(target)).toBe(balance);
    }

    it.each(refusedBySession.map(([one, code]) => [one.name, one, code] as const))(
        'cannot change a live session with %s', (_, one, code) => expectRefused(session.address, one, code));
    it.each(refusedByProvider.map(([one, code]) => [one.name, one, code] as const))(
        'cannot change a provider with %s', (_, one, code) => expectRefused(network.provider.address, one, code));
    it.each(refusedBySettlement.map(([one, code]) => [one.name, one, code] as const))(
        'cannot change a settlement with %s', (_, one, code) => expectRefused(network.settlement.address, one, code));
    it.each(refusedByJob.map(([one, code]) => [one.name, one, code] as const))(
        'cannot change a live job with %s', (_, one, code) => expectRefused(job.address, one, code));

    it('cannot make a settlement that lives start anew: InitialiseSettlement is only a gift to it', async () => {
        const data = await dataOf(network.chain, network.settlement.address);
        const balance = await network.balance(network.settlement.address);
        const body = beginCell().store(RewardSettlement.storeInitialiseSettlement({
            $$type: 'InitialiseSettlement', owner: ours(), registry: ours(), registration: registration(), parameters: parameters(),
        })).endCell();
        await network.governance.send({ to: network.settlement.address, value: Value, body });
        expect(await dataOf(network.chain, network.settlement.address)).toEqualCell(data!);
        expect(await network.balance(network.settlement.address)).toBeGreaterThan(balance);
    });

    /** Governance announces and applies its worst parameters. */
    async function seizeParameters(): Promise<void> {
        await network.registry.send(network.governance.getSender(), { value: Value }, {
            $$type: 'ProposeParameters', queryId: 0n,
            parameters: parameters({ feeBasisPoints: 1000n, registrationDeposit: toNano('1000'), registrationFee: toNano('100'), listingFee: toNano('10') }),
        });
        network.chain.now! += ProposalDelay;
        await network.registry.send(network.stranger.getSender(), { value: Value }, { $$type: 'ApplyParameters', queryId: 0n });
        expect((await network.registry.getRegistryData()).feeBasisPoints).toBe(1000n);
    }

    it('changes nothing in existing providers, sessions, jobs and settlements with new parameters', async () => {
        const addresses = [network.provider.address, session.address, job.address, network.settlement.address];
        const before = await Promise.all(addresses.map((address) => dataOf(network.chain, address)));
        const balances = await Promise.all(addresses.map((address) => network.balance(address)));
        await seizeParameters();
        for (const [index, address] of addresses.entries()) {
            expect(await dataOf(network.chain, address)).toEqualCell(before[index]!);
            expect(await network.balance(address)).toBe(balances[index]);
        }
    });

    it('does not reach what was earned before: until someone syncs the fee, a distribution pays the old fee to the old treasury', async () => {
        await seizeParameters();
        // The rent of the week is paid first.
        await network.settlement.send(network.stranger.getSender(), { value: 1n }, { $$type: 'Payout' });
        const earnings = await network.settlement.getEarnings();
        expect(earnings).toBeGreaterThan(toNano('0.29'));
        const result = await network.settlement.send(network.stranger.getSender(), { value: Value }, { $$type: 'Distribute', queryId: 0n });
        expect(leftFor(network.treasury.address, result, network)).toBe(earnings * TestParameters.feeBasisPoints / 10_000n);
        expect(result.transactions).not.toHaveTransaction({ to: network.governance.address });
    });

    it('reaches a settlement with its new fee when anyone syncs it, and then only within the bound of 10 %', async () => {
        await seizeParameters();
        await network.settlement.send(network.stranger.getSender(), { value: Value }, { $$type: 'SyncFee', queryId: 0n });
        expect((await network.settlement.getSettlementData()).feeBasisPoints).toBe(1000n);
        const result = await network.settlement.send(network.stranger.getSender(), { value: Value }, { $$type: 'Distribute', queryId: 0n });
        const [fee, rest] = [network.governance, network.owner].map(({ address }) => leftFor(address, result, network));
        expect(fee).toBe((fee + rest + feesRemittedBudget(pricesOf(network.chain))) / 10n);
        expect(fee).toBeGreaterThan(toNano('0.03'));
    });

    it('cannot block an exit: after the worst parameters client and provider leave with what is theirs', async () => {
        await seizeParameters();
        const clientBefore = await network.balance(network.client.address);
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        await session.finishClose();
        expect(await network.exists(session.address)).toBe(false);
        expect(await network.balance(network.client.address)).toBeGreaterThan(clientBefore + toNano('0.6'));

        const ownerBefore = await network.balance(network.owner.address);
        await network.provider.send(network.owner.getSender(), { value: toNano('0.05') }, { $$type: 'Retire', queryId: 0n });
        expect((await network.provider.getProviderData()).status).toBe(BigInt(ProviderStatus.Retired));
        expect(await network.balance(network.owner.address)).toBeGreaterThan(ownerBefore + toNano('0.98'));
    });

    it('cannot block an exit by being gone: with the registry\'s account destroyed everyone still leaves', async () => {
        const registry = await network.chain.getContract(network.registry.address);
        const { account, lastTransactionHash, lastTransactionLt } = registry.account;
        registry.account = { account: { ...account!, storage: { ...account!.storage, state: { type: 'uninit' }, balance: { coins: 0n } } }, lastTransactionHash, lastTransactionLt };
        expect(await network.exists(network.registry.address)).toBe(false);

        await session.claim(await session.voucher(toNano('0.5')));
        expect((await session.data()).claimed).toBe(toNano('0.5'));
        await session.startClose();
        expect((await session.data()).status).toBe(BigInt(SessionStatus.Closing));
        network.chain.now! += session.agreement.closeWindow;
        await session.finishClose();
        expect(await network.exists(session.address)).toBe(false);
        const ownerBefore = await network.balance(network.owner.address);
        await network.settlement.send(network.owner.getSender(), { value: Value }, { $$type: 'Distribute', queryId: 0n });
        await network.provider.send(network.owner.getSender(), { value: Value }, { $$type: 'Retire', queryId: 0n });
        expect(await network.balance(network.owner.address)).toBeGreaterThan(ownerBefore + toNano('1.4'));
    });
});

/** nanoTON that left a settlement for `to`, the price of carrying them included: plain coins pay it out of their value. */
function leftFor(to: Address, result: SendMessageResult, network: TestNetwork): bigint {
    return [...transactionOf(result, network.settlement.address).outMessages.values()].reduce(
        (sum, { info }) => info.type === 'internal' && info.dest.equals(to)
            ? sum + info.value.coins + forwardFee(network.chain)
            : sum,
        0n,
    );
}
