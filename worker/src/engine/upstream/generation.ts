import type { ChatEvent, EndEvent, FinishReason, GenerateOptions, TextEvent } from '../engine';
import { AbortedError, EngineError, EngineFailedError } from '../errors';
import type { SlotPool } from '../slots';
import { type Chunk, parseChunk, type StatedUsage } from './chunks';
import { type Connection, failure, UpstreamRefusal } from './connection';
import type { PromptCount } from './prompt-count';
import { refusalError } from './refusal';
import { eventData } from './sse';
import { settleUsage } from './usage';

/** What all requests of an engine share. */
export type GenerationResources = {
    readonly connection: Connection;
    readonly slots: SlotPool<object>;
    /** Our name of the model. */
    readonly model: string;
    /** Prompt and answer together, in tokens. */
    readonly contextLength: number;
    /** Tokens that arrived together and are given out as one event, at most. */
    readonly atOnce: number;
    /** Hears of usage that cannot be. */
    readonly onDisputed: () => void;
};

/** One request to the server. */
export type GenerationRequest = {
    readonly path: string;
    readonly prompt: PromptCount;
    /** The most tokens that the client asked for; null for as many as fit. */
    readonly maxTokens: number | null;
    /** @returns the body for so many tokens. */
    readonly body: (maxTokens: number) => Record<string, unknown>;
};

const End = '[DONE]';

/** One request from its place in the queue to its last event. */
export class UpstreamGeneration {
    private readonly stop = new AbortController();
    private slot: object | undefined;
    private given = 0;
    private stated: StatedUsage | null = null;
    private sent = false;

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
            await this.enter();
            if (!this.stop.signal.aborted) finishReason = yield* this.answer();
        } catch (error) {
            if (!(error instanceof AbortedError && this.stop.signal.aborted)) throw error;
        } finally {
            signal.removeEventListener('abort', this.abort);
            // Whatever the server still wants to say, nobody listens.
            this.stop.abort();
            this.leave();
        }
        yield this.end(finishReason);
    }

    /** Waits for a slot, then for the caller's consent. */
    private async enter(): Promise<void> {
        const { signal } = this.stop;
        if (signal.aborted) return;
        this.slot = await this.resources.slots.acquire(signal);
        if (signal.aborted) return this.leave();
        const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        await Promise.race([this.options.onStart?.(this.request.prompt.tokens), stopped]);
    }

    private async *answer(): AsyncGenerator<TextEvent, FinishReason, undefined> {
        const most = this.mostTokens();
        const { signal } = this.stop;
        const pieces = await this.open(most);
        let finishReason: FinishReason | null = null;
        let complete = false;
        try {
            for await (const events of pieces) {
                for (const event of this.gather(events, most)) {
                    if (event === End) {
                        complete = true;
                        break;
                    }
                    finishReason = event.finishReason ?? finishReason;
                    if (event.text === null) continue;
                    if (signal.aborted) return 'abort';
                    this.given = event.text.completionTokens;
                    yield event.text;
                    if (signal.aborted) return 'abort';
                    if (this.given >= most && finishReason === null) return 'length';
                }
                if (complete) break;
            }
        } catch (error) {
            if (signal.aborted) return 'abort';
            if (error instanceof EngineError) throw error;
            throw failure(error, signal);
        }
        if (signal.aborted) return 'abort';
        if (finishReason === null) {
            throw new EngineFailedError('The inference server closed the connection in the middle of an answer. Look at its log.');
        }
        return finishReason;
    }

    /** Turns what arrived together into as few events as possible, without changing an order. */
    private *gather(data: readonly string[], most: number): Generator<{ finishReason: FinishReason | null; text: TextEvent | null } | typeof End> {
        let text = '';
        let total = this.given;
        let before = this.given;
        const flush = (extra?: Chunk['extra'], choice?: Chunk['choice']) => {
            const event: TextEvent = {
                type: 'text',
                text,
                newTokens: total - before,
                completionTokens: total,
                ...(extra === undefined ? {} : { extra }),
                ...(choice === undefined ? {} : { choice }),
            };
            text = '';
            before = total;
            return { finishReason: null, text: event };
        };
        for (const each of data) {
            if (each === End) {
                if (text !== '' || total > before) yield flush();
                yield End;
                return;
            }
            const chunk = parseChunk(each);
            this.stated = chunk.usage ?? this.stated;
            const produced = chunk.text !== '' || chunk.extra !== undefined || chunk.choice !== undefined;
            const counted = chunk.usage === null ? total + (produced ? 1 : 0) : Math.max(chunk.usage.completion, total);
            // What is stated without text belongs to none: it is settled with the last event.
            if (produced) {
                total = Math.min(counted, most);
                text += chunk.text;
            }
            if (chunk.extra !== undefined || chunk.choice !== undefined || total - before >= this.resources.atOnce) {
                yield flush(chunk.extra, chunk.choice);
            }
            if (chunk.finishReason !== null) {
                if (text !== '' || total > before) yield flush();
                yield { finishReason: chunk.finishReason, text: null };
            }
        }
        if (text !== '' || total > before) yield flush();
    }

    private async open(most: number): Promise<AsyncIterable<string[]>> {
        const { connection, model, contextLength } = this.resources;
        const { path, prompt, body } = this.request;
        this.sent = true;
        try {
            const answer = await connection.stream(path, body(most), this.stop.signal);
            if (!answer.isStream) {
                throw new EngineFailedError('The inference server answered a streamed request with something else. Check upstream.url.');
            }
            return eventData(answer.body);
        } catch (error) {
            this.sent = false;
            if (error instanceof UpstreamRefusal) throw refusalError(error, { model, prompt: prompt.tokens, contextLength });
            throw error;
        }
    }

    private mostTokens(): number {
        const { prompt, maxTokens } = this.request;
        const room = this.resources.contextLength - (prompt.exact ? prompt.tokens : prompt.unstated);
        return Math.max(1, Math.min(maxTokens ?? Infinity, room));
    }

    private end(finishReason: FinishReason): EndEvent {
        const { prompt, maxTokens } = this.request;
        if (!this.sent) {
            return { type: 'end', finishReason, tokens: { prompt: 0n, cached: 0n, completion: 0n, reasoning: 0n } };
        }
        const aborted = finishReason === 'abort';
        // Of an answer that was ended early only what was given out counts, whatever was generated ahead.
        const stated = this.stated === null || !aborted ? this.stated : { ...this.stated, completion: this.given };
        const { tokens, disputed } = settleUsage(stated, {
            prompt: prompt.tokens,
            promptUnstated: prompt.unstated,
            completion: this.given,
            maxTokens,
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
