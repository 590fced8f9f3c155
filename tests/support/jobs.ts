import { Address, beginCell, Cell, toNano, Transaction } from '@ton/core';
import { KeyPair } from '@ton/crypto';
import { Blockchain, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    accountOf, awardJobValue, bidValue, Delivery, deliveryPayload, deliveryValue, Deployment, expireJobValue, hashToBigInt,
    JobAgreement, jobDeployment, JobEscrow, JobListing, JobOutcome, JobTask, listingValue, packDelivery, packJobTerms, postJobValue,
    Provider, providerDeployment, providerMarket, ProviderRegistry, SealedKeyBytes, settlementDeployment, SigningDomain, signPayload,
} from '../../wrappers';
import { dataOf, pricesOf, setDataOf } from './chain';
import { GlobalId, Start, testKey, TestNetwork, TestParameters } from './network';

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

/** Gives the network's provider a record that jobs accept, with the worker's wallet as its attester. */
export function attestForJobs(network: TestNetwork, changes: Partial<typeof TestRecord> = {}): Promise<void> {
    return attestProvider(network.chain, network.provider.address, network.attester.address, changes);
}

/** Replaces a provider's record and attester, as a verdict and the owner would; an expiry of 0: no record. */
export async function attestProvider(
    chain: Blockchain, provider: Address, attester: Address | null, changes: Partial<typeof TestRecord> = {},
): Promise<void> {
    const { expiry, tcbStatus, measurement } = { ...TestRecord, ...changes };
    const state = Provider.loadProviderState((await dataOf(chain, provider))!.beginParse());
    const standing = Provider.loadStanding(state.standing);
    const admission = attester && beginCell().store(Provider.storeAdmission({
        $$type: 'Admission', attester: accountOf(attester), current: 0n, currentIssued: 0n, previous: 0n, previousIssued: 0n,
    })).endCell();
    const attestation = beginCell().store(Provider.storeAttestation({
        $$type: 'Attestation', expiry: BigInt(expiry), tcbStatus: BigInt(tcbStatus), measurement, evaluationNumber: 0n, evidenceHash: 0n,
        machineId: 0n, attestedSeconds: BigInt(Math.max(0, expiry - chain.now!)), admission,
    })).endCell();
    const rewritten = beginCell().store(Provider.storeStanding({ ...standing, attestation })).asSlice();
    await setDataOf(chain, provider, beginCell().store(Provider.storeProviderState({ ...state, standing: rewritten })).endCell());
}

/** Another provider of the network, attested for jobs, with an owner, a worker's wallet and a worker key of its own. */
export class TestBidder {
    private constructor(
        readonly contract: SandboxContract<Provider.Provider>, readonly settlement: Address,
        readonly owner: SandboxContract<TreasuryContract>, readonly attester: SandboxContract<TreasuryContract>, readonly key: KeyPair,
    ) {}

    static async register(network: TestNetwork, name: string): Promise<TestBidder> {
        const { chain, registry } = network;
        const [owner, attester] = [await chain.treasury(`${name}'s owner`), await chain.treasury(`${name}'s attester`)];
        const key = testKey(name);
        const { address } = await providerDeployment(registry.address, await registry.getProviderCount());
        await registry.send(owner.getSender(), { value: toNano('6') }, network.registration({ workerKey: key.publicKey }));
        await attestProvider(chain, address, attester.address);
        const settlement = await settlementDeployment(address);
        return new TestBidder(chain.openContract(Provider.Provider.fromAddress(address)), settlement.address, owner, attester, key);
    }

    get address(): Address {
        return this.contract.address;
    }

    /** How this provider bids and delivers: options of TestJob. */
    get hand() {
        return { provider: this.contract, from: this.attester };
    }
}

/** The network's own provider as a bidder. */
export function bidderOf({ provider, settlement, owner, attester, workerKey }: TestNetwork) {
    return { address: provider.address, contract: provider, settlement: settlement.address, owner, attester, key: workerKey, hand: { provider, from: attester } };
}

export type Bidder = ReturnType<typeof bidderOf>;

/** Exit codes that a job's messages end with, by name. */
export const JobErrors = {
    AlreadyPosted: Number(JobEscrow.ErrAlreadyPosted),
    TermsTooLarge: Number(JobEscrow.ErrTermsTooLarge),
    BadDeadline: Number(JobEscrow.ErrBadDeadline),
    BondTooLow: Number(JobEscrow.ErrBondTooLow),
    StepTooLow: Number(JobEscrow.ErrStepTooLow),
    NotBidding: Number(JobEscrow.ErrNotBidding),
    OtherBid: Number(JobEscrow.ErrOtherBid),
    NotAwarded: Number(JobEscrow.ErrNotAwarded),
    OtherJobLife: Number(JobEscrow.ErrOtherJobLife),
    RecordNotAccepted: Number(JobEscrow.ErrRecordNotAccepted),
    DeadlineAhead: Number(JobEscrow.ErrDeadlineAhead),
    ListingInitialised: Number(JobListing.ErrListingInitialised),
    NoRecord: Number(Provider.ErrNoRecord),
    NotListable: Number(ProviderRegistry.ErrNotListable),
};

/** Why a bond came back. */
export const Returned = {
    Outbid: Number(JobEscrow.BidReturnedOutbid),
    Closed: Number(JobEscrow.BidReturnedClosed),
    Late: Number(JobEscrow.BidReturnedLate),
    TooHigh: Number(JobEscrow.BidReturnedTooHigh),
    Bond: Number(JobEscrow.BidReturnedBond),
    TcbStatus: Number(JobEscrow.BidReturnedTcbStatus),
    Measurement: Number(JobEscrow.BidReturnedMeasurement),
};

/** What a job told the senders of bids: `reason` is 0 for the bid that is the best now. */
export type BidAnswer = { to: string; reason: number; openedLt: bigint; value: bigint; bounce: boolean };

export function bidAnswers({ transactions }: { transactions: Transaction[] }, job: Address): BidAnswer[] {
    const { BidAccepted, BidReturned } = JobEscrow.JobEscrow.opcodes;
    return messagesOf({ transactions }, job).flatMap(({ to, value, bounce, body }) => {
        const fields = body.beginParse();
        const operation = fields.remainingBits < 32 ? 0 : fields.loadUint(32);
        if (operation !== BidAccepted && operation !== BidReturned) {
            return [];
        }
        const openedLt = fields.loadUintBig(64);
        return [{ to, reason: operation === BidAccepted ? 0 : fields.loadUint(8), openedLt, value, bounce }];
    });
}

/** The messages that an account sent in a result, in their order; an operation of 0: coins alone. */
export function messagesOf({ transactions }: { transactions: Transaction[] }, from: Address) {
    return transactions
        .filter(({ address }) => address === accountOf(from))
        .flatMap(({ outMessages }) => [...outMessages.values()])
        .flatMap(({ info, body }) => (info.type !== 'internal' ? [] : [{
            to: info.dest.toString(), value: info.value.coins, bounce: info.bounce, bounced: info.bounced, body,
            operation: body.bits.length < 32 ? 0 : body.beginParse().preloadUint(32),
        }]));
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
        return TestJob.ofTerms(network, agreement, rewrite(packJobTerms(agreement)));
    }

    /** With any cell in the place of the terms. */
    static async ofTerms(network: TestNetwork, agreement: JobAgreement, terms: Cell): Promise<TestJob> {
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

    exists(): Promise<boolean> {
        return this.network.exists(this.address);
    }

    balance(): Promise<bigint> {
        return this.network.balance(this.address);
    }

    /** nanoTON that listing needs at least. */
    listing(): bigint {
        return listingValue(this.prices, TestParameters.listingFee);
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
        return (options.provider ?? network.provider).send((options.from ?? network.attester).getSender(), {
            value: options.value ?? deliveryValue(this.prices),
        }, { $$type: 'RelayDelivery', job: accountOf(this.address), delivery: await this.delivery(options) });
    }

    /** What a worker signs when the job is done, or whatever a test makes of it. */
    async delivery(options: { delivery?: Partial<Delivery>; domain?: Partial<SigningDomain>; key?: Buffer; openedLt?: bigint } = {}): Promise<Cell> {
        const openedLt = options.openedLt ?? (await this.openedLt());
        const delivery = { outcome: JobOutcome.Delivered, outputRoot: hashToBigInt(Buffer.alloc(32, 5)), ...options.delivery };
        const domain = { globalId: GlobalId, contract: this.address, openedLt, ...options.domain };
        const signature = signPayload(deliveryPayload(domain, delivery), options.key ?? this.network.workerKey.secretKey);
        return packDelivery(delivery, signature);
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
