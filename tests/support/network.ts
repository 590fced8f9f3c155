import { Address, beginCell, Cell, Dictionary, SendMode, toNano, Transaction } from '@ton/core';
import { getSecureRandomBytes, KeyPair, keyPairFromSeed } from '@ton/crypto';
import { Blockchain, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    accountOf, addressOf, Batch, BatchItem, batchPayload, DefaultCloseWindow, Deployment, escrowDeployment, hashToBigInt,
    OfferTerms, packBatchItems, packBatchMessage, packOffer, packRegistration, packSignedVoucher, packTerms, Provider, ProviderRegistry, RegistrationDetails,
    Receipt, receiptPayload, registryDeployment, RewardSettlement, SessionAgreement, SessionEscrow, settlementDeployment,
    SignedReceipt, SignedVoucher, SigningDomain, signPayload, Tier, Voucher, voucherPayload,
} from '../../wrappers';
import { chainConfig, PriceSet } from './prices';

/** Time at which every test network starts, unix seconds: after the prices of 2026 came into force. */
export const Start = 1_800_000_000;

/** A key pair that is the same in every run. */
export function testKey(name: string): KeyPair {
    return keyPairFromSeed(beginCell().storeStringTail(name).endCell().hash());
}

/** An X25519 public key that the contracts accept; nothing is ever sealed to it here. */
export const EncryptionKey = Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex');

export const TestOffer: OfferTerms = {
    model: Buffer.alloc(32, 7),
    prices: { prompt: 20_000_000n, cached: 5_000_000n, completion: 60_000_000n, reasoning: 60_000_000n },
    maxCreditWindow: toNano('0.5'),
    minDeposit: toNano('0.1'),
};

export const TestParameters = {
    feeBasisPoints: 250n,
    registrationDeposit: toNano('1'),
    registrationFee: toNano('0.1'),
    listingFee: toNano('0.02'),
};

/** Registry, one provider with one offer, and its settlement, on a chain of their own. */
export class TestNetwork {
    private constructor(
        readonly chain: Blockchain,
        readonly deployer: SandboxContract<TreasuryContract>,
        readonly governance: SandboxContract<TreasuryContract>,
        readonly treasury: SandboxContract<TreasuryContract>,
        readonly owner: SandboxContract<TreasuryContract>,
        readonly client: SandboxContract<TreasuryContract>,
        readonly stranger: SandboxContract<TreasuryContract>,
        /** A wallet in the place of the AttestationVerifier: it gives the verdicts that a test needs. */
        readonly verifier: SandboxContract<TreasuryContract>,
        /** The wallet of the worker, once the owner has named it. */
        readonly attester: SandboxContract<TreasuryContract>,
        readonly registry: SandboxContract<ProviderRegistry.ProviderRegistry>,
        readonly provider: SandboxContract<Provider.Provider>,
        readonly settlement: SandboxContract<RewardSettlement.RewardSettlement>,
    ) {}

    readonly workerKey = testKey('worker');
    readonly sessionKey = testKey('session');

    static async create(prices: PriceSet = '2026', parameters = TestParameters): Promise<TestNetwork> {
        const chain = await Blockchain.create({ config: chainConfig(prices) });
        chain.now = Start;
        const names = ['deployer', 'governance', 'treasury', 'owner', 'client', 'stranger', 'verifier', 'attester'];
        const [deployer, governance, treasury, owner, client, stranger, verifier, attester] = await Promise.all(
            names.map((name) => chain.treasury(name)),
        );
        const deployment = await registryDeployment(governance.address, verifier.address, {
            ...parameters,
            treasury: accountOf(treasury.address),
        });
        const registry = chain.openContract(
            new ProviderRegistry.ProviderRegistry(deployment.address, deployment.init),
        );
        await registry.send(deployer.getSender(), { value: toNano('1') }, null);
        const address = await registry.getProviderAddress(0n);
        const settlement = await settlementDeployment(address);
        return new TestNetwork(
            chain, deployer, governance, treasury, owner, client, stranger, verifier, attester, registry,
            chain.openContract(Provider.Provider.fromAddress(address)),
            chain.openContract(RewardSettlement.RewardSettlement.fromAddress(settlement.address)),
        );
    }

    /** A network whose provider is registered, funded for batches and offers TestOffer. */
    static async ready(prices: PriceSet = '2026'): Promise<TestNetwork> {
        const network = await TestNetwork.create(prices);
        await network.register();
        await network.addOffer(TestOffer);
        return network;
    }

    registration(changes: Partial<RegistrationDetails> = {}): ProviderRegistry.RegisterProvider {
        return {
            $$type: 'RegisterProvider',
            queryId: 0n,
            registration: packRegistration({
                workerKey: this.workerKey.publicKey,
                encryptionKey: EncryptionKey,
                dailyCap: toNano('10'),
                verifier: this.verifier.address,
                endpoint: 'http://127.0.0.1:8080',
                ...changes,
            }),
        };
    }

    register(value = toNano('6')): Promise<SendMessageResult> {
        return this.registry.send(this.owner.getSender(), { value }, this.registration());
    }

    addOffer(offer: OfferTerms): Promise<SendMessageResult> {
        return this.provider.send(this.owner.getSender(), { value: toNano('0.1') }, {
            $$type: 'UpdateOffers', queryId: 0n, remove: null, add: packOffer(offer),
        });
    }

    agreement(changes: Partial<SessionAgreement> = {}): SessionAgreement {
        return {
            provider: this.provider.address,
            client: this.client.address,
            salt: 1n,
            creditWindow: toNano('0.05'),
            closeWindow: DefaultCloseWindow,
            leastTier: Tier.Open,
            acceptedTcbStatuses: 0,
            measurement: null,
            offer: TestOffer,
            ...changes,
        };
    }

    async escrow(changes: Partial<SessionAgreement> = {}, settlement?: Address): Promise<TestSession> {
        const agreement = this.agreement(changes);
        const deployment = await escrowDeployment(
            this.sessionKey.publicKey, settlement ?? this.settlement.address, packTerms(agreement),
        );
        return new TestSession(this, agreement, deployment);
    }

    async openSession(deposit = toNano('1'), changes: Partial<SessionAgreement> = {}): Promise<TestSession> {
        const session = await this.escrow(changes);
        await session.open(deposit);
        return session;
    }

    /** The external message of a batch, signed by the worker key unless another is given. */
    async batchBody(items: BatchItem[], changes: Partial<Batch> = {}, key = this.workerKey): Promise<Cell> {
        const batch: Batch = {
            sequence: Number((await this.settlement.getSettlementData()).sequence),
            validUntil: this.chain.now! + 600,
            count: items.length,
            distribute: false,
            items: packBatchItems(items),
            ...changes,
        };
        const domain = { globalId: GlobalId, contract: this.settlement.address, openedLt: 0n };
        return packBatchMessage(batch, signPayload(batchPayload(domain, batch), key.secretKey));
    }

    sendBatchBody(body: Cell): Promise<SendMessageResult> {
        return this.chain.sendMessage({
            info: { type: 'external-in', dest: this.settlement.address, importFee: 0n },
            body,
        });
    }

    async sendBatch(items: BatchItem[], changes: Partial<Batch> = {}): Promise<SendMessageResult> {
        return this.sendBatchBody(await this.batchBody(items, changes));
    }

    async balance(address: Address): Promise<bigint> {
        return (await this.chain.getContract(address)).balance;
    }

    /** Whether an account is there at all. */
    async exists(address: Address): Promise<boolean> {
        const state = (await this.chain.getContract(address)).accountState;
        return state !== undefined && state.type === 'active';
    }
}

/** The sandbox's configuration parameter 19. */
export const GlobalId = -239;

/** One escrow, deployed or not, with the keys of its parties. */
export class TestSession {
    readonly contract: SandboxContract<SessionEscrow.SessionEscrow>;

    constructor(readonly network: TestNetwork, readonly agreement: SessionAgreement, readonly deployment: Deployment) {
        this.contract = network.chain.openContract(
            new SessionEscrow.SessionEscrow(deployment.address, deployment.init),
        );
    }

    get address(): Address {
        return this.deployment.address;
    }

    /** Deploys and opens with `value` nanoTON, sent by the client unless another wallet is given. */
    open(value: bigint, sender = this.network.client): Promise<SendMessageResult> {
        return this.contract.send(sender.getSender(), { value }, { $$type: 'OpenSession', queryId: 0n });
    }

    data(): Promise<SessionEscrow.SessionData> {
        return this.contract.getSessionData();
    }

    async domain(): Promise<SigningDomain> {
        return { globalId: GlobalId, contract: this.address, openedLt: (await this.data()).openedLt };
    }

    async voucher(cumulative: bigint, changes: Partial<SigningDomain> = {}, key = this.network.sessionKey): Promise<SignedVoucher> {
        const voucher: Voucher = { cumulative, receiptHash: 0n };
        const payload = voucherPayload({ ...(await this.domain()), ...changes }, voucher);
        return { ...voucher, signature: signPayload(payload, key.secretKey) };
    }

    async receipt(receipt: Receipt, changes: Partial<SigningDomain> = {}, key = this.network.workerKey): Promise<SignedReceipt> {
        const payload = receiptPayload({ ...(await this.domain()), ...changes }, receipt);
        return { ...receipt, signature: signPayload(payload, key.secretKey) };
    }

    /** Relays a voucher to the escrow. */
    claim(voucher: SignedVoucher, value = toNano('0.1'), relayer = this.network.stranger): Promise<SendMessageResult> {
        return this.contract.send(relayer.getSender(), { value }, {
            $$type: 'ClaimVoucher', voucher: packSignedVoucher(voucher),
        });
    }

    startClose(sender = this.network.client): Promise<SendMessageResult> {
        return this.contract.send(sender.getSender(), { value: toNano('0.05') }, { $$type: 'StartClose', queryId: 0n });
    }

    finishClose(sender = this.network.stranger, value = toNano('0.1')): Promise<SendMessageResult> {
        return this.contract.send(sender.getSender(), { value }, { $$type: 'FinishClose', queryId: 0n });
    }
}
