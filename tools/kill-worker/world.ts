import { createServer } from 'node:net';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { OfferTerms, RewardSettlement } from '@ton-compute/contracts';

import { TestNetwork } from '../../worker/tests/support/network';
import { TestOffer } from '../../worker/tests/support/offers';
import { TinyModel } from '../../worker/tests/engine/tiny-model';
import { WorkerCommand } from './worker-process';
import { Witness } from './witness';

/** nanoTON of a deposit, and of a top-up when it runs low. */
const Deposit = toNano('20');
const LeastClaimable = toNano('2');

/** 0.001 TON a token of the answer: a few answers are worth a claim, a deposit is worth a thousand. */
const SoakOffer: OfferTerms = {
    ...TestOffer,
    prices: { prompt: 10n ** 11n, cached: 10n ** 11n, completion: 10n ** 12n, reasoning: 10n ** 12n },
};

/** A local chain, a provider on it that can pay for thousands of batches, and open sessions with it. */
export class World {
    private feeding: Promise<unknown> = Promise.resolve();

    private constructor(
        readonly network: TestNetwork,
        readonly witnesses: readonly Witness[],
        readonly command: WorkerCommand,
    ) {}

    /** @param cli the worker's cli.js. */
    static async create(sessions: number, cli: string): Promise<World> {
        const network = await TestNetwork.create();
        await network.addOffer(SoakOffer);
        await fundSettlement(network);
        const port = await freePort();
        const witnesses: Witness[] = [];
        for (let i = 0; i < sessions; i += 1) {
            const client = await network.openSession(Deposit, { offer: SoakOffer });
            client.url = `http://127.0.0.1:${port}`;
            witnesses.push(new Witness(client, network.keys.worker.publicKey));
        }
        const command = { cli, flags: flags(network, port), url: `http://127.0.0.1:${port}`, directory: network.directory };
        return new World(network, witnesses, command);
    }

    get ledger(): string {
        return join(this.network.directory, 'ledger.sqlite');
    }

    /** Tops up a session that is about to run dry. @param claimable nanoTON that it can still pay. */
    feed({ client }: Witness, claimable: bigint): Promise<void> {
        if (claimable >= LeastClaimable) {
            return Promise.resolve();
        }
        // One wallet pays for all sessions, and takes one message after the other.
        const fed = this.feeding.then(() => client.topUp(Deposit));
        this.feeding = fed.catch(() => undefined);
        return fed;
    }

    close(): Promise<void> {
        return this.network.close();
    }
}

function flags(network: TestNetwork, port: number): string[] {
    return [
        ...['--network-endpoint', network.devnet.endpoint, '--network-requests-per-second', '1000'],
        ...['--network-poll-seconds', '0.5', '--provider-id', network.provider.toRawString(), '--provider-plain', 'true'],
        ...['--listen-host', '127.0.0.1', '--listen-port', port.toString(), '--data-directory', network.directory],
        ...['--model-path', TinyModel, '--model-context-size', '256', '--gpu-backend', 'false'],
        // Batches are on their way most of the time.
        ...['--settlement-claim-above', '0.05', '--settlement-max-cost-share', '1', '--settlement-interval-seconds', '1'],
        ...['--settlement-resend-seconds', '1', '--limits-voucher-wait-seconds', '5', '--limits-drain-seconds', '5'],
    ];
}

async function fundSettlement({ client, settlement, owner, devnet }: TestNetwork): Promise<void> {
    const contract = client.open(RewardSettlement.RewardSettlement.fromAddress(settlement));
    await devnet.faucet(owner.address, toNano('2000'));
    await contract.send(owner.sender(client), { value: toNano('1000') }, { $$type: 'FundFees', queryId: 0n });
    const limits = { $$type: 'SetFeeLimits', queryId: 0n, dailyCap: toNano('1000'), floatBasisPoints: 0n } as const;
    await contract.send(owner.sender(client), { value: toNano('0.1') }, limits);
}

/** @returns a port that nobody listens on: the worker comes back to the same one each time. */
function freePort(): Promise<number> {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            const port = typeof address === 'object' && address !== null ? address.port : 0;
            server.close(() => resolve(port));
        });
    });
}
