import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { toNano } from '@ton/core';
import { packSignedVoucher, RewardSettlement, SessionEscrow } from '@ton-compute/contracts';

import { Worker, WorkerConfigInput } from '../src';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { DearOffer } from './support/offers';

const Question = 'What is a GPU?';

let network: TestNetwork;
let proxy: ChainProxy;
let worker: Worker;

beforeAll(async () => {
    network = await TestNetwork.create();
    proxy = await ChainProxy.open(network.devnet.endpoint);
    await start({});
});
afterAll(async () => {
    await network.close();
    proxy.close();
});

/** Starts the worker, after the one that runs was stopped. It looks at the chain through the proxy. */
async function start(settlement: WorkerConfigInput['settlement']): Promise<void> {
    await worker?.close();
    worker = await network.startWorker({
        network: { endpoint: proxy.endpoint, requestsPerSecond: 1000, pollSeconds: 0.2, timeoutSeconds: 20 },
        settlement: { intervalSeconds: 3600, ...settlement },
        limits: { drainSeconds: 1 },
    });
}

async function session(deposit = toNano('5'), changes = {}): Promise<TestClient> {
    const client = await network.openSession(deposit, changes);
    client.url = worker.url;
    return client;
}

/** A payout carries along what was left of the claim's own value: a little more arrives than is claimed. */
const Change = toNano('0.02');

async function earnings(): Promise<bigint> {
    return network.client.open(RewardSettlement.RewardSettlement.fromAddress(network.settlement)).getEarnings();
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + 30_000;
    while (!(await condition())) {
        if (performance.now() > end) {
            throw new Error('It did not become true within 30 s.');
        }
        await sleep(30);
    }
}

const claimedBy = async (client: TestClient) => (await network.sessionData(client.address)).claimed;

describe('A settlement', () => {
    it('claims many sessions in one batch, and the coins arrive', async () => {
        const clients = [await session(), await session(), await session(), await session()];
        for (const [index, client] of clients.entries()) {
            await client.chat(Question, { max_tokens: 1 }, { pay: toNano('1') + BigInt(index) });
        }
        const before = { earned: await earnings(), data: await network.settlementData() };
        const result = await worker.settle();
        expect(result).toMatchObject({ outcome: 'settled', items: 4, claimed: toNano('4') + 6n, distributed: false });
        expect(await Promise.all(clients.map(claimedBy))).toEqual([0n, 1n, 2n, 3n].map((more) => toNano('1') + more));
        const arrived = (await earnings()) - before.earned;
        expect(arrived).toBeGreaterThanOrEqual(toNano('4') + 6n);
        expect(arrived).toBeLessThan(toNano('4') + 4n * Change);
        const after = await network.settlementData();
        expect(after.sequence).toBe(before.data.sequence + 1n);
        // What it cost came out of the float, and stays far below the share that the policy allows.
        expect(before.data.feeFloat - after.feeFloat).toBeLessThan((toNano('4') * 5n) / 100n);
        expect(worker.stats().due).toBe(0n);
        expect(await worker.settle()).toMatchObject({ outcome: 'nothing', items: 0 });
        for (const client of clients) {
            const { claimed, allowance, cumulative } = await client.account();
            expect([claimed, allowance]).toEqual([cumulative, cumulative]);
        }
    });

    it('comes by itself when an amount is reached or has become old, and not before', async () => {
        await start({ intervalSeconds: 0.2, claimAbove: '0.9', maxAgeSeconds: 2 });
        const [big, old] = [await session(), await session()];
        await old.chat(Question, { max_tokens: 1 }, { pay: toNano('0.8') });
        await sleep(500);
        expect(await claimedBy(old)).toBe(0n);
        await until(async () => (await claimedBy(old)) === toNano('0.8'));
        await big.chat(Question, { max_tokens: 1 }, { pay: toNano('0.9') });
        await until(async () => (await claimedBy(big)) === toNano('0.9'));
    });

    it('claims a closing session at once, without waiting for its turn, and well before its deadline', async () => {
        await start({});
        const client = await session();
        await client.chat(Question, {}, { pay: toNano('0.4') });
        await client.startClose();
        await until(async () => (await claimedBy(client)) === toNano('0.4'));
        const { deadline, status } = await network.sessionData(client.address);
        expect(status).toBe(3n);
        expect(Number(deadline) - Math.floor(Date.now() / 1000)).toBeGreaterThan(880);
        const refused = await client.chat(Question);
        expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([409, 'session_not_open']);
        // Vouchers still count until the window ends.
        await client.pay(toNano('0.7'));
        await until(async () => (await claimedBy(client)) === toNano('0.7'));
    });

    it('ends a session on order: the voucher is claimed, the rest goes home, the account is gone', async () => {
        const client = await session(toNano('3'));
        await client.chat(Question, {}, { pay: toNano('0.5') });
        const before = { payer: await network.devnet.balance(network.payer.address), earned: await earnings() };
        expect(await worker.finish(client.address)).toMatchObject({
            outcome: 'settled',
            items: 1,
            claimed: toNano('0.5'),
        });
        expect(await network.devnet.balance(client.address)).toBe(0n);
        expect((await earnings()) - before.earned).toBeGreaterThan(toNano('0.499'));
        const refund = (await network.devnet.balance(network.payer.address)) - before.payer;
        expect(refund).toBeGreaterThan(toNano('2.45'));
        expect((await client.chat(Question)).status).toBe(404);

        // The same escrow, opened anew, is another session: what was signed and used before does not count.
        const old = client.voucher(toNano('0.5'));
        await client.open(toNano('3'));
        await until(
            async () => (await client.chat(Question, { max_tokens: 1 }, { pay: toNano('0.1') })).status === 200,
        );
        expect((await client.pay(0n, old)).status).toBe(402);
        expect(await client.account()).toMatchObject({ claimed: 0n, cumulative: toNano('0.1'), spent: 2300n });
    });

    it('claims with the lowest voucher that covers what was used: what was signed ahead in vain stays', async () => {
        const client = await session(toNano('3'), { offer: DearOffer });
        const used = 13n * toNano('0.01') + toNano('0.1');
        await client.chat(Question, { max_tokens: 1 }, { pay: toNano('1') });
        await client.pay(used - 1n);
        await client.pay(used);
        await client.pay(used + 1n);
        expect(await client.account()).toMatchObject({ cumulative: toNano('1'), allowance: toNano('1'), spent: used });
        expect(await worker.settle()).toMatchObject({ outcome: 'settled' });
        expect(await claimedBy(client)).toBe(used);
        expect(await worker.settle()).toMatchObject({ outcome: 'nothing' });
        // When more is used it no longer covers, and what was signed ahead counts again.
        await start({});
        client.url = worker.url;
        await client.chat(Question, { max_tokens: 1 });
        expect(await worker.settle()).toMatchObject({ outcome: 'settled', claimed: toNano('1') - used });
    });

    it('also distributes when enough has been earned', async () => {
        await start({ distributeAbove: '0.5' });
        const client = await session();
        await client.chat(Question, { max_tokens: 1 }, { pay: toNano('1') });
        const before = await network.devnet.balance(network.owner.address);
        const split = await earnings();
        expect(await worker.settle()).toMatchObject({ outcome: 'settled', items: 1, distributed: true });
        const share = (await network.devnet.balance(network.owner.address)) - before;
        expect(share).toBeGreaterThan((split * 97n) / 100n);
        expect(share).toBeLessThan(split);
    });
});

describe('What can go wrong with a batch', () => {
    beforeAll(() => start({ resendSeconds: 1 }));

    it('a session paid for by somebody else who relayed the voucher is not claimed twice', async () => {
        const client = await session();
        await client.chat(Question, {}, { pay: toNano('1') });
        const escrow = network.client.open(SessionEscrow.SessionEscrow.fromAddress(client.address));
        await escrow.send(
            network.sender(network.payer),
            { value: toNano('0.1') },
            {
                $$type: 'ClaimVoucher',
                voucher: packSignedVoucher(client.voucher(toNano('1'))),
            },
        );
        expect(await claimedBy(client)).toBe(toNano('1'));
        await until(() => worker.stats().due === 0n);
        expect(await worker.settle()).toMatchObject({ outcome: 'nothing' });
    });

    it('is not sent when float or cap of the day do not cover it; the owner is told what to do', async () => {
        const client = await session();
        await client.chat(Question, {}, { pay: toNano('1') });
        await setDailyCap(0n);
        const { sequence } = await network.settlementData();
        const result = await worker.settle();
        expect(result.outcome).toBe('unaffordable');
        expect(result.message).toMatch(
            /One claim may cost \d+ nanoTON; .*today's cap leaves 0\. Wait for the next day \(UTC\), or let the owner/,
        );
        expect((await network.settlementData()).sequence).toBe(sequence);
        await setDailyCap(toNano('10'));
        expect(await worker.settle()).toMatchObject({ outcome: 'settled', claimed: toNano('1') });
    });

    it('is sent again when it was lost on the way', async () => {
        const client = await session();
        await client.chat(Question, {}, { pay: toNano('1') });
        proxy.swallow = 1;
        expect(await worker.settle()).toMatchObject({ outcome: 'settled', claimed: toNano('1') });
        expect(proxy.swallow).toBe(0);
    });

    it('is followed up after a restart when nobody knows whether it arrived', async () => {
        const client = await session();
        await client.chat(Question, {}, { pay: toNano('1') });
        proxy.swallow = 1000;
        const settling = worker.settle();
        await until(() => proxy.swallow < 1000);
        const closing = worker.close();
        expect(await settling).toMatchObject({ outcome: 'lost' });
        await closing;
        expect(await claimedBy(client)).toBe(0n);
        proxy.swallow = 0;
        const { sequence } = await network.settlementData();
        await start({ resendSeconds: 1 });
        await until(async () => (await claimedBy(client)) === toNano('1'));
        expect((await network.settlementData()).sequence).toBe(sequence + 1n);
    });

    it('is refused by name when the settlement knows another key', async () => {
        const client = await session();
        await client.chat(Question, {}, { pay: toNano('1') });
        const { worker: own, encryption } = network.keys;
        await network.setKeys(client.key.publicKey, encryption.publicKey);
        const result = await worker.settle();
        expect(result.outcome).toBe('refused');
        expect(result.message).toMatch(/BadSignature/);
        expect(await claimedBy(client)).toBe(0n);
        await network.setKeys(own.publicKey, encryption.publicKey);
        expect(await worker.settle()).toMatchObject({ outcome: 'settled', claimed: toNano('1') });
    });
});

describe('When the chain cannot be reached', () => {
    it('known sessions are served within what is known, new ones have to wait, and health says so', async () => {
        const [known, fresh] = [await session(), await session()];
        await known.chat(Question, { max_tokens: 1 }, { pay: toNano('0.01') });
        proxy.down = true;
        await until(async () => (await health()).status === 'degraded');
        expect((await health()).reasons).toEqual([expect.stringMatching(/^The chain does not answer/)]);
        expect((await known.chat(Question, {}, { pay: toNano('0.02') })).status).toBe(200);
        const refused = await fresh.chat(Question, {}, { pay: toNano('0.02') });
        expect([refused.status, JSON.parse(refused.text).error.code, refused.headers['retry-after']]).toEqual([
            503,
            'chain_unavailable',
            '5',
        ]);
        expect(await worker.settle().catch((error: Error) => error.message)).toMatch(/does not answer/);
        proxy.down = false;
        await until(async () => (await health()).status === 'ok');
        expect((await fresh.chat(Question, {}, { pay: toNano('0.02') })).status).toBe(200);
    });

    async function health(): Promise<{ status: string; reasons: string[] }> {
        return (await (await fetch(`${worker.url}/health`)).json()) as { status: string; reasons: string[] };
    }
});

describe('A worker that starts', () => {
    it('finds in the ledger what it has to claim, and on the chain what was claimed without it', async () => {
        const { due, sessions } = worker.stats();
        const [waiting, claimed, dear] = [
            await session(),
            await session(),
            await session(toNano('5'), { offer: DearOffer }),
        ];
        // Too little to be worth its fees at the end of the run before.
        await waiting.chat(Question, { max_tokens: 1 }, { pay: 5000n });
        await claimed.chat(Question, { max_tokens: 1 }, { pay: 5000n });
        await dear.chat(Question, { max_tokens: 2 }, { pay: toNano('0.4') });
        await worker.close();
        expect(await claimedBy(dear)).toBe(toNano('0.4'));
        const escrow = network.client.open(SessionEscrow.SessionEscrow.fromAddress(claimed.address));
        await escrow.send(
            network.sender(network.payer),
            { value: toNano('0.1') },
            {
                $$type: 'ClaimVoucher',
                voucher: packSignedVoucher(claimed.voucher(5000n)),
            },
        );
        await start({});
        await until(() => worker.stats().due === due + 5000n);
        expect(worker.stats().sessions).toBeLessThanOrEqual(sessions + 2);
    });
});

async function setDailyCap(dailyCap: bigint): Promise<void> {
    await network.client
        .open(RewardSettlement.RewardSettlement.fromAddress(network.settlement))
        .send(
            network.sender(network.owner),
            { value: toNano('0.1') },
            { $$type: 'SetFeeLimits', queryId: 0n, dailyCap, floatBasisPoints: 0n },
        );
}

/** The way to the chain, which can lose messages and break. */
class ChainProxy {
    /** How many of the next external messages are lost, with the answer that all is well. */
    swallow = 0;
    down = false;

    private constructor(
        private readonly server: Server,
        private readonly target: string,
    ) {}

    static async open(target: string): Promise<ChainProxy> {
        const server = createServer((request, response) => {
            const parts: Buffer[] = [];
            request.on('data', (part: Buffer) => parts.push(part));
            request.on('end', async () => {
                const body = Buffer.concat(parts).toString();
                if (proxy.down) {
                    return request.socket.destroy();
                }
                if (proxy.swallow > 0 && body.includes('"sendBoc"')) {
                    proxy.swallow -= 1;
                    return response.end(JSON.stringify({ ok: true, result: { '@type': 'ok' } }));
                }
                const answer = await fetch(target, {
                    method: 'POST',
                    body,
                    headers: { 'content-type': 'application/json' },
                });
                response.statusCode = answer.status;
                response.end(await answer.text());
            });
        });
        const proxy = new ChainProxy(server, target);
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return proxy;
    }

    get endpoint(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${new URL(this.target).pathname}`;
    }

    close(): void {
        this.server.close();
        this.server.closeAllConnections();
    }
}
