import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { SignedReceipt } from '@ton-compute/contracts';
import { encodeReceipt, HeaderName, ReceiptChain } from '@ton-compute/protocol';

import { Worker } from '../src';
import { Ledger } from '../src/ledger/ledger';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { DearOffer, TestOffer } from './support/offers';

const Question = 'What is a GPU?';
/** More than any of these requests costs. */
const Ample = toNano('0.5');

let network: TestNetwork;
let worker: Worker;
let backup: string;
/** Was used before and after the backup. */
let old: TestClient;
/** Was opened after the backup. */
let young: TestClient;
/** Was claimed in a batch that the backup takes for pending, and closed since. */
let closed: TestClient;
const receipts = new Map<TestClient, SignedReceipt>();
let sequence: bigint;

const ledgerFiles = (name: string) => name.startsWith('ledger.sqlite') && !name.endsWith('.lock');

async function start(): Promise<void> {
    worker = await network.startWorker();
    [old, young, closed].forEach((client) => client && (client.url = worker.url));
}

async function session(offer = TestOffer): Promise<TestClient> {
    const client = await network.openSession(toNano('5'), { offer });
    client.url = worker.url;
    return client;
}

/** @param known the receipt that the client shows; null: none. */
async function ask(client: TestClient, known: SignedReceipt | null = null) {
    const headers: Record<string, string> = known === null ? {} : { [HeaderName.Receipt]: encodeReceipt(known) };
    const answer = await client.chat(Question, {}, { pay: Ample, sealed: true, headers });
    if (answer.status === 200) {
        receipts.set(client, answer.receipts.at(-1)!);
    }
    return answer;
}

beforeAll(async () => {
    network = await TestNetwork.create();
    backup = mkdtempSync(join(tmpdir(), 'worker-backup-'));
    await start();
    [old, closed] = [await session(), await session(DearOffer)];
    await ask(old);
    await closed.chat(Question, { max_tokens: 1 }, { pay: toNano('1') });
    const { sequence: next } = await network.settlementData();
    await worker.close();
    cpSync(network.directory, backup, { recursive: true, filter: (path) => path === network.directory || ledgerFiles(path.split('/').at(-1)!) });
    // As if the copy had been made between the sending of that batch and the news that it was executed.
    const copy = Ledger.open(join(backup, 'ledger.sqlite'));
    await copy.write({ sql: "UPDATE batches SET state = 'sent', sequence = ?", parameters: [Number(next)] });
    expect(copy.batches.pending()).toHaveLength(1);
    await copy.close();

    await start();
    young = await session();
    for (const client of [old, young, old, young]) {
        await ask(client);
    }
    await old.pay(toNano('0.7'));
    await worker.finish(closed.address);
    await worker.settle();
    ({ sequence } = await network.settlementData());
    await worker.close();
    cpSync(backup, network.directory, { recursive: true });
    await start();
});
afterAll(async () => {
    await network.close();
    rmSync(backup, { recursive: true });
});

describe('A worker that runs with an old copy of its ledger', () => {
    it('has forgotten what it signed since', async () => {
        expect((await old.account()).receipt!.sequence).toBeLessThan(receipts.get(old)!.sequence);
        expect((await young.account()).receipt).toBeNull();
    });

    it('takes no receipt that it has not signed', async () => {
        const forged = { ...receipts.get(young)!, sequence: 1000 };
        const refused = await ask(young, forged);
        expect([refused.status, JSON.parse(refused.text).error]).toEqual([
            400,
            expect.objectContaining({ code: 'invalid_request', param: HeaderName.Receipt }),
        ]);
        expect((await ask(young, { ...receipts.get(old)!, sequence: 1000 })).status).toBe(400);
        expect((await young.account()).receipt).toBeNull();
    });

    it.each<[string, () => TestClient]>([
        ['session that it knew', () => old],
        ['session that it never heard of', () => young],
    ])('goes on after the receipt that the client of a %s shows', async (_name, clientOf) => {
        const client = clientOf();
        const before = receipts.get(client)!;
        const chain = new ReceiptChain(client.signingDomain, network.keys.worker.publicKey, TestOffer.prices, before);
        const answer = await ask(client, before);
        expect(answer.status).toBe(200);
        answer.receipts.forEach((receipt) => expect(chain.add(receipt)).toBe('new'));
        expect(answer.receipts[0].sequence).toBe(before.sequence + 1);
        expect(answer.receipts.at(-1)!.amount).toBeGreaterThan(before.amount);
        // What came back is on the disk: another start needs no client for it.
        await worker.close();
        await start();
        expect((await client.account()).receipt).toEqual(receipts.get(client));
    });

    it('serves nothing anew that was used already', async () => {
        const { spent, receipt } = await old.account();
        expect(spent).toBe(receipt!.amount);
        const before = receipts.get(old)!;
        // An older receipt changes nothing.
        await ask(old, { ...before, sequence: 1 });
        expect((await old.account()).receipt!.sequence).toBe(before.sequence + 1);
    });

    it('believes the chain about claims, ended sessions and batches', async () => {
        const { claimed, allowance } = await old.account();
        expect(claimed).toBe((await network.sessionData(old.address)).claimed);
        expect(allowance).toBeGreaterThanOrEqual(claimed);
        expect((await closed.chat(Question)).status).toBe(404);
        // The batch whose sequence has passed was not sent a second time.
        expect((await network.settlementData()).sequence).toBe(sequence);
        await worker.close();
        const ledger = Ledger.open(join(network.directory, 'ledger.sqlite'));
        expect(ledger.batches.pending()).toEqual([]);
        expect(ledger.sessions.unclaimed().map(({ id }) => id.escrow.toRawString())).not.toContain(closed.address.toRawString());
        await ledger.close();
    });
});
