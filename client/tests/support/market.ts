import { Address, beginCell, Cell, toNano } from '@ton/core';
import { KeyPair, keyPairFromSeed } from '@ton/crypto';
import {
    accountOf,
    attestationContext,
    deliveryPayload,
    hashToBigInt,
    JobAgreement,
    jobDeployment,
    JobEscrow,
    JobOutcome,
    JobTask,
    leastBidStep,
    leastBond,
    OfferTerms,
    packDelivery,
    packJobTerms,
    packOffer,
    packRegistration,
    Prices,
    Provider,
    providerDeployment,
    providerMarket,
    ProviderRegistry,
    registryDeployment,
    reportDataOf,
    RewardSettlement,
    SealedKeyBytes,
    settlementDeployment,
    signPayload,
} from '@ton-compute/contracts';
import { Devnet, DevnetWallet, startDevnet } from '@ton-compute/devnet';

const EncryptionKey = Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex');
const OutputRoot = hashToBigInt(Buffer.alloc(32, 5));
const SealedKey = beginCell().storeBuffer(Buffer.alloc(SealedKeyBytes, 3)).endCell();

/** Two models that are offered, and one that is only asked for. */
export const Models = { small: Buffer.alloc(32, 1), large: Buffer.alloc(32, 2), absent: Buffer.alloc(32, 3) };

/** What an owner who wants to harm the reader of a list writes as his endpoint. */
export const HostileEndpoint = '"></script><script>alert(1)</script><img src=x onerror=alert(2)>\u001b[31m\u202e';

/** @returns prices of which each class is another multiple. */
export function pricesAt(prompt: string): Prices {
    const nano = toNano(prompt);
    return { prompt: nano, cached: nano / 4n, completion: nano * 3n, reasoning: nano * 4n };
}

/** A local chain with a registry whose verifier is a wallet: what it says of quotes is the test's word. */
export class TestMarket {
    private constructor(
        readonly devnet: Devnet,
        readonly registry: Address,
        readonly globalId: number,
    ) {}

    private salt = 0n;

    static async start(): Promise<TestMarket> {
        const devnet = await startDevnet({ automine: true, logLevel: 'error' });
        const chain = devnet.client();
        const [deployer, , , governance, verifier] = devnet.wallets;
        const deployment = await registryDeployment(governance.address, verifier.address, {
            feeBasisPoints: 250n,
            treasury: accountOf(governance.address),
            registrationDeposit: toNano('1'),
            registrationFee: toNano('0.1'),
            listingFee: toNano('0.02'),
        });
        const registry = chain.open(new ProviderRegistry.ProviderRegistry(deployment.address, deployment.init));
        await registry.send(deployer.sender(chain), { value: toNano('1') }, null);
        return new TestMarket(devnet, deployment.address, (await devnet.info()).globalId);
    }

    get owner(): DevnetWallet {
        return this.devnet.wallets[1];
    }

    get client(): DevnetWallet {
        return this.devnet.wallets[2];
    }

    async time(): Promise<number> {
        return (await this.devnet.info()).time;
    }

    /** Registers a provider that offers, and is attested on a machine if one is named. */
    async provider(options: { endpoint: string; offers?: OfferTerms[]; machine?: number }): Promise<TestProvider> {
        const chain = this.devnet.client();
        const registry = chain.open(ProviderRegistry.ProviderRegistry.fromAddress(this.registry));
        const index = await registry.getProviderCount();
        const key = keyPairFromSeed(Buffer.alloc(32, Number(index) + 1));
        await registry.send(this.owner.sender(chain), { value: toNano('6') }, {
            $$type: 'RegisterProvider',
            queryId: 0n,
            registration: packRegistration({
                workerKey: key.publicKey,
                encryptionKey: EncryptionKey,
                dailyCap: toNano('10'),
                verifier: this.devnet.wallets[4].address,
                endpoint: options.endpoint,
            }),
        });
        const { address } = await providerDeployment(this.registry, index);
        const provider = new TestProvider(this, Number(index), address, key);
        for (const offer of options.offers ?? []) {
            await provider.send({ $$type: 'UpdateOffers', queryId: 0n, remove: null, add: packOffer(offer) });
        }
        if (options.machine !== undefined) {
            await provider.attest(options.machine);
        }
        return provider;
    }

    /** Posts a job and has it listed. */
    async job(changes: Partial<JobAgreement> = {}): Promise<TestListedJob> {
        const ceiling = changes.ceiling ?? toNano('2');
        this.salt += 1n;
        const terms = packJobTerms({
            client: this.client.address,
            salt: this.salt,
            provider: null,
            acceptedTcbStatuses: 1,
            measurement: null,
            model: Models.small,
            inputRoot: Buffer.alloc(32, 8),
            itemCount: 3,
            awardDeadline: (await this.time()) + 3_600,
            deliveryTime: 7_200,
            ceiling,
            bond: leastBond(ceiling),
            bidStep: leastBidStep(ceiling),
            market: await providerMarket(this.registry),
            specification: {
                task: JobTask.Chat,
                promptTokens: 1_500_000n,
                completionTokens: 500_000n,
                inputBytes: 4_096n,
                instructionsHash: Buffer.alloc(32, 9),
                inputUrl: 'https://store.example/08',
            },
            ...changes,
        });
        const job = new TestListedJob(this, await jobDeployment(terms), terms, ceiling);
        await job.send({ $$type: 'PostJob', queryId: 0n, listing: toNano('0.2') }, ceiling + toNano('1'));
        return job;
    }

    stop(): Promise<void> {
        return this.devnet.close();
    }
}

export class TestProvider {
    constructor(
        private readonly market: TestMarket,
        readonly index: number,
        readonly address: Address,
        readonly workerKey: KeyPair,
    ) {}

    /** The owner sends. */
    async send(message: Parameters<Provider.Provider['send']>[3], value = toNano('0.5')): Promise<void> {
        const chain = this.market.devnet.client();
        await chain
            .open(Provider.Provider.fromAddress(this.address))
            .send(this.market.owner.sender(chain), { value }, message);
    }

    /** A verdict on a quote of this provider's, by the wallet that is the verifier. */
    async attest(machine: number): Promise<void> {
        const { devnet, globalId, owner } = this.market;
        const chain = devnet.client();
        await this.send({ $$type: 'RequestNonce', queryId: 0n });
        const provider = chain.open(Provider.Provider.fromAddress(this.address));
        const { nonce } = await provider.getAttestationNonce();
        const keys = {
            workerKey: this.workerKey.publicKey,
            encryptionKey: EncryptionKey,
            evidenceHash: Buffer.alloc(32, 9),
            nonce,
        };
        await provider.send(devnet.wallets[4].sender(chain), { value: toNano('0.5') }, {
            $$type: 'QuoteAccepted',
            queryId: 0n,
            payer: accountOf(owner.address),
            expiry: BigInt((await this.market.time()) + 172_800),
            tcbStatus: 0n,
            evaluationNumber: 17n,
            measurement: 333n,
            machineId: BigInt(machine),
            reportData: beginCell().storeBuffer(reportDataOf(this.address, globalId, keys)).endCell(),
            context: attestationContext(keys),
        });
    }

    /** Splits what the provider earned; the protocol fee is remitted. */
    async distribute(): Promise<void> {
        const chain = this.market.devnet.client();
        const { address } = await settlementDeployment(this.address);
        await chain
            .open(RewardSettlement.RewardSettlement.fromAddress(address))
            .send(this.market.owner.sender(chain), { value: toNano('0.5') }, { $$type: 'Distribute', queryId: 0n });
    }
}

export class TestListedJob {
    readonly address: Address;

    constructor(
        private readonly market: TestMarket,
        private readonly deployment: Awaited<ReturnType<typeof jobDeployment>>,
        readonly terms: Cell,
        readonly ceiling: bigint,
    ) {
        this.address = deployment.address;
    }

    private open() {
        const chain = this.market.devnet.client();
        return chain.open(new JobEscrow.JobEscrow(this.address, this.deployment.init));
    }

    /** The client sends. */
    async send(message: Parameters<JobEscrow.JobEscrow['send']>[3], value = toNano('0.5')): Promise<void> {
        await this.open().send(this.market.client.sender(this.market.devnet.client()), { value }, message);
    }

    async bid(provider: TestProvider, amount: bigint): Promise<void> {
        const { openedLt } = await this.open().getJobData();
        const value = leastBond(this.ceiling) + toNano('0.5');
        await provider.send({ $$type: 'RelayBid', openedLt, amount, job: accountOf(this.address) }, value);
    }

    async award(): Promise<void> {
        const { provider, amount } = await this.open().getJobData();
        await this.send({ $$type: 'AwardJob', queryId: 0n, provider, amount, sealedKey: SealedKey });
    }

    async deliver(provider: TestProvider, outcome: number = JobOutcome.Delivered): Promise<void> {
        const { openedLt } = await this.open().getJobData();
        const delivery = { outcome, outputRoot: outcome === JobOutcome.Delivered ? OutputRoot : 1n };
        const domain = { globalId: this.market.globalId, contract: this.address, openedLt };
        const signature = signPayload(deliveryPayload(domain, delivery), provider.workerKey.secretKey);
        const packed = packDelivery(delivery, signature);
        await provider.send({ $$type: 'RelayDelivery', job: accountOf(this.address), delivery: packed });
    }

    expire(): Promise<void> {
        return this.send({ $$type: 'ExpireJob', queryId: 0n });
    }
}

/** A market with everything in it that a reader has to cope with. */
export async function fullMarket() {
    const market = await TestMarket.start();
    const offer = (model: Buffer, prompt: string): OfferTerms => ({
        model,
        prices: pricesAt(prompt),
        maxCreditWindow: toNano('0.5'),
        minDeposit: toNano('0.1'),
    });
    const cheap = await market.provider({
        endpoint: 'https://cheap.example/',
        offers: [offer(Models.small, '0.1')],
        machine: 555,
    });
    const several = await market.provider({
        endpoint: 'https://several.example',
        offers: [offer(Models.small, '0.3'), offer(Models.large, '1')],
        machine: 555,
    });
    const retired = await market.provider({ endpoint: 'https://gone.example', offers: [offer(Models.small, '9')] });
    await retired.send({ $$type: 'Retire', queryId: 0n });
    const hostile = await market.provider({
        endpoint: HostileEndpoint,
        offers: [offer(Models.small, '0.2')],
        machine: 777,
    });
    const empty = await market.provider({ endpoint: 'https://empty.example' });

    const delivered = await market.job();
    await delivered.bid(cheap, toNano('1'));
    await delivered.award();
    await delivered.deliver(cheap);
    await cheap.distribute();
    const split = await market.job({ model: Models.large });
    await split.bid(several, toNano('0.5'));
    await split.award();
    await split.deliver(several);
    const declined = await market.job();
    await declined.bid(several, toNano('1'));
    await declined.award();
    await declined.deliver(several, JobOutcome.Declined);
    const cancelled = await market.job();
    await cancelled.send({ $$type: 'CancelJob', queryId: 0n });
    const notTaken = await market.job({ model: Models.absent });
    const expired = await market.job({ model: Models.absent, ceiling: toNano('4') });
    const failed = await market.job({ deliveryTime: 60 });
    await failed.bid(several, toNano('1'));
    await failed.award();
    await market.devnet.increaseTime(7_200);
    await notTaken.expire();
    await failed.expire();
    const awarded = await market.job();
    await awarded.bid(hostile, toNano('1.5'));
    await awarded.award();
    const bidding = await market.job();
    await bidding.bid(cheap, toNano('1.25'));
    return {
        market,
        providers: { cheap, several, retired, hostile, empty },
        jobs: { delivered, split, declined, cancelled, notTaken, expired, failed, awarded, bidding },
    };
}
