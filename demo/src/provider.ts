import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoinSymbol } from '@ton-compute/contracts';
import { Devnet, DevnetWallet } from '@ton-compute/devnet';
import { Address, toNano } from '@ton/core';
import { Party } from './accounting';
import { addressIn, runScript } from './market';
import { detail } from './stage';
import { TestSeed } from './test-root';
import { freePort, WorkerProcess } from './worker-process';

/** What an owner puts into the wallet that pays for quotes, bids and deliveries. */
const GasMoney = toNano('1.5');

/** Prices in coins per 1,000,000 tokens. */
export type DemoPrices = { prompt: string; cached: string; completion: string; reasoning: string };

/** A GPU owner with a provider and a worker. */
export type DemoProvider = { worker: WorkerProcess; provider: Address; settlement: Address; gasWallet: Address };

/** Registers a provider as its owner would: keys from the worker, the scripts for testnet and mainnet, coins for the worker. */
export async function setUpProvider(options: {
    devnet: Devnet;
    owner: DevnetWallet;
    registry: Address;
    folder: string;
    name: string;
    prices: DemoPrices;
    /** SHA-256 of the weights, hexadecimal. */
    model: string;
    /** Folder of the store whose jobs the worker may take. */
    store: string;
    parties: Party[];
}): Promise<DemoProvider> {
    const { devnet, owner, registry, folder, name, prices, model, parties } = options;
    const port = await freePort();
    const worker = new WorkerProcess(join(folder, name), port, options.store);
    const keys = await worker.keys();
    const registered = await runScript(devnet, owner, 'registerProvider', {
        REGISTRY: registry.toString(),
        WORKER_KEY: keys.workerKey,
        ENCRYPTION_KEY: keys.encryptionKey,
        ENDPOINT: `http://127.0.0.1:${port}`,
        FEE_FLOAT: '1',
        DAILY_CAP: '1',
    });
    const provider = addressIn(registered, 'provider');
    const settlement = addressIn(registered, 'settlement');
    const gasWallet = await worker.gasWallet();
    parties.push(
        { name: `Provider (${name})`, address: provider, before: 0n, isWallet: false },
        { name: `RewardSettlement (${name})`, address: settlement, before: 0n, isWallet: false },
        { name: `gas wallet (${name})`, address: gasWallet, before: 0n, isWallet: true },
    );
    const chain = devnet.client();
    await owner.sender(chain).send({ to: gasWallet, value: GasMoney, bounce: false });
    for (let look = 0; (await chain.getBalance(gasWallet)) === 0n; look++) {
        if (look === 100) {
            throw new Error(`No coins have arrived at ${gasWallet.toString()}.`);
        }
        await sleep(100);
    }
    await runScript(devnet, owner, 'updateProvider', {
        PROVIDER: provider.toString(),
        ATTESTER: gasWallet.toString(),
        ADD_MODEL: model,
        PROMPT_PRICE: prices.prompt,
        CACHED_PRICE: prices.cached,
        COMPLETION_PRICE: prices.completion,
        REASONING_PRICE: prices.reasoning,
        MAX_CREDIT_WINDOW: '0.5',
        MIN_DEPOSIT: '0.5',
    });
    detail(`Provider         ${provider.toString()}, ${prices.prompt} / ${prices.completion} ${CoinSymbol} per 1,000,000 tokens`);
    detail(`RewardSettlement ${settlement.toString()}`);
    detail(`gas wallet       ${gasWallet.toString({ bounceable: false })}`);
    return { worker, provider, settlement, gasWallet };
}

/** Starts a worker and waits until the chain says that it is attested. @returns the measurement of its image. */
export async function startProvider(devnet: Devnet, { worker, provider }: DemoProvider): Promise<string> {
    const lines = await worker.start(devnet.endpoint, provider, TestSeed);
    lines.forEach(detail);
    const { measurement, attestedUntil, tcbStatus } = await worker.attested();
    detail(`attested  until ${new Date(attestedUntil * 1000).toISOString()}, TCB status ${tcbStatus}`);
    return measurement ?? 'none';
}
