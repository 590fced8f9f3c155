import type { Embeddings } from './engine';
import { AbortedError, ContextLengthError, InvalidRequestError } from './errors';
import type { LlamaEmbeddingContext, LlamaModel, Token } from './llama-module';

/** Turns texts into vectors, one at a time, on a context of its own. */
export class Embedder {
    private last: Promise<unknown> = Promise.resolve();

    /** @param contextLength longest input in tokens. */
    constructor(
        private readonly model: LlamaModel,
        private readonly context: LlamaEmbeddingContext,
        private readonly contextLength: number,
    ) {}

    /**
     * @returns vectors of length 1 (so that a dot product is the cosine), as the OpenAI API gives them.
     * @throws {InvalidRequestError}, {ContextLengthError} before anything is evaluated; {AbortedError}.
     */
    async embed(inputs: readonly string[], signal: AbortSignal): Promise<Embeddings> {
        const tokenized = inputs.map((input, index) => this.tokenize(input, index));
        const counts = tokenized.map((tokens) => this.context.calculateInputLength(tokens.slice()));
        const longest = Math.max(0, ...counts);
        // One cell is kept free by node-llama-cpp.
        if (longest >= this.contextLength) throw new ContextLengthError(longest, this.contextLength);
        const turn = this.last.then(() => this.evaluate(tokenized, signal));
        this.last = turn.catch(() => undefined).then(() => this.forget());
        return { vectors: await turn, tokens: counts.reduce((sum, count) => sum + count, 0) };
    }

    private tokenize(input: string, index: number): Token[] {
        const tokens = typeof input === 'string' ? this.model.tokenize(input) : [];
        if (tokens.length === 0) throw new InvalidRequestError(`input[${index}] is not a text, or is empty.`, 'input');
        return tokens;
    }

    private async evaluate(inputs: readonly Token[][], signal: AbortSignal): Promise<Float32Array[]> {
        const vectors: Float32Array[] = [];
        for (const tokens of inputs) {
            if (signal.aborted) throw new AbortedError();
            vectors.push(unit((await this.context.getEmbeddingFor(tokens)).vector));
        }
        return vectors;
    }

    /** The context keeps its last input until the next one comes: a neutral one is put in its place. */
    private async forget(): Promise<void> {
        if (this.context.disposed) return;
        await this.context.getEmbeddingFor([this.neutral()]).catch(() => undefined);
    }

    private neutral(): Token {
        const { bos, eos, nl } = this.model.tokens;
        return bos ?? eos ?? nl ?? (0 as Token);
    }

    async close(): Promise<void> {
        await this.last;
        await this.context.dispose();
    }
}

function unit(vector: readonly number[]): Float32Array {
    const length = Math.hypot(...vector);
    return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length));
}
