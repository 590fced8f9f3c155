import type { Tokens } from '@ton-compute/contracts';

export * from './errors';

/**
 * What the worker needs of an inference backend, and nothing more. HTTP, encryption, metering and money are built on
 * this interface and never on a backend, so that an embedded llama.cpp and a remote vLLM are interchangeable.
 *
 * Three promises that every backend keeps (tests/engine holds them as one conformance suite):
 *  1. Pull, not push: nothing is generated before the consumer asks for the next event. A consumer that stops asking
 *     stops the generation, which is how the credit window is enforced without a second channel.
 *  2. Every generated token is reported, also one that gives no text yet, and none twice.
 *  3. Nothing of a prompt or an answer outlives its request: not in a cache, not in a log, not on a disk.
 */
export interface Engine {
    /** The models that this engine serves; never empty, constant for the life of the engine. */
    readonly models: readonly EngineModel[];
    /** What the models run on, as it was found when they were loaded. */
    readonly device: DeviceReport;
    /** Requests that are generated at the same time; further ones wait in the order of their arrival. */
    readonly slots: number;
    /**
     * Requests of one model that are generated at the same time; `slots` is the sum over all models. A server may have less
     * room at one moment than at another.
     * @throws {ModelNotFoundError} for a model that is not in `models`.
     */
    slotsOf(model: string): number;
    /** How busy the engine is at this moment. */
    readonly load: EngineLoad;
    /** Whether the model runs in this very process; only then does a quote of the machine vouch for it. Default: no. */
    readonly embedded?: boolean;
    /**
     * Whether the backend cannot be held up, because it is a server behind a connection: it generates ahead of what is
     * asked for, and what nobody asked for is neither given out nor counted. Default: no.
     */
    readonly generatesAhead?: boolean;
    /** Whether `countPromptTokens` is a bound from above, because the backend has no tokenizer to ask. Default: no. */
    readonly boundsPrompts?: boolean;

    /**
     * Tokens of the rendered prompt, chat template included: the number that `onStart` and `Tokens.prompt` will give;
     * where `boundsPrompts` says so, one that they do not exceed. Takes no slot and evaluates nothing.
     * @throws {ModelNotFoundError} for a model that is not in `models`.
     * @throws {InvalidRequestError} for messages that the chat template refuses.
     */
    countPromptTokens(request: ChatRequest | CompletionRequest): Promise<number>;

    /**
     * Answers a conversation. Lazy: nothing happens before the first `next()`, and nothing between an event and the
     * following `next()`. The events are any number of 'text', then exactly one 'end'. Leaving the loop early frees
     * the slot as well; the last 'text' event then says how many tokens were generated.
     * All errors come from `next()`.
     * @throws {ContextLengthError}, {ModelNotFoundError}, {InvalidRequestError}, {UnsupportedError} before any token is
     *         generated; {EngineClosedError} while it waits for a slot; {EngineFailedError} at any time.
     */
    chat(request: ChatRequest, options: GenerateOptions): AsyncIterable<ChatEvent>;

    /** Continues a raw text without a chat template; otherwise the same as `chat`. */
    complete(request: CompletionRequest, options: GenerateOptions): AsyncIterable<ChatEvent>;

    /**
     * Embeds each input by itself.
     * @param model id from `models`.
     * @returns one vector per input, in the same order, and the number of tokens of all inputs together.
     * @throws {UnsupportedError} when the model cannot give embeddings.
     * @throws {ContextLengthError} when one input is longer than the context.
     * @throws {AbortedError} when the signal fires first.
     */
    embed(model: string, inputs: readonly string[], options: EmbedOptions): Promise<Embeddings>;

    /** Aborts what runs, refuses what waits, frees all memory. May be called twice. */
    close(): Promise<void>;
}

/** One model that an engine serves. */
export type EngineModel = {
    /** Name by which clients ask for it. */
    readonly id: string;
    /** SHA-256 of the weights, lower-case hex: what an offer on the chain names. */
    readonly weightsHash: string;
    /** Longest prompt and answer together, in tokens. */
    readonly contextLength: number;
    readonly supports: { readonly chat: boolean; readonly embeddings: boolean };
    /** Length of an embedding vector; 0 when embeddings are not supported. */
    readonly embeddingDimension: number;
    /** Bytes of the weights; 0 when the backend does not tell. */
    readonly weightsBytes: number;
    /** Family as the weights name it ('llama', 'qwen3', ...); 'unknown' when the backend does not tell. */
    readonly architecture: string;
};

export type EngineBackend = 'cpu' | 'cuda' | 'vulkan' | 'metal' | 'upstream';

/** The device that the models run on, and the evidence for it. */
export type DeviceReport = {
    readonly backend: EngineBackend;
    /** Names of the GPUs that the backend sees; empty without one. */
    readonly deviceNames: readonly string[];
    /** Layers of the model that were placed on a GPU. */
    readonly gpuLayers: number;
    /** Layers that the model has, the output layer included. */
    readonly totalLayers: number;
    /** Bytes of GPU memory in use before the model was loaded; 0 without a GPU. */
    readonly vramBefore: number;
    /** Bytes of GPU memory in use after model and contexts were loaded; 0 without a GPU. */
    readonly vramAfter: number;
    /** True only with proof: a device with a name, layers on it, and memory that moved. */
    readonly offloading: boolean;
    /** One sentence for a person: what is used and, after a fallback, why and what would change it. */
    readonly note: string;
};

export type EngineLoad = {
    /** Requests that hold a slot. */
    readonly running: number;
    /** Requests that wait for one. */
    readonly waiting: number;
};

export type TextPart = { readonly type: 'text'; readonly text: string };

/** Parts other than text (images, sound) are for backends that understand them. */
export type ContentPart = TextPart | { readonly type: string; readonly [field: string]: unknown };

export type ChatMessage = {
    readonly role: 'system' | 'user' | 'assistant' | 'tool';
    /** Plain text, or parts whose texts are joined without a separator; null where there are tool calls instead. */
    readonly content: string | readonly ContentPart[] | null;
    /**
     * Further fields of the OpenAI API by their own names (name, tool_calls, tool_call_id, ...). A backend that cannot
     * honour one throws UnsupportedError.
     */
    readonly extra?: Readonly<Record<string, unknown>>;
};

/** How an answer is sampled. What is left out has the default of the OpenAI API. */
export type SamplingParameters = {
    /** Most tokens to generate, at least 1. Default: until the context is full. */
    readonly maxTokens?: number;
    /** 0 is greedy and repeatable; default 1; from 0 to 2. */
    readonly temperature?: number;
    /** Nucleus sampling: above 0, at most 1; default 1, off. */
    readonly topP?: number;
    /** Only the k likeliest tokens; default 0, off. */
    readonly topK?: number;
    /** Any integer; makes sampling repeatable on the same device. Default random. */
    readonly seed?: number;
    /** The answer ends before the first of these strings, which is not part of it. At most 16, none empty. */
    readonly stop?: readonly string[];
    /** From -2 to 2, default 0: lowers (or raises) tokens that the answer already contains. */
    readonly presencePenalty?: number;
    /** From -2 to 2, default 0: the same, for each time that a token was used. */
    readonly frequencyPenalty?: number;
};

type GenerationRequest = SamplingParameters & {
    /** Id from `Engine.models`. */
    readonly model: string;
    /**
     * Further fields of the OpenAI API by their own names (tools, tool_choice, response_format, logprobs, ...). A
     * backend that cannot honour one throws UnsupportedError instead of dropping it silently.
     */
    readonly extra?: Readonly<Record<string, unknown>>;
};

export type ChatRequest = GenerationRequest & {
    /** At least one. If the last one is the assistant's it is continued, else a new answer begins. */
    readonly messages: readonly ChatMessage[];
};

export type CompletionRequest = GenerationRequest & {
    /** Raw text, in which the names of special tokens count as such. */
    readonly prompt: string;
};

export type GenerateOptions = {
    /** Ends the request wherever it is: waiting, evaluating the prompt or generating. It still gets its 'end' event. */
    readonly signal: AbortSignal;
    /**
     * Called once, when a slot is held and before the prompt is evaluated: the moment to check that the prompt is paid.
     * The engine waits for a promise; an error from here ends the request and comes out of `next()` unchanged.
     * @param promptTokens tokens of the rendered prompt.
     */
    readonly onStart?: (promptTokens: number) => void | Promise<void>;
    /**
     * Requests with the same scope may share what a backend keeps of their prompts, and no others: the one of a session.
     * Without it nothing is shared.
     */
    readonly cacheScope?: string;
};

export type EmbedOptions = { readonly signal: AbortSignal };

export type Embeddings = { readonly vectors: Float32Array[]; readonly tokens: number };

/**
 * 'stop': the model ended its turn, or a stop string came. 'length': maxTokens or the context is used up.
 * 'abort': the signal fired. The last two come from upstream backends only.
 */
export type FinishReason = 'stop' | 'length' | 'abort' | 'tool_calls' | 'content_filter';

/** A step of the generation. The embedded backend gives one event a token, an upstream one event a delta. */
export type TextEvent = {
    readonly type: 'text';
    /** New text. Empty while a character or a possible stop string is incomplete; never half a character. */
    readonly text: string;
    /** Tokens that were generated since the previous event; 0 for text that was only held back. */
    readonly newTokens: number;
    /** Tokens that were generated since the start, also those without text. The end-of-turn token is not counted. */
    readonly completionTokens: number;
    /** How many of `newTokens` came as reasoning; none when omitted. */
    readonly newReasoningTokens?: number;
    /** Fields of a chat's delta other than its role and content (tool_calls, reasoning_content, refusal, ...). */
    readonly extra?: Readonly<Record<string, unknown>>;
    /**
     * Fields beside the delta, of the choice itself, other than its index and finish_reason (logprobs, ...). A text
     * completion has no delta: all that it brings besides its text is here.
     */
    readonly choice?: Readonly<Record<string, unknown>>;
};

export type EndEvent = {
    readonly type: 'end';
    readonly finishReason: FinishReason;
    /** What the request used, also when it was aborted. All zero when it never got a slot. */
    readonly tokens: Tokens;
};

export type ChatEvent = TextEvent | EndEvent;
