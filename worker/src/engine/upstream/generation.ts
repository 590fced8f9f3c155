import type { ChatEvent, EndEvent, FinishReason, GenerateOptions, TextEvent } from '../engine';
import { AbortedError, ContextLengthError, EngineError, EngineFailedError } from '../errors';
import type { SlotPool } from '../slots';
import { AnswerReader } from './answer';
import { type Connection, failure, UpstreamRefusal } from './connection';
import { Deadline } from './deadline';
import type { PromptCount } from './prompt-count';
import { refusalError } from './refusal';
import { EventSplitter } from './sse';
import { settleUsage } from './usage';

/** What all requests of an engine share. */
export type GenerationResources = {
    readonly connection: Connection;
    readonly slots: SlotPool<object>;
    /** Our name of the model. */
    readonly model: string;
    /** Prompt and answer together, in tokens. */
    readonly contextLength: number;
    /** Seconds to the first token, and between two pieces of an answer. */
    readonly firstTokenSeconds: number;
    readonly idleSeconds: number;
    /** Tokens that arrived together and are given out as one event, at most. */
    readonly atOnce: number;
    /** Hears of usage that cannot be. */
    readonly onDisputed: () => void;
};

/** One request to the server. */
export type GenerationRequest = {
    readonly path: string;
    /** Counts the prompt. */
    readonly prompt: () => Promise<PromptCount>;
    /** The most tokens that the client asked for; null for as many as fit. */
    readonly maxTokens: number | null;
    /** @returns the body for so many tokens. */
    readonly body: (maxTokens: number) => Record<string, unknown>;
};

/** What a server may still send after the end of an answer, until its connection can be used again. */
const MostPartsAfterEnd = 16;
const SecondsAfterEnd = 1;

/** What is known of a request from when its prompt was counted. */
type Begun = { readonly prompt: PromptCount; readonly reader: AnswerReader };

/** One request from its place in the queue to its last event. */
export class UpstreamGeneration {
    private readonly stop = new AbortController();
    private readonly deadline = new Deadline(() => this.miss());
    private slot: object | undefined;
    /** Set when the server was asked; nothing is owed before. */
    private begun: Begun | undefined;
    /** Tokens that were given out. */
    private given = 0;
    private missed: EngineError | undefined;

    constructor(
        private readonly resources: GenerationResources,
        private readonly request: GenerationRequest,
        private readonly options: GenerateOptions,
    ) {}

    /** Ends the request: the connection is closed, which these servers take as the end of it. */
    readonly abort = (): void => {
        this.stop.abort();
        this.leave();
    };

    async *events(): AsyncGenerator<ChatEvent, void, undefined> {
        const { signal } = this.options;
        signal.addEventListener('abort', this.abort, { once: true });
        let finishReason: FinishReason = 'abort';
        try {
            if (signal.aborted) this.abort();
            const prompt = await this.enter();
            if (prompt !== undefined) finishReason = yield* this.answer(prompt);
        } catch (error) {
            throw this.missed ?? error;
        } finally {
            signal.removeEventListener('abort', this.abort);
            this.deadline.clear();
            this.leave();
        }
        yield this.end(finishReason);
    }

    /** Waits for a slot, and for the caller's consent. @returns undefined when the request was ended before. */
    private async enter(): Promise<PromptCount | undefined> {
        const { signal } = this.stop;
        if (signal.aborted) return undefined;
        // The prompt is counted while the request waits: its place in the queue is that of its arrival.
        const counting = this.request.prompt();
        counting.catch(() => undefined);
        try {
            this.slot = await this.resources.slots.acquire(signal);
        } catch (error) {
            if (error instanceof AbortedError) return undefined;
            throw error;
        }
        if (signal.aborted) {
            this.leave();
            return undefined;
        }
        const stopped = new Promise<undefined>((resolve) =>
            signal.addEventListener('abort', () => resolve(undefined), { once: true }),
        );
        const prompt = await Promise.race([counting, stopped]);
        if (prompt === undefined) return undefined;
        const { contextLength } = this.resources;
        // Some servers shorten a prompt that is too long without a word.
        if (prompt.tokens >= contextLength) throw new ContextLengthError(prompt.tokens, contextLength);
        await Promise.race([this.options.onStart?.(prompt.tokens), stopped]);
        return signal.aborted ? undefined : prompt;
    }

    private async *answer(prompt: PromptCount): AsyncGenerator<TextEvent, FinishReason, undefined> {
        const { signal } = this.stop;
        const { atOnce, contextLength, firstTokenSeconds, idleSeconds } = this.resources;
        const maxTokens = Math.min(this.request.maxTokens ?? Infinity, contextLength - prompt.tokens);
        const reader = new AnswerReader(maxTokens, atOnce);
        const splitter = new EventSplitter();
        this.begun = { prompt, reader };
        let parts: AsyncIterator<Uint8Array> | undefined;
        let waiting = true;
        try {
            this.deadline.set(firstTokenSeconds);
            parts = await this.open(maxTokens, prompt);
            while (!reader.done) {
                if (!waiting) this.deadline.set(this.given === 0 ? firstTokenSeconds : idleSeconds);
                waiting = true;
                const part = await parts.next();
                if (signal.aborted) return this.aborted();
                if (part.done === true) break;
                const data = splitter.push(part.value);
                // Comments that keep a connection alive are no sign of an answer.
                if (data.length === 0) continue;
                waiting = false;
                this.deadline.pause();
                for (const event of reader.read(data)) {
                    this.given = event.completionTokens;
                    yield event;
                    if (signal.aborted) return this.aborted();
                }
            }
        } catch (error) {
            if (signal.aborted) return this.aborted();
            if (error instanceof EngineError) throw error;
            throw failure(error, signal);
        } finally {
            this.deadline.pause();
            // What the server still wants to say nobody listens to; after a complete answer the connection is kept.
            if (reader.done && reader.finishReason !== null && parts !== undefined && !signal.aborted) {
                void this.drain(parts);
            } else {
                this.stop.abort();
            }
        }
        if (reader.finishReason === null) {
            throw new EngineFailedError(
                'The inference server closed the connection in the middle of an answer. Look at its log.',
            );
        }
        return reader.finishReason;
    }

    private async open(maxTokens: number, prompt: PromptCount): Promise<AsyncIterator<Uint8Array>> {
        const { connection, model, contextLength } = this.resources;
        const { path, body } = this.request;
        try {
            return await connection.stream(path, body(maxTokens), this.stop.signal);
        } catch (error) {
            if (error instanceof UpstreamRefusal) {
                throw refusalError(error, { model, prompt: prompt.tokens, contextLength });
            }
            throw error;
        }
    }

    /** @throws {EngineFailedError} when it was the server that took too long, and not the client that left. */
    private aborted(): 'abort' {
        if (this.missed !== undefined) throw this.missed;
        return 'abort';
    }

    private miss(): void {
        const { firstTokenSeconds, idleSeconds } = this.resources;
        this.missed = new EngineFailedError(
            this.given === 0
                ? `The inference server has not begun to answer within ${firstTokenSeconds} s: its queue is long, or it ` +
                  'hangs. Look at its log.'
                : `The inference server fell silent for ${idleSeconds} s in the middle of an answer. Look at its log.`,
        );
        this.stop.abort();
    }

    /** Reads to the end of a body that has said all: only then its connection serves the next request. */
    private async drain(parts: AsyncIterator<Uint8Array>): Promise<void> {
        const tooLate = setTimeout(() => this.stop.abort(), SecondsAfterEnd * 1000);
        try {
            for (let i = 0; i < MostPartsAfterEnd; i++) {
                if ((await parts.next()).done === true) return;
            }
            this.stop.abort();
        } catch {
            // The connection is gone, which is all the same now.
        } finally {
            clearTimeout(tooLate);
        }
    }

    private end(finishReason: FinishReason): EndEvent {
        if (this.begun === undefined) {
            return { type: 'end', finishReason, tokens: { prompt: 0n, cached: 0n, completion: 0n, reasoning: 0n } };
        }
        const { prompt, reader } = this.begun;
        const aborted = finishReason === 'abort';
        const { tokens, disputed } = settleUsage(reader.stated, {
            prompt: prompt.tokens,
            promptUnstated: prompt.unstated,
            completion: this.given,
            reasoning: reader.reasoning,
            // Of an answer that was ended early only what was given out counts, whatever was generated ahead.
            most: aborted ? this.given : reader.most,
        });
        if (disputed && !aborted) this.resources.onDisputed();
        return { type: 'end', finishReason, tokens };
    }

    private leave(): void {
        const { slot } = this;
        if (slot === undefined) return;
        this.slot = undefined;
        this.resources.slots.release(slot);
    }
}
