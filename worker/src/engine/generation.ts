import type { ChatEvent, EndEvent, FinishReason, GenerateOptions, SamplingParameters, TextEvent } from './engine';
import { AbortedError, EngineError, EngineFailedError } from './errors';
import type { LlamaModel, Token } from './llama-module';
import type { RenderedPrompt } from './prompt';
import { samplingOptions } from './sampling';
import type { Slot } from './slot';
import type { SlotPool } from './slots';
import { IncrementalDecoder, StopStrings } from './text-stream';

/** What all requests of an engine share. */
export type GenerationResources = {
    readonly model: LlamaModel;
    readonly slots: SlotPool<Slot>;
    /** Prompt and answer together, in tokens. */
    readonly contextLength: number;
    /** Tokens of a prompt that are evaluated between two looks at the abort signal. */
    readonly batchSize: number;
};

/**
 * One request from its place in the queue to its last event.
 *
 * `evaluate` of node-llama-cpp is a generator that computes a token when it is asked for one, and this is a generator
 * over it: so the consumer's `next()` is the only thing that makes the model work, and there is no buffer in between.
 */
export class Generation {
    private readonly generated: Token[] = [];
    private readonly decoder: IncrementalDecoder<Token>;
    private readonly stopStrings: StopStrings;
    private readonly limit: number;
    private promptEvaluated = 0;
    private slot: Slot | undefined;
    private source: AsyncGenerator<{ token: Token }, void> | undefined;
    /** True while the model works for this request, when its slot must not be taken away. */
    private working = false;
    private aborted = false;
    private readonly whenAborted: Promise<void>;
    private markAborted: () => void = () => undefined;

    constructor(
        private readonly resources: GenerationResources,
        private readonly prompt: RenderedPrompt,
        private readonly request: SamplingParameters,
        private readonly options: GenerateOptions,
    ) {
        const { model, contextLength } = resources;
        this.limit = Math.min(request.maxTokens ?? Infinity, contextLength - prompt.tokens.length);
        this.decoder = new IncrementalDecoder((tokens, previous) => model.detokenize(tokens, false, previous));
        this.stopStrings = new StopStrings([...(request.stop ?? []), ...prompt.stopTexts]);
        this.whenAborted = new Promise((resolve) => {
            this.markAborted = resolve;
        });
    }

    /** Ends the request as soon as possible; a slot that is not at work comes back at once. */
    readonly abort = (): void => {
        this.aborted = true;
        this.markAborted();
        if (!this.working) this.leave();
    };

    async *events(): AsyncGenerator<ChatEvent, void, undefined> {
        const { signal } = this.options;
        signal.addEventListener('abort', this.abort, { once: true });
        try {
            if (signal.aborted) this.abort();
            await this.enter();
            await this.evaluatePrompt();
            const finishReason = yield* this.answer();
            // The slot is free before the last event, which the consumer may take its time with.
            this.leave();
            yield this.end(finishReason);
        } finally {
            signal.removeEventListener('abort', this.abort);
            this.leave();
        }
    }

    /** Waits for a slot, then for the caller's consent. */
    private async enter(): Promise<void> {
        if (this.aborted) return;
        try {
            this.slot = await this.resources.slots.acquire(this.options.signal);
        } catch (error) {
            if (error instanceof AbortedError) return;
            throw error;
        }
        // The signal may have fired between the grant and this line; then the slot goes back with the last event.
        if (this.aborted) return;
        await Promise.race([this.options.onStart?.(this.prompt.tokens.length), this.whenAborted]);
    }

    /** Evaluates all but the last batch of the prompt, which goes together with the first token of the answer. */
    private async evaluatePrompt(): Promise<void> {
        const { tokens } = this.prompt;
        const { batchSize } = this.resources;
        const head = tokens.length - (((tokens.length - 1) % batchSize) + 1);
        while (!this.aborted && this.slot !== undefined && this.promptEvaluated < head) {
            const batch = tokens.slice(this.promptEvaluated, this.promptEvaluated + batchSize);
            const { sequence } = this.slot;
            await this.work(() => sequence.evaluateWithoutGeneratingNewTokens(batch));
            this.promptEvaluated += batch.length;
        }
        if (this.aborted || this.slot === undefined) return;
        this.source = this.slot.sequence.evaluateWithMetadata(
            tokens.slice(head),
            {},
            samplingOptions(this.request, this.generated),
        );
    }

    private async *answer(): AsyncGenerator<TextEvent, FinishReason, undefined> {
        while (!this.aborted && this.source !== undefined) {
            const { source } = this;
            const step = await this.work(() => source.next());
            this.promptEvaluated = this.prompt.tokens.length;
            // The token of a step that was overtaken by the abort is not given out, so it is not counted either.
            if (this.aborted) break;
            if (step.done === true || this.prompt.stopTokens.has(step.value.token)) {
                const rest = this.rest();
                if (rest !== '') yield this.text(rest, 0);
                return 'stop';
            }
            this.generated.push(step.value.token);
            const { text, stopped } = this.stopStrings.push(this.decoder.push(step.value.token));
            if (stopped) {
                yield this.text(text, 1);
                return 'stop';
            }
            if (this.generated.length >= this.limit) {
                yield this.text(text + this.rest(), 1);
                return 'length';
            }
            yield this.text(text, 1);
        }
        return 'abort';
    }

    /** Text that was held back and will not become anything else now. */
    private rest(): string {
        const { text, stopped } = this.stopStrings.push(this.decoder.flush());
        return stopped ? text : text + this.stopStrings.flush();
    }

    private text(text: string, newTokens: number): TextEvent {
        return { type: 'text', text, newTokens, completionTokens: this.generated.length };
    }

    private end(finishReason: FinishReason): EndEvent {
        return {
            type: 'end',
            finishReason,
            tokens: {
                prompt: BigInt(this.promptEvaluated),
                cached: 0n,
                completion: BigInt(this.generated.length),
                reasoning: 0n,
            },
        };
    }

    private async work<T>(step: () => Promise<T>): Promise<T> {
        this.working = true;
        try {
            return await step();
        } catch (error) {
            if (error instanceof EngineError) throw error;
            throw new EngineFailedError('llama.cpp failed while it generated an answer; the cause has its own words.', {
                cause: error,
            });
        } finally {
            this.working = false;
        }
    }

    /** Cleans the slot and gives it back, in the background; harmless when it was done before. */
    private leave(): void {
        const { slot, source } = this;
        if (slot === undefined) return;
        this.slot = undefined;
        this.source = undefined;
        const clean = async () => {
            await source?.return();
            await slot.clean();
        };
        void clean()
            .catch(() => undefined)
            .then(() => this.resources.slots.release(slot));
    }
}
