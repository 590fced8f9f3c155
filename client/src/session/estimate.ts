/** What a request can cost at most, by what is known before it is sent. */
export type Estimate = {
    /** No tokenizer makes more prompt tokens of the request than this. */
    promptTokens: bigint;
    /** The most tokens that may be generated, over all choices; null when the request does not limit them. */
    completionLimit: bigint | null;
    /** Generated tokens that need not show in the text: ends, stop sequences, tokens cut by a limit. */
    invisibleTokens: bigint;
    /** Whether the answer streams: only then text and receipts can be compared while it is generated. */
    streams: boolean;
    /** Whether an answer has generated text at all. */
    generates: boolean;
};

/**
 * A token of text is at least one byte, so a request has no more prompt tokens than bytes; what chat templates add is
 * allowed for: markers around each message and a default system prompt.
 */
const TemplateTokens = 96;
const TokensPerMessage = 16;
/** Templates explain to the model how to call a tool, once, and frame each of them. */
const ToolTemplateTokens = 512;
/** Images and sound are no text: what they cost is up to the model. */
const TokensPerAttachment = 4_096;
/** End marks and the parts of a character that was cut, for each choice. */
const InvisiblePerChoice = 16;
/** Tokens of a text completion that sets no limit (docs/wire.md). */
const CompletionDefault = 16;

/** Fields of all routes, as they came. */
type RequestBody = {
    messages?: unknown;
    tools?: unknown;
    functions?: unknown;
    input?: unknown;
    stream?: unknown;
    n?: unknown;
    max_tokens?: unknown;
    max_completion_tokens?: unknown;
    stop?: unknown;
};

/**
 * @param body the JSON body, parsed.
 * @param bytes its length as sent.
 * @param hiddenTokens generated tokens that need not show in the answer.
 */
export function estimateRequest(path: string, body: unknown, bytes: number, hiddenTokens: number): Estimate {
    const request = (typeof body === 'object' && body !== null ? body : {}) as RequestBody;
    const choices = positiveInteger(request.n) ?? 1;
    const limit = completionLimit(path, request);
    const invisible = InvisiblePerChoice + hiddenTokens + stopBytes(request.stop);
    const generates = !/\/embeddings$/.test(path);
    const tools = count(request.tools) + count(request.functions);
    return {
        promptTokens: BigInt(
            bytes +
                TemplateTokens +
                TokensPerMessage * (length(request.messages) + length(request.input)) +
                TokensPerAttachment * attachments(request.messages) +
                (tools === 0 ? 0 : ToolTemplateTokens + TokensPerMessage * tools),
        ),
        completionLimit: !generates ? 0n : limit === null ? null : BigInt(limit * choices),
        invisibleTokens: generates ? BigInt(invisible * choices) : 0n,
        streams: request.stream === true,
        generates,
    };
}

/** @returns the most tokens of one choice; null when neither request nor route limits them. */
function completionLimit(path: string, request: RequestBody): number | null {
    const limit = positiveInteger(request.max_tokens);
    return /\/chat\/completions$/.test(path)
        ? (positiveInteger(request.max_completion_tokens) ?? limit)
        : /\/completions$/.test(path)
          ? (limit ?? CompletionDefault)
          : limit;
}

function positiveInteger(value: unknown): number | null {
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** @returns how many items a list has; 0 for anything else. */
function count(value: unknown): number {
    return Array.isArray(value) ? value.length : 0;
}

function length(value: unknown): number {
    return Array.isArray(value) ? value.length : 1;
}

function attachments(messages: unknown): number {
    if (!Array.isArray(messages)) {
        return 0;
    }
    let sum = 0;
    for (const message of messages) {
        const content = (message as { content?: unknown } | null)?.content;
        if (Array.isArray(content)) {
            sum += content.filter((part) => (part as { type?: unknown } | null)?.type !== 'text').length;
        }
    }
    return sum;
}

function stopBytes(stop: unknown): number {
    const texts = (Array.isArray(stop) ? stop : [stop]).filter((text) => typeof text === 'string');
    return Math.max(0, ...texts.map((text) => Buffer.byteLength(text)));
}
