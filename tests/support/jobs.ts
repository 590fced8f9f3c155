import { Address, beginCell, Cell, toNano } from '@ton/core';
import { SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    accountOf, awardJobValue, bidValue, Delivery, deliveryPayload, deliveryValue, Deployment, expireJobValue, hashToBigInt,
    JobAgreement, jobDeployment, JobEscrow, JobOutcome, JobTask, listingValue, packDelivery, packJobTerms, postJobValue,
    Provider, providerMarket, SealedKeyBytes, SigningDomain, signPayload,
} from '../../wrappers';
import { pricesOf } from './chain';
import { GlobalId, Start, TestNetwork } from './network';
import { attest } from './provider_state';

// One job on a test network, deployed or not: what its parties send. Values are the least ones unless a test says
// otherwise; everything comes back as the sandbox's result.

/** The record that a test provider has: what TestJob's terms accept. */
export const TestRecord = { expiry: Start + 1_000_000, tcbStatus: 0, measurement: 0x333n };

export const SealedKey = beginCell().storeBuffer(Buffer.alloc(SealedKeyBytes, 3)).endCell();

/** An hour to the award, two for the delivery, at most 2 coins. */
export const TestAgreement: Omit<JobAgreement, 'client' | 'market'> = {
    salt: 0n,
    provider: null,
    acceptedTcbStatuses: 1,
    measurement: Buffer.from('333'.padStart(64, '0'), 'hex'),
    model: Buffer.alloc(32, 7),
    inputRoot: Buffer.alloc(32, 8),
    itemCount: 3,
    awardDeadline: Start + 3_600,
    deliveryTime: 7_200,
    ceiling: toNano('2'),
    bond: toNano('0.2'),
    bidStep: toNano('0.02'),
    specification: {
        task: JobTask.Chat,
        promptTokens: 1_000n,
        completionTokens: 500n,
        inputBytes: 4_096n,
        instructionsHash: Buffer.alloc(32, 9),
        inputUrl: 'file:///store/08',
    },
};

/** A network whose provider holds {@link TestRecord} and has named the wallet `attester` as its worker's. */
export async function jobNetwork(prices?: '2026' | 'old'): Promise<TestNetwork> {
    const network = await TestNetwork.ready(prices);
    await attestForJobs(network);
    return network;
}

export function attestForJobs(network: TestNetwork, changes: Partial<typeof TestRecord> = {}): Promise<void> {
    const admission = beginCell().store(Provider.storeAdmission({
        $$type: 'Admission', attester: accountOf(network.attester.address), current: 0n, currentIssued: 0n, previous: 0n, previousIssued: 0n,
    })).endCell();
    return attest(network, { ...TestRecord, ...changes, admission });
}

export class TestJob {
    readonly contract: SandboxContract<JobEscrow.JobEscrow>;

    private constructor(readonly network: TestNetwork, readonly agreement: JobAgreement, readonly terms: Cell, readonly deployment: Deployment) {
        this.contract = network.chain.openContract(new JobEscrow.JobEscrow(deployment.address, deployment.init));
    }

    /** @param rewrite makes other terms of those that the wrappers pack: what an odd client may deploy. */
    static async create(
        network: TestNetwork, changes: Partial<JobAgreement> = {}, rewrite = (terms: Cell): Cell => terms,
    ): Promise<TestJob> {
        const agreement = {
            ...TestAgreement, client: network.client.address, market: await providerMarket(network.registry.address), ...changes,
        };
        const terms = rewrite(packJobTerms(agreement));
        return new TestJob(network, agreement, terms, await jobDeployment(terms));
    }

    /** Created and posted. */
    static async posted(network: TestNetwork, changes: Partial<JobAgreement> = {}, listed = false): Promise<TestJob> {
        const job = await TestJob.create(network, changes);
        await job.post({ listed });
        return job;
    }

    /** Posted, bid for at the ceiling, and awarded. */
    static async awarded(network: TestNetwork, changes: Partial<JobAgreement> = {}, listed = false): Promise<TestJob> {
        const job = await TestJob.posted(network, changes, listed);
        await job.bid(job.agreement.ceiling);
        await job.award();
        return job;
    }

    get address(): Address {
        return this.deployment.address;
    }

    private get prices() {
        return pricesOf(this.network.chain);
    }

    data(): Promise<JobEscrow.JobData> {
        return this.contract.getJobData();
    }

    /** nanoTON that listing needs at least. */
    listing(): bigint {
        return listingValue(this.prices, toNano('0.02'));
    }

    post(options: { value?: bigint; listed?: boolean; from?: SandboxContract<TreasuryContract> } = {}): Promise<SendMessageResult> {
        const listing = options.listed === true ? this.listing() : 0n;
        const value = options.value ?? postJobValue(this.prices, this.agreement.ceiling, listing);
        return this.contract.send((options.from ?? this.network.client).getSender(), { value }, {
            $$type: 'PostJob', queryId: 0n, listing,
        });
    }

    /** Bids through a provider, the network's own unless another is given. */
    async bid(amount: bigint, options: { value?: bigint; from?: SandboxContract<TreasuryContract>; openedLt?: bigint;
        provider?: SandboxContract<Provider.Provider>; } = {}): Promise<SendMessageResult> {
        const { network } = this;
        return (options.provider ?? network.provider).send((options.from ?? network.attester).getSender(), {
            value: options.value ?? bidValue(this.prices, this.agreement.bond),
        }, { $$type: 'RelayBid', openedLt: options.openedLt ?? (await this.openedLt()), amount, job: accountOf(this.address) });
    }

    /** Awards the job to the best bid, or to the one that is named. */
    async award(options: { provider?: Address; amount?: bigint; value?: bigint; from?: SandboxContract<TreasuryContract>; sealedKey?: Cell } = {}) {
        const data = await this.data();
        return this.contract.send((options.from ?? this.network.client).getSender(), { value: options.value ?? awardJobValue(this.prices) }, {
            $$type: 'AwardJob', queryId: 0n,
            provider: options.provider === undefined ? data.provider : accountOf(options.provider),
            amount: options.amount ?? data.amount, sealedKey: options.sealedKey ?? SealedKey,
        });
    }

    cancel(from = this.network.client, value = toNano('0.05')): Promise<SendMessageResult> {
        return this.contract.send(from.getSender(), { value }, { $$type: 'CancelJob', queryId: 0n });
    }

    expire(options: { value?: bigint; from?: SandboxContract<TreasuryContract> } = {}): Promise<SendMessageResult> {
        const value = options.value ?? expireJobValue(this.prices);
        return this.contract.send((options.from ?? this.network.stranger).getSender(), { value }, { $$type: 'ExpireJob', queryId: 0n });
    }

    /** Delivers through a provider what its worker key signed. */
    async deliver(options: { delivery?: Partial<Delivery>; domain?: Partial<SigningDomain>; key?: Buffer; value?: bigint;
        from?: SandboxContract<TreasuryContract>; provider?: SandboxContract<Provider.Provider>; openedLt?: bigint } = {}): Promise<SendMessageResult> {
        const { network } = this;
        const openedLt = options.openedLt ?? (await this.openedLt());
        const delivery = { outcome: JobOutcome.Delivered, outputRoot: hashToBigInt(Buffer.alloc(32, 5)), ...options.delivery };
        const domain = { globalId: GlobalId, contract: this.address, openedLt, ...options.domain };
        const signature = signPayload(deliveryPayload(domain, delivery), options.key ?? network.workerKey.secretKey);
        return (options.provider ?? network.provider).send((options.from ?? network.attester).getSender(), {
            value: options.value ?? deliveryValue(this.prices),
        }, { $$type: 'RelayDelivery', job: accountOf(this.address), delivery: packDelivery(delivery, signature) });
    }

    /** Logical time of the posting; 0 when there is no such account. */
    async openedLt(): Promise<bigint> {
        return (await this.network.exists(this.address)) ? (await this.data()).openedLt : 0n;
    }
}

/** The same terms with ballast in every cell that no contract reads to its end: Work, and what is below it. */
export function ballasted(terms: Cell): Cell {
    const [work, ...others] = terms.refs;
    return [filled(work), ...others].reduce((builder, ref) => builder.storeRef(ref), beginCell().storeBits(terms.bits)).endCell();
}

/** The same cells, each with as many bits as a cell can have. */
function filled({ bits, refs }: Cell): Cell {
    const builder = refs.reduce((all, ref) => all.storeRef(filled(ref)), beginCell().storeBits(bits));
    while (builder.bits < 1_023) {
        builder.storeBit(true);
    }
    return builder.endCell();
}
