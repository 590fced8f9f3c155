import { NoTokens } from '@ton-compute/contracts';

import { TextEvent } from '../src';
import { AnswerFormatter, AnswerShape } from '../src/http/answer-formatter';
import { ChatShape } from '../src/http/chat-answer';
import { CompletionShape } from '../src/http/completion-answer';

const Used = { ...NoTokens, prompt: 3n, completion: 9n };

/** One step of an answer; all of them together are what vLLM sends for two calls. */
function step(event: Partial<TextEvent>): TextEvent {
    return { type: 'text', text: '', newTokens: 1, completionTokens: 1, ...event };
}

function call(index: number, rest: object): Partial<TextEvent> {
    return { extra: { tool_calls: [{ index, ...rest }] } };
}

const Calls = [
    { extra: { reasoning_content: 'Two ' } },
    { extra: { reasoning_content: 'calls.' } },
    call(0, { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }),
    call(0, { function: { arguments: '{"city":' } }),
    call(1, { id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } }),
    // Some servers repeat id and name.
    call(0, { id: 'call_a', function: { name: 'weather', arguments: '"Oslo"}' } }),
];

function whole(shape: AnswerShape, steps: Partial<TextEvent>[]) {
    const formatter = new AnswerFormatter(shape, 'm', 5, false);
    steps.forEach((event) => formatter.add(step(event)));
    return formatter.whole('tool_calls', Used) as { choices: Record<string, unknown>[] };
}

function events(shape: AnswerShape, steps: Partial<TextEvent>[]): Record<string, unknown>[] {
    const formatter = new AnswerFormatter(shape, 'm', 5, false);
    return steps
        .map((event) => formatter.event(step(event)))
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text.replace(/^data: /, '')).choices[0]);
}

describe('a chat answer', () => {
    it('of a stream passes on what the deltas bring, and the role once', () => {
        const choices = events(ChatShape, Calls);
        expect(choices[0].delta).toEqual({ role: 'assistant', content: null, reasoning_content: 'Two ' });
        expect(choices.slice(1).map(({ delta }) => delta)).toEqual(Calls.slice(1).map(({ extra }) => extra));
    });

    it('in one piece has whole calls in their order, whole reasoning, and no content if there was none', () => {
        const [{ message, finish_reason: reason }] = whole(ChatShape, Calls).choices;
        expect(reason).toBe('tool_calls');
        expect(message).toEqual({
            role: 'assistant',
            content: null,
            refusal: null,
            reasoning_content: 'Two calls.',
            tool_calls: [
                { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
                { id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } },
            ],
        });
    });

    it('keeps calls apart that come whole and without an index, and an old kind of call together', () => {
        const one = { id: 'a', function: { name: 'f', arguments: '{}' } };
        const two = { id: 'b', function: { name: 'g', arguments: '{}' } };
        const apart = whole(ChatShape, [{ extra: { tool_calls: [one] } }, { extra: { tool_calls: [two] } }]);
        expect(apart.choices[0].message).toMatchObject({ tool_calls: [one, two] });
        const old = [{ name: 'f', arguments: '{' }, { name: 'f', arguments: '}' }];
        expect(whole(ChatShape, old.map((piece) => ({ extra: { function_call: piece } }))).choices[0].message).toMatchObject({
            function_call: { name: 'f', arguments: '{}' },
        });
    });

    it('has a text, an empty one too, where nothing else came', () => {
        expect(whole(ChatShape, [{ text: 'He' }, { text: 'llo' }]).choices[0].message).toMatchObject({ content: 'Hello' });
        expect(whole(ChatShape, [{ extra: { refusal: null } }]).choices[0].message).toMatchObject({ content: '' });
        const both = whole(ChatShape, [{ text: 'Wait.' }, ...Calls]).choices[0].message;
        expect(both).toMatchObject({ content: 'Wait.', tool_calls: [{}, {}] });
    });

    it('has log probabilities beside delta and message, never in them', () => {
        const steps = ['a', 'b'].map((token) => ({
            text: token,
            choice: { logprobs: { content: [{ token, logprob: -1 }], refusal: null } },
        }));
        const choices = events(ChatShape, steps);
        expect(choices.map(({ logprobs }) => logprobs)).toEqual(steps.map(({ choice }) => choice.logprobs));
        expect(choices[1].delta).toEqual({ content: 'b' });
        const [choice] = whole(ChatShape, steps).choices;
        const content = [
            { token: 'a', logprob: -1 },
            { token: 'b', logprob: -1 },
        ];
        expect(choice).toMatchObject({ message: { content: 'ab' }, logprobs: { content, refusal: null } });
        expect(choice.message).not.toHaveProperty('logprobs');
    });
});

describe('a text answer', () => {
    const steps = [
        { text: 'a', choice: { logprobs: { tokens: ['a'], token_logprobs: [-1], text_offset: [0] } } },
        {},
        { text: 'b', choice: { logprobs: { tokens: ['b'], token_logprobs: [-2], text_offset: [1] } } },
    ];

    it('streams texts with their log probabilities, and nothing where nothing came', () => {
        expect(events(CompletionShape, steps)).toEqual(
            [steps[0], steps[2]].map(({ text, choice }) => ({ index: 0, text, ...choice, finish_reason: null })),
        );
    });

    it('in one piece has all of them', () => {
        expect(whole(CompletionShape, steps).choices[0]).toMatchObject({
            text: 'ab',
            logprobs: { tokens: ['a', 'b'], token_logprobs: [-1, -2], text_offset: [0, 1] },
        });
    });
});
