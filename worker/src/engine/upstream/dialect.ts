import type { UpstreamKind } from './options';

/** In what one kind of server differs from the others, as its documentation says. */
export type Dialect = {
    readonly kind: UpstreamKind;
    /** Fields that make each piece of a stream state the tokens so far; null where there are none. */
    readonly runningCount: Readonly<Record<string, unknown>> | null;
    /** How prompts are counted; null where there is no tokenizer to ask. */
    readonly tokenizer: 'tokenize-chat' | 'apply-template' | null;
    /** @returns fields that keep the cache of prompts apart from that of other scopes. */
    readonly isolation: ((scope: string) => Record<string, unknown>) | null;
    /** What its owner should know where prompts of different clients can meet in a cache; null where they cannot. */
    readonly cacheWarning: string | null;
    /** Fields without which a last message of the assistant is not continued. */
    readonly prefill: Readonly<Record<string, unknown>>;
    /**
     * Sampling that the OpenAI API does not have, switched off: these servers have other defaults, or take them from
     * the model's generation_config.json.
     */
    readonly neutral: Readonly<Record<string, unknown>>;
    /** Whether `top_k` is honoured. */
    readonly topK: boolean;
    /** Names of the fields of `extra-fields.ts` that are passed on beside the common ones. */
    readonly extra: readonly string[];
    readonly metrics: Metrics | null;
};

/** Gauges in Prometheus' format that say how busy a server is. */
export type Metrics = {
    readonly path: string;
    /** Requests in the server's own queue. */
    readonly waiting: readonly string[];
    /** Share of its memory for contexts that is taken, from 0 to 1. */
    readonly memory: readonly string[];
};

const UsageInEachPiece = { stream_options: { include_usage: true, continuous_usage_stats: true } };

const Dialects: Record<UpstreamKind, Dialect> = {
    vllm: {
        kind: 'vllm',
        runningCount: UsageInEachPiece,
        tokenizer: 'tokenize-chat',
        isolation: (scope) => ({ cache_salt: scope }),
        cacheWarning: null,
        prefill: { continue_final_message: true, add_generation_prompt: false },
        neutral: { top_k: -1, min_p: 0, repetition_penalty: 1 },
        topK: true,
        extra: ['min_p', 'repetition_penalty', 'chat_template_kwargs'],
        metrics: {
            path: '/metrics',
            waiting: ['vllm:num_requests_waiting'],
            // The second is its name in releases before 0.10.
            memory: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
        },
    },
    sglang: {
        kind: 'sglang',
        runningCount: UsageInEachPiece,
        // Older releases tokenize only raw text; `discover` finds out.
        tokenizer: 'tokenize-chat',
        isolation: (scope) => ({ cache_salt: scope }),
        cacheWarning:
            'Releases of SGLang before May 2026 ignored cache_salt: start those with --disable-radix-cache, or how fast an ' +
            'answer begins tells clients about the prompts of others.',
        prefill: { continue_final_message: true },
        neutral: { top_k: -1, min_p: 0, repetition_penalty: 1 },
        topK: true,
        extra: ['min_p', 'repetition_penalty', 'chat_template_kwargs'],
        metrics: { path: '/metrics', waiting: ['sglang:num_queue_reqs'], memory: ['sglang:token_usage'] },
    },
    'llama.cpp': {
        kind: 'llama.cpp',
        runningCount: { timings_per_token: true },
        tokenizer: 'apply-template',
        isolation: () => ({ cache_prompt: false }),
        cacheWarning: null,
        prefill: {},
        neutral: { top_k: 0, min_p: 0, repeat_penalty: 1 },
        topK: true,
        extra: ['min_p', 'repeat_penalty', 'chat_template_kwargs'],
        metrics: { path: '/metrics', waiting: ['llamacpp:requests_deferred'], memory: [] },
    },
    ollama: {
        kind: 'ollama',
        runningCount: null,
        tokenizer: null,
        isolation: null,
        cacheWarning:
            'Ollama keeps the last prompt of each slot and cannot be told not to: how fast an answer begins tells clients ' +
            'about the prompts of others. Use another server where that matters.',
        prefill: {},
        neutral: {},
        topK: false,
        extra: [],
        metrics: null,
    },
    openai: {
        kind: 'openai',
        runningCount: null,
        tokenizer: null,
        isolation: null,
        cacheWarning:
            'Whether this server keeps the prompts of different clients apart is not known: switch its prefix cache off.',
        prefill: {},
        neutral: {},
        topK: false,
        extra: [],
        metrics: null,
    },
};

export function dialectOf(kind: UpstreamKind): Dialect {
    return Dialects[kind];
}
