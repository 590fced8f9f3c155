import { basename } from 'node:path';

import { assertOffloading, type Device, type GpuChoice, openDevice, reportDevice, usedVram } from './device';
import { Embedder } from './embedder';
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
} from './engine';
import {
    ContextLengthError,
    EngineClosedError,
    EngineOptionsError,
    ModelFileError,
    ModelNotFoundError,
    UnsupportedError,
} from './errors';
import { Generation, type GenerationResources } from './generation';
import { type LlamaContext, type LlamaModel, loadLlamaModule } from './llama-module';
import { PromptRenderer } from './prompt';
import { checkNoExtra, checkSampling } from './sampling';
import { Slot } from './slot';
import { SlotPool } from './slots';
import { checkModelFile, prepareWeights, type Weights } from './weights';

export type LlamaEngineOptions = {
    /** A GGUF file: one file, not a part of several. */
    readonly modelPath: string;
    /** Name by which clients ask for it; default: the file's name without '.gguf'. */
    readonly modelId?: string;
    /** SHA-256 of the weights, hex: anything else is refused. */
    readonly expectedWeightsHash?: string;
    /** Directory in guest memory (tmpfs) that the weights are copied to, hashed in and loaded from; for tier tdx. */
    readonly memoryDirectory?: string;
    /** Default 'auto': the best that works. */
    readonly gpu?: GpuChoice;
    /** True makes anything less than a proven GPU an error; default false. */
    readonly requireGpu?: boolean;
    /** Layers on the GPU; default: as many as fit beside the contexts. */
    readonly gpuLayers?: number | 'max';
    /** Requests that are generated at the same time; default 4. Each takes memory for a whole context. */
    readonly slots?: number;
    /** Tokens of prompt and answer together, for each slot; default: what the model was trained on, at most 8192. */
    readonly contextLength?: number;
    /** Tokens that are evaluated at once; default 512. */
    readonly batchSize?: number;
    /** Threads; default by the size of the model. */
    readonly threads?: number;
    /** Default true: also load a context for embeddings. */
    readonly embeddings?: boolean;
    /** Longest input to embed, in tokens; default 2048, and never more than the model was trained on. */
    readonly embeddingLength?: number;
    /** Receives what the engine has to say; never a word of a prompt or an answer. */
    readonly onLog?: (message: string) => void;
};

const DefaultSlots = 4;
const DefaultContextLength = 8192;
const DefaultEmbeddingLength = 2048;
const DefaultBatchSize = 512;

/**
 * Below this size a step takes less time than waking a second thread: measured with a model of 1.7 MB on two cores,
 * one thread was 20 times faster than two.
 */
const OneThreadBytes = 32 * 1024 * 1024;
const FewThreadsBytes = 512 * 1024 * 1024;
const FewThreads = 4;

/**
 * Loads a model into this process with llama.cpp. Reasoning that a model writes down is part of its text here, and
 * counted as completion.
 * @throws {ModelFileError} when the file is missing, not GGUF, cut off or refused.
 * @throws {WeightsMismatchError} when the hash is not the expected one.
 * @throws {GpuRequiredError} when a GPU is required and not proven.
 * @throws {EngineOptionsError} when an option is out of range, or does not fit into memory.
 */
export async function createLlamaEngine(options: LlamaEngineOptions): Promise<Engine> {
    checkOptions(options);
    await checkModelFile(options.modelPath);
    const log = new LlamaLog(options.onLog);
    // The device comes before the hash: a missing GPU is known in a second, the hash of large weights in minutes.
    const device = await openDevice({
        gpu: options.gpu ?? 'auto',
        requireGpu: options.requireGpu ?? false,
        onError: (message) => log.receive(message),
    });
    let weights: Weights | undefined;
    try {
        weights = await prepareWeights(options.modelPath, {
            expectedHash: options.expectedWeightsHash,
            memoryDirectory: options.memoryDirectory,
        });
        const engine = await LlamaEngine.load(options, device, weights, log);
        if (options.requireGpu) assertOffloading(engine.device);
        // From here on there are prompts, and nobody can promise that a message of llama.cpp does not quote one. Its
        // own level is set, not only our logger: with a second instance in a process it prints past the logger.
        device.llama.logLevel = (await loadLlamaModule()).LlamaLogLevel.disabled;
        return engine;
    } catch (error) {
        await device.llama.dispose();
        await weights?.dispose();
        throw error;
    }
}

class LlamaEngine implements Engine {
    readonly models: readonly EngineModel[];
    readonly slots: number;
    readonly embedded = true;
    private readonly running = new Set<Generation>();
    private closing: Promise<void> | undefined;

    private constructor(
        private readonly model: EngineModel,
        readonly device: DeviceReport,
        private readonly resources: GenerationResources,
        private readonly renderer: PromptRenderer,
        private readonly embedder: Embedder | undefined,
        private readonly dispose: () => Promise<void>,
    ) {
        this.models = [model];
        this.slots = resources.slots.size;
    }

    static async load(
        options: LlamaEngineOptions,
        device: Device,
        weights: Weights,
        log: LlamaLog,
    ): Promise<LlamaEngine> {
        const { resolveChatWrapper } = await loadLlamaModule();
        const vramBefore = await usedVram(device.llama);
        const model = await loadModel(options, device, weights, log);
        const threads = options.threads ?? defaultThreads(weights.bytes, device.llama.cpuMathCores);
        const context = await createContext(options, model, threads);
        // llama.cpp rounds the size of a context up; what was configured is what is sold.
        const contextLength = Math.min(options.contextLength ?? context.contextSize, context.contextSize);
        const embedder = await createEmbedder(options, model, threads);
        const slots = Array.from({ length: context.totalSequences }, () => new Slot(context));
        return new LlamaEngine(
            {
                id: options.modelId ?? basename(options.modelPath, '.gguf'),
                weightsHash: weights.hash,
                contextLength,
                supports: { chat: model.fileInsights.hasDecoder, embeddings: embedder !== undefined },
                embeddingDimension: embedder === undefined ? 0 : model.embeddingVectorSize,
                weightsBytes: weights.bytes,
                architecture: model.architecture,
            },
            await reportDevice(device, model, vramBefore),
            {
                model,
                slots: new SlotPool(slots),
                contextLength,
                batchSize: context.batchSize,
            },
            new PromptRenderer(model, resolveChatWrapper(model, { warningLogs: false })),
            embedder,
            async () => {
                await embedder?.close();
                await context.dispose();
                await model.dispose();
                await device.llama.dispose();
                await weights.dispose();
            },
        );
    }

    get load(): EngineLoad {
        return { running: this.resources.slots.running, waiting: this.resources.slots.waiting };
    }

    slotsOf(): number {
        return this.slots;
    }

    async countPromptTokens(request: ChatRequest | CompletionRequest): Promise<number> {
        this.check(request.model);
        return this.renderer.render(request).tokens.length;
    }

    chat(request: ChatRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.generate(request, options);
    }

    complete(request: CompletionRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.generate(request, options);
    }

    async embed(model: string, inputs: readonly string[], options: EmbedOptions): Promise<Embeddings> {
        this.check(model);
        if (this.embedder === undefined) {
            throw new UnsupportedError(
                `The model '${this.model.id}' gives no embeddings here. Ask a provider that offers an embedding model.`,
                'embeddings',
            );
        }
        return this.embedder.embed(inputs, options.signal);
    }

    close(): Promise<void> {
        this.closing ??= this.shutDown();
        return this.closing;
    }

    private async *generate(
        request: ChatRequest | CompletionRequest,
        options: GenerateOptions,
    ): AsyncGenerator<ChatEvent, void, undefined> {
        this.check(request.model);
        if (!this.model.supports.chat) {
            throw new UnsupportedError(
                `The model '${this.model.id}' writes no text, it gives only embeddings.`,
                'chat',
            );
        }
        checkSampling(request);
        checkNoExtra(request.extra);
        const prompt = this.renderer.render(request);
        const { contextLength } = this.resources;
        // At least one token of the answer must have room, else llama.cpp would shorten the prompt without a word.
        if (prompt.tokens.length >= contextLength) throw new ContextLengthError(prompt.tokens.length, contextLength);
        const generation = new Generation(this.resources, prompt, request, options);
        this.running.add(generation);
        try {
            yield* generation.events();
        } finally {
            this.running.delete(generation);
        }
    }

    private check(model: string): void {
        if (this.closing !== undefined) throw new EngineClosedError();
        if (model !== this.model.id) throw new ModelNotFoundError(model, [this.model.id]);
    }

    private async shutDown(): Promise<void> {
        this.resources.slots.close();
        for (const generation of this.running) generation.abort();
        await this.resources.slots.whenIdle();
        await this.dispose();
    }
}

async function loadModel(
    options: LlamaEngineOptions,
    device: Device,
    weights: Weights,
    log: LlamaLog,
): Promise<LlamaModel> {
    const contextSize = (options.contextLength ?? DefaultContextLength) * (options.slots ?? DefaultSlots);
    try {
        return await device.llama.loadModel({
            modelPath: weights.path,
            gpuLayers: device.llama.gpu === false ? 0 : (options.gpuLayers ?? { fitContext: { contextSize } }),
        });
    } catch (error) {
        const words = log.firstWords() === '' ? '' : ` ("${log.firstWords()}")`;
        throw new ModelFileError(
            options.modelPath,
            `llama.cpp cannot load ${options.modelPath}${words}. The file is cut off or damaged, ` +
                'its architecture is too new for this version, or there is not enough memory. Compare its size and ' +
                'hash with the source, and download it again if they differ.',
            { cause: error },
        );
    }
}

async function createContext(options: LlamaEngineOptions, model: LlamaModel, threads: number): Promise<LlamaContext> {
    const { contextLength, slots = DefaultSlots } = options;
    if (contextLength !== undefined && contextLength > model.trainContextSize) {
        throw new EngineOptionsError(
            `The context length is set to ${contextLength} tokens, but the model was trained on ` +
                `${model.trainContextSize}. Set at most that.`,
        );
    }
    try {
        return await model.createContext({
            contextSize: contextLength ?? { max: Math.min(model.trainContextSize, DefaultContextLength) },
            sequences: slots,
            batchSize: options.batchSize ?? DefaultBatchSize,
            threads,
        });
    } catch (error) {
        throw new EngineOptionsError(
            `A context for ${slots} slots could not be created: most likely it does not fit into memory beside ` +
                'the model. Set fewer slots or a shorter context.',
            { cause: error },
        );
    }
}

/** @returns undefined when embeddings are switched off, or the architecture cannot give them. */
async function createEmbedder(
    options: LlamaEngineOptions,
    model: LlamaModel,
    threads: number,
): Promise<Embedder | undefined> {
    if (options.embeddings === false) return undefined;
    const length = Math.min(options.embeddingLength ?? DefaultEmbeddingLength, model.trainContextSize);
    try {
        // Models that read in both directions need the whole input in one batch.
        const context = await model.createEmbeddingContext({ contextSize: length, batchSize: length, threads });
        return new Embedder(model, context, length);
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        options.onLog?.(`Embeddings are not offered: ${reason}`);
        return undefined;
    }
}

function defaultThreads(weightsBytes: number, mathCores: number): number {
    if (weightsBytes < OneThreadBytes) return 1;
    return weightsBytes < FewThreadsBytes ? Math.min(FewThreads, mathCores) : mathCores;
}

function checkOptions(options: LlamaEngineOptions): void {
    const counts = ['slots', 'contextLength', 'batchSize', 'threads', 'embeddingLength'] as const;
    for (const name of counts) {
        const value = options[name];
        if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
        throw new EngineOptionsError(`'${name}' is ${value}, but must be an integer of at least 1.`);
    }
    const hash = options.expectedWeightsHash;
    if (hash !== undefined && !/^[0-9a-f]{64}$/i.test(hash)) {
        throw new EngineOptionsError(
            `'expectedWeightsHash' is not a SHA-256 hash: 64 hexadecimal digits are expected.`,
        );
    }
}

/** llama.cpp's own messages, which exist only while a model is loaded: see `createLlamaEngine`. */
class LlamaLog {
    private first: string | undefined;

    constructor(private readonly onLog: ((message: string) => void) | undefined) {}

    receive(message: string): void {
        this.first ??= message.trim();
        this.onLog?.(`llama.cpp: ${message.trim()}`);
    }

    /** The most specific message of a failed load, which is the first; empty if there was none. */
    firstWords(): string {
        return this.first ?? '';
    }
}
