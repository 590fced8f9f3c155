import { Address } from '@ton/core';
import { SignedReceipt } from '@ton-compute/contracts';
import {
    encodeReceipt,
    generateEncryptionKeyPair,
    openRequest,
    receiptComment,
    receiptToJson,
    sealRequest,
} from '@ton-compute/protocol';
import { AnswerEvent, answerEvents } from '../src/session/answer-events';
import { openRecord, receiptOf } from './support/session';

let receipt: SignedReceipt;

beforeAll(async () => {
    receipt = receiptOf(await openRecord(), 1, { prompt: 5n });
});

/** @returns a response whose body comes in pieces of `size` bytes. */
function response(text: string | Uint8Array, size: number, headers: Record<string, string>, status = 200): Response {
    const bytes = Buffer.from(text as string);
    const body = new ReadableStream<Uint8Array>({
        start(controller) {
            for (let start = 0; start < bytes.length; start += size) {
                controller.enqueue(new Uint8Array(bytes.subarray(start, start + size)));
            }
            controller.close();
        },
    });
    return new Response(body, { status, headers });
}

async function collect(events: AsyncIterable<AnswerEvent>) {
    const all: AnswerEvent[] = [];
    for await (const event of events) {
        all.push(event);
    }
    const text = Buffer.concat(
        all.map((event) => (event.kind === 'body' ? event.bytes : Buffer.alloc(0))),
    ).toString('utf8');
    return { all, text, kinds: all.map(({ kind }) => kind).filter((kind, index, kinds) => kind !== kinds[index - 1]) };
}

const sse = { 'content-type': 'text/event-stream; charset=utf-8', 'x-other': '1', connection: 'close' };

describe('a plain event stream', () => {
    it('gives back its events byte by byte, without the receipts, however it is cut', async () => {
        const events = ['data: {"a":"ä"}\n\n', ': a comment\n\n', 'data: {"b":2}\r\n\r\n', 'data: [DONE]\n\n'];
        const comment = receiptComment(receipt);
        const stream = events[0] + comment + events[1] + events[2] + comment + events[3] + 'tail';
        for (const size of [1, 2, 7, 10_000]) {
            const { all, text, kinds } = await collect(answerEvents(response(stream, size, sse), null));
            expect(text).toBe(events.join('') + 'tail');
            expect(kinds).toEqual(['head', 'body', 'receipt', 'body', 'receipt', 'body', 'end']);
            expect(all.filter(({ kind }) => kind === 'receipt')).toEqual([
                { kind: 'receipt', receipt },
                { kind: 'receipt', receipt },
            ]);
            expect(all[0]).toEqual({
                kind: 'head',
                status: 200,
                headers: { 'content-type': sse['content-type'], 'x-other': '1' },
            });
        }
    });

    it('with a receipt that is none is not believed', async () => {
        const stream = answerEvents(response(': receipt nonsense\n\n', 100, sse), null);
        await expect(collect(stream)).rejects.toMatchObject({ code: 'bad_receipt' });
    });
});

describe('a plain answer in one piece', () => {
    it('brings its receipt after the body, and keeps the header to itself', async () => {
        const headers = { 'content-type': 'application/json', 'x-session-receipt': encodeReceipt(receipt) };
        const { all, text, kinds } = await collect(answerEvents(response('{"a":1}', 3, headers), null));
        expect(text).toBe('{"a":1}');
        expect(kinds).toEqual(['head', 'body', 'receipt', 'end']);
        expect(all[0]).toEqual({ kind: 'head', status: 200, headers: { 'content-type': 'application/json' } });
    });
});

describe('the answer of a sealed request', () => {
    const context = {
        globalId: -3,
        provider: new Address(0, Buffer.alloc(32, 1)),
        escrow: new Address(0, Buffer.alloc(32, 2)),
        model: Buffer.alloc(32, 3),
    };

    async function exchange() {
        const keyPair = await generateEncryptionKeyPair();
        const target = { context, method: 'POST', path: '/v1/chat/completions' };
        const { bytes, opener } = await sealRequest({
            ...target,
            encryptionKey: keyPair.publicKey,
            body: Buffer.from('{}'),
        });
        const { sealer } = await openRequest({ ...target, keyPair, bytes });
        return { opener, sealer };
    }

    const sealed = { 'content-type': 'application/vnd.ton-compute.sealed-stream' };

    it('has the head, body and receipts that were sealed', async () => {
        const { opener, sealer } = await exchange();
        const stream = Buffer.concat([
            sealer.head(201, { 'content-type': 'application/json', 'content-length': '5' }),
            sealer.body(Buffer.from('hello')),
            sealer.receipt(receiptToJson(receipt)),
            sealer.end(),
        ]);
        const { all, text } = await collect(answerEvents(response(stream, 50, sealed), opener));
        expect(text).toBe('hello');
        expect(all[0]).toEqual({ kind: 'head', status: 201, headers: { 'content-type': 'application/json' } });
        expect(all[2]).toEqual({ kind: 'receipt', receipt });
    });

    it('that was cut or is not sealed at all is refused, but a plain error is read', async () => {
        const { opener, sealer } = await exchange();
        const head = sealer.head(200, {});
        await expect(
            collect(answerEvents(response(head, 50, sealed), opener)),
        ).rejects.toMatchObject({ code: 'answer_cut' });
        const json = { 'content-type': 'application/json' };
        const other = (await exchange()).opener;
        await expect(
            collect(answerEvents(response('{}', 9, json), other)),
        ).rejects.toMatchObject({ code: 'answer_altered' });
        const { text, all } = await collect(answerEvents(response('{"error":1}', 9, json, 401), other));
        expect(text).toBe('{"error":1}');
        expect(all[0]).toMatchObject({ status: 401 });
    });
});
