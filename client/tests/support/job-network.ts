import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address, toNano } from '@ton/core';
import { collateralMessages, parseCollateral } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { accountOf, ProviderRegistry, registryDeployment, verifierDeployment } from '@ton-compute/contracts';
import { Devnet, startDevnet } from '@ton-compute/devnet';
import { FolderStore } from '@ton-compute/storage';
import { Client, ClientOptions, createClient, JobOptions } from '../../src';
import { JobProvider } from './job-provider';

/** SHA-256 of no weights file: nobody in these tests has a model. */
export const Model = '07'.repeat(32);

/** A local chain with a verifier that trusts a test authority, a registry, and attested providers without a worker. */
export class JobNetwork {
    private constructor(
        readonly devnet: Devnet,
        readonly folder: string,
        readonly registry: Address,
        readonly providers: JobProvider[],
        readonly store: FolderStore,
    ) {}

    static async start(providerCount = 2): Promise<JobNetwork> {
        const devnet = await startDevnet({ port: 0, automine: true, logLevel: 'error', wallets: 8 });
        const folder = await mkdtemp(join(tmpdir(), 'client-jobs-'));
        const chain = devnet.client();
        const sender = devnet.wallets[0].sender(chain);
        const authority = new TestAuthority({ seed: 'job test', now: (await devnet.info()).time });
        const { address: verifier, init } = await verifierDeployment(authority.rootKey);
        await sender.send({ to: verifier, value: toNano('1'), init, bounce: false });
        for (const { body } of collateralMessages(parseCollateral(authority.collateral()))) {
            await sender.send({ to: verifier, value: toNano('3'), body });
        }
        const { address: registry, init: registryInit } = await registryDeployment(devnet.wallets[0].address, verifier, {
            feeBasisPoints: 250n,
            treasury: accountOf(devnet.wallets[4].address),
            registrationDeposit: toNano('1'),
            registrationFee: toNano('0.1'),
            listingFee: toNano('0.02'),
        });
        await chain.open(new ProviderRegistry.ProviderRegistry(registry, registryInit)).send(sender, { value: toNano('1') }, null);
        const providers: JobProvider[] = [];
        for (let index = 0; index < providerCount; index += 1) {
            const owner = devnet.wallets[[2, 3, 5, 6][index]];
            providers.push(await JobProvider.start(devnet, registry, verifier, authority, owner, index));
        }
        return new JobNetwork(devnet, folder, registry, providers, new FolderStore(join(folder, 'objects')));
    }

    client(options: Partial<ClientOptions> & { storeName?: string } = {}): Promise<Client> {
        const { storeName = 'sessions', ...rest } = options;
        return createClient({
            endpoint: this.devnet.endpoint,
            registry: this.registry,
            wallet: { mnemonic: this.devnet.wallets[1].mnemonic, version: 'v4r2' },
            policy: { allowTestRoot: true },
            store: join(this.folder, storeName),
            ...rest,
        });
    }

    /** A job of three prompts for at most 2 coins, awarded as soon as there is a bid. */
    options(changes: Partial<JobOptions> = {}): JobOptions {
        return {
            model: Model,
            task: 'chat',
            items: ['one', { prompt: 'impossible' }, { messages: [{ role: 'user', content: 'three' }] }],
            system: 'S: ',
            parameters: { max_tokens: 16 },
            ceiling: toNano('2'),
            minimumWait: 0,
            store: this.store,
            ...changes,
        };
    }

    /** nanoTON of the client's wallet. */
    balance(): Promise<bigint> {
        return this.devnet.balance(this.devnet.wallets[1].address);
    }

    async stop(): Promise<void> {
        await Promise.all(this.providers.map((provider) => provider.stop()));
        await this.devnet.close();
        await rm(this.folder, { recursive: true, force: true });
    }
}
