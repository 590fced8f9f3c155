import type { ChatRequest, CompletionRequest } from '../engine';
import type { Connection } from './connection';
import type { Dialect } from './dialect';
import { continues, messagesOf } from './request';

/** Tokens of a prompt; `exact` where a tokenizer has counted them, else a bound from above. */
export type PromptCount = { tokens: number; exact: boolean; unstated: number };

/** Tokens that a chat template may add around each message, and around all of them. */
const TemplatePerMessage = 16;
const TemplateAtAll = 80;
/** Bytes of a token of ordinary text, for the estimate that counts when nothing is stated. */
const UsualBytes = 4;

/** Counts prompts through the server's own tokenizer and template, where it has one. */
export class PromptCounter {
    /** A caller counts a request and then runs the same object; the entry goes with its request. */
    private readonly known = new WeakMap<ChatRequest | CompletionRequest, Promise<PromptCount>>();

    constructor(
        private readonly connection: Connection,
        private readonly dialect: Dialect,
        /** The server's name of the model. */
        private readonly model: string,
    ) {}

    count(request: ChatRequest | CompletionRequest): Promise<PromptCount> {
        let counting = this.known.get(request);
        if (counting === undefined) {
            counting = this.ask(request);
            counting.catch(() => this.known.delete(request));
            this.known.set(request, counting);
        }
        return counting;
    }

    private async ask(request: ChatRequest | CompletionRequest): Promise<PromptCount> {
        const counted = await this.exact(request);
        return counted === null ? boundOf(request) : { tokens: counted, exact: true, unstated: counted };
    }

    private async exact(request: ChatRequest | CompletionRequest): Promise<number | null> {
        const signal = new AbortController().signal;
        switch (this.dialect.tokenizer) {
            case 'tokenize-chat': {
                const body = 'messages' in request ? { ...templated(request), ...turnOf(request) } : { prompt: request.prompt };
                const answer = (await this.connection.post('/tokenize', { model: this.model, ...body }, signal)) as { count?: unknown };
                return typeof answer.count === 'number' ? answer.count : null;
            }
            case 'apply-template': {
                const prompt = 'messages' in request ? await this.applyTemplate(request, signal) : request.prompt;
                if (prompt === null) return null;
                const body = { content: prompt, add_special: true, parse_special: true };
                const answer = (await this.connection.post('/tokenize', body, signal)) as { tokens?: unknown };
                return Array.isArray(answer.tokens) ? answer.tokens.length : null;
            }
            case null:
                return null;
        }
    }

    private async applyTemplate(request: ChatRequest, signal: AbortSignal): Promise<string | null> {
        const answer = (await this.connection.post('/apply-template', templated(request), signal)) as { prompt?: unknown };
        return typeof answer.prompt === 'string' ? answer.prompt : null;
    }
}

/** What a chat template sees: also the tools, which it writes into the prompt. */
function templated(request: ChatRequest): Record<string, unknown> {
    const { tools, chat_template_kwargs } = request.extra ?? {};
    return {
        messages: messagesOf(request),
        ...(Array.isArray(tools) && tools.length > 0 ? { tools } : {}),
        ...(chat_template_kwargs === undefined ? {} : { chat_template_kwargs }),
    };
}

function turnOf(request: ChatRequest): Record<string, unknown> {
    return { add_generation_prompt: !continues(request), continue_final_message: continues(request) };
}

/** No token is shorter than a byte, so that bytes and what a template adds are a bound for every tokenizer. */
export function boundOf(request: ChatRequest | CompletionRequest): PromptCount {
    const text = 'messages' in request ? JSON.stringify([messagesOf(request), request.extra?.tools ?? null]) : request.prompt;
    const frame = 'messages' in request ? TemplateAtAll + TemplatePerMessage * request.messages.length : 1;
    const bytes = Buffer.byteLength(text);
    return { tokens: bytes + frame, exact: false, unstated: Math.ceil(bytes / UsualBytes) };
}
