import { WireError } from '../wire-error';

/** A part of the budget that an item holds. */
export type Share = {
    /** Most tokens of its answer. */
    completionTokens: number;
    /** Gives back what was not used, of prompt and answer. */
    release(promptTokens: number, completionTokens: number): void;
};

/** The tokens that the terms of a job pay for: items cannot make the worker do more. */
export class TokenBudget {
    /** @param prompt tokens that are left. @param completion tokens that are left. */
    constructor(
        private prompt: number,
        private completion: number,
    ) {}

    /**
     * @param most tokens of the answer that the item could use; it may get fewer.
     * @throws {WireError} invalid_request when the prompt, or one token of an answer, is not paid for any more.
     */
    take(promptTokens: number, most: number): Share {
        if (promptTokens > this.prompt) {
            throw exceeded('prompt', promptTokens, this.prompt);
        }
        if (most > 0 && this.completion < 1) {
            throw exceeded('completion', 1, 0);
        }
        const completionTokens = Math.min(most, this.completion);
        this.prompt -= promptTokens;
        this.completion -= completionTokens;
        const release = (usedPrompt: number, usedCompletion: number) => {
            this.prompt += promptTokens - usedPrompt;
            this.completion += completionTokens - usedCompletion;
        };
        return { completionTokens, release };
    }
}

function exceeded(what: string, needed: number, left: number): WireError {
    return new WireError(
        'invalid_request',
        `The terms of the job leave ${left} ${what} tokens, the item needs ${needed}. Post the next job with larger bounds.`,
    );
}
