import { mkdtemp, rm } from 'node:fs/promises';
import { AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Address, toNano } from '@ton/core';
import { Client, createClient, Session } from '@ton-compute/client';
import {
    accountOf,
    packOffer,
    packRegistration,
    Provider,
    providerDeployment,
    ProviderRegistry,
    registryDeployment,
} from '@ton-compute/contracts';
import { Devnet, startDevnet } from '@ton-compute/devnet';
import { FileKeys, publicKeysOf } from '@ton-compute/worker';

import { Program } from './child';

/** nanoTON for 1,000,000 tokens: few enough to never run into a deposit here. */
const prices = { prompt: 1_000_000n, cached: 1_000_000n, completion: 1_000_000n, reasoning: 1_000_000n };
const WorkerCli = join(dirname(require.resolve('@ton-compute/worker')), 'cli.js');

/** A local network with one registered provider, whose worker is a process as its owner would start it. */
export class BenchNetwork {
    private worker: Program | undefined;
    private readonly sessions: Session[] = [];

    private constructor(
        private readonly devnet: Devnet,
        private readonly folder: string,
        private readonly registry: Address,
        private readonly provider: Address,
        private readonly port: number,
    ) {}

    /** @param weightsHash SHA-256 of the weights on offer, hexadecimal. */
    static async start(weightsHash: string): Promise<BenchNetwork> {
        const devnet = await startDevnet({ port: 0, automine: true, logLevel: 'error' });
        const folder = await mkdtemp(join(tmpdir(), 'bench-worker-'));
        const chain = devnet.client();
        const owner = devnet.wallets[0];
        const send = owner.sender(chain);
        const { address, init } = await registryDeployment(owner.address, null, {
            feeBasisPoints: 250n,
            treasury: accountOf(devnet.wallets[4].address),
            registrationDeposit: toNano('1'),
            registrationFee: toNano('0.1'),
            listingFee: toNano('0.02'),
        });
        const registry = chain.open(new ProviderRegistry.ProviderRegistry(address, init));
        await registry.send(send, { value: toNano('1') }, null);
        const port = await freePort();
        const keys = publicKeysOf(await new FileKeys(folder).load());
        await registry.send(send, { value: toNano('6') }, {
            $$type: 'RegisterProvider',
            queryId: 0n,
            registration: packRegistration({
                workerKey: Buffer.from(keys.workerKey, 'hex'),
                encryptionKey: Buffer.from(keys.encryptionKey, 'hex'),
                dailyCap: toNano('10'),
                verifier: null,
                endpoint: `http://127.0.0.1:${port}`,
            }),
        });
        const { address: provider } = await providerDeployment(registry.address, 0n);
        const model = Buffer.from(weightsHash, 'hex');
        const offer = packOffer({ model, prices, maxCreditWindow: toNano('1'), minDeposit: toNano('0.1') });
        const body = { $$type: 'UpdateOffers' as const, queryId: 0n, remove: null, add: offer };
        await chain.open(Provider.Provider.fromAddress(provider)).send(send, { value: toNano('0.1') }, body);
        return new BenchNetwork(devnet, folder, registry.address, provider, port);
    }

    /** @param flags of the worker's command line: what it serves. */
    async startWorker(flags: Record<string, string>): Promise<Program> {
        const all = {
            'network-endpoint': this.devnet.endpoint,
            'network-requests-per-second': '1000',
            'provider-id': this.provider.toString(),
            'provider-plain': 'true',
            'listen-host': '127.0.0.1',
            'listen-port': String(this.port),
            'data-directory': this.folder,
            'limits-queue': '1000',
            'log-level': 'warn',
            ...flags,
        };
        const command = [process.execPath, WorkerCli, ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
        this.worker = await Program.start(command, {}, 'requests');
        return this.worker;
    }

    /** URL of the worker. */
    get url(): string {
        return `http://127.0.0.1:${this.port}`;
    }

    /** Opens sessions with the worker. @param plain whether their requests travel unsealed. */
    async open(count: number, plain: boolean): Promise<Session[]> {
        const client = await this.client(plain);
        const opened: Session[] = [];
        for (let index = 0; index < count; index += 1) {
            opened.push(await client.open({ deposit: toNano('5') }));
        }
        this.sessions.push(...opened);
        return opened;
    }

    async stop(): Promise<void> {
        await Promise.allSettled(this.sessions.map((session) => session.dispose()));
        await this.worker?.end('SIGKILL');
        await this.devnet.close();
        await rm(this.folder, { recursive: true, force: true });
    }

    private client(plain: boolean): Promise<Client> {
        return createClient({
            endpoint: this.devnet.endpoint,
            registry: this.registry,
            wallet: { mnemonic: this.devnet.wallets[1].mnemonic, version: 'v4r2' },
            policy: { leastTier: 'open' },
            store: join(this.folder, plain ? 'plain' : 'sealed'),
            plain,
        });
    }
}

function freePort(): Promise<number> {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address() as AddressInfo;
            server.close(() => resolve(port));
        });
    });
}
