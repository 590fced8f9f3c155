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
    EngineClosedError,
    EngineOptionsError,
    InvalidRequestError,
    ModelNotFoundError,
    UnsupportedError,
} from '../errors';
import { checkSampling } from '../sampling';
import { SlotPool } from '../slots';
import { Connection, UpstreamRefusal } from './connection';
import type { Dialect } from './dialect';
import { type Discovered, discover } from './discover';
import { fetchEmbeddings, findDimension } from './embeddings';
import { UpstreamGeneration, type GenerationRequest, type GenerationResources } from './generation';
import { LoadWatch } from './load';
import {
    baseURL,
    checkUpstreamOptions,
    DefaultAtOnce,
    DefaultFirstTokenSeconds,
    DefaultIdleSeconds,
    type UpstreamOptions,
} from './options';
import { boundOf, type PromptCount, PromptCounter } from './prompt-count';
import { refusalError } from './refusal';
import { RequestWriter } from './request';

/** Connections beside those of the requests: for tokenizer and metrics. */
const SpareConnections = 16;

/** Seconds between two complaints about what a server states. */
const ComplaintSeconds = 60;

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
    });
    try {
        const found = await discover(connection, options);
        if (found.dialect.cacheWarning !== null) options.onLog?.(found.dialect.cacheWarning);
        const dimension = options.embeddings === false ? 0 : await findDimension(connection, found.model);
        if (options.embeddings === true && dimension === 0) {
            throw new EngineOptionsError(
                `The server at ${options.url} gives no embeddings for '${found.model}'. Start it with a model that does, ` +
                    'or do not offer them.',
            );
        }
        return new UpstreamEngine(connection, found, options, dimension);
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
    private readonly watch: LoadWatch;
    private readonly resources: GenerationResources;
    private readonly model: EngineModel;
    private closing: Promise<void> | undefined;
    private complainedAt = -Infinity;

    constructor(
        private readonly connection: Connection,
        private readonly found: Discovered,
        private readonly options: UpstreamOptions,
        embeddingDimension: number,
    ) {
        const { dialect, contextLength } = found;
        this.slots = options.slots;
        this.pool = new SlotPool(Array.from({ length: options.slots }, () => ({})));
        this.counter = new PromptCounter(connection, dialect, found.model);
        this.boundsPrompts = !this.counter.exact;
        this.writer = new RequestWriter(dialect, found.model);
        this.watch = new LoadWatch(connection, dialect.metrics);
        this.model = {
            id: options.modelId ?? found.model,
            weightsHash: options.weightsHash.toLowerCase(),
            contextLength,
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
            contextLength,
            firstTokenSeconds: options.firstTokenSeconds ?? DefaultFirstTokenSeconds,
            idleSeconds: options.idleSeconds ?? DefaultIdleSeconds,
            atOnce: options.atOnce ?? DefaultAtOnce,
            onDisputed: () => this.complain(),
        };
    }

    get load(): EngineLoad {
        return { running: this.pool.running, waiting: this.pool.waiting };
    }

    slotsOf(model: string): number {
        if (model !== this.model.id) throw new ModelNotFoundError(model, [this.model.id]);
        // Who would only wait in the server's queue waits better where it can be told so.
        return this.watch.busy ? Math.max(1, this.pool.running) : this.slots;
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
        const { embeddings } = this.model.supports;
        if (!embeddings) {
            throw new UnsupportedError(
                `The model '${model}' gives no embeddings here. Ask a provider that offers an embedding model.`,
                'embeddings',
            );
        }
        const empty = inputs.findIndex((input) => typeof input !== 'string' || input === '');
        if (empty >= 0) throw new InvalidRequestError(`input[${empty}] is not a text, or is empty.`, 'input');
        if (signal.aborted) throw new AbortedError();
        const { firstTokenSeconds } = this.resources;
        const patience = AbortSignal.timeout(firstTokenSeconds * 1000);
        const ended = AbortSignal.any([signal, patience]);
        try {
            return await fetchEmbeddings(
                this.connection,
                this.found.model,
                inputs,
                this.model.embeddingDimension,
                ended,
            );
        } catch (error) {
            if (signal.aborted) throw new AbortedError();
            throw this.explain(error, () => Math.max(...inputs.map((prompt) => boundOf({ model, prompt }).tokens)));
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
        const prompt = () => this.count(request);
        const maxTokens = request.maxTokens ?? null;
        const generation = new UpstreamGeneration(this.resources, { path, prompt, maxTokens, body }, options);
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
            throw this.explain(error, () => boundOf(request).tokens);
        }
    }

    /** @returns an error of ours for whatever came out of a call to the server. */
    private explain(error: unknown, promptTokens: () => number): unknown {
        if (this.closing !== undefined) return new EngineClosedError();
        if (!(error instanceof UpstreamRefusal)) return error;
        const { id: model, contextLength } = this.model;
        return refusalError(error, { model, prompt: promptTokens(), contextLength });
    }

    private check(model: string): void {
        if (this.closing !== undefined) throw new EngineClosedError();
        if (model !== this.model.id) throw new ModelNotFoundError(model, [this.model.id]);
    }

    private complain(): void {
        if (performance.now() - this.complainedAt < ComplaintSeconds * 1000) return;
        this.complainedAt = performance.now();
        this.options.onLog?.('The inference server stated a usage that cannot be; the lower one was counted.');
    }

    private async shutDown(): Promise<void> {
        this.pool.close();
        for (const generation of this.running) generation.abort();
        await this.pool.whenIdle();
        await this.connection.close();
    }
}

function deviceOf({ kind }: Dialect, { url, slots }: UpstreamOptions): DeviceReport {
    return {
        backend: 'upstream',
        deviceNames: [],
        gpuLayers: 0,
        totalLayers: 0,
        vramBefore: 0,
        vramAfter: 0,
        offloading: false,
        note:
            `The model runs in an inference server (${kind}) at ${baseURL(url)}, ${slots} requests at once; what it runs ` +
            'on is its own affair.',
    };
}
