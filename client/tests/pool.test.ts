import { toNano } from '@ton/core';
import OpenAI from 'openai';
import { Worker } from '@ton-compute/worker';
import { Client, ClientError, FailoverEvent, ProviderPool } from '../src';
import { prices, TestNetwork } from './support/network';
import { Proxy } from './support/proxy';

// Two real workers of the same model, the second one dearer, each behind a network that can be cut.

let network: TestNetwork;
let second: { proxy: Proxy; worker: Worker; provider: { toString(): string } };
let client: Client;
let pool: ProviderPool;
const events: FailoverEvent[] = [];
const isChat = (url: string | undefined) => url === '/v1/chat/completions';

beforeAll(async () => {
    network = await TestNetwork.start();
    second = await network.another(1, { prices: { ...prices, completion: 2n * prices.completion } });
    client = await network.client();
    pool = await client.pool({ deposit: toNano('1'), budget: toNano('2'), onFailover: (event) => events.push(event) });
}, 120_000);

afterAll(async () => {
    await pool?.dispose();
    await second?.worker.close();
    await second?.proxy.stop();
    await network?.stop();
});

afterEach(() => {
    network.proxy.meddling = null;
    second.proxy.meddling = null;
    network.proxy.seen.length = 0;
    second.proxy.seen.length = 0;
});

function ask(to: ProviderPool = pool, more: object = {}) {
    const openai = new OpenAI({ baseURL: to.baseURL, apiKey: 'unused', fetch: to.fetch });
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    return openai.chat.completions.create({ model: to.model, messages, max_tokens: 6, temperature: 0, ...more });
}

describe('a pool of providers', () => {
    it('begins with the cheapest, and opens no second session without need', async () => {
        expect((await ask()).usage!.completion_tokens).toBeGreaterThan(0);
        expect(pool.sessions.map(({ provider }) => provider.equals(network.provider))).toEqual([true]);
        expect((await pool.report()).budgetLeft).toBe(toNano('1'));
    });

    it('does not ask another provider when the worker has worked for the request: it would be paid twice', async () => {
        // The answer is made and counted; the way back is cut before its first byte.
        network.proxy.meddling = async (incoming, answer, _body, forward) => {
            if (!isChat(incoming.url)) {
                return forward();
            }
            answer.writeHead = (() => answer) as never;
            await forward(() => null);
        };
        const before = await pool.report();
        const error = await pool
            .request(`${pool.baseURL}/chat/completions`, { method: 'POST', body: JSON.stringify(chat(pool)) })
            .catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'worker_unreachable', details: { worked: true } });
        expect(second.proxy.seen).toEqual([]);
        expect(network.proxy.seen.filter((line) => line.endsWith('/chat/completions'))).toHaveLength(1);
        expect((await pool.report()).sessions).toHaveLength(before.sessions.length);
        expect(events.splice(0)).toMatchObject([{ code: 'worker_unreachable', rest: 15 }]);
    });

    it('goes on with the next provider while the first rests, and names the model as each of them does', async () => {
        const answer = await ask();
        expect(answer.choices[0].message.content).not.toBe('');
        expect(pool.sessions.map(({ provider }) => provider.toString())).toEqual([
            network.provider.toString(),
            second.provider.toString(),
        ]);
        expect(second.proxy.seen).toContain('POST /v1/chat/completions');
        expect(network.proxy.seen.filter((line) => line.endsWith('/chat/completions'))).toEqual([]);
    });

    it('gives up when everybody rests and the budget is used, with the reason', async () => {
        second.proxy.meddling = async (_incoming, answer) => void answer.writeHead(503).end('{}');
        const error = await ask().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(OpenAI.APIError);
        expect(error).toMatchObject({ status: 503, code: 'worker_busy' });
        await expect(ask()).rejects.toThrow(/No provider can be asked now: all 2 providers of the pool are resting/);
        expect(events.splice(0)).toHaveLength(1);
    });

    it('does not take the fault of a request for the provider\'s', async () => {
        const other = await client.pool({ deposit: toNano('0.5'), providers: 1, onFailover: (event) => events.push(event) }).catch(
            (error: unknown) => error,
        );
        // Both sessions of the store are in use by the first pool, so another one is opened.
        expect(other).toBeInstanceOf(ProviderPool);
        const fresh = other as ProviderPool;
        await expect(ask(fresh, { messages: [{ role: 'user', content: 'word '.repeat(2000) }] })).rejects.toMatchObject({
            status: 400,
        });
        expect(events).toEqual([]);
        expect((await ask(fresh)).usage!.completion_tokens).toBeGreaterThan(0);
        await fresh.dispose();
    });

    it('takes up the sessions of the store, and refuses what makes no sense', async () => {
        await pool.dispose();
        const again = await (await network.client()).pool({ deposit: toNano('1'), providers: 3 });
        expect(again.sessions).toHaveLength(3);
        const ends = await again.startClose();
        expect(ends).toHaveLength(3);
        await expect(ask(again)).rejects.toThrow('This pool was closed');
        await again.dispose();
        await expect(client.pool({ deposit: toNano('1'), budget: toNano('0.5') })).rejects.toMatchObject({ code: 'invalid_option' });
        await expect(client.pool({ deposit: 0n })).rejects.toBeInstanceOf(ClientError);
    });
});

function chat({ model }: ProviderPool) {
    return { model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 6, temperature: 0, stream: true };
}
