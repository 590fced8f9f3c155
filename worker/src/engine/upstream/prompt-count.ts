import type { ChatRequest, CompletionRequest } from '../engine';
import { EngineFailedError } from '../errors';
import { count } from './chunks';
import type { Connection } from './connection';
import type { Dialect } from './dialect';
import { extraFields } from './extra-fields';
import { continues, messagesOf } from './request';

/** Tokens of a prompt. */
export type PromptCount = {
    /** As a tokenizer has counted them, else a bound from above. */
    readonly tokens: number;
    /** What is owed when the server never states the number; no more than `tokens`. */
    readonly unstated: number;
};

/** Tokens that a chat template may add to what it is given: a date, a system prompt of its own, marks. */
const TemplateTokens = 192;
const TemplateTokensOfMessage = 8;
/** Beside tools templates explain how to call them, and write them with indents. */
const TemplateTokensOfTools = 1024;
const ToolsIndented = 3;
/** Bytes of a token of ordinary text, for the estimate that counts when nothing is stated. */
const UsualBytes = 4;

type Request = ChatRequest | CompletionRequest;

/** Counts prompts through the server's own tokenizer and template, where it has one. */
export class PromptCounter {
    /**
     * A caller counts a request and then runs it, perhaps as a copy with another limit: what both share is the key. The
     * entry goes with it, so that nothing of a prompt outlives its request.
     */
    private readonly known = new WeakMap<object, { request: Request; counting: Promise<PromptCount> }>();

    constructor(
        private readonly connection: Connection,
        private readonly dialect: Dialect,
        /** The server's name of the model. */
        private readonly model: string,
    ) {}

    /** Whether the counts are exact. */
    get exact(): boolean {
        return this.dialect.tokenizer !== null;
    }

    /** @throws {UpstreamRefusal}, {EngineFailedError} */
    count(request: Request): Promise<PromptCount> {
        const key = 'messages' in request ? request.messages : (request.extra ?? request);
        const entry = this.known.get(key);
        if (entry !== undefined && samePrompt(entry.request, request)) return entry.counting;
        const counting = this.ask(request);
        counting.catch(() => this.known.delete(key));
        this.known.set(key, { request, counting });
        return counting;
    }

    private async ask(request: Request): Promise<PromptCount> {
        switch (this.dialect.tokenizer) {
            case 'tokenize-chat':
                return exactly(await this.tokenizeChat(request));
            case 'apply-template':
                return exactly(await this.applyTemplate(request));
            case null:
                return boundOf(request);
        }
    }

    private async tokenizeChat(request: Request): Promise<unknown> {
        const body = 'messages' in request ? this.templated(request) : { prompt: request.prompt };
        const answer = await this.connection.ask('/tokenize', { model: this.model, ...body });
        return (answer as { count?: unknown }).count;
    }

    private async applyTemplate(request: Request): Promise<unknown> {
        const content = 'messages' in request ? await this.renderedPrompt(request) : request.prompt;
        const answer = await this.connection.ask('/tokenize', { content, add_special: true, parse_special: true });
        return (answer as { tokens?: { length?: unknown } }).tokens?.length;
    }

    private async renderedPrompt(request: ChatRequest): Promise<unknown> {
        const body = { messages: messagesOf(request), ...extraFields(request.extra, this.dialect) };
        return ((await this.connection.ask('/apply-template', body)) as { prompt?: unknown }).prompt;
    }

    /** What a chat template sees. */
    private templated(request: ChatRequest): Record<string, unknown> {
        const { tools, chat_template_kwargs, reasoning_effort } = extraFields(request.extra, this.dialect);
        const templateArguments = {
            ...(reasoning_effort === undefined ? {} : { reasoning_effort }),
            ...(chat_template_kwargs as object | undefined),
        };
        return {
            messages: messagesOf(request),
            add_generation_prompt: !continues(request),
            continue_final_message: continues(request),
            ...(tools === undefined ? {} : { tools }),
            ...(Object.keys(templateArguments).length === 0 ? {} : { chat_template_kwargs: templateArguments }),
        };
    }
}

function samePrompt(a: Request, b: Request): boolean {
    return 'prompt' in a && 'prompt' in b ? a.prompt === b.prompt : a.extra === b.extra;
}

function exactly(value: unknown): PromptCount {
    const tokens = count(value);
    if (tokens === null) {
        throw new EngineFailedError('The tokenizer of the inference server answered without a count. Look at its log.');
    }
    return { tokens, unstated: tokens };
}

/** No token is shorter than a byte, so that bytes and what a template adds are a bound for every tokenizer. */
export function boundOf(request: Request): PromptCount {
    if (!('messages' in request)) {
        const bytes = bytesOf(request.prompt);
        return { tokens: bytes + 1, unstated: Math.ceil(bytes / UsualBytes) };
    }
    // With all names of fields: what a template puts around a message is no longer than its JSON.
    const messages = bytesOf(JSON.stringify(messagesOf(request)));
    const { tools = null, response_format: format = null } = request.extra ?? {};
    const forTools = asked(tools) ? ToolsIndented * bytesOf(JSON.stringify(tools)) + TemplateTokensOfTools : 0;
    const forFormat = asked(format) ? bytesOf(JSON.stringify(format)) : 0;
    return {
        tokens: messages + TemplateTokens + TemplateTokensOfMessage * request.messages.length + forTools + forFormat,
        unstated: Math.ceil(messages / UsualBytes),
    };
}

function asked(value: unknown): boolean {
    return value !== null && value !== undefined;
}

/** Some tokenizers normalise first, and a few characters grow by it. */
function bytesOf(text: string): number {
    return Math.max(Buffer.byteLength(text), Buffer.byteLength(text.normalize('NFKC')));
}
