/**
 * node-llama-cpp is an ES module and the worker is CommonJS: this file is the only place that knows. It is imported on
 * first use, so that whoever serves an upstream server never loads it.
 */
import type * as LlamaModule from 'node-llama-cpp' with { 'resolution-mode': 'import' };

export type {
    ChatHistoryItem,
    ChatWrapper,
    GgufFileInfo,
    Llama,
    LlamaContext,
    LlamaContextSequence,
    LlamaEmbeddingContext,
    LlamaModel,
    LlamaText,
    SequenceEvaluateOptions,
    Token,
} from 'node-llama-cpp' with { 'resolution-mode': 'import' };

/** Version of node-llama-cpp, which is also the version of its backend packages: they must be equal. */
export const LlamaVersion = '3.22.1';

export function loadLlamaModule(): Promise<typeof LlamaModule> {
    return import('node-llama-cpp');
}
