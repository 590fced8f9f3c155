import type { UpstreamKind } from './options';

/** In what one kind of server differs from the others, as its documentation says. */
export type Dialect = {
    readonly kind: UpstreamKind;
    /** Whether each piece of a stream can state the usage so far (`stream_options.continuous_usage_stats`). */
    readonly continuousUsage: boolean;
    /** How prompts are counted; null where there is no tokenizer to ask. */
    readonly tokenizer: 'tokenize-chat' | 'apply-template' | null;
    /** @returns fields that keep the cache of prompts apart from that of other scopes. */
    readonly isolation: ((scope: string) => Record<string, unknown>) | null;
    /** What its owner should know where prompts of different clients can meet in a cache; null where they cannot. */
    readonly cacheWarning: string | null;
    /** Fields without which a last message of the assistant is not continued. */
    readonly prefill: Readonly<Record<string, unknown>>;
    /** Fields of a request that are passed on beside the common ones. */
    readonly extra: readonly string[];
    /** Path of metrics in Prometheus' format, and the gauge of requests that wait; null where there are none. */
    readonly metrics: { path: string; waiting: readonly string[] } | null;
};

/**
 * Fields of the OpenAI API that every server may be given. What is not on a list is refused, because a field that makes a
 * server do more than its usage shows (n, best_of, echo, prompt_logprobs, beam search), or push itself before others
 * (priority), would be at the cost of the owner or of others.
 */
export const CommonExtra: readonly string[] = [
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'response_format',
    'logprobs',
    'top_logprobs',
    'logit_bias',
    'reasoning_effort',
    'verbosity',
    'functions',
    'function_call',
];

const Dialects: Record<UpstreamKind, Dialect> = {
    vllm: {
        kind: 'vllm',
        continuousUsage: true,
        tokenizer: 'tokenize-chat',
        isolation: (scope) => ({ cache_salt: scope }),
        cacheWarning: null,
        prefill: { continue_final_message: true, add_generation_prompt: false },
        extra: ['min_p', 'min_tokens', 'ignore_eos', 'repetition_penalty', 'chat_template_kwargs'],
        metrics: { path: '/metrics', waiting: ['vllm:num_requests_waiting'] },
    },
    sglang: {
        kind: 'sglang',
        continuousUsage: true,
        tokenizer: null,
        isolation: (scope) => ({ cache_salt: scope }),
        cacheWarning:
            'Releases of SGLang before May 2026 ignored cache_salt: start it with --disable-radix-cache, or how fast an answer ' +
            'begins tells clients about the prompts of others.',
        prefill: { continue_final_message: true },
        extra: ['min_p', 'min_tokens', 'ignore_eos', 'repetition_penalty', 'chat_template_kwargs'],
        metrics: { path: '/metrics', waiting: ['sglang:num_queue_reqs'] },
    },
    'llama.cpp': {
        kind: 'llama.cpp',
        continuousUsage: false,
        tokenizer: 'apply-template',
        isolation: () => ({ cache_prompt: false }),
        cacheWarning: null,
        prefill: {},
        extra: ['min_p', 'ignore_eos', 'chat_template_kwargs'],
        metrics: { path: '/metrics', waiting: ['llamacpp:requests_deferred'] },
    },
    ollama: {
        kind: 'ollama',
        continuousUsage: false,
        tokenizer: null,
        isolation: null,
        cacheWarning:
            'Ollama keeps the last prompt of each slot and cannot be told not to: how fast an answer begins tells clients about ' +
            'the prompts of others. Use another server where that matters.',
        prefill: {},
        extra: [],
        metrics: null,
    },
    openai: {
        kind: 'openai',
        continuousUsage: false,
        tokenizer: null,
        isolation: null,
        cacheWarning: 'Whether this server keeps prompts of different clients apart is not known: switch its prefix cache off.',
        prefill: {},
        extra: [],
        metrics: null,
    },
};

export function dialectOf(kind: UpstreamKind): Dialect {
    return Dialects[kind];
}
