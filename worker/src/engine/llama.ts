import { basename } from 'node:path';

import { createContext, createEmbedder, DefaultContextLength, DefaultSlots } from './contexts';
import { assertOffloading, type Device, openDevice, reportDevice, usedVram } from './device';
import type { Embedder } from './embedder';
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
import { type LlamaModel, loadLlamaModule } from './llama-module';
import {
    checkModelOptions,
    type LlamaDeviceOptions,
    type LlamaEngineOptions,
    type LlamaModelOptions,
} from './llama-options';
import { PromptRenderer } from './prompt';
import { checkNoExtra, checkSampling } from './sampling';
import { checkIds, combineEngines } from './several';
import { Slot } from './slot';
import { SlotPool } from './slots';
import { checkModelFile, prepareWeights, type Weights } from './weights';

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
export function createLlamaEngine(options: LlamaEngineOptions): Promise<Engine> {
    return createLlamaEngines(options, [options]);
}

/**
 * Loads several models into this process, one after the other, on one device: each takes what the ones before it have
 * left, so the one whose speed matters most comes first.
 * @param models at least one, with names that differ.
 * @returns one engine over all of them, each with slots of its own.
 * @throws what `createLlamaEngine` throws, for the first model that fails; nothing stays loaded then.
 */
export async function createLlamaEngines(
    options: LlamaDeviceOptions,
    models: readonly LlamaModelOptions[],
): Promise<Engine> {
    if (models.length === 0) throw new EngineOptionsError('There is no model to load. Name at least one.');
    checkIds(models.map(modelId));
    for (const model of models) {
        checkModelOptions(model);
        await checkModelFile(model.modelPath);
    }
    const log = new LlamaLog(options.onLog);
    // The device comes before the hash: a missing GPU is known in a second, the hash of large weights in minutes.
    const device = await openDevice({
        gpu: options.gpu ?? 'auto',
        requireGpu: options.requireGpu ?? false,
        allowSoftware: options.allowSoftware ?? false,
        onError: (message) => log.receive(message),
    });
    const engines: Engine[] = [];
    try {
        for (const model of models) {
            log.forget();
            engines.push(await loadEngine(model, device, log));
            if (options.requireGpu) assertOffloading(engines[engines.length - 1]!.device);
        }
        // From here on there are prompts, and nobody can promise that a message of llama.cpp does not quote one. Its
        // own level is set, not only our logger: with a second instance in a process it prints past the logger.
        device.llama.logLevel = (await loadLlamaModule()).LlamaLogLevel.disabled;
        return combineEngines(engines, () => device.llama.dispose());
    } catch (error) {
        for (const engine of engines) await engine.close();
        await device.llama.dispose();
        throw error;
    }
}

async function loadEngine(options: LlamaModelOptions, device: Device, log: LlamaLog): Promise<Engine> {
    const weights = await prepareWeights(options.modelPath, {
        expectedHash: options.expectedWeightsHash,
        memoryDirectory: options.memoryDirectory,
    });
    try {
        return await LlamaEngine.load(options, device, weights, log);
    } catch (error) {
        await weights.dispose();
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
        options: LlamaModelOptions,
        device: Device,
        weights: Weights,
        log: LlamaLog,
    ): Promise<LlamaEngine> {
        const { resolveChatWrapper } = await loadLlamaModule();
        const vramBefore = await usedVram(device.llama);
        const model = await loadModel(options, device, weights, log);
        const threads = options.threads ?? defaultThreads(weights.bytes, device.llama.cpuMathCores);
        const { context, slots: slotsNote } = await createContext(options, model, threads);
        // llama.cpp rounds the size of a context up; what was configured is what is sold.
        const contextLength = Math.min(options.contextLength ?? context.contextSize, context.contextSize);
        const embedder = await createEmbedder(options, model, threads, (message) => log.say(message));
        const slots = Array.from({ length: context.totalSequences }, () => new Slot(context));
        return new LlamaEngine(
            {
                id: modelId(options),
                weightsHash: weights.hash,
                contextLength,
                supports: { chat: model.fileInsights.hasDecoder, embeddings: embedder !== undefined },
                embeddingDimension: embedder === undefined ? 0 : model.embeddingVectorSize,
                weightsBytes: weights.bytes,
                architecture: model.architecture,
            },
            await reportDevice(device, model, vramBefore, slotsNote),
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
                await weights.dispose();
            },
        );
    }

    slotsOf(model: string): number {
        this.requireModel(model);
        return this.slots;
    }

    get load(): EngineLoad {
        return { running: this.resources.slots.running, waiting: this.resources.slots.waiting };
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
        this.requireModel(model);
    }

    private requireModel(model: string): void {
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
    options: LlamaModelOptions,
    device: Device,
    weights: Weights,
    log: LlamaLog,
): Promise<LlamaModel> {
    // Layers come before slots: one layer on the CPU costs more speed than many parallel requests gain.
    const slots = options.slots === 'auto' ? 1 : (options.slots ?? DefaultSlots);
    const contextSize = (options.contextLength ?? DefaultContextLength) * slots;
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

function modelId({ modelId, modelPath }: LlamaModelOptions): string {
    return modelId ?? basename(modelPath, '.gguf');
}

function defaultThreads(weightsBytes: number, mathCores: number): number {
    if (weightsBytes < OneThreadBytes) return 1;
    return weightsBytes < FewThreadsBytes ? Math.min(FewThreads, mathCores) : mathCores;
}

/** llama.cpp's own messages, which exist only while models are loaded: see `createLlamaEngines`. */
class LlamaLog {
    private first: string | undefined;

    constructor(private readonly onLog: ((message: string) => void) | undefined) {}

    say(message: string): void {
        this.onLog?.(message);
    }

    receive(message: string): void {
        this.first ??= message.trim();
        this.say(`llama.cpp: ${message.trim()}`);
    }

    /** What was received belongs to another model. */
    forget(): void {
        this.first = undefined;
    }

    /** The most specific message of a failed load, which is the first; empty if there was none. */
    firstWords(): string {
        return this.first ?? '';
    }
}
