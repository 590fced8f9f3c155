import { Embedder } from './embedder';
import { EngineOptionsError } from './errors';
import { type FreeMemory, freeMemory, fits, MaxAutomaticSlots, MaxSlots, type Memory, mostThatFit } from './fit';
import type { Llama, LlamaContext, LlamaModel } from './llama-module';
import type { LlamaModelOptions } from './llama-options';

export const DefaultSlots = 4;
export const DefaultContextLength = 8192;
const DefaultEmbeddingLength = 2048;
const DefaultBatchSize = 512;

/** A context with a sequence for each slot, and one sentence on how their number was found. */
export type GenerationContext = { readonly context: LlamaContext; readonly slots: string };

/**
 * @throws {EngineOptionsError} when the context is longer than what the model was trained on, or when it does not fit
 *         into memory; it says how many slots would.
 */
export async function createContext(
    options: LlamaModelOptions,
    model: LlamaModel,
    threads: number,
): Promise<GenerationContext> {
    const { contextLength, slots = DefaultSlots } = options;
    if (contextLength !== undefined && contextLength > model.trainContextSize) {
        throw new EngineOptionsError(
            `The context length is set to ${contextLength} tokens, but the model was trained on ` +
                `${model.trainContextSize}. Set at most that.`,
        );
    }
    // Where not even one fits, one is tried: a context whose length is not configured then gets shorter.
    const sequences = slots === 'auto' ? Math.max(1, await fittingSlots(options, model, MaxAutomaticSlots)) : slots;
    try {
        const context = await model.createContext({
            contextSize: contextLength ?? { max: longest(options, model) },
            sequences,
            batchSize: batchSize(options),
            threads,
        });
        return { context, slots: describeSlots(context, slots === 'auto', contextLength) };
    } catch (error) {
        const fitting = await fittingSlots(options, model, MaxSlots).catch(() => undefined);
        throw new EngineOptionsError(explainTooLarge(sequences, longest(options, model), fitting), { cause: error });
    }
}

/** @returns undefined when embeddings are switched off, or the architecture cannot give them. */
export async function createEmbedder(
    options: LlamaModelOptions,
    model: LlamaModel,
    threads: number,
    onLog: (message: string) => void,
): Promise<Embedder | undefined> {
    if (options.embeddings === false) return undefined;
    const length = embeddingLength(options, model);
    try {
        // Models that read in both directions need the whole input in one batch.
        const context = await model.createEmbeddingContext({ contextSize: length, batchSize: length, threads });
        return new Embedder(model, context, length);
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        onLog(`Embeddings are not offered: ${reason}`);
        return undefined;
    }
}

/** @returns how many slots fit into the free memory, beside the context for embeddings; from 0 to `most`. */
async function fittingSlots(options: LlamaModelOptions, model: LlamaModel, most: number): Promise<number> {
    const free = await readFreeMemory(model.llama, model);
    const length = embeddingLength(options, model);
    const embedding = options.embeddings === false ? [] : [await contextMemory(model, length, length, 1, true)];
    return mostThatFit(most, async (count) => {
        const context = await contextMemory(model, longest(options, model), batchSize(options), count, false);
        return fits([...embedding, context], free);
    });
}

/** What llama.cpp would allocate for a context: node-llama-cpp has it calculated without allocating anything. */
async function contextMemory(
    model: LlamaModel,
    contextSize: number,
    batch: number,
    sequences: number,
    isEmbeddingContext: boolean,
): Promise<Memory> {
    const { cpuRam, gpuVram } = await model.fileInsights.estimateContextResourceRequirementsV2({
        contextSize,
        batchSize: batch,
        sequences,
        isEmbeddingContext,
        modelGpuLayers: model.gpuLayers,
    });
    return { ram: cpuRam, vram: gpuVram };
}

async function readFreeMemory(llama: Llama, model: LlamaModel): Promise<FreeMemory> {
    const [vram, ram, allocated, weights] = await Promise.all([
        llama.getVramState(),
        llama.getRamState(),
        llama.getLlamaMemoryUsage(),
        model.fileInsights.estimateModelResourceRequirementsV2({ gpuLayers: model.gpuLayers }),
    ]);
    return freeMemory({
        // The second one knows the limit of a container; Node 20 has it from 20.13 on.
        ramAvailable: Math.min(ram.free, process.availableMemory?.() ?? Infinity),
        mappedWeights: llama.supportsMmap ? weights.cpuRam : 0,
        ramReserve: llama.ramPaddingSize,
        vramTotal: vram.total,
        vramFree: vram.free,
        vramAllocated: allocated.gpuVram,
        vramReserve: llama.vramPaddingSize,
        vramUnified: vram.unifiedSize,
    });
}

function describeSlots(context: LlamaContext, automatic: boolean, contextLength: number | undefined): string {
    const { totalSequences, contextSize } = context;
    const count = totalSequences === 1 ? '1 slot' : `${totalSequences} slots`;
    const how = automatic
        ? totalSequences === MaxAutomaticSlots
            ? "the most that 'auto' takes"
            : 'as many as fit into memory'
        : 'as configured';
    return `${count} of ${contextLength ?? contextSize} tokens, ${how}.`;
}

/**
 * @param slots that were asked for, of so many `tokens`.
 * @param fitting how many would fit; undefined: that is not known either.
 */
export function explainTooLarge(slots: number, tokens: number, fitting: number | undefined): string {
    const failed = `A context for ${slots} slots of ${tokens} tokens could not be created`;
    if (fitting === undefined || fitting >= slots) {
        return (
            `${failed}: most likely it does not fit into memory beside the model. ` +
            'Set fewer slots or a shorter context.'
        );
    }
    if (fitting === 0) {
        return `${failed}: not even one slot fits into memory beside the model. Set a shorter context.`;
    }
    return (
        `${failed}: only ${fitting} fit into memory beside the model. ` +
        `Set at most ${fitting} slots, or a shorter context.`
    );
}

/** Tokens of one slot when memory sets no limit. */
function longest({ contextLength }: LlamaModelOptions, model: LlamaModel): number {
    return contextLength ?? Math.min(model.trainContextSize, DefaultContextLength);
}

function embeddingLength(options: LlamaModelOptions, model: LlamaModel): number {
    return Math.min(options.embeddingLength ?? DefaultEmbeddingLength, model.trainContextSize);
}

function batchSize(options: LlamaModelOptions): number {
    return options.batchSize ?? DefaultBatchSize;
}
