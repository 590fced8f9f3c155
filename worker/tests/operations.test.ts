import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { RewardSettlement } from '@ton-compute/contracts';

import { Worker } from '../src';
import { AdminServer, toJson } from '../src/admin/server';
import { drain } from '../src/cli-drain';
import { describeWithdrawal, WithdrawalJson } from '../src/cli-withdraw';
import { openDatabase } from '../src/ledger/database';
import { LedgerFile } from '../src/office';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { DearOffer } from './support/offers';

let network: TestNetwork;
let worker: Worker;

beforeAll(async () => {
    network = await TestNetwork.create();
    worker = await network.startWorker({ limits: { voucherWaitSeconds: 60, drainSeconds: 60 } });
});
afterAll(() => network.close());

async function ready(): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${worker.url}/ready`);
    return { status: response.status, body: await response.json() };
}

async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${worker.url}/metrics`)).text();
    return Number(new RegExp(`^ton_compute_${name} (.*)$`, 'm').exec(text)?.[1]);
}

async function pay(client: TestClient, amount: bigint): Promise<void> {
    client.url = worker.url;
    expect((await client.chat('What is a GPU?', { max_tokens: 4 }, { pay: amount })).status).toBe(200);
}

it('is ready when it would serve a paid request, and says so to Prometheus', async () => {
    expect(await ready()).toEqual({ status: 200, body: { ready: true, reasons: [] } });
    expect([await metric('ready'), await metric('ledger_working')]).toEqual([1, 1]);
    const text = await (await fetch(`${worker.url}/metrics`)).text();
    expect(text).toMatch(/^ton_compute_build_info\{version="\d[^"]*",node="\d[^"]*",backend="cpu",model="[0-9a-f]{64}"\} 1$/m);
    // In tier open nothing is attested, and nothing should alert.
    expect(text).not.toMatch(/^ton_compute_attested_until_seconds/m);
});

it('a withdrawal sends the earnings to the beneficiaries, and accounts for every coin', async () => {
    const client = await network.openSession(toNano('3'), { offer: DearOffer });
    await pay(client, toNano('2'));
    expect(await metric('due_ton')).toBe(2);
    const settled = await worker.settle();
    expect(settled).toMatchObject({ outcome: 'settled', claimed: toNano('2'), fees: expect.any(BigInt) });
    expect(await metric('claim_fees_ton_total')).toBeCloseTo(Number(settled.fees) / 1e9, 9);
    expect(await metric('claims_total')).toBe(1);

    const before = await network.settlementData();
    const owner = await network.client.getBalance(network.owner.address);
    const done = await worker.withdraw();
    expect(done.outcome).toBe('withdrawn');
    expect(done.earnings).toBeGreaterThanOrEqual(toNano('2'));
    expect(done.payments.map(({ as }) => as)).toEqual(['protocol fee', 'count', 'share']);
    const [fee, , share] = done.payments;
    expect(share.to.equals(network.owner.address)).toBe(true);
    // 2.5 percent, less the way there.
    expect(Number(fee.amount) / Number(done.earnings)).toBeCloseTo(0.025, 3);
    expect((await network.client.getBalance(network.owner.address)) - owner).toBeGreaterThan(share.amount - toNano('0.001'));
    const after = await network.settlementData();
    expect(done.stays).toEqual({
        reserve: after.reserve,
        feeFloat: after.feeFloat,
        refill: 0n,
        cost: before.feeFloat - after.feeFloat,
    });
    const lines = describeWithdrawal(toJson(done) as WithdrawalJson).join('\n');
    expect(lines).toContain(`share of a beneficiary: ${network.owner.address.toString()}`);

    expect(await worker.withdraw()).toMatchObject({ outcome: 'nothing', payments: [] });
});

it('a withdrawal refills the float by the share that the owner has set', async () => {
    await network.client.open(RewardSettlement.RewardSettlement.fromAddress(network.settlement)).send(
        network.sender(network.owner),
        { value: toNano('0.1') },
        { $$type: 'SetFeeLimits', queryId: 0n, dailyCap: toNano('10'), floatBasisPoints: 1000n },
    );
    await pay(await network.openSession(toNano('2'), { offer: DearOffer }), toNano('1'));
    await worker.settle();
    const done = await worker.withdraw();
    // A tenth of what is left after the protocol fee.
    expect(Number(done.stays.refill) / Number(done.earnings)).toBeCloseTo(0.0975, 3);
});

it('drain turns readiness red first, lets what runs finish, and waits for the end', async () => {
    const client = await network.openSession(toNano('2'), { offer: DearOffer });
    client.url = worker.url;
    // It covers the prompt and a few tokens: the answer waits for another voucher.
    let began!: () => void;
    const started = new Promise<void>((resolve) => (began = resolve));
    const answer = client.chat('What is a GPU?', { stream: true, max_tokens: 8 }, { pay: toNano('0.4'), onText: () => began() });
    await started;
    const said: string[] = [];
    let draining!: () => void;
    const begun = new Promise<void>((resolve) => (draining = resolve));
    const drained = drain(network.directory, 120, (line) => {
        said.push(line);
        draining();
    });
    await begun;
    expect(await ready()).toEqual({ status: 503, body: { ready: false, reasons: ['The worker is draining.'] } });
    const { status, text } = await client.chat('Hello', {}, { pay: toNano('0.5') });
    expect([status, JSON.parse(text).error.code]).toEqual([503, 'draining']);
    await client.pay(toNano('2'));
    expect((await answer).text).toContain('[DONE]');
    expect(await drained).toBe(true);
    await worker.stopped;
    expect(said[0]).toBe('Nothing new is taken; 1 request to finish.');
    expect((await network.sessionData(client.address)).claimed).toBeGreaterThan(0n);
    expect(await drain(network.directory, 1, () => undefined)).toBe(false);
});

it('drain says when it takes longer than somebody wants to wait', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'worker-drain-'));
    const held = openDatabase(join(directory, LedgerFile), '');
    const load = { running: 2, waiting: 1, due: 0n };
    const nothing = async () => undefined;
    const admin = await AdminServer.open(directory, {
        status: () => load,
        drain: () => load,
        settle: nothing,
        finish: nothing,
        withdraw: nothing,
    });
    await expect(drain(directory, 0.1, () => undefined)).rejects.toThrow(
        /^The worker has not ended within 0\.1 s; it goes on draining \(Nothing new is taken; 3 requests to finish\.\)/,
    );
    await admin.close();
    held.close();
    rmSync(directory, { recursive: true });
});
