import { EngineOptionsError } from '../errors';

/** What a server is; 'openai' counts on nothing beside the standard. */
export type UpstreamKind = 'vllm' | 'sglang' | 'llama.cpp' | 'ollama' | 'openai';

export type UpstreamOptions = {
    /** Base URL of an OpenAI-compatible server, with or without `/v1`. */
    readonly url: string;
    /** Default 'auto': the server is asked. */
    readonly kind?: UpstreamKind | 'auto';
    /** Bearer token that the server asks for. */
    readonly apiKey?: string;
    /** The server's name of the model; default: the only one that it has. */
    readonly model?: string;
    /** Name by which clients ask for it; default: the server's. */
    readonly modelId?: string;
    /** SHA-256 of the weights, hex: what the offer names. Nobody can check it through a connection. */
    readonly weightsHash: string;
    /** Prompt and answer together, in tokens; default: what the server tells. */
    readonly contextLength?: number;
    /** Requests that are sent to the server at the same time. */
    readonly slots: number;
    /** Whether embeddings are offered; default: the server is tried. */
    readonly embeddings?: boolean;
    /** Seconds to the first token of an answer, the server's queue included; default 120. */
    readonly firstTokenSeconds?: number;
    /** Seconds between two pieces of an answer; default 60. */
    readonly idleSeconds?: number;
    /**
     * Tokens that arrived together and are given out as one event, at most; default 16. More is faster, and is what can
     * be lost when it is not paid.
     */
    readonly atOnce?: number;
    /** Receives what there is to say of the server; never a word of a prompt or an answer. */
    readonly onLog?: (message: string) => void;
};

export const DefaultFirstTokenSeconds = 120;
export const DefaultIdleSeconds = 60;
export const DefaultAtOnce = 16;

const LongestSeconds = 86_400;

/** @returns the base URL without `/v1` and without a trailing slash. @throws {EngineOptionsError} */
export function baseURL(url: string): string {
    let parsed: URL;
    try {
        parsed = new URL(url);
    } catch {
        throw new EngineOptionsError(
            `'${url}' is not a URL. Set it to that of the server, such as http://127.0.0.1:8000/v1.`,
        );
    }
    if (!/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.search !== '' || parsed.hash !== '') {
        throw new EngineOptionsError(
            'The URL of the upstream server must be http or https, without user name, query and fragment; keys go into ' +
                'apiKey.',
        );
    }
    return `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, '').replace(/\/v1$/, '');
}

/** @throws {EngineOptionsError} */
export function checkUpstreamOptions(options: UpstreamOptions): void {
    const { weightsHash } = options;
    const counts = { slots: 1, contextLength: 2, atOnce: 1 };
    for (const [name, least] of Object.entries(counts)) {
        const value = options[name as keyof typeof counts];
        if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
        throw new EngineOptionsError(`'${name}' is ${value}, but must be an integer of at least ${least}.`);
    }
    for (const name of ['firstTokenSeconds', 'idleSeconds'] as const) {
        const value = options[name];
        if (value === undefined || (value > 0 && value <= LongestSeconds)) continue;
        throw new EngineOptionsError(`'${name}' is ${value}, but must be seconds above 0, at most ${LongestSeconds}.`);
    }
    if (!/^[0-9a-f]{64}$/i.test(weightsHash)) {
        throw new EngineOptionsError(`'weightsHash' is not a SHA-256 hash: 64 hexadecimal digits are expected.`);
    }
}
