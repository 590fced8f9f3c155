import { AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address } from '@ton/core';
import { AttestationStatus, DeviceReport } from '@ton-compute/worker';
import { Root, run, Service } from './processes';

/** Seconds for the worker to be attested. */
const AttestSeconds = 30;
const Cli = ['node', `${Root}/worker/dist/cli.js`];

/** What `worker keys` prints. */
export type WorkerPublicKeys = { workerKey: string; encryptionKey: string };

/** What `worker status` prints, as far as it is needed here. */
export type WorkerStatus = {
    tier: 'open' | 'tdx';
    attestation: AttestationStatus | null;
    device: DeviceReport;
    earnings: string | null;
    feeFloat: string | null;
};

/** What `worker settle` and `worker close` print; amounts in nanoTON. */
export type WorkerBatch = { outcome: string; items: number; claimed: string; message: string };

/** The worker as its owner runs it: a process of its own, ordered about by its command line. */
export class WorkerProcess {
    /**
     * @param port where it listens.
     * @param store folder of the store whose jobs it may take.
     */
    constructor(
        private readonly directory: string,
        private readonly port: number,
        private readonly store: string,
    ) {}

    private service?: Service;

    private async order<T>(...order: string[]): Promise<T> {
        const { stdout } = await run([...Cli, '--data-directory', this.directory, ...order], {}, 60);
        return JSON.parse(stdout) as T;
    }

    /** Makes the keys at the first call. */
    keys(): Promise<WorkerPublicKeys> {
        return this.order('keys');
    }

    /** @returns the wallet that pays for the worker's quotes; its key is made at the first call. */
    async gasWallet(): Promise<Address> {
        return Address.parse((await this.order<{ address: string }>('gas-wallet')).address);
    }

    /**
     * @param seed of the test authority that certifies the worker's machine.
     * @returns what the worker says of itself at the start.
     */
    async start(endpoint: string, provider: Address, seed: string): Promise<string[]> {
        const { service, lines } = await Service.start(
            'worker',
            [...Cli, '--data-directory', this.directory, '--network-endpoint', endpoint, '--network-requests-per-second', '100',
             '--provider-id', provider.toString(), '--listen-host', '127.0.0.1', '--listen-port', String(this.port),
             '--network-poll-seconds', '1', '--log-format', 'pretty',
             '--provider-tier', 'tdx', '--attestation-source', 'test', '--attestation-allow-test-root', 'true',
             '--attestation-test-seed', seed, '--jobs-stores', `file://${this.store}/`,
             '--jobs-poll-seconds', '1', '--jobs-bid-margin-seconds', '10'],
            {},
            (line) => (line.startsWith('requests') ? true : undefined),
            120,
        );
        this.service = service;
        return lines;
    }

    status(): Promise<WorkerStatus> {
        return this.order('status');
    }

    /** Waits until the chain says that the worker is attested. @throws Error with its reason when it is not in time. */
    async attested(): Promise<AttestationStatus> {
        for (const end = Date.now() + AttestSeconds * 1000; ; await sleep(300)) {
            const { attestation } = await this.status();
            if (attestation?.state === 'attested') {
                return attestation;
            }
            if (Date.now() > end) {
                throw new Error(`The worker is not attested after ${AttestSeconds} s: ${attestation?.lastError ?? 'no reason'}`);
            }
        }
    }

    settle(): Promise<WorkerBatch> {
        return this.order('settle');
    }

    /** Claims a session's last voucher and ends it. */
    close(session: Address): Promise<WorkerBatch> {
        return this.order('close', session.toString());
    }

    async stop(): Promise<void> {
        await this.service?.stop();
    }

    kill(): void {
        this.service?.kill();
    }
}

/** @returns a port of this machine that nobody listens on. */
export function freePort(): Promise<number> {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address() as AddressInfo;
            server.close(() => resolve(port));
        });
    });
}
