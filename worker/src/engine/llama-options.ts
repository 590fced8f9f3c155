import type { GpuChoice } from './device';
import { EngineOptionsError } from './errors';
import { MaxSlots } from './fit';

/** What all models of a process share. */
export type LlamaDeviceOptions = {
    /** Default 'auto': the best that works. */
    readonly gpu?: GpuChoice;
    /** True makes anything less than a proven GPU an error; default false. */
    readonly requireGpu?: boolean;
    /** True lets a renderer in software pass for a GPU, in tests of the offload path; default false. */
    readonly allowSoftware?: boolean;
    /** Receives what the engine has to say; never a word of a prompt or an answer. */
    readonly onLog?: (message: string) => void;
};

/** One model. */
export type LlamaModelOptions = {
    /** A GGUF file: one file, not a part of several. */
    readonly modelPath: string;
    /** Name by which clients ask for it; default: the file's name without '.gguf'. */
    readonly modelId?: string;
    /** SHA-256 of the weights, hex: anything else is refused. */
    readonly expectedWeightsHash?: string;
    /** Directory in guest memory (tmpfs) that the weights are copied to, hashed in and loaded from; for tier tdx. */
    readonly memoryDirectory?: string;
    /** Layers on the GPU; default: as many as fit beside the contexts. */
    readonly gpuLayers?: number | 'max';
    /**
     * Requests that are generated at the same time; default 4, at most 256. Each takes memory for a whole context.
     * 'auto': as many as fit beside the weights, at most 64.
     */
    readonly slots?: number | 'auto';
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
};

export type LlamaEngineOptions = LlamaDeviceOptions & LlamaModelOptions;

/** @throws {EngineOptionsError} that names the option and its range. */
export function checkModelOptions(options: LlamaModelOptions): void {
    const { slots, expectedWeightsHash: hash } = options;
    if (slots !== undefined && slots !== 'auto' && !isCount(slots, MaxSlots)) {
        throw new EngineOptionsError(`'slots' is ${slots}, but must be an integer from 1 to ${MaxSlots}, or 'auto'.`);
    }
    const counts = ['contextLength', 'batchSize', 'threads', 'embeddingLength'] as const;
    for (const name of counts) {
        const value = options[name];
        if (value === undefined || isCount(value, Number.MAX_SAFE_INTEGER)) continue;
        throw new EngineOptionsError(`'${name}' is ${value}, but must be an integer of at least 1.`);
    }
    if (hash !== undefined && !/^[0-9a-f]{64}$/i.test(hash)) {
        throw new EngineOptionsError(
            `'expectedWeightsHash' is not a SHA-256 hash: 64 hexadecimal digits are expected.`,
        );
    }
}

function isCount(value: number, most: number): boolean {
    return Number.isSafeInteger(value) && value >= 1 && value <= most;
}
