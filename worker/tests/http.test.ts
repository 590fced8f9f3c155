import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, toNano } from '@ton/core';
import OpenAI from 'openai';
import {
    ContentType,
    encodeVoucher,
    generateEncryptionKeyPair,
    HeaderName,
    offersFromJson,
    ReceiptChain,
    sealRequest,
} from '@ton-compute/protocol';

import type { Worker } from '../src';
import { createLogger } from '../src/logger';
import { TinyModelHash } from './engine/tiny-model';
import { Answer, CallOptions, TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { DearOffer, TestOffer } from './support/offers';

const Question = 'What is a GPU?';
const Reply = 'A GPU is a processor that runs many simple operations at the same time.';
/** 13 tokens of prompt and 23 of answer at the prices of TestOffer. */
const Cost = 13n * 100n + 23n * 1000n;

let network: TestNetwork;
let worker: Worker;
let client: TestClient;
let logs = '';

beforeAll(async () => {
    network = await TestNetwork.create();
    const output = new Writable({ write: (chunk, _encoding, done) => ((logs += chunk), done()) });
    worker = await network.startWorker({}, { logger: createLogger('trace', 'json', output) });
    client = await network.openSession();
    client.url = worker.url;
    await client.pay(toNano('1'));
});
afterAll(() => network.close());

function hash(text: string): Buffer {
    return createHash('sha256').update(text).digest();
}

/** Checks the receipts of an answer as a client does: signature, growth, price, transcript. */
class Auditor {
    readonly chain = new ReceiptChain(client.signingDomain, network.keys.worker.publicKey, TestOffer.prices);

    check(body: unknown, answer: Answer): void {
        const last = answer.receipts.at(-1);
        for (const receipt of answer.receipts) {
            expect(this.chain.add(receipt)).toBe('new');
            if (receipt !== last) {
                this.chain.markInterim(receipt.sequence);
            }
        }
        const exchange = { requestHash: hash(JSON.stringify(body)), answerHash: hash(answer.text) };
        expect(this.chain.markFinal(last!.sequence, exchange)).toBe('verified');
    }
}

/** Data of the events of a stream. */
function events(
    text: string,
): { choices: { delta: { content?: string }; finish_reason: string | null }[]; usage?: unknown }[] {
    const data = text
        .split('\n\n')
        .filter((event) => event !== '')
        .map((event) => event.replace(/^data: /, ''));
    expect(data.pop()).toBe('[DONE]');
    return data.map((item) => JSON.parse(item));
}

describe('A chat completion', () => {
    it.each([
        ['plain and whole', false, false],
        ['plain and streamed', false, true],
        ['sealed and whole', true, false],
        ['sealed and streamed', true, true],
    ])('is the same %s, and its receipts cover exactly what was sent', async (_name, sealed, stream) => {
        client = await network.openSession();
        client.url = worker.url;
        await client.pay(toNano('0.5'));
        const auditor = new Auditor();
        for (let round = 1n; round <= 2n; round += 1n) {
            const body = {
                model: 'tiny-chat',
                messages: [{ role: 'user', content: Question }],
                temperature: 0,
                stream,
            };
            const answer = await client.call('/v1/chat/completions', body, { sealed });
            expect([answer.status, answer.sealed]).toEqual([200, sealed]);
            expect(answer.headers['content-type']).toBe(
                stream ? 'text/event-stream; charset=utf-8' : 'application/json; charset=utf-8',
            );
            const text = stream
                ? events(answer.text)
                      .map(({ choices }) => choices[0].delta.content ?? '')
                      .join('')
                : JSON.parse(answer.text).choices[0].message.content;
            expect(text).toBe(Reply);
            auditor.check(body, answer);
            expect(answer.receipts.at(-1)).toMatchObject({
                tokens: { prompt: 13n * round, cached: 0n, completion: 23n * round, reasoning: 0n },
                amount: Cost * round,
            });
        }
        const account = await client.account();
        expect([account.spent, account.cumulative, account.allowance]).toEqual([
            2n * Cost,
            toNano('0.5'),
            toNano('0.5'),
        ]);
        expect(account.receipt).toEqual(auditor.chain.newest);
    });

    it('shows usage as OpenAI does, in a stream only if it is asked for', async () => {
        const whole = JSON.parse((await client.chat(Question)).text);
        const usage = {
            prompt_tokens: 13,
            completion_tokens: 23,
            total_tokens: 36,
            prompt_tokens_details: { cached_tokens: 0 },
            completion_tokens_details: { reasoning_tokens: 0 },
        };
        expect(whole.usage).toEqual(usage);
        const asked = events(
            (await client.chat(Question, { stream: true, stream_options: { include_usage: true } })).text,
        );
        expect(asked.at(-1)).toMatchObject({ choices: [], usage });
        expect(asked.slice(0, -1).every((event) => event.usage === null)).toBe(true);
        const dropped = events((await client.chat(Question, { stream: true })).text);
        expect(dropped.some((event) => 'usage' in event)).toBe(false);
        expect(dropped.at(-1)?.choices[0].finish_reason).toBe('stop');
    });

    it('ends where the client wants it to end', async () => {
        const cut = JSON.parse((await client.chat(Question, { max_completion_tokens: 4 })).text);
        expect(cut.choices[0].finish_reason).toBe('length');
        expect(cut.usage.completion_tokens).toBe(4);
        const stopped = JSON.parse((await client.chat(Question, { stop: ' simple' })).text);
        expect(stopped.choices[0]).toMatchObject({
            message: { content: 'A GPU is a processor that runs many' },
            finish_reason: 'stop',
        });
    });

    it('accepts what clients of OpenAI send along, if it asks for nothing', async () => {
        const fields = {
            n: 1,
            tools: [],
            tool_choice: 'auto',
            response_format: { type: 'text' },
            user: 'u',
            store: false,
            logprobs: false,
        };
        expect((await client.chat(Question, fields)).status).toBe(200);
        const parts = {
            messages: [
                { role: 'developer', content: 'Be brief.' },
                { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
            ],
        };
        expect((await client.chat('', { ...parts, max_tokens: 2 })).status).toBe(200);
    });
});

describe('A text completion', () => {
    /** What the chat template of the model makes of the question, so that the same answer follows. */
    const prompt = `<|im_start|>user\n${Question}<|im_end|>\n<|im_start|>assistant\n`;

    it.each([
        ['plain and whole', false, false],
        ['plain and streamed', false, true],
        ['sealed and whole', true, false],
        ['sealed and streamed', true, true],
    ])('continues a prompt %s, and its receipt covers exactly what was sent', async (_name, sealed, stream) => {
        client = await network.openSession();
        client.url = worker.url;
        await client.pay(toNano('0.5'));
        const body = { model: 'tiny-chat', prompt: [prompt], temperature: 0, max_tokens: 64, stream };
        const answer = await client.call('/v1/completions', body, { sealed });
        expect([answer.status, answer.sealed]).toEqual([200, sealed]);
        const parts = stream ? completionEvents(answer.text) : [JSON.parse(answer.text)];
        expect(parts.map(({ choices }) => choices[0].text).join('')).toBe(Reply);
        expect(parts.at(-1)).toMatchObject({
            id: expect.stringMatching(/^cmpl-/),
            object: 'text_completion',
            model: 'tiny-chat',
            choices: [{ index: 0, logprobs: null, finish_reason: 'stop' }],
        });
        expect(parts.some((part) => 'usage' in part)).toBe(!stream);
        new Auditor().check(body, answer);
        expect(answer.receipts.at(-1)?.amount).toBe(Cost);
    });

    it('has 16 tokens unless it asks for more, and shows usage in a stream if it asks for that', async () => {
        const body = { model: 'tiny-chat', prompt, temperature: 0, n: 1, best_of: 1, echo: false, suffix: null };
        const whole = JSON.parse((await client.call('/v1/completions', body)).text);
        expect([whole.choices[0].finish_reason, whole.usage.completion_tokens]).toEqual(['length', 16]);
        const options = { stream: true, stream_options: { include_usage: true } };
        const asked = completionEvents((await client.call('/v1/completions', { ...body, ...options })).text);
        expect(asked.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    });

    function completionEvents(text: string) {
        return events(text) as unknown as { choices: { text: string; finish_reason: string | null }[]; usage?: unknown }[];
    }
});

describe("OpenAI's own client", () => {
    function openai(sealed: boolean): OpenAI {
        return new OpenAI({
            baseURL: `${worker.url}/v1`,
            apiKey: 'ignored',
            maxRetries: 0,
            fetch: async (input, init) => {
                const path = new URL(String(input)).pathname;
                const answer = await client.call(path, String(init?.body), {
                    sealed,
                    headers: { authorization: 'Bearer ignored' },
                });
                return new Response(answer.text, {
                    status: answer.status,
                    headers: { 'content-type': answer.headers['content-type'] },
                });
            },
        });
    }

    it.each([
        ['plain', false],
        ['sealed', true],
    ])('chats, streams and embeds, %s', async (_name, sealed) => {
        const api = openai(sealed);
        const messages = [{ role: 'user' as const, content: Question }];
        const whole = await api.chat.completions.create({ model: 'tiny-chat', messages, temperature: 0 });
        expect(whole.choices[0].message.content).toBe(Reply);
        let text = '';
        for await (const chunk of await api.chat.completions.create({
            model: 'tiny-chat',
            messages,
            temperature: 0,
            stream: true,
        })) {
            text += chunk.choices[0]?.delta.content ?? '';
        }
        expect(text).toBe(Reply);
        const input = ['invoice', 'library'];
        // The client asks for base64 by itself and turns it into numbers.
        const implicit = await api.embeddings.create({ model: 'tiny-chat', input });
        const floats = await api.embeddings.create({ model: 'tiny-chat', input, encoding_format: 'float' });
        expect(implicit.data.map(({ embedding }) => embedding.length)).toEqual([128, 128]);
        implicit.data.forEach(({ embedding }, index) =>
            embedding.forEach((value, place) => expect(value).toBeCloseTo(floats.data[index].embedding[place], 6)),
        );
        expect(floats.usage.prompt_tokens).toBe(floats.usage.total_tokens);
        expect(floats.usage.prompt_tokens).toBeGreaterThan(1);
    });

    it('understands a refusal', async () => {
        const refused = openai(false).chat.completions.create({
            model: 'gpt-4',
            messages: [{ role: 'user', content: 'x' }],
        });
        await expect(refused).rejects.toMatchObject({
            status: 404,
            code: 'model_not_found',
            type: 'not_found_error',
            param: 'model',
        });
    });

    it('lists the model', async () => {
        const api = new OpenAI({ baseURL: `${worker.url}/v1`, apiKey: 'ignored' });
        expect((await api.models.list()).data).toMatchObject([{ id: 'tiny-chat', object: 'model' }]);
        expect(await api.models.retrieve('tiny-chat')).toMatchObject({ id: 'tiny-chat', object: 'model' });
        await expect(api.models.retrieve('org/gpt-4')).rejects.toMatchObject({ status: 404, param: 'model' });
    });
});

describe('A body that is not right', () => {
    const secret = 'xylophone';
    it.each<[string, unknown, string | null]>([
        ['no JSON', `{"messages": "${secret}`, null],
        ['a list', [secret], null],
        ['no model', { model: undefined }, 'model'],
        ['a model that is no text', { model: 5 }, 'model'],
        ['no messages', { messages: undefined }, 'messages'],
        ['empty messages', { messages: [] }, 'messages'],
        ['an unknown role', { messages: [{ role: secret, content: 'x' }] }, 'messages[0].role'],
        ['what a tool said to nobody', { messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id'],
        ['what a tool said', { messages: [{ role: 'tool', content: 'x', tool_call_id: secret }] }, 'tool_call_id'],
        ['an assistant that says nothing', { messages: [{ role: 'assistant', content: null }] }, 'messages[0].content'],
        ['a part without a type', { messages: [{ role: 'user', content: [{ text: 'x' }] }] }, 'messages[0].content'],
        ['a text that is none', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0]'],
        ['no content', { messages: [{ role: 'user' }] }, 'messages[0].content'],
        [
            'content that is a number',
            {
                messages: [
                    { role: 'user', content: 'a' },
                    { role: 'user', content: 3 },
                ],
            },
            'messages[1].content',
        ],
        [
            'an image',
            { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: secret } }] }] },
            'messages',
        ],
        ['tool calls', { messages: [{ role: 'assistant', content: null, tool_calls: [{}] }] }, 'tool_calls'],
        ['a call that is none', { messages: [{ role: 'assistant', tool_calls: [1] }] }, 'messages[0].tool_calls[0]'],
        ['several answers', { n: 2 }, 'n'],
        ['tools', { tools: [{ type: 'function', function: { name: secret } }] }, 'tools'],
        ['a JSON schema', { response_format: { type: 'json_object' } }, 'response_format'],
        ['log probabilities', { logprobs: true }, 'logprobs'],
        ['a field that nobody knows', { frobnicate: secret }, 'frobnicate'],
        ['work that no token counts', { best_of: 5 }, 'best_of'],
        ['a whole vocabulary', { logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
        ['tools that are none', { tools: 'all' }, 'tools'],
        ['max_tokens of 0', { max_tokens: 0 }, 'max_tokens'],
        ['max_tokens of half a token', { max_tokens: 1.5 }, 'max_tokens'],
        ['max_completion_tokens as text', { max_completion_tokens: '5' }, 'max_completion_tokens'],
        ['a temperature above 2', { temperature: 2.1 }, 'temperature'],
        ['top_p of 0', { top_p: 0 }, 'top_p'],
        ['a penalty out of range', { presence_penalty: -3 }, 'presence_penalty'],
        ['an empty stop', { stop: '' }, 'stop'],
        ['17 stops', { stop: Array(17).fill('a') }, 'stop'],
        ['stream as text', { stream: 'yes' }, 'stream'],
        ['include_usage as text', { stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'],
        ['a seed with decimals', { seed: 0.5 }, 'seed'],
    ])('%s is refused with its field, free of charge, and never quoted', async (_name, fields, param) => {
        const before = await client.account();
        const body =
            typeof fields === 'string' || Array.isArray(fields)
                ? fields
                : { model: 'tiny-chat', messages: [{ role: 'user', content: secret }], ...(fields as object) };
        const answer = await client.call('/v1/chat/completions', body);
        expect(answer.status).toBe(400);
        expect(JSON.parse(answer.text).error).toMatchObject({
            type: 'invalid_request_error',
            code: 'invalid_request',
            param,
        });
        expect(answer.text).not.toContain(secret);
        expect(answer.receipts).toEqual([]);
        expect((await client.account()).spent).toBe(before.spent);
    });

    it.each<[string, Record<string, unknown>, string]>([
        ['no input', { input: undefined }, 'input'],
        ['an empty input', { input: '' }, 'input'],
        ['tokens', { input: [[1, 2]] }, 'input'],
        ['an unknown encoding', { encoding_format: 'int8' }, 'encoding_format'],
        ['other dimensions', { dimensions: 64 }, 'dimensions'],
    ])('%s is refused as an embedding', async (_name, fields, param) => {
        const answer = await client.call('/v1/embeddings', { model: 'tiny-chat', input: 'x', ...fields });
        expect([answer.status, JSON.parse(answer.text).error.param]).toEqual([400, param]);
    });

    it.each<[string, Record<string, unknown>, string]>([
        ['no prompt', { prompt: undefined }, 'prompt'],
        ['an empty prompt', { prompt: '' }, 'prompt'],
        ['several prompts', { prompt: ['a', 'b'] }, 'prompt'],
        ['tokens', { prompt: [1, 2] }, 'prompt'],
        ['several answers', { n: 2 }, 'n'],
        ['the best of several', { best_of: 2 }, 'best_of'],
        ['the prompt once more', { echo: true }, 'echo'],
        ['a text before a suffix', { suffix: secret }, 'suffix'],
        ['log probabilities', { logprobs: 0 }, 'logprobs'],
        ['too many of them', { logprobs: 6 }, 'logprobs'],
        ['messages', { messages: [] }, 'messages'],
        ['max_completion_tokens', { max_completion_tokens: 5 }, 'max_completion_tokens'],
    ])('%s is refused as a text completion, free of charge', async (_name, fields, param) => {
        const { spent } = await client.account();
        const answer = await client.call('/v1/completions', { model: 'tiny-chat', prompt: secret, ...fields });
        expect([answer.status, JSON.parse(answer.text).error.param, answer.receipts]).toEqual([400, param, []]);
        expect(answer.text).not.toContain(secret);
        expect((await client.account()).spent).toBe(spent);
    });

    it('says both lengths of a prompt that is too long', async () => {
        const answer = await client.chat('GPU '.repeat(300));
        expect(answer.status).toBe(400);
        const { code, message } = JSON.parse(answer.text).error;
        expect(code).toBe('context_length_exceeded');
        expect(message).toMatch(/^The input has \d{3} tokens, but the model's context holds 256 /);
    });

    it('is refused sealed when it came sealed', async () => {
        const answer = await client.chat('x', { n: 2 }, { sealed: true });
        expect([answer.sealed, answer.status, JSON.parse(answer.text).error.param]).toEqual([true, 400, 'n']);
    });
});

describe('A request that its session does not vouch for', () => {
    const minute = () => Math.floor(Date.now() / 1000) + 60;
    const stranger = Address.parse(`0:${'12'.repeat(32)}`);

    async function refusal(options: CallOptions, act = client) {
        const answer = await act.chat(Question, {}, options);
        return { status: answer.status, ...JSON.parse(answer.text).error };
    }

    it.each<[string, () => CallOptions, number, string, string | null]>([
        [
            'without a session',
            () => ({ headers: { [HeaderName.Session]: null } }),
            400,
            'invalid_request',
            HeaderName.Session,
        ],
        [
            'with a session that is no address',
            () => ({ headers: { [HeaderName.Session]: 'EQ...' } }),
            400,
            'invalid_request',
            HeaderName.Session,
        ],
        ['without a proof', () => ({ headers: { [HeaderName.Proof]: null } }), 401, 'invalid_proof', HeaderName.Proof],
        [
            'with a proof that is none',
            () => ({ headers: { [HeaderName.Proof]: 'yes' } }),
            400,
            'invalid_request',
            HeaderName.Proof,
        ],
        [
            'with a proof that has expired',
            () => ({ validUntil: minute() - 120 }),
            401,
            'invalid_proof',
            HeaderName.Proof,
        ],
        ['with a proof for too long', () => ({ validUntil: minute() + 300 }), 401, 'invalid_proof', HeaderName.Proof],
        [
            'with the proof of other bytes',
            () => ({ headers: client.headers('POST', '/v1/chat/completions', Buffer.from('{}')) }),
            401,
            'invalid_proof',
            HeaderName.Proof,
        ],
        [
            'with the proof of another path',
            () => ({ headers: client.headers('POST', '/v1/embeddings', Buffer.from('{}')) }),
            401,
            'invalid_proof',
            HeaderName.Proof,
        ],
        [
            'with a voucher that is none',
            () => ({ headers: { [HeaderName.Voucher]: 'AAAA' } }),
            400,
            'invalid_request',
            HeaderName.Voucher,
        ],
        [
            'with a voucher of another key',
            () => ({
                headers: {
                    [HeaderName.Voucher]: encodeVoucher({
                        ...client.voucher(toNano('5')),
                        signature: Buffer.alloc(64, 3),
                    }),
                },
            }),
            402,
            'invalid_voucher',
            null,
        ],
        [
            'with a content type that nobody knows',
            () => ({ headers: { 'content-type': 'text/plain' } }),
            400,
            'invalid_request',
            'content-type',
        ],
        [
            'with a session that does not exist',
            () => ({ headers: { [HeaderName.Session]: stranger.toRawString() } }),
            404,
            'unknown_session',
            null,
        ],
        [
            'with a contract that is no session',
            () => ({ headers: { [HeaderName.Session]: network.provider.toRawString() } }),
            404,
            'unknown_session',
            null,
        ],
    ])('%s is refused', async (_name, options, status, code, param) => {
        expect(await refusal(options())).toMatchObject({ status, code, param });
    });

    it('is refused when it comes a second time, also after its first answer', async () => {
        const validUntil = minute();
        expect((await client.chat(Question, { max_tokens: 1 }, { validUntil })).status).toBe(200);
        const again = await client.chat(Question, { max_tokens: 1 }, { validUntil });
        expect([again.status, JSON.parse(again.text).error.code]).toEqual([409, 'replayed_request']);
        expect(again.headers['x-should-retry']).toBe('false');
        expect((await client.chat(Question, { max_tokens: 1 }, { validUntil: validUntil + 1 })).status).toBe(200);
    });

    it('is refused when the same sealed bytes come under a new proof', async () => {
        const body = JSON.stringify({
            model: 'tiny-chat',
            messages: [{ role: 'user', content: Question }],
            max_tokens: 1,
        });
        const path = '/v1/chat/completions';
        const { bytes } = await sealed(path, body);
        const send = (validUntil: number) =>
            fetch(`${worker.url}${path}`, {
                method: 'POST',
                body: new Uint8Array(bytes),
                headers: client.headers('POST', path, bytes, { sealed: true, validUntil }),
            });
        expect((await send(minute())).status).toBe(200);
        const second = await send(minute() + 5);
        expect(second.status).toBe(409);
        expect((await second.json()).error.code).toBe('replayed_request');
    });

    function sealed(path: string, body: string, changes: { escrow?: Address; encryptionKey?: Buffer } = {}) {
        return sealRequest({
            encryptionKey: changes.encryptionKey ?? network.keys.encryption.publicKey,
            context: {
                globalId: -3,
                provider: network.provider,
                escrow: changes.escrow ?? client.address,
                model: TestOffer.model,
            },
            method: 'POST',
            path,
            body: Buffer.from(body),
        });
    }

    it.each<[string, () => Promise<Uint8Array>]>([
        [
            'to another key',
            async () =>
                (
                    await sealed('/v1/chat/completions', '{}', {
                        encryptionKey: (await generateEncryptionKeyPair()).publicKey,
                    })
                ).bytes,
        ],
        ['for another session', async () => (await sealed('/v1/chat/completions', '{}', { escrow: stranger })).bytes],
        ['for another path', async () => (await sealed('/v1/embeddings', '{}')).bytes],
        ['by nobody', async () => Buffer.alloc(64, 9)],
        ['in no bytes at all', async () => Buffer.alloc(0)],
    ])('is refused when it was sealed %s', async (_name, seal) => {
        const bytes = await seal();
        const path = '/v1/chat/completions';
        const response = await fetch(`${worker.url}${path}`, {
            method: 'POST',
            body: new Uint8Array(bytes),
            headers: client.headers('POST', path, bytes, { sealed: true }),
        });
        expect([response.status, (await response.json()).error.code]).toEqual([400, 'cannot_open']);
    });

    it('is refused with what is owed, and served with exactly that', async () => {
        const poor = await network.openSession();
        poor.url = worker.url;
        const need = 13n * 100n + 1000n;
        expect(await refusal({}, poor)).toMatchObject({
            status: 402,
            code: 'insufficient_voucher',
            owed: need.toString(),
            required: need.toString(),
            cumulative: '0',
        });
        expect(await refusal({ pay: need - 1n }, poor)).toMatchObject({
            owed: '1',
            required: need.toString(),
            cumulative: (need - 1n).toString(),
        });
        const answer = await poor.chat(Question, { max_tokens: 1 }, { pay: need });
        expect([answer.status, answer.receipts[0].amount]).toEqual([200, need]);
    });

    it('is refused when the deposit is used up, until it is topped up', async () => {
        const poor = await network.openSession(toNano('0.2'), { offer: DearOffer });
        poor.url = worker.url;
        const { claimable } = await poor.account();
        const required = 13n * toNano('0.01') + toNano('0.1');
        expect(await refusal({ pay: toNano('100') }, poor)).toMatchObject({
            status: 402,
            code: 'deposit_exhausted',
            claimable: claimable.toString(),
            required: required.toString(),
        });
        await poor.topUp(required - claimable + toNano('0.01'));
        // A reading of the chain is at most two seconds old when it is the reason for a refusal.
        let answer = await poor.chat(Question, { max_tokens: 1 });
        while (answer.status === 402) {
            await sleep(200);
            answer = await poor.chat(Question, { max_tokens: 1 });
        }
        expect(answer.status).toBe(200);
        expect((await poor.account()).spent).toBe(required);
    });
});

describe('The server', () => {
    it('tells who it is and what it offers', async () => {
        const offers = offersFromJson(await (await fetch(`${worker.url}/offer`)).json());
        expect(offers.provider.toRawString()).toBe(network.provider.toRawString());
        expect(offers.registry.toRawString()).toBe(network.registry.toRawString());
        expect([offers.globalId, offers.offers.length]).toEqual([-3, 2]);
        expect(offers.offers).toContainEqual(
            expect.objectContaining({ name: 'tiny-chat', contextLength: 256, terms: TestOffer }),
        );
        expect(offers.offers[0].terms.model.toString('hex')).toBe(TinyModelHash);
        expect(await (await fetch(`${worker.url}/health`)).json()).toMatchObject({
            status: 'ok',
            slots: 4,
            reasons: [],
        });
        const attestation = await fetch(`${worker.url}/attestation`);
        expect(attestation.status).toBe(404);
        expect(await attestation.json()).toMatchObject({
            error: { code: 'not_found', message: expect.stringContaining('tier open: there is no enclave') as string },
        });
    });

    it('lets pages of other origins call it', async () => {
        const response = await fetch(`${worker.url}/v1/chat/completions`, {
            method: 'OPTIONS',
            headers: {
                origin: 'https://app.example',
                'access-control-request-method': 'POST',
                'access-control-request-headers': HeaderName.Proof,
            },
        });
        expect(response.status).toBe(204);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        const answer = await client.chat(Question, { max_tokens: 1 });
        expect(answer.headers['access-control-expose-headers']).toContain(HeaderName.Receipt);
    });

    it('gives every request a name of its own, also inside a sealed answer', async () => {
        const names: (string | null)[] = [(await fetch(`${worker.url}/health`)).headers.get('x-request-id')];
        for (const sealed of [false, true]) {
            for (const stream of [false, true]) {
                const answer = await client.chat(Question, { max_tokens: 1, stream }, { sealed });
                names.push(answer.headers['x-request-id']);
            }
        }
        names.push((await client.chat(Question, { n: 2 })).headers['x-request-id']);
        expect(names).toEqual(names.map(() => expect.stringMatching(/^req_[0-9a-f]{32}$/)));
        expect(new Set(names).size).toBe(names.length);
    });

    it.each<[string, RequestInit & { path: string }, number, string]>([
        ['an unknown path', { path: '/v2/nothing' }, 404, 'not_found'],
        [
            'a body that is too large',
            {
                path: '/v1/chat/completions',
                method: 'POST',
                headers: { 'content-type': ContentType.Json },
                body: 'x'.repeat(4_194_305),
            },
            413,
            'request_too_large',
        ],
        ['a session that is no address', { path: '/v1/sessions/abc' }, 400, 'invalid_request'],
        ['a session that does not exist', { path: `/v1/sessions/0:${'34'.repeat(32)}` }, 404, 'unknown_session'],
    ])('answers %s in the form of OpenAI', async (_name, { path, ...init }, status, code) => {
        const response = await fetch(`${worker.url}${path}`, init);
        expect(response.status).toBe(status);
        expect((await response.json()).error).toMatchObject({
            code,
            message: expect.any(String),
            type: expect.any(String),
        });
    });

    it.each<[string, unknown, number, string]>([
        ['no voucher', {}, 400, 'invalid_request'],
        ['no JSON', 'voucher', 400, 'invalid_request'],
        ['a voucher that is none', { voucher: 'AAAA' }, 400, 'invalid_request'],
    ])('refuses %s', async (_name, body, status, code) => {
        const response = await fetch(`${worker.url}/v1/sessions/${client.address.toRawString()}/vouchers`, {
            method: 'POST',
            body: typeof body === 'string' ? body : JSON.stringify(body),
        });
        expect([response.status, (await response.json()).error.code]).toEqual([status, code]);
    });

    it('refuses a voucher of another key, and shrugs at lower and repeated ones', async () => {
        const forged = await client.pay(0n, { ...client.voucher(toNano('9')), signature: Buffer.alloc(64, 1) });
        expect([forged.status, (await forged.json()).error.code]).toEqual([402, 'invalid_voucher']);
        const { cumulative } = await client.account();
        expect((await (await client.pay(cumulative)).json()).cumulative).toBe(cumulative.toString());
        expect((await (await client.pay(cumulative - 5n)).json()).cumulative).toBe(cumulative.toString());
        expect((await (await client.pay(cumulative + 5n)).json()).cumulative).toBe((cumulative + 5n).toString());
    });

    it('keeps prompts and answers out of logs, metrics and the disk', async () => {
        const word = 'Ozymandias';
        await client.chat(`Write a message to ${word} to ask for the budget by Friday.`, { user: word });
        await client.chat(`Draft a message to thank ${word} for the cake.`, { stream: true }, { sealed: true });
        await client.chat(`${word} `.repeat(200));
        const answer = JSON.parse((await client.chat(Question)).text).choices[0].message.content as string;
        const metrics = await (await fetch(`${worker.url}/metrics`)).text();
        expect(metrics).toMatch(/ton_compute_tokens_total\{class="completion"\} \d{3}/);
        expect(metrics).toMatch(/ton_compute_requests_total\{route="\/v1\/chat\/completions",status="200"\} \d+/);
        expect(metrics).toMatch(/ton_compute_errors_total\{code="insufficient_voucher"\} \d+/);
        expect(metrics).toMatch(/ton_compute_fee_float_ton [1-9]/);
        const disk = readdirSync(network.directory)
            .filter((name) => !name.endsWith('.sock'))
            .map((name) => readFileSync(join(network.directory, name), 'latin1'));
        expect(disk.join('').length).toBeGreaterThan(10_000);
        expect(logs).toContain('/v1/chat/completions');
        for (const place of [logs, metrics, ...disk]) {
            expect(place).not.toContain(word);
            expect(place).not.toContain(answer);
            expect(place).not.toContain('same time');
        }
        expect(metrics).not.toContain(client.address.toRawString());
        expect(metrics).not.toContain(client.address.hash.toString('hex'));
    });
});
