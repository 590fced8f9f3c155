import type {
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    DeviceReport,
    EmbedOptions,
    Embeddings,
    Engine,
    EngineLoad,
    EngineModel,
    GenerateOptions,
} from '../engine';
import {
    AbortedError,
    ContextLengthError,
    EngineClosedError,
    EngineFailedError,
    InvalidRequestError,
    ModelNotFoundError,
    UnsupportedError,
} from '../errors';
import { checkSampling } from '../sampling';
import { SlotPool } from '../slots';
import { Connection, UpstreamRefusal } from './connection';
import { type Dialect, dialectOf } from './dialect';
import { type Discovered, discover } from './discover';
import { UpstreamGeneration, type GenerationRequest, type GenerationResources } from './generation';
import { QueueWatch } from './load';
import {
    baseURL,
    checkUpstreamOptions,
    DefaultAtOnce,
    DefaultFirstTokenSeconds,
    DefaultIdleSeconds,
    type UpstreamOptions,
} from './options';
import { type PromptCount, PromptCounter } from './prompt-count';
import { refusalError } from './refusal';
import { RequestWriter } from './request';

/** Connections beside those of the requests: for tokenizer and metrics. */
const SpareConnections = 16;
/** Texts of an embeddings request that are sent at once. */
const EmbedProbe = 'test';

/**
 * Serves a model through an OpenAI-compatible inference server.
 * @throws {EngineOptionsError} when the server cannot be what the options say.
 * @throws {EngineFailedError} when it cannot be reached.
 */
export async function createUpstreamEngine(options: UpstreamOptions): Promise<Engine> {
    checkUpstreamOptions(options);
    const connection = new Connection({
        base: baseURL(options.url),
        apiKey: options.apiKey,
        connections: options.slots + SpareConnections,
        firstTokenSeconds: options.firstTokenSeconds ?? DefaultFirstTokenSeconds,
        idleSeconds: options.idleSeconds ?? DefaultIdleSeconds,
    });
    try {
        const found = await discover(connection, options);
        const dialect = dialectOf(found.kind);
        if (dialect.cacheWarning !== null) options.onLog?.(dialect.cacheWarning);
        const dimension = options.embeddings === false ? 0 : await embeddingDimension(connection, found.model);
        return new UpstreamEngine(connection, dialect, found, options, dimension);
    } catch (error) {
        await connection.close();
        throw error;
    }
}

class UpstreamEngine implements Engine {
    readonly models: readonly EngineModel[];
    readonly device: DeviceReport;
    readonly slots: number;
    readonly embedded = false;
    readonly generatesAhead = true;
    readonly boundsPrompts: boolean;
    private readonly pool: SlotPool<object>;
    private readonly running = new Set<UpstreamGeneration>();
    private readonly counter: PromptCounter;
    private readonly writer: RequestWriter;
    private readonly queue: QueueWatch;
    private readonly resources: GenerationResources;
    private readonly model: EngineModel;
    private closing: Promise<void> | undefined;

    constructor(
        private readonly connection: Connection,
        dialect: Dialect,
        private readonly found: Discovered,
        options: UpstreamOptions,
        embeddingDimension: number,
    ) {
        this.slots = options.slots;
        this.boundsPrompts = dialect.tokenizer === null;
        this.pool = new SlotPool(Array.from({ length: options.slots }, () => ({})));
        this.counter = new PromptCounter(connection, dialect, found.model);
        this.writer = new RequestWriter(dialect, found.model);
        this.queue = new QueueWatch(connection, dialect);
        this.model = {
            id: options.modelId ?? found.model,
            weightsHash: options.weightsHash.toLowerCase(),
            contextLength: found.contextLength,
            supports: { chat: true, embeddings: embeddingDimension > 0 },
            embeddingDimension,
            weightsBytes: 0,
            architecture: 'unknown',
        };
        this.models = [this.model];
        this.device = deviceOf(dialect, options);
        this.resources = {
            connection,
            slots: this.pool,
            model: this.model.id,
            contextLength: found.contextLength,
            atOnce: options.atOnce ?? DefaultAtOnce,
            onDisputed: () => options.onLog?.('The inference server stated a usage that cannot be; the lower one was counted.'),
        };
    }

    get load(): EngineLoad {
        return { running: this.pool.running, waiting: this.pool.waiting };
    }

    slotsOf(model: string): number {
        this.check(model);
        // Who would only wait in the server's queue waits better where it can be told so.
        return this.queue.length > 0 ? Math.max(1, this.pool.running) : this.slots;
    }

    async countPromptTokens(request: ChatRequest | CompletionRequest): Promise<number> {
        this.check(request.model);
        return (await this.count(request)).tokens;
    }

    chat(request: ChatRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.generate(request, options, '/v1/chat/completions', (maxTokens) =>
            this.writer.chat(request, maxTokens, options.cacheScope),
        );
    }

    complete(request: CompletionRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.generate(request, options, '/v1/completions', (maxTokens) =>
            this.writer.complete(request, maxTokens, options.cacheScope),
        );
    }

    async embed(model: string, inputs: readonly string[], { signal }: EmbedOptions): Promise<Embeddings> {
        this.check(model);
        if (!this.model.supports.embeddings) {
            throw new UnsupportedError(`The model '${model}' gives no embeddings here. Ask a provider that offers an embedding model.`, 'embeddings');
        }
        if (inputs.some((input) => input === '')) throw new InvalidRequestError('An input to embed is empty.', 'input');
        if (signal.aborted) throw new AbortedError();
        try {
            const answer = await this.connection.post('/v1/embeddings', { model: this.found.model, input: inputs, encoding_format: 'float' }, signal);
            return embeddingsOf(answer, inputs.length, this.model.embeddingDimension);
        } catch (error) {
            throw error instanceof UpstreamRefusal ? this.refusal(error, { tokens: Math.max(...inputs.map((input) => Buffer.byteLength(input))) }) : error;
        }
    }

    close(): Promise<void> {
        this.closing ??= this.shutDown();
        return this.closing;
    }

    private async *generate(
        request: ChatRequest | CompletionRequest,
        options: GenerateOptions,
        path: string,
        body: GenerationRequest['body'],
    ): AsyncGenerator<ChatEvent, void, undefined> {
        this.check(request.model);
        checkSampling(request);
        // Whatever is refused is refused before anything is counted or sent.
        body(1);
        if (options.signal.aborted) return yield* this.run({ path, prompt: NoPrompt, maxTokens: null, body }, options);
        const prompt = await this.count(request);
        // Some servers shorten a prompt that is too long without a word.
        if ((prompt.exact ? prompt.tokens : prompt.unstated) >= this.found.contextLength) {
            throw new ContextLengthError(prompt.tokens, this.found.contextLength);
        }
        yield* this.run({ path, prompt, maxTokens: request.maxTokens ?? null, body }, options);
    }

    private async *run(request: GenerationRequest, options: GenerateOptions): AsyncGenerator<ChatEvent, void, undefined> {
        const generation = new UpstreamGeneration(this.resources, request, options);
        this.running.add(generation);
        try {
            yield* generation.events();
        } finally {
            this.running.delete(generation);
        }
    }

    private async count(request: ChatRequest | CompletionRequest): Promise<PromptCount> {
        try {
            return await this.counter.count(request);
        } catch (error) {
            throw error instanceof UpstreamRefusal ? this.refusal(error, { tokens: 0 }) : error;
        }
    }

    private refusal(error: UpstreamRefusal, { tokens }: { tokens: number }): Error {
        return refusalError(error, { model: this.model.id, prompt: tokens, contextLength: this.found.contextLength });
    }

    private check(model: string): void {
        if (this.closing !== undefined) throw new EngineClosedError();
        if (model !== this.model.id) throw new ModelNotFoundError(model, [this.model.id]);
    }

    private async shutDown(): Promise<void> {
        this.pool.close();
        for (const generation of this.running) generation.abort();
        await this.pool.whenIdle();
        await this.connection.close();
    }
}

const NoPrompt: PromptCount = { tokens: 0, exact: true, unstated: 0 };

function deviceOf({ kind }: Dialect, { url, slots }: UpstreamOptions): DeviceReport {
    return {
        backend: 'upstream',
        deviceNames: [],
        gpuLayers: 0,
        totalLayers: 0,
        vramBefore: 0,
        vramAfter: 0,
        offloading: false,
        note: `The model runs in an inference server (${kind}) at ${baseURL(url)}, ${slots} requests at once; what it runs on is its own affair.`,
    };
}

/** @returns the length of the server's vectors; 0 when it gives none. */
async function embeddingDimension(connection: Connection, model: string): Promise<number> {
    try {
        const signal = AbortSignal.timeout(15_000);
        const answer = await connection.post('/v1/embeddings', { model, input: [EmbedProbe], encoding_format: 'float' }, signal);
        const [first] = (answer as { data?: { embedding?: unknown }[] }).data ?? [];
        return Array.isArray(first?.embedding) ? first.embedding.length : 0;
    } catch {
        // Most chat models give none, and say so with one error or another.
        return 0;
    }
}

function embeddingsOf(answer: unknown, count: number, dimension: number): Embeddings {
    const { data, usage } = answer as { data?: { index?: number; embedding?: unknown }[]; usage?: { prompt_tokens?: unknown } };
    const vectors = new Array<Float32Array | undefined>(count).fill(undefined);
    (Array.isArray(data) ? data : []).forEach(({ index, embedding }, position) => {
        if (Array.isArray(embedding) && embedding.length === dimension) vectors[index ?? position] = unit(Float32Array.from(embedding as number[]));
    });
    const tokens = usage?.prompt_tokens;
    if (vectors.length !== count || vectors.some((vector) => vector === undefined) || !Number.isSafeInteger(tokens) || (tokens as number) < 0) {
        throw new EngineFailedError('The inference server answered a request for embeddings incompletely. Look at its log.');
    }
    return { vectors: vectors as Float32Array[], tokens: tokens as number };
}

/** The embedded engine gives vectors of length 1; servers do or do not. */
function unit(vector: Float32Array): Float32Array {
    const length = Math.hypot(...vector);
    if (length === 0 || Math.abs(length - 1) < 1e-6) return vector;
    return vector.map((value) => value / length);
}
