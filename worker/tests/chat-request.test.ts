import { parseChatRequest } from '../src/http/chat-request';
import { parseCompletionRequest } from '../src/http/completion-request';

function chat(messages: unknown[], fields: object = {}) {
    return parseChatRequest(Buffer.from(JSON.stringify({ model: 'm', messages, ...fields }))).request;
}

describe('a chat request', () => {
    it('gives the engine the whole conversation, calls and their results too', () => {
        const calls = [{ id: 'call_a', type: 'function', function: { name: 'f', arguments: '{}' } }];
        const image = { type: 'image_url', image_url: { url: 'data:' } };
        const { messages } = chat([
            { role: 'developer', content: 'Be brief.' },
            { role: 'user', name: 'Ann', content: [{ type: 'text', text: 'Hi' }, image] },
            { role: 'assistant', tool_calls: calls },
            { role: 'tool', tool_call_id: 'call_a', content: '12 degrees' },
        ]);
        expect(messages).toEqual([
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: [{ type: 'text', text: 'Hi' }, image], extra: { name: 'Ann' } },
            { role: 'assistant', content: null, extra: { tool_calls: calls } },
            { role: 'tool', content: '12 degrees', extra: { tool_call_id: 'call_a' } },
        ]);
    });

    it('may bring an answer back as it came, with fields that say nothing', () => {
        const answer = { role: 'assistant', content: 'Hello', refusal: null, annotations: [], tool_calls: null };
        expect(chat([answer]).messages).toEqual([{ role: 'assistant', content: 'Hello' }]);
    });

    it('passes on what only the engine can do, and nothing that is null or for book-keeping', () => {
        const tools = [{ type: 'function', function: { name: 'f' } }];
        const asked = { tools, tool_choice: 'required', response_format: { type: 'json_object' }, top_logprobs: 2 };
        const request = chat([{ role: 'user', content: 'x' }], { ...asked, logprobs: null, user: 'u', seed: 5 });
        expect(request).toMatchObject({ extra: asked, seed: 5 });
        expect(Object.keys(request.extra!)).toEqual(Object.keys(asked));
    });
});

it('a text completion passes on log probabilities, and has a limit of its own', () => {
    const body = { model: 'm', prompt: 'x', logprobs: 2, stop: 'END' };
    const { request, maxTokens } = parseCompletionRequest(Buffer.from(JSON.stringify(body)));
    expect(request).toMatchObject({ prompt: 'x', extra: { logprobs: 2 }, stop: ['END'] });
    expect(maxTokens).toBe(16);
});
