import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import {
    catalogDeployment,
    hashToBigInt,
    MeasurementCatalog,
    packNote,
    SessionEscrow,
    TcbStatus,
    Tier,
    unpackTerms,
    verifierDeployment,
} from '@ton-compute/contracts';
import { FileKeys } from '@ton-compute/worker';
import { Client, ClientError, Policy, Session } from '../src';
import { TestNetwork } from './support/network';

const Delay = 86_400;

let network: TestNetwork;
let measurement: string;
let session: Session;

beforeAll(async () => {
    network = await TestNetwork.start({ seed: 'client test' });
    measurement = network.worker.stats().attestation!.measurement!;
}, 120_000);
afterAll(async () => {
    await session?.dispose();
    await network?.stop();
});

const tdx = (policy: Policy = {}): Promise<Client> =>
    network.client({ policy: { leastTier: 'tdx', allowTestRoot: true, ...policy } });

async function refusal(policy: Policy): Promise<string> {
    const client = await tdx(policy);
    const error = await client.open({ deposit: toNano('1'), provider: network.provider }).then(
        () => new Error('The session was opened.'),
        (thrown: ClientError) => thrown,
    );
    expect(error).toMatchObject({ code: 'provider_refused' });
    return error.message;
}

async function ask(target: Session): Promise<number> {
    const body = { model: target.model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 2 };
    const response = await target.request(`${target.baseURL}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
    });
    await response.text();
    return response.status;
}

const escrow = (target: Session) =>
    network.devnet.client().open(SessionEscrow.SessionEscrow.fromAddress(target.address)).getSessionData();

describe('A client that demands tier tdx', () => {
    it("refuses a verifier without Intel's root unless it is told otherwise, and says what it expected", async () => {
        const message = await refusal({ allowTestRoot: false });
        expect(message).toMatch(/trusts a TEST ROOT, which proves nothing about hardware/);
        expect(message).toContain((await verifierDeployment()).address.toString());
        expect(message).toMatch(/policy\.allowTestRoot/);
        const { offers, skipped } = await (await tdx({ allowTestRoot: false })).find();
        expect([offers.length, skipped.length]).toEqual([0, 1]);
    });

    it('warns loudly where a test root is allowed', async () => {
        const warnings: string[] = [];
        const log = { info: () => undefined, warn: (_fields: unknown, text: string) => void warnings.push(text) };
        const client = await network.client({
            policy: { allowTestRoot: true },
            log: log as unknown as NonNullable<Parameters<TestNetwork['client']>[0]>['log'],
        });
        const { ok, findings } = await client.check(network.provider);
        expect(ok).toBe(true);
        expect(findings).toContainEqual({ what: 'root', ok: true, detail: expect.stringContaining('TEST ROOT') as string });
        expect(warnings).toEqual([expect.stringMatching(/^TEST ROOT: .* proves NOTHING about hardware/)]);
    });

    it('refuses another image, and another TCB status', async () => {
        expect(await refusal({ measurements: ['ab'.repeat(32)] })).toContain(`it runs image ${measurement}, which is not on`);
        expect(await refusal({ acceptedTcbStatuses: ['SWHardeningNeeded'] })).toContain(
            'its TCB status is 0 (UpToDate), accepted are SWHardeningNeeded',
        );
    });

    it('puts tier, TCB statuses and image into the terms, and is served on credit', async () => {
        const client = await tdx({ measurements: [measurement], acceptedTcbStatuses: ['UpToDate', 'SWHardeningNeeded'] });
        session = await client.open({ deposit: toNano('2') });
        const data = await escrow(session);
        const terms = unpackTerms(data.terms);
        expect(terms).toMatchObject({
            leastTier: Tier.Tdx,
            acceptedTcbStatuses: (1 << TcbStatus.UpToDate) | (1 << TcbStatus.SWHardeningNeeded),
        });
        expect(terms.measurement?.toString('hex')).toBe(measurement);
        expect(Number(data.attestedUntil)).toBe(network.worker.stats().attestation!.attestedUntil);
        expect(await ask(session)).toBe(200);
        const account = (await (
            await fetch(`${network.worker.url}/v1/sessions/${session.address.toRawString()}`)
        ).json()) as Record<string, string>;
        expect(BigInt(account.allowance)).toBe(BigInt(account.cumulative) + terms.creditWindow);
        expect(terms.creditWindow).toBeGreaterThan(0n);
    });

    it('keeps the attestation of a session fresh while it is used', async () => {
        const before = Number((await escrow(session)).attestedUntil);
        await network.devnet.setTime(before - 3000);
        const renewed = await network.attested(before);
        // The client learns the time from the chain.
        await session.report();
        expect(await ask(session)).toBe(200);
        for (const end = Date.now() + 20_000; Number((await escrow(session)).attestedUntil) !== renewed; ) {
            expect(Date.now()).toBeLessThan(end);
            await new Promise((resolve) => setTimeout(resolve, 200));
        }
    });

    it('takes images from a catalog, from the time on at which it trusts them', async () => {
        const chain = network.devnet.client();
        const curator = network.devnet.wallets[2];
        const { address, init } = await catalogDeployment(curator.address, 0n, Delay);
        const catalog = chain.open(new MeasurementCatalog.MeasurementCatalog(address, init));
        await catalog.send(curator.sender(chain), { value: toNano('1') }, null);
        await catalog.send(curator.sender(chain), { value: toNano('1') }, {
            $$type: 'AddMeasurement',
            queryId: 0n,
            measurement: hashToBigInt(Buffer.from(measurement, 'hex')),
            note: packNote('https://example.org/image'),
        });
        expect(await refusal({ catalogs: [address] })).toContain('which is not on the policy');
        await network.devnet.increaseTime(Delay + 1);
        const { offers } = await (await tdx({ catalogs: [address] })).find();
        expect(offers).toHaveLength(1);
        await expect((await tdx({ catalogs: [network.registry] })).find()).rejects.toThrow(/is no MeasurementCatalog/);
    });

    it('sends nothing in a session that a laxer policy opened, but lets it be closed', async () => {
        const lax = await network.client({ policy: { leastTier: 'open' }, storeName: 'lax' });
        const open = await lax.open({ deposit: toNano('1') });
        expect(await ask(open)).toBe(200);
        await open.dispose();
        const strict = await network.client({ policy: { allowTestRoot: true }, storeName: 'lax' });
        const resumed = await strict.resume(open.address);
        await expect(ask(resumed)).rejects.toThrow(/the session is of tier open, and the policy asks for tier tdx/);
        expect(await resumed.startClose()).toBeGreaterThan(0);
        await resumed.dispose();
        await session.dispose();
        const production = await (await tdx({ allowTestRoot: false })).resume(session.address);
        await expect(ask(production)).rejects.toThrow(/TEST ROOT, which proves nothing about hardware/);
        await production.dispose();
        session = await (await tdx()).resume(session.address);
    });

    it('seals nothing more once the machine was booted anew, and says how to get the deposit back', async () => {
        const directory = mkdtempSync(join(tmpdir(), 'client-reboot-'));
        await network.restartWorker({ keys: new FileKeys(directory) });
        await network.attested();
        const { address } = session;
        await session.dispose();
        const resumed = await (await tdx()).resume(address).catch((error: ClientError) => error);
        expect(resumed).not.toBeInstanceOf(Error);
        session = resumed as Session;
        await expect(ask(session)).rejects.toThrow(
            /^Nothing was sent to provider .*: its machine was booted anew: .* close the session .* to get the rest/,
        );
        expect(await session.startClose()).toBeGreaterThan(0);
        rmSync(directory, { recursive: true });
    });
});
