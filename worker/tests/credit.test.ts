import { setTimeout as sleep } from 'node:timers/promises';
import { Address, toNano } from '@ton/core';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { OfferTerms, Tier } from '@ton-compute/contracts';

import { Worker } from '../src';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { TestOffer } from './support/offers';
import { addCollateral, clockOf, deployVerifier, setAttester } from './support/verifier';

const Seed = 'credit test';
const Question = 'What is a GPU?';
const Window = toNano('0.4');
/** 0.01 TON a token of the answer: a few are worth a claim. */
const Offer: OfferTerms = {
    ...TestOffer,
    prices: { prompt: 10n ** 12n, cached: 10n ** 12n, completion: 10n ** 13n, reasoning: 10n ** 13n },
};

let network: TestNetwork;
let worker: Worker;

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 30_000; !(await condition()); await sleep(30)) {
        if (performance.now() > end) {
            throw new Error('It did not become true within 30 s.');
        }
    }
}

async function start(): Promise<void> {
    worker = await network.startWorker({
        provider: { id: network.provider.toRawString(), plain: true, tier: 'tdx' },
        attestation: { source: 'test', allowTestRoot: true, testSeed: Seed },
        limits: { voucherWaitSeconds: 0.2, drainSeconds: 1 },
    });
}

beforeAll(async () => {
    let verifier!: Address;
    network = await TestNetwork.create(async (devnet) => {
        const authority = new TestAuthority({ seed: Seed, now: await clockOf(devnet) });
        verifier = await deployVerifier(devnet, authority.rootKey);
        await addCollateral(devnet, verifier, authority);
        return verifier;
    });
    await network.addOffer(Offer);
    await start();
    const wallet = Address.parse(worker.stats().attestation!.gasWallet);
    await network.devnet.faucet(wallet, toNano('2'));
    await setAttester(network, wallet);
    await until(() => worker.stats().attestation!.state === 'attested');
});
afterAll(() => network.close());

async function session(): Promise<TestClient> {
    const terms = { leastTier: Tier.Tdx, acceptedTcbStatuses: 1, creditWindow: Window, offer: Offer };
    const client = await network.openSession(toNano('5'), terms);
    client.url = worker.url;
    return client;
}

const claimed = async (client: TestClient) => (await network.sessionData(client.address)).claimed;

describe('A session of tier tdx', () => {
    it('is served on credit up to its window, and no further', async () => {
        const client = await session();
        expect((await client.account()).allowance).toBe(Window);
        const plain = await client.chat(Question, { max_tokens: 1 });
        expect([plain.status, plain.text]).toEqual([403, expect.stringContaining('plain_refused')]);
        let spent = 0n;
        for (let asked = 0; asked < 50; asked += 1) {
            const { status } = await client.chat(Question, { max_tokens: 8 }, { sealed: true });
            ({ spent } = await client.account());
            expect(spent).toBeLessThanOrEqual(Window);
            if (status !== 200) {
                expect(status).toBe(402);
                break;
            }
        }
        expect(spent).toBeGreaterThan(0n);
        await client.pay(spent);
        expect((await client.account()).allowance).toBe(spent + Window);
    });

    it('that its client closes without having signed is claimed by its receipt, once', async () => {
        const client = await session();
        await client.chat(Question, { max_tokens: 4 }, { sealed: true });
        const { spent, cumulative } = await client.account();
        expect([cumulative, spent > 0n]).toEqual([0n, true]);
        await worker.settle();
        expect(await claimed(client)).toBe(0n);
        await client.startClose();
        await until(async () => (await claimed(client)) > 0n);
        expect(await claimed(client)).toBe(spent);
        expect((await network.sessionData(client.address)).receiptClaimUsed).toBe(true);
        expect((await worker.settle()).outcome).toBe('nothing');
    });

    it('adds the receipt to what its client has signed', async () => {
        const client = await session();
        await client.chat(Question, { max_tokens: 2 }, { sealed: true });
        const half = (await client.account()).spent;
        await client.pay(half);
        await client.chat(Question, { max_tokens: 2 }, { sealed: true });
        const { spent } = await client.account();
        expect(spent).toBeGreaterThan(half);
        await client.startClose();
        await until(async () => (await claimed(client)) === spent);
    });

    it('that the provider ends is claimed by its receipt first', async () => {
        const client = await session();
        await client.chat(Question, { max_tokens: 4 }, { sealed: true });
        const { spent } = await client.account();
        expect(await worker.finish(client.address)).toMatchObject({ outcome: 'settled', items: 2, claimed: spent });
    });

    it('is not forgotten when the worker is restarted before the close', async () => {
        const client = await session();
        await client.chat(Question, { max_tokens: 4 }, { sealed: true });
        const { spent } = await client.account();
        await worker.close();
        await client.startClose();
        await start();
        await until(async () => (await claimed(client)) === spent);
    });
});
