import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address, Sender, toNano } from '@ton/core';
import { TonClient } from '@ton/ton';
import {
    accountOf,
    escrowDeployment,
    hashToBigInt,
    OfferTerms,
    packOffer,
    packRegistration,
    packTerms,
    Provider,
    ProviderRegistry,
    registryDeployment,
    RewardSettlement,
    SessionAgreement,
    SessionEscrow,
    settlementDeployment,
    Tier,
} from '@ton-compute/contracts';
import { Devnet, DevnetWallet, startDevnet } from '@ton-compute/devnet';

import {
    createLlamaEngine,
    Engine,
    FileKeys,
    startWorker,
    Worker,
    WorkerConfigInput,
    WorkerKeys,
    WorkerParts,
} from '../../src';
import { createLogger } from '../../src/logger';
import { TinyModel } from '../engine/tiny-model';
import { TestClient } from './client';
import { DearOffer, TestOffer } from './offers';

/** A local chain with a registry and one registered provider that offers the tiny model, and its worker's directory. */
export class TestNetwork {
    private readonly clients: TestClient[] = [];
    private readonly workers: Worker[] = [];
    private engine: Engine | undefined;

    private constructor(
        readonly devnet: Devnet,
        readonly client: TonClient,
        readonly directory: string,
        readonly keys: WorkerKeys,
        readonly registry: Address,
        readonly provider: Address,
        readonly settlement: Address,
    ) {}

    /** @param verifier the network's AttestationVerifier; left out, there is only tier open. */
    static async create(verifier?: (devnet: Devnet) => Promise<Address>): Promise<TestNetwork> {
        const devnet = await startDevnet({ blockTime: 0, globalId: -3 });
        const client = devnet.client();
        const directory = mkdtempSync(join(tmpdir(), 'worker-test-'));
        const keys = await new FileKeys(directory).load();
        const [governance, owner] = devnet.wallets;
        const named = (await verifier?.(devnet)) ?? null;
        const deployment = await registryDeployment(governance.address, named, {
            feeBasisPoints: 250n,
            registrationDeposit: toNano('1'),
            registrationFee: toNano('0.1'),
            listingFee: toNano('0.02'),
            treasury: accountOf(governance.address),
        });
        const registry = client.open(new ProviderRegistry.ProviderRegistry(deployment.address, deployment.init));
        await registry.send(governance.sender(client), { value: toNano('1') }, null);
        await registry.send(
            owner.sender(client),
            { value: toNano('6') },
            {
                $$type: 'RegisterProvider',
                queryId: 0n,
                registration: packRegistration({
                    workerKey: keys.worker.publicKey,
                    encryptionKey: keys.encryption.publicKey,
                    dailyCap: toNano('10'),
                    verifier: named,
                    endpoint: 'http://127.0.0.1:8080',
                }),
            },
        );
        const provider = await registry.getProviderAddress(0n);
        const settlement = (await settlementDeployment(provider)).address;
        const network = new TestNetwork(devnet, client, directory, keys, deployment.address, provider, settlement);
        await network.addOffer(TestOffer);
        await network.addOffer(DearOffer);
        return network;
    }

    get owner(): DevnetWallet {
        return this.devnet.wallets[1];
    }

    /** The wallet of the client of all sessions. */
    get payer(): DevnetWallet {
        return this.devnet.wallets[2];
    }

    sender(wallet: DevnetWallet): Sender {
        return wallet.sender(this.client);
    }

    async addOffer(offer: OfferTerms): Promise<void> {
        await this.client
            .open(Provider.Provider.fromAddress(this.provider))
            .send(
                this.sender(this.owner),
                { value: toNano('0.1') },
                { $$type: 'UpdateOffers', queryId: 0n, remove: null, add: packOffer(offer) },
            );
    }

    async setKeys(workerKey: Buffer, encryptionKey: Buffer): Promise<void> {
        await this.client.open(Provider.Provider.fromAddress(this.provider)).send(
            this.sender(this.owner),
            { value: toNano('0.2') },
            {
                $$type: 'SetKeys',
                queryId: 0n,
                workerKey: hashToBigInt(workerKey),
                encryptionKey: hashToBigInt(encryptionKey),
            },
        );
    }

    settlementData(): Promise<RewardSettlement.SettlementData> {
        return this.client.open(RewardSettlement.RewardSettlement.fromAddress(this.settlement)).getSettlementData();
    }

    sessionData(session: Address): Promise<SessionEscrow.SessionData> {
        return this.client.open(SessionEscrow.SessionEscrow.fromAddress(session)).getSessionData();
    }

    /** Opens a session of its own. @param deposit nanoTON. */
    async openSession(deposit = toNano('2'), changes: Partial<SessionAgreement> = {}): Promise<TestClient> {
        const client = await TestClient.create(this, this.clients.length, changes);
        this.clients.push(client);
        await client.open(deposit);
        return client;
    }

    /** An agreement that nobody has deployed yet. */
    agreement(salt: number, changes: Partial<SessionAgreement> = {}): SessionAgreement {
        return {
            provider: this.provider,
            client: this.payer.address,
            salt: BigInt(salt),
            creditWindow: toNano('0.05'),
            closeWindow: 900,
            leastTier: Tier.Open,
            acceptedTcbStatuses: 0,
            measurement: null,
            offer: TestOffer,
            ...changes,
        };
    }

    escrow(sessionKey: Buffer, agreement: SessionAgreement) {
        return escrowDeployment(sessionKey, this.settlement, packTerms(agreement));
    }

    /** A configuration for this network; `changes` are merged section by section. */
    config(changes: WorkerConfigInput = {}): WorkerConfigInput {
        const config: WorkerConfigInput = {
            network: { endpoint: this.devnet.endpoint, requestsPerSecond: 1000, pollSeconds: 0.2, ...changes.network },
            provider: { id: this.provider.toRawString(), plain: true, ...changes.provider },
            listen: { host: '127.0.0.1', port: 0, ...changes.listen },
            model: { path: TinyModel, contextSize: 256, slots: 4, ...changes.model },
            upstream: { ...changes.upstream },
            gpu: { backend: false, ...changes.gpu },
            data: { directory: this.directory, ...changes.data },
            attestation: { ...changes.attestation },
            settlement: { intervalSeconds: 3600, ...changes.settlement },
            jobs: { ...changes.jobs },
            limits: { voucherWaitSeconds: 1, drainSeconds: 5, ...changes.limits },
        };
        return config;
    }

    /** Starts the worker of this network's provider, with an engine that all workers of a test file share. */
    async startWorker(changes: WorkerConfigInput = {}, parts: WorkerParts = {}): Promise<Worker> {
        const { model } = this.config(changes);
        this.engine ??= await createLlamaEngine({
            modelPath: TinyModel,
            gpu: false,
            contextLength: model?.contextSize ?? undefined,
            slots: model?.slots,
        });
        const engine = keepOpen(this.engine);
        const worker = await startWorker(this.config(changes), {
            logger: createLogger('silent', 'json'),
            engine,
            ...parts,
        });
        this.workers.push(worker);
        return worker;
    }

    async close(): Promise<void> {
        await Promise.all(this.workers.map((worker) => worker.close()));
        await this.engine?.close();
        await this.devnet.close();
        rmSync(this.directory, { recursive: true });
    }
}

/** The same engine, but a worker that closes it leaves it open for the next one. */
function keepOpen(engine: Engine): Engine {
    return new Proxy(engine, {
        get: (target, name) => {
            const value: unknown = Reflect.get(target, name, target);
            return name === 'close' ? async () => undefined : typeof value === 'function' ? value.bind(target) : value;
        },
    });
}
