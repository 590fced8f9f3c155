import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address, Cell, toNano } from '@ton/core';
import {
    accountOf,
    OfferTerms,
    packOffer,
    packRegistration,
    Provider,
    providerDeployment,
    ProviderRegistry,
    registryDeployment,
    verifierDeployment,
} from '@ton-compute/contracts';
import { Devnet, startDevnet } from '@ton-compute/devnet';
import { collateralMessages, parseCollateral } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { FileKeys, publicKeysOf, startWorker, Worker, WorkerConfigInput, WorkerParts } from '@ton-compute/worker';
import { Client, ClientOptions, createClient } from '../../src';
import { Proxy } from './proxy';

/**
 * Prices at which a few tokens of the tiny model are worth counting: 1,000 nanoTON a prompt token, 3,000 a generated
 * one.
 */
export const prices = {
    prompt: 1_000_000_000n,
    cached: 500_000_000n,
    completion: 3_000_000_000n,
    reasoning: 3_000_000_000n,
};

const ModelPath = join(__dirname, '../../../worker/model/tiny-chat.gguf');

/** Where a worker of a test keeps its keys. */
export function workerData(folder: string): string {
    return join(folder, 'worker');
}

/** A local chain with a registry, one provider and its real worker with the real model. */
export class TestNetwork {
    private constructor(
        readonly devnet: Devnet,
        readonly folder: string,
        readonly registry: Address,
        readonly provider: Address,
        readonly offer: OfferTerms,
        readonly workerConfig: WorkerConfigInput,
        /** Everything between client and worker goes through it. */
        readonly proxy: Proxy,
        public worker: Worker,
    ) {}

    /** @param change `seed` of a test authority: there is a verifier that trusts it, and the worker is attested. */
    static async start(
        change: { offer?: Partial<OfferTerms>; worker?: WorkerConfigInput; seed?: string } = {},
    ): Promise<TestNetwork> {
        const devnet = await startDevnet({ port: 0, automine: true, logLevel: 'error' });
        const folder = await mkdtemp(join(tmpdir(), 'client-test-'));
        const chain = devnet.client();
        const owner = devnet.wallets[0];
        const send = owner.sender(chain);

        const treasury = accountOf(devnet.wallets[4].address);
        const verifier = change.seed === undefined ? null : await deployVerifier(devnet, change.seed);
        const deployment = await registryDeployment(owner.address, verifier, {
            feeBasisPoints: 250n,
            treasury,
            registrationDeposit: toNano('1'),
            registrationFee: toNano('0.1'),
            listingFee: toNano('0.02'),
        });
        const registry = chain.open(new ProviderRegistry.ProviderRegistry(deployment.address, deployment.init));
        await registry.send(send, { value: toNano('1') }, null);

        const port = await freePort();
        const proxy = await Proxy.start(() => `http://127.0.0.1:${port}`);
        const data = workerData(folder);
        await registry.send(send, { value: toNano('6') }, await registration(data, verifier, proxy.url));
        const { address: provider } = await providerDeployment(registry.address, 0n);
        const offer: OfferTerms = {
            model: createHash('sha256').update(await readFile(ModelPath)).digest(),
            prices,
            maxCreditWindow: toNano('0.5'),
            minDeposit: toNano('0.1'),
            ...change.offer,
        };
        await chain.open(Provider.Provider.fromAddress(provider)).send(send, { value: toNano('0.1') }, addOffer(packOffer(offer)));
        const workerConfig: WorkerConfigInput = {
            network: { endpoint: devnet.endpoint, pollSeconds: 1, requestsPerSecond: 1000 },
            provider: { id: provider.toString(), registry: registry.address.toString(), plain: true },
            listen: { host: '127.0.0.1', port },
            gpu: { backend: false },
            data: { directory: data },
            log: { level: 'error' },
            ...(change.seed === undefined ? {} : { attestation: testAttestation(change.seed) }),
            ...change.worker,
        };
        if (change.seed !== undefined) {
            workerConfig.provider = { ...workerConfig.provider, tier: 'tdx' };
        }
        const worker = await startWorker(workerConfig);
        const network = new TestNetwork(devnet, folder, registry.address, provider, offer, workerConfig, proxy, worker);
        if (change.seed !== undefined) {
            await network.fundQuotes();
            await network.attested();
        }
        return network;
    }

    /** A client whose wallet is the second development wallet; each store is its own. */
    async client(options: Partial<ClientOptions> & { storeName?: string } = {}): Promise<Client> {
        const { storeName = 'sessions', ...rest } = options;
        const wallet = this.devnet.wallets[1];
        return createClient({
            endpoint: this.devnet.endpoint,
            registry: this.registry,
            wallet: { mnemonic: wallet.mnemonic, version: 'v4r2' },
            policy: { leastTier: 'open' },
            store: join(this.folder, storeName),
            ...rest,
        });
    }

    async restartWorker(parts: WorkerParts = {}): Promise<void> {
        await this.worker.close();
        this.worker = await startWorker(this.workerConfig, parts);
    }

    /** Registers one more provider of the same model, with a worker of its own. It is for the caller to close. */
    async another(index: number, change: Partial<OfferTerms> = {}): Promise<{ provider: Address; proxy: Proxy; worker: Worker }> {
        const data = join(this.folder, `worker-${index}`);
        const port = await freePort();
        const proxy = await Proxy.start(() => `http://127.0.0.1:${port}`);
        const chain = this.devnet.client();
        const send = this.devnet.wallets[0].sender(chain);
        const registry = chain.open(ProviderRegistry.ProviderRegistry.fromAddress(this.registry));
        await registry.send(send, { value: toNano('6') }, await registration(data, null, proxy.url));
        const { address: provider } = await providerDeployment(this.registry, BigInt(index));
        const offer = packOffer({ ...this.offer, ...change });
        await chain.open(Provider.Provider.fromAddress(provider)).send(send, { value: toNano('0.1') }, addOffer(offer));
        const worker = await startWorker({
            ...this.workerConfig,
            provider: { ...this.workerConfig.provider, id: provider.toString() },
            listen: { host: '127.0.0.1', port },
            data: { directory: data },
        });
        return { provider, proxy, worker };
    }

    /** Waits until the worker is attested. @param after unix seconds: for longer than that. */
    async attested(after = 0): Promise<number> {
        for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
            const { attestation } = this.worker.stats();
            if (attestation?.state === 'attested' && attestation.attestedUntil > after) {
                return attestation.attestedUntil;
            }
            if (Date.now() > end) {
                throw new Error(`The worker is not attested: ${attestation?.lastError}`);
            }
        }
    }

    /** What the owner does for a worker of tier tdx. */
    private async fundQuotes(): Promise<void> {
        const wallet = Address.parse(this.worker.stats().attestation!.gasWallet);
        await this.devnet.faucet(wallet, toNano('2'));
        const chain = this.devnet.client();
        await chain.open(Provider.Provider.fromAddress(this.provider)).send(
            this.devnet.wallets[0].sender(chain),
            { value: toNano('0.1') },
            { $$type: 'SetAttester', queryId: 0n, attester: accountOf(wallet) },
        );
    }

    async stop(): Promise<void> {
        await this.worker.close();
        await this.proxy.stop();
        await this.devnet.close();
        // A lock file of a session that was just given back may still come and go.
        await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
}

async function registration(data: string, verifier: Address | null, endpoint: string) {
    const keys = publicKeysOf(await new FileKeys(data).load());
    return {
        $$type: 'RegisterProvider' as const,
        queryId: 0n,
        registration: packRegistration({
            workerKey: Buffer.from(keys.workerKey, 'hex'),
            encryptionKey: Buffer.from(keys.encryptionKey, 'hex'),
            dailyCap: toNano('10'),
            verifier,
            endpoint,
        }),
    };
}

function addOffer(add: Cell) {
    return { $$type: 'UpdateOffers' as const, queryId: 0n, remove: null, add };
}

function testAttestation(testSeed: string): WorkerConfigInput['attestation'] {
    return { source: 'test', allowTestRoot: true, testSeed };
}

/** Deploys a verifier that trusts a test authority, with its collateral. */
async function deployVerifier(devnet: Devnet, seed: string): Promise<Address> {
    const authority = new TestAuthority({ seed, now: (await devnet.info()).time });
    const { address, init } = await verifierDeployment(authority.rootKey);
    const sender = devnet.wallets[0].sender(devnet.client());
    await sender.send({ to: address, value: toNano('1'), init, bounce: false });
    for (const { body } of collateralMessages(parseCollateral(authority.collateral()))) {
        await sender.send({ to: address, value: toNano('3'), body });
    }
    return address;
}

async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
}
