import { setTimeout as sleep } from 'node:timers/promises';
import { toNano } from '@ton/core';

import { Worker, WorkerConfigInput } from '../src';
import { TestClient } from './support/client';
import { TestNetwork } from './support/network';
import { DearOffer, TestOffer } from './support/offers';

const Question = 'What is a GPU?';
const Prompt = 13n * 100n;
const Token = 1000n;
const Full = 23n;

let network: TestNetwork;
let worker: Worker;

beforeAll(async () => {
    network = await TestNetwork.create();
    worker = await network.startWorker({
        limits: { voucherWaitSeconds: 0.6, queue: 2, drainSeconds: 5 },
        model: { slots: 2 },
    });
});
afterAll(() => network.close());

async function session(deposit?: bigint): Promise<TestClient> {
    const client = await network.openSession(deposit);
    client.url = worker.url;
    return client;
}

/** One after the other: they are opened from one wallet. */
async function sessions(count: number): Promise<TestClient[]> {
    const clients: TestClient[] = [];
    while (clients.length < count) {
        clients.push(await session());
    }
    return clients;
}

function contentOf(text: string): string {
    return text
        .split('\n\n')
        .filter((event) => event.startsWith('data: {'))
        .map((event) => JSON.parse(event.slice(6)).choices?.[0]?.delta.content ?? '')
        .join('');
}

/** Waits until something is true, looking ten times a second. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + 30_000;
    while (!(await condition())) {
        if (performance.now() > end) {
            throw new Error('It did not become true within 30 s.');
        }
        await sleep(20);
    }
}

/** Another worker of the same provider, after the one that runs was stopped. */
async function restart(changes: WorkerConfigInput): Promise<void> {
    await worker.close();
    worker = await network.startWorker(changes);
}

describe('Paying while the answer streams', () => {
    it.each([
        ['plain', false],
        ['sealed', true],
    ])(
        'the worker stops where the allowance ends, says so with a receipt, and goes on when more is signed, %s',
        async (_name, sealed) => {
            const client = await session();
            let paid = Prompt + 4n * Token;
            const pauses: bigint[] = [];
            const answer = await client.chat(
                Question,
                { stream: true },
                {
                    sealed,
                    pay: paid,
                    onReceipt: async (receipt) => {
                        expect(receipt.amount).toBeLessThanOrEqual(paid);
                        if (receipt.amount === paid) {
                            pauses.push(receipt.amount);
                            await sleep(100);
                            // Nothing was generated meanwhile: the engine is only asked for tokens that are paid for.
                            expect((await client.account()).spent).toBe(paid);
                            paid += 10n * Token;
                            await client.pay(paid);
                        }
                    },
                },
            );
            expect(contentOf(answer.text)).toBe(
                'A GPU is a processor that runs many simple operations at the same time.',
            );
            expect(pauses).toEqual([4n, 14n].map((tokens) => Prompt + tokens * Token));
            expect(answer.receipts.at(-1)?.amount).toBe(Prompt + Full * Token);
        },
    );

    it('ends the answer with insufficient_voucher when nothing comes, and what was produced is owed', async () => {
        const client = await session();
        const answer = await client.chat(Question, { stream: true }, { pay: Prompt + 4n * Token });
        expect(answer.status).toBe(200);
        const last = JSON.parse(answer.text.split('\n\n').at(-2)!.slice(6));
        expect(last.error).toMatchObject({
            code: 'insufficient_voucher',
            type: 'payment_error',
            owed: Token.toString(),
            required: (Prompt + 5n * Token).toString(),
            cumulative: (Prompt + 4n * Token).toString(),
        });
        expect(answer.text).not.toContain('[DONE]');
        expect(contentOf(answer.text)).toBe('A GPU is a');
        expect(answer.receipts.at(-1)).toMatchObject({
            tokens: { prompt: 13n, completion: 4n },
            amount: Prompt + 4n * Token,
        });
        expect(worker.stats().running).toBe(0);
    });

    it('gives away what was generated when an answer that is not streamed runs out of money', async () => {
        const client = await session();
        const answer = await client.chat(Question, {}, { pay: Prompt + 4n * Token });
        expect(answer.status).toBe(402);
        const { error } = JSON.parse(answer.text);
        expect(error).toMatchObject({ code: 'insufficient_voucher', required: (Prompt + 5n * Token).toString() });
        expect(error.partial.choices[0]).toMatchObject({ message: { content: 'A GPU is a' }, finish_reason: null });
        expect(answer.receipts[0].amount).toBe(Prompt + 4n * Token);
    });

    it('does not wait for a token that nobody needs: prompt and max_tokens are enough for a whole answer', async () => {
        const client = await session();
        const start = performance.now();
        const answer = await client.chat(Question, { max_tokens: 6 }, { pay: Prompt + 6n * Token });
        expect(answer.status).toBe(200);
        expect(performance.now() - start).toBeLessThan(900);
    });

    it('states its use whenever a quarter of what was left has been used', async () => {
        const client = await session();
        const answer = await client.chat(Question, { stream: true }, { pay: Prompt + Full * Token });
        const amounts = answer.receipts.map(({ amount }) => amount);
        const quarter = (Prompt + Full * Token) / 4n;
        expect(amounts.length).toBeGreaterThanOrEqual(4);
        amounts.reduce((before, amount) => {
            expect(amount - before).toBeLessThanOrEqual(quarter + Token);
            return amount;
        }, 0n);
        expect(answer.receipts.map(({ sequence }) => sequence)).toEqual(amounts.map((_, index) => index + 1));
    });

    it('ends with deposit_exhausted when the voucher is high enough but the escrow is not topped up', async () => {
        const open = async () => {
            const client = await network.openSession(toNano('0.5'), { offer: DearOffer });
            client.url = worker.url;
            return client;
        };
        const poor = await open();
        const cut = await poor.chat(Question, { stream: true }, { pay: toNano('100') });
        expect(JSON.parse(cut.text.split('\n\n').at(-2)!.slice(6)).error.code).toBe('deposit_exhausted');
        expect(cut.receipts.at(-1)?.tokens.completion).toBe(3n);

        const rescued = await open();
        let toppedUp = false;
        const whole = await rescued.chat(
            Question,
            { stream: true },
            {
                pay: toNano('100'),
                onReceipt: async (receipt) => {
                    if (!toppedUp && receipt.tokens.completion === 3n) {
                        toppedUp = true;
                        await rescued.topUp(toNano('3'));
                    }
                },
            },
        );
        expect(whole.receipts.at(-1)?.tokens.completion).toBe(Full);
        expect(whole.text).toContain('[DONE]');
    });
});

describe('A client that hangs up', () => {
    it.each([
        ['stream', true],
        ['whole', false],
    ])('stops the engine and owes what was produced until then (%s)', async (_name, stream) => {
        const client = await session();
        const abort = new AbortController();
        const answer = client.chat(Question, { stream }, { pay: Prompt + 5n * Token, signal: abort.signal });
        await until(async () => (await client.account()).spent === Prompt + 5n * Token);
        expect(worker.stats().running).toBe(1);
        abort.abort();
        await expect(answer).rejects.toThrow(/abort/i);
        await until(() => worker.stats().running === 0);
        await client.pay(Prompt + 50n * Token);
        await until(async () => (await client.account()).receipt?.transcriptHash !== 0n);
        // The voucher came too late to make the engine go on.
        expect(await client.account()).toMatchObject({
            spent: Prompt + 5n * Token,
            receipt: { tokens: { prompt: 13n, completion: 5n }, amount: Prompt + 5n * Token },
        });
    });

    it('owes nothing when it hangs up while it waits for a slot', async () => {
        const holders = [await session(), await session()];
        const held = holders.map((client) => client.chat(Question, { stream: true }, { pay: Prompt + 2n * Token }));
        await until(() => worker.stats().running === 2);
        const late = await session();
        const abort = new AbortController();
        const answer = late.chat(Question, {}, { pay: toNano('0.1'), signal: abort.signal });
        await until(() => worker.stats().waiting === 1);
        abort.abort();
        await expect(answer).rejects.toThrow(/abort/i);
        await until(() => worker.stats().waiting === 0);
        await Promise.all(held);
        expect(await late.account()).toMatchObject({ spent: 0n, receipt: null });
    });
});

describe('Several requests at once', () => {
    it('never use more together than the session allows, and all are served when it is enough', async () => {
        const client = await session();
        const paid = 2n * (Prompt + 3n * Token);
        await client.pay(paid);
        const answers = await Promise.all([1, 2, 3, 4].map(() => client.chat(Question)));
        const account = await client.account();
        expect(account.spent).toBeLessThanOrEqual(paid);
        // Two prompts and one token each fit at the start; what fits later depends on what the others have reserved.
        expect(answers.filter(({ status }) => status === 402).length).toBe(4);
        expect(account.spent).toBeGreaterThan(Prompt + 3n * Token);

        await client.pay(toNano('1'));
        const more = await Promise.all([1, 2, 3, 4].map(() => client.chat(Question)));
        expect(more.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
        expect((await client.account()).spent).toBe(account.spent + 4n * (Prompt + Full * Token));
        const sequences = [...answers, ...more].flatMap(({ receipts }) => receipts.map(({ sequence }) => sequence));
        expect(new Set(sequences).size).toBe(sequences.length);
    });

    it('wait in a bounded queue; beyond it they are refused with the time after which to try again', async () => {
        const clients = await sessions(5);
        // Two hold the slots because they wait for vouchers, two wait for slots.
        const served = clients.slice(0, 4).map((client) => client.chat(Question, {}, { pay: Prompt + 2n * Token }));
        await until(() => worker.stats().running === 2 && worker.stats().waiting === 2);
        const refused = await clients[4].chat(Question, {}, { pay: toNano('0.1') });
        expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([429, 'overloaded']);
        expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
        await Promise.all(served);
        expect((await clients[4].chat(Question, {}, { pay: toNano('0.1') })).status).toBe(200);
    });
});

describe('Vouchers', () => {
    it('count by their amount, in whatever order they arrive', async () => {
        const client = await session();
        await Promise.all([7n, 3n, 9n, 1n, 8n].map((amount) => client.pay(amount * Token)));
        expect((await client.account()).cumulative).toBe(9n * Token);
    });

    it('of another session are worth nothing here', async () => {
        const [mine, other] = [await session(), await session()];
        const response = await mine.pay(0n, other.voucher(toNano('1')));
        expect(response.status).toBe(402);
        expect((await mine.account()).cumulative).toBe(0n);
    });

    it('count up to what the escrow holds', async () => {
        const client = await session(toNano('0.3'));
        await client.pay(toNano('1000'));
        const { allowance, claimable, cumulative } = await client.account();
        expect(cumulative).toBe(toNano('1000'));
        expect(allowance).toBe(claimable);
        expect(claimable).toBeLessThan(toNano('0.3'));
        expect(claimable).toBeGreaterThan(toNano('0.29'));
    });
});

describe('A worker that is started again', () => {
    it('remembers vouchers, use, receipts and what must not be sent twice', async () => {
        const client = await session();
        const validUntil = Math.floor(Date.now() / 1000) + 120;
        await client.chat(Question, {}, { pay: toNano('0.5'), validUntil });
        const before = await client.account();
        await restart({});
        client.url = worker.url;
        // Its last act was to claim; nothing else has changed.
        const { claimed, claimable, session: _, ...rest } = await client.account();
        expect(claimed).toBe(toNano('0.5'));
        expect(before.claimable - claimable - claimed).toBeLessThan(100n); // rent
        expect(before).toMatchObject(rest);
        expect((await client.chat(Question, {}, { validUntil, pay: toNano('0.5') })).status).toBe(409);
        const answer = await client.chat(Question);
        expect(answer.receipts[0]).toMatchObject({ sequence: before.receipt!.sequence + 1, amount: before.spent * 2n });
    });

    it('serves only sealed requests if it is told to', async () => {
        await restart({ provider: { plain: false } });
        const client = await session();
        const plain = await client.chat(Question, {}, { pay: toNano('0.5') });
        expect([plain.status, JSON.parse(plain.text).error.code]).toEqual([403, 'plain_refused']);
        expect((await client.chat(Question, {}, { pay: toNano('0.5'), sealed: true })).status).toBe(200);
    });

    it('ends answers that take too long, and what was produced is owed', async () => {
        await restart({ limits: { totalSeconds: 1, voucherWaitSeconds: 5, drainSeconds: 5 } });
        const client = await session();
        const answer = await client.chat(Question, { stream: true }, { pay: Prompt + 2n * Token });
        const { error } = JSON.parse(answer.text.split('\n\n').at(-2)!.slice(6));
        expect(error).toMatchObject({ code: 'engine_failed', message: expect.stringContaining('longer than the 1 s') });
        expect((await client.account()).spent).toBe(Prompt + 2n * Token);
    });

    it('finishes what runs when it is stopped, refuses what is new, and ends what takes too long', async () => {
        await restart({ limits: { voucherWaitSeconds: 8, drainSeconds: 2.5 } });
        const [patient, stuck, late] = await sessions(3);
        const finished = patient.chat(Question, { stream: true }, { pay: Prompt + 2n * Token });
        const ended = stuck.chat(Question, { stream: true }, { pay: Prompt + 2n * Token });
        await until(() => worker.stats().running === 2);
        await until(async () => (await stuck.account()).spent === Prompt + 2n * Token);
        const closing = worker.close();
        await late.account().catch(() => null);
        const refused = await late.chat(Question, {}, { pay: toNano('0.1') });
        expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([503, 'draining']);
        expect((await fetch(`${worker.url}/health`)).status).toBe(503);
        await patient.pay(toNano('0.1'));
        expect((await finished).text).toContain('[DONE]');
        expect((await ended).text).toContain('"code":"draining"');
        await closing;
        await expect(fetch(`${worker.url}/health`)).rejects.toThrow();
    });
});

it('the offers of the test are what the figures above assume', () => {
    expect([TestOffer.prices.prompt, TestOffer.prices.completion]).toEqual([100_000_000n, 1_000_000_000n]);
});
