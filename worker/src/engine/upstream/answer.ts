import type { FinishReason, TextEvent } from '../engine';
import { type Chunk, parseChunk, type StatedUsage } from './chunks';
import { InvisibleTokens } from './usage';

/** What ends a stream. */
const Done = '[DONE]';

/**
 * Pieces that may come after the last token that was asked for: text that was held back, the end of a tool call. A
 * server that goes on beyond them does not keep to the limit.
 */
const MostPiecesBeyond = 64;

/** Names of reasoning in a delta: of SGLang, llama.cpp and older vLLM, and of newer vLLM and Ollama. */
const ReasoningFields = ['reasoning_content', 'reasoning'];

/**
 * Reads the events of one streamed answer: joins what arrived together, and counts it. Pure bookkeeping: who gives out
 * the result says afterwards how much of it.
 */
export class AnswerReader {
    /** Why the answer ended; null while it goes on. */
    finishReason: FinishReason | null = null;
    /** Whether the stream said that nothing more comes. */
    done = false;
    /** What the server stated last. */
    stated: StatedUsage | null = null;
    /** Tokens that came as reasoning. */
    reasoning = 0;
    private total = 0;
    private bytes = 0;
    private piecesBeyond = 0;

    private text = '';
    private reported = 0;
    private reportedReasoning = 0;
    private events: TextEvent[] = [];

    /**
     * @param maxTokens the most tokens that were asked for.
     * @param atOnce tokens that arrived together and become one event, at most.
     */
    constructor(
        private readonly maxTokens: number,
        private readonly atOnce: number,
    ) {}

    /** The most tokens that the answer can have so far, whatever the server states. */
    get most(): number {
        return Math.min(this.maxTokens, this.bytes + InvisibleTokens);
    }

    /**
     * @param data of events that arrived together.
     * @returns them in as few events as possible, in their order.
     * @throws {EngineFailedError} for an error of the server in mid-stream, and for what is no chunk.
     */
    read(data: readonly string[]): TextEvent[] {
        this.events = [];
        for (const each of data) {
            if (this.done) break;
            if (each === Done) this.done = true;
            else this.take(parseChunk(each));
        }
        this.flush();
        return this.events;
    }

    private take(chunk: Chunk): void {
        if (chunk.usage !== null) this.stated = chunk.usage;
        const { text, extra, choice } = chunk;
        const shown = extra !== undefined || choice !== undefined;
        // What is counted without text (half a character, the end of the turn) goes with the text that follows it, or
        // is settled at the end.
        if (text !== '' || shown) {
            if (this.total >= this.maxTokens && ++this.piecesBeyond > MostPiecesBeyond) return this.cut();
            this.bytes += Buffer.byteLength(text);
            const reasoning = extra === undefined ? undefined : reasoningOf(extra);
            if (extra !== undefined) this.bytes += Buffer.byteLength(reasoning ?? JSON.stringify(extra));
            this.count(chunk.generated, text === '' && reasoning !== undefined);
            this.text += text;
        }
        if (shown) this.flush(extra, choice);
        else if (this.total - this.reported >= this.atOnce) this.flush();
        if (chunk.finishReason !== null) this.finishReason = chunk.finishReason;
    }

    private cut(): void {
        this.finishReason = 'length';
        this.done = true;
    }

    /** A piece without a running count is one token: servers send at least one, so that this is never too much. */
    private count(generated: number | null, reasoning: boolean): void {
        const total = Math.min(Math.max(this.total, generated ?? this.total + 1), this.most);
        if (reasoning) this.reasoning += total - this.total;
        this.total = total;
    }

    private flush(extra?: Chunk['extra'], choice?: Chunk['choice']): void {
        if (this.text === '' && this.total === this.reported && extra === undefined && choice === undefined) return;
        this.events.push({
            type: 'text',
            text: this.text,
            newTokens: this.total - this.reported,
            completionTokens: this.total,
            ...(this.reasoning === this.reportedReasoning
                ? {}
                : { newReasoningTokens: this.reasoning - this.reportedReasoning }),
            ...(extra === undefined ? {} : { extra }),
            ...(choice === undefined ? {} : { choice }),
        });
        this.text = '';
        this.reported = this.total;
        this.reportedReasoning = this.reasoning;
    }
}

/** @returns the text of a delta that is nothing but reasoning. */
function reasoningOf(extra: Record<string, unknown>): string | undefined {
    for (const name of ReasoningFields) {
        const text = extra[name];
        if (typeof text === 'string') return text;
    }
    return undefined;
}
