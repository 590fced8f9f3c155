import { beginCell, Dictionary, Sender, toNano } from '@ton/core';
import { SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    accountOf,
    addMeasurementValue,
    batchCost,
    bidValue,
    catalogReserve,
    ChainPrices,
    chainPricesOf,
    computeFee,
    Errors,
    escrowReserve,
    forwardFee,
    hashToBigInt,
    JobEscrow,
    jobReserve,
    listingValue,
    minimumValues,
    openSessionValue,
    Operation,
    packEndpoint,
    packNote,
    packOffer,
    packSignedVoucher,
    postJobValue,
    ProviderRegistry,
    providerReserve,
    registrationValue,
    registryReserve,
    settlementReserve,
    Tier,
} from '../../wrappers';
import { measurementOf, TestCatalog } from '../catalog/catalog';
import { EncryptionKey, Start, TestNetwork, TestOffer, TestParameters, TestSession } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';
import { attestForJobs, jobNetwork, SealedKey, TestJob } from '../support/jobs';
import { attest } from '../support/provider_state';
import { sendAs } from '../support/chain';

/** Every transaction of a chain of messages that ran code, and whether all went well. */
function outcome(result: SendMessageResult): { gas: bigint; ok: boolean; codes: number[] } {
    let gas = 0n;
    let ok = true;
    const codes: number[] = [];
    for (const { description } of result.transactions.slice(1)) {
        if (description.type === 'generic' && description.computePhase.type === 'vm') {
            gas += description.computePhase.gasUsed;
            ok &&= description.computePhase.success && description.actionPhase?.success === true;
            codes.push(description.computePhase.exitCode);
        }
    }
    return { gas, ok, codes };
}

type Case = {
    /** The sender's wallet, and what it sends. */
    from: SandboxContract<TreasuryContract>;
    send: (via: Sender, value: bigint) => Promise<SendMessageResult>;
    /** Whether the contract itself refuses one nanoTON less. */
    enforced?: boolean;
};

/** Every operation, on a network in the state in which it costs the most. */
function cases(
    network: TestNetwork,
    session: TestSession,
    fresh: TestSession,
    job: TestJob,
    catalog: TestCatalog,
): Record<Operation, () => Promise<Case>> {
    const { owner, client, stranger, governance, provider, settlement, registry } = network;
    const queryId = 0n;
    const toSession = (message: Parameters<typeof session.contract.send>[2], from = stranger, on = session) => ({
        from,
        send: (via: Sender, value: bigint) => on.contract.send(via, { value }, message),
    });
    const toProvider = (message: Parameters<typeof provider.send>[2], from = owner) => ({
        from,
        send: (via: Sender, value: bigint) => provider.send(via, { value }, message),
    });
    const toSettlement = (message: Parameters<typeof settlement.send>[2], from = owner) => ({
        from,
        send: (via: Sender, value: bigint) => settlement.send(via, { value }, message),
    });
    const toRegistry = (message: Parameters<typeof registry.send>[2], from = governance) => ({
        from,
        send: (via: Sender, value: bigint) => registry.send(via, { value }, message),
    });
    const toCatalog = (message: Parameters<TestCatalog['send']>[0]) => ({
        from: catalog.curator,
        send: (via: Sender, value: bigint) => catalog.contract.send(via, { value }, message),
    });
    const toJob = (message: Parameters<typeof job.contract.send>[2], from = client, on = job) => ({
        from,
        send: (via: Sender, value: bigint) => on.contract.send(via, { value }, message),
    });
    /** Posted, listed, and bid for twice. */
    const bidFor = async (one: TestJob) => {
        await one.post({ listed: true });
        await one.bid(one.agreement.ceiling);
        await one.bid(one.agreement.ceiling - one.agreement.bidStep);
        return one;
    };
    const wait = (seconds: number) => {
        network.chain.now! += seconds;
    };
    const parameters = beginCell()
        .store(
            ProviderRegistry.storeParameters({
                $$type: 'Parameters',
                ...TestParameters,
                treasury: accountOf(stranger.address),
            }),
        )
        .endCell();
    const shares = Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Uint(16));
    for (let index = 0; index < 8; index++) {
        shares.set(hashToBigInt(beginCell().storeUint(index, 8).endCell().hash()), 1250);
    }
    // In the order in which they are run: each leaves the network as the next needs it.
    return {
        updateOffers: async () =>
            toProvider({
                $$type: 'UpdateOffers',
                queryId,
                remove: hashToBigInt(packOffer(TestOffer).hash()),
                add: packOffer({ ...TestOffer, minDeposit: 99n }),
            }),
        setKeys: async () => ({
            ...toProvider({
                $$type: 'SetKeys',
                queryId,
                workerKey: hashToBigInt(network.workerKey.publicKey),
                encryptionKey: hashToBigInt(EncryptionKey),
            }),
            enforced: true,
        }),
        setEndpoint: async () =>
            toProvider({ $$type: 'SetEndpoint', queryId, endpoint: packEndpoint('a'.repeat(127)) }),
        setAttester: async () => toProvider({ $$type: 'SetAttester', queryId, attester: accountOf(stranger.address) }),
        requestNonce: async () => ({ ...toProvider({ $$type: 'RequestNonce', queryId }, stranger), enforced: true }),
        deploySettlement: async () => toProvider({ $$type: 'DeploySettlement', queryId }),
        setBeneficiaries: async () => toSettlement({ $$type: 'SetBeneficiaries', queryId, beneficiaries: shares }),
        setFeeLimits: async () =>
            toSettlement({ $$type: 'SetFeeLimits', queryId, dailyCap: toNano('10'), floatBasisPoints: 100n }),
        fundFees: async () => ({ ...toSettlement({ $$type: 'FundFees', queryId }, stranger), enforced: true }),
        releaseFees: async () => ({
            ...toSettlement({ $$type: 'ReleaseFees', queryId, amount: toNano('1') }),
            enforced: true,
        }),
        syncFee: async () => ({ ...toSettlement({ $$type: 'SyncFee', queryId }, stranger), enforced: true }),
        topUp: async () => toSession({ $$type: 'TopUp', queryId }),
        claimVoucher: async () => ({
            ...toSession({ $$type: 'ClaimVoucher', voucher: packSignedVoucher(await session.voucher(toNano('0.5'))) }),
            enforced: true,
        }),
        refreshAttestation: async () => {
            await attest(network, { expiry: network.chain.now! + 86_400 });
            const attested = await network.openSession(toNano('1'), {
                salt: 3n,
                leastTier: Tier.Tdx,
                acceptedTcbStatuses: 1,
                offer: { ...TestOffer, minDeposit: 99n },
            });
            return { ...toSession({ $$type: 'RefreshAttestation', queryId }, stranger, attested), enforced: true };
        },
        distribute: async () => ({ ...toSettlement({ $$type: 'Distribute', queryId }, stranger), enforced: true }),
        startClose: async () => toSession({ $$type: 'StartClose', queryId }, client),
        finishClose: async () => (wait(21_600), { ...toSession({ $$type: 'FinishClose', queryId }), enforced: true }),
        reclaim: async () => toSession({ $$type: 'Reclaim', queryId }, client, fresh),
        proposeParameters: async () => toRegistry({ $$type: 'ProposeParameters', queryId, parameters }),
        cancelProposals: async () => toRegistry({ $$type: 'CancelProposals', queryId }),
        proposeGovernance: async () => (
            await registry.send(
                governance.getSender(),
                { value: toNano('0.1') },
                { $$type: 'ProposeParameters', queryId, parameters },
            ),
            toRegistry({ $$type: 'ProposeGovernance', queryId, governance: accountOf(stranger.address) })
        ),
        applyParameters: async () => (wait(604_800), toRegistry({ $$type: 'ApplyParameters', queryId }, stranger)),
        acceptGovernance: async () => toRegistry({ $$type: 'AcceptGovernance', queryId }, stranger),
        awardJob: async () => {
            await attestForJobs(network, { expiry: network.chain.now! + 86_400 });
            await bidFor(job);
            const { provider, amount } = await job.data();
            return { ...toJob({ $$type: 'AwardJob', queryId, provider, amount, sealedKey: SealedKey }), enforced: true };
        },
        relayDelivery: async () => ({ from: network.attester, send: (_, value) => job.deliver({ value }) }),
        cancelJob: async () => {
            const taken = await bidFor(await TestJob.create(network, { salt: 2n, awardDeadline: network.chain.now! + 3_600 }));
            return toJob({ $$type: 'CancelJob', queryId }, client, taken);
        },
        expireJob: async () => {
            const failed = await bidFor(await TestJob.create(network, { salt: 3n, awardDeadline: network.chain.now! + 3_600 }));
            await failed.award();
            wait(failed.agreement.deliveryTime);
            return { ...toJob({ $$type: 'ExpireJob', queryId }, stranger, failed), enforced: true };
        },
        collectFees: async () => toRegistry({ $$type: 'CollectFees', queryId }, stranger),
        retire: async () => toProvider({ $$type: 'Retire', queryId }),
        addMeasurement: async () => ({
            ...toCatalog({ $$type: 'AddMeasurement', queryId, measurement: measurementOf(63), note: packNote('a') }),
            enforced: true,
        }),
        removeMeasurement: async () =>
            toCatalog({ $$type: 'RemoveMeasurement', queryId, measurement: measurementOf(63) }),
        withdrawSurplus: async () => toCatalog({ $$type: 'WithdrawSurplus', queryId }),
        closeCatalog: async () => toCatalog({ $$type: 'CloseCatalog', queryId }),
    };
}

describe.each<PriceSet>(['old', '2026'])('with prices %s', (set) => {
    const prices: ChainPrices = chainPricesOf(chainConfig(set), Start);
    let network: TestNetwork;

    beforeAll(async () => {
        network = await TestNetwork.ready(set);
    });

    it('the reserves are those of the getters', async () => {
        const session = await network.openSession(toNano('1'), { salt: 77n });
        expect(escrowReserve(prices)).toBe((await session.data()).reserve);
        expect(providerReserve(prices)).toBe((await network.provider.getProviderData()).reserve);
        expect(settlementReserve(prices)).toBe((await network.settlement.getSettlementData()).reserve);
        expect(registryReserve(prices)).toBe((await network.registry.getRegistryData()).reserve);
        const catalog = await TestCatalog.deployed(set);
        expect(catalogReserve(prices)).toBe((await catalog.contract.getCatalogData()).reserve);
        expect(jobReserve(prices)).toBe((await (await TestJob.posted(network, { salt: 77n })).data()).reserve);
    });

    it('registering costs what the registry says, and one nanoTON less is refused', async () => {
        const value = registrationValue(prices, TestParameters);
        expect(value).toBe(await network.registry.getRegistrationValue());
        const count = await network.registry.getProviderCount();
        const refused = outcome(await network.register(value - 1n));
        expect(refused.codes[0]).toBe(Errors.ValueTooLow);
        expect(outcome(await network.register(value)).ok).toBe(true);
        expect(await network.registry.getProviderCount()).toBe(count + 1n);
    });

    it('a registration deposit below the rent reserve is raised to it', () => {
        const none = registrationValue(prices, { registrationDeposit: 0n, registrationFee: 0n });
        expect(registrationValue(prices, { registrationDeposit: providerReserve(prices), registrationFee: 0n })).toBe(
            none,
        );
    });

    it('adding a measurement costs what the catalog says, whatever it holds', async () => {
        const catalog = await TestCatalog.deployed(set);
        for (const balance of [1n, catalogReserve(prices) - 1n, catalogReserve(prices), toNano('5')]) {
            (await catalog.chain.getContract(catalog.address)).balance = balance;
            expect(addMeasurementValue(prices, balance)).toBe(await catalog.contract.getAdditionValue());
        }
    });

    it('a batch costs what the settlement says', async () => {
        for (const [count, distribute] of [
            [0, false],
            [1, false],
            [1, true],
            [50, true],
        ] as const) {
            expect(batchCost(prices, count, distribute)).toBe(
                await network.settlement.getBatchCost(BigInt(count), distribute),
            );
        }
    });

    it('openSessionValue makes the whole deposit claimable, and one nanoTON less is refused', async () => {
        const deposit = TestOffer.minDeposit;
        const value = openSessionValue(prices, deposit);
        const refused = await network.escrow({ salt: 70n });
        expect(outcome(await refused.open(value - 1n)).codes[0]).toBe(Errors.DepositTooLow);

        const session = await network.escrow({ salt: 71n });
        expect(outcome(await session.open(value)).ok).toBe(true);
        const claimable = (await network.balance(session.address)) - escrowReserve(prices);
        expect(claimable).toBeGreaterThanOrEqual(deposit);
        expect(outcome(await session.claim(await session.voucher(deposit))).ok).toBe(true);
        expect((await session.data()).claimed).toBe(deposit);
    });

    it('postJobValue posts a job and lists it, and one nanoTON less is refused', async () => {
        for (const listed of [false, true]) {
            const job = await TestJob.create(network, { salt: listed ? 79n : 78n });
            const listing = listed ? listingValue(prices, TestParameters.listingFee) : 0n;
            const value = postJobValue(prices, job.agreement.ceiling, listing);
            expect(outcome(await job.post({ listed, value: value - 1n })).codes[0]).toBe(Errors.ValueTooLow);
            const { ok, codes } = outcome(await job.post({ listed, value }));
            expect({ ok, codes }).toEqual({ ok: true, codes: listed ? [0, 0, 0, 0] : [0] });
        }
    });

    it('listingValue is what the registry asks for and the way there', async () => {
        const asked = await network.registry.getListingValue();
        const way = forwardFee(prices, JobEscrow.JobTermsCells, JobEscrow.JobClosedBits);
        expect(listingValue(prices, TestParameters.listingFee)).toBe(asked + way);
        const job = await TestJob.posted(network, { salt: 80n });
        const body = beginCell().store(
            ProviderRegistry.storeListJob({ $$type: 'ListJob', openedLt: await job.openedLt(), terms: job.terms }),
        );
        const list = async (value: bigint) => {
            const result = await sendAs(network.chain, job.address, network.registry.address, value, body.endCell());
            return outcome({ ...result, transactions: [result.transactions[0], ...result.transactions] }).codes[0];
        };
        expect(await list(asked - 1n)).toBe(Errors.ValueTooLow);
        expect(await list(asked)).toBe(0);
    });

    it('bidValue makes a bid count; at the job one nanoTON less than bond and cost is returned', async () => {
        const bidders = await jobNetwork(set);
        const job = await TestJob.posted(bidders, { salt: 1n });
        const { bond, ceiling } = job.agreement;
        const { RelayBidGas, RelayedBidBits } = JobEscrow;
        const relaying = computeFee(prices, RelayBidGas) + forwardFee(prices, 0n, RelayedBidBits);
        const arriving = bidValue(prices, bond) - relaying;
        const body = beginCell().store(JobEscrow.storeRelayedBid({
            $$type: 'RelayedBid', fromOwner: true, openedLt: await job.openedLt(), index: 0n, amount: ceiling, tcbStatus: 0n,
            measurement: 0x333n, payer: accountOf(bidders.owner.address), settlement: accountOf(bidders.settlement.address),
        })).endCell();
        const bestAfter = async (value: bigint) => {
            await sendAs(bidders.chain, bidders.provider.address, job.address, value, body);
            return (await job.data()).amount;
        };
        expect(await bestAfter(arriving - 1n)).toBe(0n);
        expect(await bestAfter(arriving)).toBe(ceiling);
        const { ok } = outcome(await job.bid(ceiling - job.agreement.bidStep, { value: bidValue(prices, bond) }));
        expect([ok, (await job.data()).amount]).toEqual([true, ceiling - job.agreement.bidStep]);
    });

    it('every operation goes through with its minimum value, which is at most four times what it uses', async () => {
        for (let index = 1; index < 16; index++) {
            await network.addOffer({ ...TestOffer, minDeposit: TestOffer.minDeposit + BigInt(index) });
        }
        const session = await network.openSession(toNano('1'));
        const fresh = await network.escrow({ salt: 2n });
        await fresh.contract.send(network.stranger.getSender(), { value: toNano('0.1') }, null);
        const minimum = minimumValues(prices);
        const catalog = await TestCatalog.deployed(set);
        await catalog.fill(Array.from({ length: 63 }, (_, index) => measurementOf(index)));
        const job = await TestJob.create(network, { salt: 1n, awardDeadline: network.chain.now! + 1_000_000 });
        const all = cases(network, session, fresh, job, catalog);
        expect(Object.keys(all).sort()).toEqual(Object.keys(minimum).sort());

        for (const [name, make] of Object.entries(all) as [Operation, () => Promise<Case>][]) {
            const { from, send, enforced } = await make();
            if (enforced === true) {
                const refused = outcome(await send(from.getSender(), minimum[name] - 1n));
                expect([name, refused.codes[0]]).toEqual([name, Errors.ValueTooLow]);
            }
            const result = await send(from.getSender(), minimum[name]);
            const { ok, codes } = outcome(result);
            expect([name, ok, codes.every((code) => code === 0)]).toEqual([name, true, true]);
            const used = feesOf(result);
            expect([name, minimum[name] <= 4n * used]).toEqual([name, true]);
        }
    });
});

/** What the chain kept of the value: fees of all transactions behind the sending wallet's, and forward fees. */
function feesOf(result: SendMessageResult): bigint {
    let fees = 0n;
    for (const transaction of result.transactions.slice(1)) {
        fees += transaction.totalFees.coins;
        for (const message of transaction.outMessages.values()) {
            if (message.info.type === 'internal') {
                fees += message.info.forwardFee;
            }
        }
    }
    return fees;
}
