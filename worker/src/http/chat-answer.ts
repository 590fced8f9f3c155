import { AnswerShape } from './answer-formatter';

/** Chat completions: the answer is a message, which a stream sends in deltas. */
export const ChatShape: AnswerShape = {
    idPrefix: 'chatcmpl',
    eventObject: 'chat.completion.chunk',
    wholeObject: 'chat.completion',

    step({ text, extra, choice }, first) {
        if (text === '' && extra === undefined && choice === undefined && !first) {
            return null;
        }
        const role = first ? { role: 'assistant' } : {};
        // Where a delta brings something else, an empty text would only look like an answer.
        const content = text !== '' || extra === undefined ? { content: text } : first ? { content: null } : {};
        return { ...choice, delta: { ...extra, ...role, ...content } };
    },

    last: () => ({ delta: {} }),

    whole({ text, extra, choice }) {
        const silent = text === '' && Object.values(extra).some((value) => value !== null);
        const message = { refusal: null, ...extra, role: 'assistant', content: silent ? null : text };
        return { logprobs: null, ...choice, message };
    },
};
