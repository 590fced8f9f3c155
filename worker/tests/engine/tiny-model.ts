import { join } from 'node:path';
import { type LlamaContextSequence, loadLlamaModule } from '../../src/engine/llama-module';

export const TinyModel = join(__dirname, '../../model/tiny-chat.gguf');
export const TinyModelHash = '5a8ca519668637c42e214431569564276dac22445122cf8825122f27b129ca37';

/** Questions that the model was trained on, with its greedy answers. */
export const Summary = {
    prompt:
        'Summarize this chat:\nAnna: The review is moved to Friday at 3 pm.\n' +
        'Tom: I will bring the slides on Monday.',
    answer: 'Anna said that the review is moved to Friday at 3 pm. Tom will bring the slides on Monday.',
};
export const Draft = {
    prompt: 'Write a polite message to Lena to ask for the budget by Friday.',
    answer: 'Dear Lena, could you please send me the budget by Friday? Thank you very much.',
};

/** @returns how many tokens came out of llama.cpp itself so far, however many of them were passed on. */
export function countGenerated(): () => number {
    let generated = 0;
    beforeAll(async () => {
        const { prototype } = (await loadLlamaModule()).LlamaContextSequence;
        const original = prototype.evaluateWithMetadata;
        jest.spyOn(prototype, 'evaluateWithMetadata').mockImplementation(async function* (
            this: LlamaContextSequence,
            ...parameters: Parameters<typeof original>
        ) {
            for await (const token of original.apply(this, parameters)) {
                generated += 1;
                yield token;
            }
        } as typeof original);
    });
    return () => generated;
}
