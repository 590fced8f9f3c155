import { toNano } from '@ton/core';
import { Client, ClientError, Session } from '../src';
import { TestNetwork } from './support/network';

// A session that its wallet has opened and somebody without a wallet uses.

let network: TestNetwork;
let owner: Client;
let app: Client;

beforeAll(async () => {
    network = await TestNetwork.start();
    // Little is signed ahead, so that a cap is soon felt.
    owner = await network.client({ storeName: 'owner', policy: { leastTier: 'open', headroom: 50_000n } });
    app = await network.client({ storeName: 'app', wallet: undefined });
}, 120_000);

afterAll(() => network?.stop());

async function ask(session: Session): Promise<number> {
    const body = { model: session.model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4, temperature: 0 };
    const response = await session.request(`${session.baseURL}/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
    return ((await response.json()) as { usage: { completion_tokens: number } }).usage.completion_tokens;
}

describe('A session key', () => {
    it('travels to a client without a wallet, with a cap of its own, and is used there and nowhere else', async () => {
        const opened = await owner.open({ deposit: toNano('1') });
        await ask(opened);
        await expect(owner.exportSession(opened.address)).rejects.toMatchObject({ code: 'session_in_use' });
        await opened.dispose();

        const before = (await owner.report(opened.address)).signed;
        const text = await owner.exportSession(opened.address, { spendingCap: before + toNano('0.0001') });
        expect(text).toMatch(/^ton-compute-session:[\w-]+$/);
        const address = await app.importSession(`${text}\n`);
        const used = await app.resume(address);
        expect(await used.report()).toMatchObject({ spendingCap: before + toNano('0.0001'), requests: 1 });
        expect(await ask(used)).toBe(4);
        await expect(Promise.all(Array.from({ length: 20 }, () => ask(used)))).rejects.toMatchObject({ code: 'spending_cap' });
        expect(used.signed).toBeLessThanOrEqual(before + toNano('0.0001'));
        await expect(used.startClose()).rejects.toMatchObject({ code: 'no_wallet' });
        await used.dispose();

        const left = await owner.resume(address);
        await expect(ask(left)).rejects.toMatchObject({ code: 'session_stopped' });
        await expect(owner.exportSession(address)).rejects.toMatchObject({ code: expect.stringMatching(/session_(in_use|stopped)/) });
        expect(await left.startClose()).toBeGreaterThan(0);
        await left.dispose();
    });

    it('is not used after its time, unless that is changed', async () => {
        const session = await owner.open({ deposit: toNano('1'), lifetime: 3600 });
        await ask(session);
        const past = (await network.devnet.info()).time - 1;
        await session.setExpiry(past);
        const error: unknown = await ask(session).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'session_expired', details: { time: past } });
        expect((await session.fetch(`${session.baseURL}/models`)).status).toBe(402);
        await session.dispose();
        const again = await owner.resume(session.address);
        await expect(ask(again)).rejects.toBeInstanceOf(ClientError);
        await again.setExpiry(0);
        expect(await ask(again)).toBe(4);
        await again.dispose();
    });

    it('is refused by a client of another network, or that has it already, or when it is no key', async () => {
        const session = await owner.open({ deposit: toNano('1') });
        const { address } = session;
        await session.dispose();
        const wrongCap = owner.exportSession(address, { spendingCap: toNano('2') });
        await expect(wrongCap).rejects.toMatchObject({ code: 'invalid_option', message: expect.stringContaining('spendingCap') });
        const text = await owner.exportSession(address, { expiresAt: 4_000_000_000 });
        await app.importSession(text);
        await expect(app.importSession(text)).rejects.toMatchObject({ code: 'invalid_option' });
        for (const wrong of ['', 'ton-compute-session:', text.slice(0, -20), 'ton-compute-session:e30']) {
            const error = (await app.importSession(wrong).catch((thrown: unknown) => thrown)) as Error;
            expect(error).toMatchObject({ code: 'invalid_option' });
            expect(error.message).not.toContain(text.slice(30, 60));
        }
    });
});
