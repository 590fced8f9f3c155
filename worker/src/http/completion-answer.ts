import { AnswerShape } from './answer-formatter';

/** Text completions: the answer is a text, and events look like whole answers. There are no deltas to extend. */
export const CompletionShape: AnswerShape = {
    idPrefix: 'cmpl',
    eventObject: 'text_completion',
    wholeObject: 'text_completion',
    step: ({ text, choice }) => (text === '' && choice === undefined ? null : { logprobs: null, ...choice, text }),
    last: () => ({ logprobs: null, text: '' }),
    whole: ({ text, choice }) => ({ logprobs: null, ...choice, text }),
};
