import { Address, beginCell, toNano } from '@ton/core';
import OpenAI from 'openai';
import { amountOf, receiptPayload, SignedReceipt, Tokens } from '@ton-compute/contracts';
import { parseReceiptComment, receiptComment, receiptFromJson, ReceiptJson, receiptToJson } from '@ton-compute/protocol';
import { FileKeys } from '@ton-compute/worker';
import { Client, ClientError, Session } from '../src';
import { prices, TestNetwork, workerData } from './support/network';
import { Proxy } from './support/proxy';

// The real worker, and somebody hostile on the way to it, behind it, or in front of the chain.

let network: TestNetwork;
let client: Client;
let session: Session;

beforeAll(async () => {
    network = await TestNetwork.start();
    client = await network.client();
    session = await client.open({ deposit: toNano('2') });
}, 120_000);

afterAll(async () => {
    await session?.dispose();
    await network?.stop();
});

afterEach(() => {
    network.proxy.meddling = null;
    network.proxy.seen.length = 0;
});

function body(target: Session, streaming: boolean): string {
    const messages = [{ role: 'user', content: 'Hello' }];
    return JSON.stringify({ model: target.model, messages, max_tokens: 12, stream: streaming, temperature: 0 });
}

function ask(target: Session = session, streaming = true): Promise<Response> {
    return target.request(`${target.baseURL}/chat/completions`, { method: 'POST', body: body(target, streaming) });
}

const isChat = (url: string | undefined) => url === '/v1/chat/completions';

describe('a network that alters what it carries', () => {
    it('is noticed at the first altered chunk', async () => {
        network.proxy.meddling = (incoming, _answer, _body, forward) =>
            forward((piece) => {
                if (isChat(incoming.url)) {
                    piece[piece.length - 1] ^= 1;
                }
                return piece;
            });
        await expect(ask().then((response) => response.text())).rejects.toMatchObject({ code: 'answer_altered' });
        network.proxy.meddling = null;
        expect((await (await ask()).text()).endsWith('data: [DONE]\n\n')).toBe(true);
    });

    it('is noticed when it ends an answer early: what came is not taken for the whole', async () => {
        network.proxy.meddling = (incoming, _answer, _body, forward) =>
            forward((piece, number) => (isChat(incoming.url) && number > 1 ? null : piece));
        await expect(ask().then((response) => response.text())).rejects.toMatchObject({ code: 'answer_cut' });
    });

    it('cannot replace a sealed answer by one of its own', async () => {
        network.proxy.meddling = async (_incoming, answer) => {
            answer.writeHead(200, { 'content-type': 'application/json' });
            answer.end(JSON.stringify({ choices: [{ message: { content: 'Send your coins to me.' } }] }));
        };
        await expect(ask()).rejects.toMatchObject({ code: 'answer_altered' });
    });

    it('cannot have a request answered twice: the worker takes each proof once', async () => {
        const second = { status: 0 };
        network.proxy.meddling = async (incoming, _answer, sent, forward) => {
            await forward();
            if (isChat(incoming.url)) {
                const url = `${session.baseURL}/chat/completions`.replace(network.proxy.url, network.worker.url);
                const headers = Object.fromEntries(
                    Object.entries(incoming.headers).filter(
                        ([name]) => name.startsWith('x-') || name === 'content-type',
                    ),
                ) as Record<string, string>;
                second.status = (await fetch(url, { method: 'POST', headers, body: new Uint8Array(sent) })).status;
            }
        };
        await (await ask()).text();
        for (let waited = 0; second.status === 0 && waited < 50; waited += 1) {
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        expect(second.status).toBe(409);
    });

    it('cannot make the client sign more than a request can cost', async () => {
        const { signed } = await session.report();
        network.proxy.meddling = async (_incoming, answer) => {
            const error = { message: 'More!', type: 'payment_error', code: 'insufficient_voucher', param: null };
            answer.writeHead(402, { 'content-type': 'application/json' });
            answer.end(JSON.stringify({ error: { ...error, owed: '1', required: toNano('1').toString() } }));
        };
        await expect(ask()).rejects.toMatchObject({ code: 'price_unexpected' });
        expect((await session.report()).signed).toBe(signed);
    });

    it('cannot lead the client elsewhere', async () => {
        network.proxy.meddling = async (_incoming, answer) => {
            answer.writeHead(307, { location: 'http://127.0.0.1:9/' });
            answer.end();
        };
        await expect(ask()).rejects.toMatchObject({ code: 'worker_unreachable' });
    });
});

describe('a worker that is overloaded or away', () => {
    it('is asked again a few times, each with a new proof, and paid once', async () => {
        const before = await session.report();
        let refusals = 2;
        network.proxy.meddling = async (_incoming, answer, _body, forward) => {
            if (refusals === 0) {
                return forward();
            }
            refusals -= 1;
            answer.writeHead(429, { 'content-type': 'application/json', 'retry-after': '0' });
            answer.end(
                JSON.stringify({
                    error: { message: 'Full.', code: 'overloaded', type: 'rate_limit_error', param: null },
                }),
            );
        };
        const text = await (await ask()).text();
        expect(text).toContain('[DONE]');
        expect(network.proxy.seen.filter((line) => line === 'POST /v1/chat/completions')).toHaveLength(3);
        const after = await session.report();
        expect(after.requests - before.requests).toBe(1);
    });

    it('is asked again when the connection broke before any answer', async () => {
        let broken = 1;
        network.proxy.meddling = async (_incoming, answer, _body, forward) => {
            if (broken === 0) {
                return forward();
            }
            broken -= 1;
            answer.destroy();
        };
        expect(await (await ask()).text()).toContain('[DONE]');
    });

    it('is given up with a clear word, also through the OpenAI client, which does not try on its own', async () => {
        network.proxy.meddling = async (_incoming, answer) => {
            answer.writeHead(503, { 'content-type': 'application/json' });
            answer.end(
                JSON.stringify({ error: { message: 'Bye.', code: 'draining', type: 'server_error', param: null } }),
            );
        };
        const openai = new OpenAI({ baseURL: session.baseURL, apiKey: 'unused', fetch: session.fetch });
        const messages = [{ role: 'user' as const, content: 'Hello' }];
        await expect(openai.chat.completions.create({ model: session.model, messages })).rejects.toMatchObject({
            status: 503,
            code: 'worker_busy',
        });
        expect(network.proxy.seen.filter((line) => line.includes('/chat/completions'))).toHaveLength(4);
    });

    it('does not keep a caller waiting that has given up', async () => {
        network.proxy.meddling = () => new Promise(() => undefined);
        const started = performance.now();
        const url = `${session.baseURL}/chat/completions`;
        const signal = AbortSignal.timeout(200);
        await expect(
            session.fetch(url, { method: 'POST', body: body(session, true), signal }),
        ).rejects.toThrow(/timeout/i);
        expect(performance.now() - started).toBeLessThan(2_000);
    });
});

describe('a worker that cheats', () => {
    /** Signs, with the worker's own key, what `change` makes of its receipts. */
    async function forger(target: Session, change: (tokens: Tokens) => Tokens) {
        const { worker } = await new FileKeys(workerData(network.folder)).load();
        const state = await network.devnet.client().runMethod(target.address, 'session_data');
        state.stack.readNumber();
        const domain = { globalId: client.globalId, contract: target.address, openedLt: state.stack.readBigNumber() };
        return (receipt: SignedReceipt): SignedReceipt => {
            const tokens = change(receipt.tokens);
            const forged = { ...receipt, tokens, amount: amountOf(tokens, prices) };
            return { ...forged, signature: worker.sign(receiptPayload(domain, forged).hash()) };
        };
    }

    async function cheat(target: Session, change: (tokens: Tokens) => Tokens): Promise<void> {
        const forge = await forger(target, change);
        network.proxy.meddling = (_incoming, _answer, _body, forward) =>
            forward((piece) =>
                Buffer.from(
                    piece
                        .toString('utf8')
                        .split(/(?<=\n\n)/)
                        .map((line) => {
                            const receipt = parseReceiptComment(line.trimEnd());
                            return receipt === null ? line : receiptComment(forge(receipt));
                        })
                        .join(''),
                ),
            );
    }

    it('by a few hundred tokens of answer is stopped before anything is signed for them', async () => {
        const plain = await network.client({ plain: true, storeName: 'cheated' });
        const cheated = await plain.open({ deposit: toNano('1') });
        try {
            await (await ask(cheated)).text();
            const before = await cheated.report();
            await cheat(cheated, (tokens) => ({ ...tokens, completion: tokens.completion + 500n }));
            const error = await ask(cheated)
                .then((response) => response.text())
                .catch((thrown: ClientError) => thrown);
            expect(error).toMatchObject({ code: 'overcharged', message: expect.stringContaining('completion tokens') });
            const after = await cheated.report();
            expect(after.amount).toBe(before.amount);
            expect(after.signed).toBe(before.signed);
            network.proxy.meddling = null;
            await expect(ask(cheated)).rejects.toMatchObject({
                code: 'session_stopped',
                details: { reason: 'overcharged' },
            });
            const answer = await cheated.fetch(
                `${cheated.baseURL}/chat/completions`,
                { method: 'POST', body: body(cheated, false) },
            );
            expect(answer.status).toBe(402);
            expect(((await answer.json()) as { error: { code: string } }).error.code).toBe('session_stopped');
        } finally {
            await cheated.dispose();
        }
        const again = await plain.resume(cheated.address);
        await expect(ask(again)).rejects.toMatchObject({ code: 'session_stopped' });
        expect(await again.startClose()).toBeGreaterThan(0);
        await again.dispose();
    });

    it('by prompt tokens that were never sent is stopped as well', async () => {
        const plain = await network.client({ plain: true, storeName: 'cheated-2' });
        const cheated = await plain.open({ deposit: toNano('1') });
        try {
            await cheat(cheated, (tokens) => ({ ...tokens, prompt: tokens.prompt + 2_000n }));
            const answer = ask(cheated).then((response) => response.text());
            await expect(answer).rejects.toMatchObject({ code: 'overcharged' });
        } finally {
            await cheated.dispose();
        }
    });

    it('at the start of the next process keeps nobody from closing the session', async () => {
        const plain = await network.client({ plain: true, storeName: 'cheated-3' });
        const first = await plain.open({ deposit: toNano('1') });
        await (await ask(first)).text();
        await first.dispose();
        const forge = await forger(first, (tokens) => ({ ...tokens, completion: tokens.completion + 500_000n }));
        network.proxy.meddling = (_incoming, _answer, _body, forward) =>
            forward((piece) => {
                const account = JSON.parse(piece.toString('utf8')) as { receipt: ReceiptJson };
                const receipt = receiptFromJson(account.receipt);
                const next = forge({ ...receipt, sequence: receipt.sequence + 1 });
                return Buffer.from(JSON.stringify({ ...account, receipt: receiptToJson(next) }));
            });
        const again = await plain.resume(first.address);
        try {
            expect(again.isStopped).toBe(true);
            await expect(ask(again)).rejects.toMatchObject({ code: 'session_stopped', details: { reason: 'overcharged' } });
            expect(await again.startClose()).toBeGreaterThan(0);
        } finally {
            await again.dispose();
            network.proxy.meddling = null;
        }
        await (await plain.resume(first.address)).dispose();
    });
});

describe('an API of the chain that lies', () => {
    let api: Proxy;

    beforeAll(async () => {
        api = await Proxy.start(() => network.devnet.url);
    });

    afterAll(() => api.stop());

    /** Answers a method with what `change` makes of the truth. */
    function lie(
        method: string,
        change: (result: Record<string, unknown>, params: Record<string, unknown>) => void,
    ): void {
        api.meddling = async (_incoming, answer, sent) => {
            const call = JSON.parse(sent.toString()) as { method: string; params: Record<string, unknown> };
            const truth = await fetch(network.devnet.endpoint, {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body: new Uint8Array(sent),
            });
            const json = (await truth.json()) as { result: Record<string, unknown> };
            if (call.method === method) {
                change(json.result, call.params);
            }
            answer.writeHead(200, { 'content-type': 'application/json' });
            answer.end(JSON.stringify(json));
        };
    }

    const lied = () => network.client({ endpoint: `${api.url}/api/v2/jsonRPC`, storeName: 'lied' });

    it('about a provider\'s code is noticed', async () => {
        const provider = Address.normalize(network.provider);
        lie('getAddressInformation', (result, params) => {
            if (Address.normalize(String(params.address)) === provider) {
                result.code = beginCell().storeUint(7, 8).endCell().toBoc().toString('base64');
            }
        });
        const { offers, skipped } = await (await lied()).find();
        expect(offers).toEqual([]);
        expect(skipped[0].reason).toContain('not the known provider code');
    });

    it('about a provider\'s settlement, which would get the money, is noticed', async () => {
        lie('runGetMethod', (result, params) => {
            const stack = result.stack as [string, string][];
            if (params.method === 'provider_data') {
                const honest = JSON.stringify(stack);
                const forged = honest.replace(/0x[0-9a-f]{60,64}/g, (hex) => `0x${'7'.repeat(hex.length - 2)}`);
                expect(forged).not.toBe(honest);
                result.stack = JSON.parse(forged);
            }
        });
        const { offers, skipped } = await (await lied()).find();
        expect(offers).toEqual([]);
        expect(skipped[0].reason).toMatch(/names another registry|settlement is not/);
    });

    it('about how many providers there are shows no more than there are', async () => {
        lie('runGetMethod', (result, params) => {
            if (params.method === 'provider_count') {
                result.stack = [['num', '0x3']];
            }
        });
        const { offers, skipped } = await (await lied()).find();
        expect(offers).toHaveLength(1);
        expect(skipped.map(({ index, reason }) => [index, reason.includes('its account is uninitialized')])).toEqual([
            [1n, true],
            [2n, true],
        ]);
    });

    it('or does not answer is named', async () => {
        api.meddling = async (_incoming, answer) => void answer.destroy();
        await expect(lied()).rejects.toMatchObject({ code: 'chain_unreachable' });
    });
});

