import { get } from 'node:http';
import { Address, beginCell, toNano } from '@ton/core';
import OpenAI from 'openai';
import { escrowReserve, packOffer, Provider, settlementDeployment } from '@ton-compute/contracts';
import { Client, ClientError, Session, startLocalEndpoint } from '../src';
import { Chain } from '../src/chain/chain';
import { readEscrow } from '../src/chain/escrow';
import { readChainPrices } from '../src/chain/fees';
import { readProvider } from '../src/chain/providers';
import { Wallet } from '../src/chain/wallet';
import { silentLogger } from '../src/log';
import { openEscrow, planOpening } from '../src/opening';
import { checkPolicy } from '../src/policy';
import { prices, TestNetwork } from './support/network';

let network: TestNetwork;
let client: Client;
let session: Session;

beforeAll(async () => {
    network = await TestNetwork.start();
    client = await network.client();
    session = await client.open({ deposit: toNano('5') });
}, 120_000);

afterAll(async () => {
    await session?.dispose();
    await network?.stop();
});

function openai(target: Session = session): OpenAI {
    return new OpenAI({ baseURL: target.baseURL, apiKey: 'unused', fetch: target.fetch });
}

function chat(content: string, maxTokens: number) {
    return {
        model: session.model,
        messages: [{ role: 'user' as const, content }],
        max_tokens: maxTokens,
        temperature: 0,
    };
}

/** @returns the status of a request that a web page makes to a name of its own that leads to this machine. */
function statusFor(host: string, url: string): Promise<number> {
    return new Promise((resolve, reject) => {
        const headers = { host, authorization: 'Bearer secret' };
        get(`${url}/models`, { headers }, (response) => resolve(response.resume().statusCode!)).on('error', reject);
    });
}

/** @returns text and usage of a streamed answer. */
async function stream(target: Session, content: string, maxTokens: number, signal?: AbortSignal) {
    const events = await openai(target).chat.completions.create(
        { ...chat(content, maxTokens), stream: true, stream_options: { include_usage: true } },
        { signal },
    );
    let text = '';
    let reason = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const event of events) {
        text += event.choices[0]?.delta.content ?? '';
        reason = event.choices[0]?.finish_reason ?? reason;
        usage = event.usage ?? usage;
    }
    return { text, reason, usage: usage! };
}

describe('finding a provider', () => {
    it('lists what is on offer, with the price of a reference mix', async () => {
        const { offers, skipped } = await client.find();
        expect(skipped).toEqual([]);
        expect(offers).toHaveLength(1);
        expect(offers[0]).toMatchObject({
            name: session.model,
            referencePrice: 1_500_000_000n,
            contextLength: expect.any(Number),
        });
        expect(offers[0].provider.address.equals(network.provider)).toBe(true);
    });

    it('passes over a provider without an enclave unless tier open was asked for', async () => {
        const { offers, skipped } = await client.find({});
        expect(offers).toEqual([]);
        expect(skipped).toEqual([
            expect.objectContaining({ index: 0n, reason: expect.stringContaining('not attested') }),
        ]);
        const careful = await network.client({ policy: {}, storeName: 'careful' });
        await expect(careful.open({ deposit: toNano('1') })).rejects.toMatchObject({ code: 'no_provider' });
        await expect(careful.open({ deposit: toNano('1'), provider: network.provider })).rejects.toMatchObject({
            code: 'provider_refused',
        });
    });

    it('passes over offers above the price ceiling, and of other models', async () => {
        const dear = await client.find({ leastTier: 'open', priceCeiling: { completion: prices.completion - 1n } });
        expect(dear.skipped[0].reason).toContain('the ceiling is');
        const other = await client.find({ leastTier: 'open', models: ['00'.repeat(32)] });
        expect(other.skipped[0].reason).toContain('not on the policy');
    });

    it('checks one provider, each thing by its name', async () => {
        const { ok, findings, offers } = await client.check(network.provider);
        expect(ok).toBe(true);
        expect(findings.map(({ what, ok: fine }) => [what.split(' ')[0], fine])).toEqual(
            ['account', 'status', 'tier', 'offer', 'worker', 'service'].map((what) => [what, true]),
        );
        expect(offers).toHaveLength(1);
        const stranger = await client.check(network.devnet.wallets[3].address);
        expect(stranger).toMatchObject({ ok: false, provider: null, offers: [] });
    });

    it('refuses a network that is not the expected one, and an account that is no registry', async () => {
        await expect(network.client({ globalId: -3 })).rejects.toMatchObject({ code: 'wrong_network' });
        const lost = await network.client({ registry: new Address(0, Buffer.alloc(32, 9)) });
        await expect(lost.find()).rejects.toMatchObject({ code: 'wrong_network' });
    });
});

describe('requests of the official openai client', () => {
    it('are answered in one piece and as a stream, with the same text, and paid exactly', async () => {
        const before = await session.report();
        const whole = await openai().chat.completions.create(chat('What can you do?', 24));
        const streamed = await stream(session, 'What can you do?', 24);
        expect(streamed.text).toBe(whole.choices[0].message.content);
        expect(streamed.text.length).toBeGreaterThan(10);
        const after = await session.report();
        const used = whole.usage!.completion_tokens + streamed.usage.completion_tokens;
        expect(after.tokens.completion - before.tokens.completion).toBe(BigInt(used));
        const asked = whole.usage!.prompt_tokens + streamed.usage.prompt_tokens;
        expect(
            after.tokens.prompt + after.tokens.cached - before.tokens.prompt - before.tokens.cached,
        ).toBe(BigInt(asked));
        expect(after.requests - before.requests).toBe(2);
        expect(after.transcripts.verified - before.transcripts.verified).toBe(2);
        expect(after.transcripts.unverified).toBe(0);
        expect(after.signed).toBeGreaterThanOrEqual(after.amount);
    });

    it('hide prompt and answer from whoever carries them', async () => {
        const seen: Buffer[] = [];
        const original = globalThis.fetch;
        globalThis.fetch = async (input, init) => {
            seen.push(Buffer.from((init?.body as Uint8Array | undefined) ?? []));
            const response = await original(input, init);
            const [mine, theirs] = response.body!.tee();
            void new Response(theirs).arrayBuffer().then((bytes) => seen.push(Buffer.from(bytes)));
            return new Response(mine, { status: response.status, headers: response.headers });
        };
        try {
            const { text } = await stream(session, 'Hello', 12);
            const wire = Buffer.concat(seen).toString('latin1');
            expect(wire.length).toBeGreaterThan(1000);
            expect(wire).not.toContain('Hello');
            expect(wire).not.toContain(text);
        } finally {
            globalThis.fetch = original;
        }
    });

    it('at the same time share one account: every answer is whole, verified and counted once', async () => {
        const before = await session.report();
        const answers = await Promise.all(
            Array.from({ length: 8 }, (_, index) => stream(session, `Hello ${index}`, 40)),
        );
        const after = await session.report();
        const completion = answers.reduce((sum, { usage }) => sum + usage.completion_tokens, 0);
        const prompt = answers.reduce((sum, { usage }) => sum + usage.prompt_tokens, 0);
        expect(after.tokens.completion - before.tokens.completion).toBe(BigInt(completion));
        expect(
            after.tokens.prompt + after.tokens.cached - before.tokens.prompt - before.tokens.cached,
        ).toBe(BigInt(prompt));
        expect(after.requests - before.requests).toBe(8);
        expect(after.transcripts.verified - before.transcripts.verified).toBe(8);
        expect(after.transcripts.unverified).toBe(before.transcripts.unverified);
        expect(after.stopped).toBeNull();
    });

    it('that the worker refuses come as OpenAI\'s errors, at no cost', async () => {
        const before = await session.report();
        const wrong = openai().chat.completions.create({ ...chat('Hello', 5), model: 'gpt-9' });
        await expect(wrong).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
        const long = openai().chat.completions.create(chat('word '.repeat(5000), 5));
        await expect(long).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
        const { signal } = new AbortController();
        await expect(session.request('https://example.org/v1/models', { signal })).rejects.toMatchObject({
            code: 'invalid_request',
        });
        expect((await session.report()).amount).toBe(before.amount);
    });

    it('that are aborted stop the worker; what follows is answered and judged as before', async () => {
        const abort = new AbortController();
        const events = await openai().chat.completions.create(
            { ...chat('Tell me a story', 200), stream: true },
            { signal: abort.signal },
        );
        let pieces = 0;
        await expect(
            (async () => {
                for await (const event of events) {
                    pieces += event.choices.length;
                    if (pieces === 3) {
                        abort.abort();
                    }
                }
                abort.signal.throwIfAborted();
            })(),
        ).rejects.toThrow(/abort/i);
        expect((await stream(session, 'Hello', 5)).text.length).toBeGreaterThan(0);
        expect((await session.report()).stopped).toBeNull();
    });

    it('list the models without a session', async () => {
        const models = await openai().models.list();
        expect(models.data.map(({ id }) => id)).toEqual([session.model]);
    });

    it('give embeddings, paid by their prompt', async () => {
        const before = await session.report();
        const { data, usage } = await openai().embeddings.create({ model: session.model, input: ['Hello', 'World'] });
        expect(data).toHaveLength(2);
        expect(data[0].embedding.length).toBeGreaterThan(8);
        const after = await session.report();
        expect(after.amount - before.amount).toBe(BigInt(usage.prompt_tokens) * 1_000n);
    });
});

describe('paying', () => {
    it('keeps pace with a long answer, a headroom ahead of it and no more', async () => {
        const frugal = await network.client({
            policy: { leastTier: 'open', headroom: 1n },
            storeName: 'frugal',
        });
        const small = await frugal.open({ deposit: toNano('1') });
        try {
            const headroom = 32n * 4_000n;
            for (let round = 0; round < 6; round += 1) {
                const before = await small.report();
                const { usage } = await stream(small, 'What can you do for me? '.repeat(3), 60);
                const report = await small.report();
                expect(report.amount - before.amount).toBe(
                    BigInt(usage.prompt_tokens) * 1_000n + BigInt(usage.completion_tokens) * 3_000n,
                );
                expect(report.signed).toBeGreaterThanOrEqual(report.amount);
                expect(report.signed).toBeLessThanOrEqual(report.amount + headroom);
            }
            expect((await small.report()).vouchers).toBeGreaterThan(2);
            const paid = await small.pay();
            const { cumulative, spent } = await (await fetch(
                `${small.baseURL}/sessions/${small.address.toRawString()}`,
            )).json() as { cumulative: string; spent: string };
            expect(BigInt(cumulative)).toBe(paid);
            expect(BigInt(spent)).toBe((await small.report()).amount);
        } finally {
            await small.dispose();
        }
    });

    it.each([true, false])('goes on in an answer when all that was signed is used (stream: %s)', async (streaming) => {
        const frugal = await network.client({
            policy: { leastTier: 'open', headroom: 1n },
            storeName: `frugal-${streaming}`,
        });
        const small = await frugal.open({ deposit: toNano('1') });
        try {
            await stream(small, 'Hello', 60);
            const { signed } = await small.report();
            network.proxy.seen.length = 0;
            const long = 'What can you do for me today? Tell me everything please';
            const reason = streaming
                ? (await stream(small, long, 60)).reason
                : (await openai(small).chat.completions.create(chat(long, 60))).choices[0].finish_reason;
            expect(reason).toBe('stop');
            // It cost more than was signed when it began, so the worker waited for a voucher, and got it.
            expect((await small.report()).amount).toBeGreaterThan(signed);
            const vouchers = `POST /v1/sessions/${small.address.toRawString()}/vouchers`;
            expect(network.proxy.seen.filter((line) => line === vouchers).length).toBeGreaterThan(0);
        } finally {
            await small.dispose();
        }
    });

    it('signs what a long prompt costs before it starts, and nothing when the cap forbids it', async () => {
        const capped = await network.client({
            policy: { leastTier: 'open', headroom: 1n, spendingCap: 260_000n },
            storeName: 'capped',
        });
        const small = await capped.open({ deposit: toNano('1') });
        try {
            const prompt = 'Hello there. '.repeat(12);
            const { usage } = await stream(small, prompt, 1);
            expect(usage.prompt_tokens).toBeGreaterThan(32);
            const before = await small.report();
            const answer = openai(small).chat.completions.create(chat(prompt.repeat(3), 50));
            await expect(answer).rejects.toMatchObject({ status: 402, code: 'spending_cap' });
            const { signed, amount } = await small.report();
            expect(signed).toBeLessThanOrEqual(260_000n);
            expect(amount).toBe(before.amount);
            await small.setSpendingCap(toNano('0.5'));
            const retried = await openai(small).chat.completions.create(chat(prompt.repeat(3), 5));
            expect(retried.usage!.completion_tokens).toBeGreaterThan(0);
        } finally {
            await small.dispose();
        }
    });

    it('goes on where it was after the process and the worker were restarted', async () => {
        const first = await network.client({ storeName: 'resumed' });
        const before = await first.open({ deposit: toNano('1') });
        await stream(before, 'Hello', 10);
        const { signed, amount } = await before.report();
        await expect(first.resume(before.address)).rejects.toMatchObject({ code: 'session_in_use' });
        await before.dispose();
        await expect(before.request(`${before.baseURL}/models`)).rejects.toMatchObject({ code: 'session_not_open' });
        await network.restartWorker();

        const second = await network.client({ storeName: 'resumed' });
        const [address] = await second.openSessions();
        const after = await second.resume(address);
        try {
            expect((await after.report()).signed).toBe(signed);
            await stream(after, 'Hello', 10);
            const report = await after.report();
            expect(report.amount).toBeGreaterThan(amount);
            expect(report.transcripts).toEqual({ verified: 2, unverified: 0 });
        } finally {
            await after.dispose();
        }
    });

    it('plain reaches a worker of tier open, with receipts and the same text', async () => {
        const open = await network.client({ plain: true, storeName: 'plain' });
        const plain = await open.open({ deposit: toNano('1') });
        try {
            const sealed = await stream(session, 'Hello', 16);
            const unsealed = await stream(plain, 'Hello', 16);
            expect(unsealed.text).toBe(sealed.text);
            const whole = await openai(plain).chat.completions.create(chat('Hello', 16));
            expect(whole.choices[0].message.content).toBe(sealed.text);
            expect(await plain.report()).toMatchObject({ requests: 2, transcripts: { verified: 2, unverified: 0 } });
        } finally {
            await plain.dispose();
        }
    });
});

describe('the endpoint for other programs', () => {
    it('serves any OpenAI client, and nobody that should not', async () => {
        const endpoint = await startLocalEndpoint({ session, port: 0, localKey: 'secret', log: silentLogger });
        try {
            const local = new OpenAI({ baseURL: endpoint.url, apiKey: 'secret' });
            expect((await local.models.list()).data[0].id).toBe(session.model);
            const whole = await local.chat.completions.create(chat('Hello', 8));
            let text = '';
            for await (const event of await local.chat.completions.create({ ...chat('Hello', 8), stream: true })) {
                text += event.choices[0]?.delta.content ?? '';
            }
            expect(text).toBe(whole.choices[0].message.content);
            expect((await local.embeddings.create({ model: session.model, input: 'Hi' })).data).toHaveLength(1);

            const stranger = new OpenAI({ baseURL: endpoint.url, apiKey: 'guess', maxRetries: 0 });
            await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
            const url = `${endpoint.url}/chat/completions`;
            const body = JSON.stringify(chat('Hello', 8));
            const authorization = 'Bearer secret';
            const page = await fetch(
                url,
                { method: 'POST', headers: { authorization, 'content-type': 'text/plain' }, body },
            );
            expect(page.status).toBe(415);
            expect(await statusFor('attacker.example', endpoint.url)).toBe(403);
            const open = startLocalEndpoint({ session, host: '0.0.0.0', port: 0, log: silentLogger });
            await expect(open).rejects.toMatchObject({ code: 'invalid_option' });
        } finally {
            await endpoint.close();
        }
    });
});

describe('the end of a session', () => {
    it('gives back what was not used, and the provider what was', async () => {
        const owner = await network.client({ storeName: 'closing' });
        const closing = await owner.open({ deposit: toNano('1'), closeWindow: 900 });
        await stream(closing, 'Hello', 20);
        await closing.topUp(toNano('0.5'));
        const { amount, deposit } = await closing.report();
        expect(deposit).toBeGreaterThanOrEqual(toNano('1.5'));
        expect(deposit).toBeLessThan(toNano('1.55'));
        const chain = new Chain({ endpoint: network.devnet.endpoint });
        const { reserve } = (await readEscrow(chain, closing.address))!;
        expect(escrowReserve(await readChainPrices(chain))).toBe(reserve);
        const settlement = (await settlementDeployment(network.provider)).address;
        const earned = await network.devnet.balance(settlement);
        const held = await network.devnet.balance(network.devnet.wallets[1].address);

        const end = await closing.startClose();
        await expect(closing.finishClose()).rejects.toMatchObject({ code: 'too_early', details: { time: end } });
        await network.worker.settle();
        await network.devnet.increaseTime(901);
        await closing.finishClose();

        const returned = (await network.devnet.balance(network.devnet.wallets[1].address)) - held;
        expect(returned).toBeGreaterThan(toNano('1.45'));
        expect(returned).toBeLessThan(toNano('1.6'));
        expect(await network.devnet.balance(settlement)).toBeGreaterThan(earned - toNano('0.05'));
        expect(await network.devnet.balance(closing.address)).toBe(0n);
        expect((await closing.report()).remaining).toBe(0n);
        expect(amount).toBeGreaterThan(0n);
        await expect(owner.resume(closing.address)).rejects.toThrow('is closed');
        expect(await owner.openSessions()).toEqual([]);
    });

    it('that never began brings everything back: the provider rejected it', async () => {
        const chain = new Chain({ endpoint: network.devnet.endpoint });
        const { mnemonic, address } = network.devnet.wallets[2];
        const wallet = await Wallet.create({ mnemonic, version: 'v4r2' }, client.globalId);
        expect(wallet.address.equals(address)).toBe(true);
        const provider = await readProvider(chain, network.registry, 0n);
        const stale = { ...network.offer, minDeposit: network.offer.minDeposit + 1n };
        const policy = checkPolicy({ leastTier: 'open' });
        const opening = await planOpening(provider, stale, address, policy, { deposit: toNano('3') });
        const held = await network.devnet.balance(address);
        const error = await openEscrow(chain, wallet, opening, toNano('3')).catch((thrown: ClientError) => thrown);
        expect(error).toMatchObject({ code: 'session_rejected', details: { reason: 2 } });
        expect((error as ClientError).message).toContain("not, or no longer, one of the provider's");
        expect(held - (await network.devnet.balance(address))).toBeLessThan(toNano('0.05'));
    });

    it('that was deployed by a stranger and never opened can be reclaimed', async () => {
        const chain = new Chain({ endpoint: network.devnet.endpoint });
        const { mnemonic, address } = network.devnet.wallets[1];
        const wallet = await Wallet.create({ mnemonic, version: 'v4r2' }, client.globalId);
        const provider = await readProvider(chain, network.registry, 0n);
        const policy = checkPolicy({ leastTier: 'open' });
        const { deployment } = await planOpening(provider, network.offer, address, policy, { deposit: toNano('1') });
        const body = beginCell().endCell();
        await wallet.send(
            chain,
            { to: deployment.address, value: toNano('1'), body, init: deployment.init, bounce: false },
        );
        const held = await network.devnet.balance(address);
        await client.reclaim(deployment.address);
        expect((await network.devnet.balance(address)) - held).toBeGreaterThan(toNano('0.95'));
        await expect(client.reclaim(deployment.address)).rejects.toMatchObject({ code: 'session_not_open' });
    });
});

describe('an offer that changes under way', () => {
    it('does not touch an open session, and a new one gets the new price', async () => {
        const owner = network.devnet.wallets[0];
        const chain = network.devnet.client();
        const dearer = { ...network.offer, prices: { ...prices, completion: 2n * prices.completion } };
        await chain.open(
            Provider.Provider.fromAddress(network.provider),
        ).send(owner.sender(chain), { value: toNano('0.1') }, {
            $$type: 'UpdateOffers',
            queryId: 0n,
            remove: BigInt('0x' + packOffer(network.offer).hash().toString('hex')),
            add: packOffer(dearer),
        });
        expect((await stream(session, 'Hello', 5)).text.length).toBeGreaterThan(0);
        const stale = await client.find();
        expect(stale.offers).toEqual([]);
        expect(stale.skipped[0].reason).toContain('its worker does not serve the offer');
        await network.restartWorker();
        const { offers } = await client.find();
        expect(offers.map(({ offer }) => offer.prices.completion)).toEqual([2n * prices.completion]);
    });
});
