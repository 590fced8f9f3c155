import { estimateRequest } from '../src/session/estimate';
import { createAnswerText } from '../src/session/answer-text';

const chat = '/v1/chat/completions';

describe('an estimate', () => {
    it('allows as many prompt tokens as the request has bytes, and what templates add', () => {
        const messages = [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi' }];
        const estimate = estimateRequest(chat, { messages }, 100, 0);
        expect(estimate.promptTokens).toBe(100n + 96n + 16n * 3n);
        expect(estimateRequest(chat, { messages }, 200, 0).promptTokens).toBe(estimate.promptTokens + 100n);
    });

    it('knows the most tokens that may be generated, over all choices', () => {
        expect(estimateRequest(chat, { max_tokens: 10 }, 0, 0).completionLimit).toBe(10n);
        expect(
            estimateRequest(chat, { max_completion_tokens: 20, max_tokens: 10, n: 3 }, 0, 0).completionLimit,
        ).toBe(60n);
        expect(estimateRequest(chat, {}, 0, 0).completionLimit).toBeNull();
        expect(estimateRequest('/v1/embeddings', { input: ['a', 'b'] }, 0, 0).completionLimit).toBe(0n);
        expect(estimateRequest('/v1/completions', { prompt: 'x', max_tokens: 5 }, 0, 0).completionLimit).toBe(5n);
        // What a route does not know does not limit it; without a limit of its own it has OpenAI's.
        expect(estimateRequest('/v1/completions', { max_completion_tokens: 900 }, 0, 0).completionLimit).toBe(16n);
    });

    it('allows for what a template says of tools', () => {
        const messages = [{ role: 'user', content: 'Hello' }];
        const tool = { type: 'function', function: { name: 'f' } };
        const without = estimateRequest(chat, { messages, tools: [] }, 100, 0).promptTokens;
        expect(estimateRequest(chat, { messages, tools: [tool, tool] }, 100, 0).promptTokens).toBe(without + 512n + 32n);
    });

    it('allows for what does not show: ends, stop sequences, hidden reasoning', () => {
        expect(estimateRequest(chat, {}, 0, 0).invisibleTokens).toBe(16n);
        expect(
            estimateRequest(chat, { n: 2, stop: ['\n', 'END'] }, 0, 100).invisibleTokens,
        ).toBe(2n * (16n + 3n + 100n));
    });

    it('takes nonsense for what it is', () => {
        for (const body of [null, 7, 'text', [], { n: -1, max_tokens: 1.5, messages: 'x', stop: {} }]) {
            expect(estimateRequest(chat, body, 10, 0)).toMatchObject({ completionLimit: null, streams: false });
        }
        expect(
            estimateRequest(chat, { messages: [{ content: [{ type: 'image_url' }] }] }, 0, 0).promptTokens,
        ).toBeGreaterThan(4096n);
    });
});

describe('the text of an answer', () => {
    const event = (body: unknown) => Buffer.from(`data: ${JSON.stringify(body)}\n\n`);

    it('is counted in bytes, in every form in which a model writes', () => {
        const text = createAnswerText('text/event-stream; charset=utf-8');
        text.push(event({ choices: [{ delta: { role: 'assistant', content: 'Grüß' } }] }));
        expect(text.bytes).toBe(6n);
        text.push(event({ choices: [{ delta: { reasoning_content: 'abc' } }, { text: 'de' }] }));
        expect(text.bytes).toBe(11n);
        const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
        text.push(event({ choices: [{ delta: { tool_calls: [call] } }] }));
        // A call is framed by marks that its name and arguments do not show, each call once.
        expect(text.bytes).toBe(19n + 64n);
        text.push(event({ choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: '{}' } }] } }] }));
        expect(text.bytes).toBe(21n + 64n);
        text.push(event({ choices: [{ delta: { content: 'x' }, logprobs: { content: [{ token: 'long' }] } }] }));
        expect(text.bytes).toBe(22n + 64n);
        text.push(event({ choices: [], usage: { prompt_tokens: 10 } }));
        text.push(Buffer.from(': a comment\n\ndata: [DONE]\n\n'));
        expect(text.bytes).toBe(22n + 64n);
    });

    it('is counted however the bytes are cut', () => {
        const stream = Buffer.concat([
            event({ choices: [{ delta: { content: 'ä€😀' } }] }),
            Buffer.from(`data: ${JSON.stringify({ choices: [{ delta: { content: 'x' } }] })}\r\n\r\n`),
        ]);
        const text = createAnswerText('text/event-stream');
        for (const byte of stream) {
            text.push(Buffer.from([byte]));
        }
        expect(text.bytes).toBe(10n);
    });

    it('of an answer in one piece counts when it is complete', () => {
        const body = Buffer.from(
            JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'Hello', refusal: null } }] }),
        );
        const text = createAnswerText('application/json');
        text.push(body.subarray(0, 20));
        expect(text.bytes).toBe(0n);
        text.push(body.subarray(20));
        expect(text.bytes).toBe(5n);
    });

    it('includes the part that an error shows, and nothing of a body without choices', () => {
        const partial = createAnswerText('application/json');
        partial.push(
            Buffer.from(JSON.stringify({ error: { partial: { choices: [{ message: { content: 'Hel' } }] } } })),
        );
        expect(partial.bytes).toBe(3n);
        const embeddings = createAnswerText('application/json');
        embeddings.push(Buffer.from(JSON.stringify({ data: [{ embedding: 'AAAA' }] })));
        expect(embeddings.bytes).toBe(0n);
    });
});
