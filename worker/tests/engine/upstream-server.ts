import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
    type ChatMessage,
    ContextLengthError,
    type Engine,
    EngineError,
    type SamplingParameters,
    type UpstreamKind,
} from '../../src/engine';
import { never } from './conformance';

/** What a test makes of an answer instead of the model: bytes of the stream, pauses in milliseconds, or a sudden end. */
export type Script = (string | Uint8Array | number | 'cut')[];

/** What came in. */
export type SeenRequest = {
    path: string;
    body: Record<string, unknown>;
    headers: IncomingMessage['headers'];
    /** Whether the connection was closed before the answer was complete. */
    aborted: boolean;
};

type Body = Record<string, unknown>;

/** The server's name of the model. */
export const ServedName = 'tiny';
const Template = '<template>';

/**
 * Stands in for vLLM, SGLang, llama.cpp's server and Ollama: their routes, forms of chunks, counts and errors, as their
 * documentation has them, with a real model behind it. Scripts play what a broken server does.
 */
export class UpstreamServer {
    readonly seen: SeenRequest[] = [];
    script: Script | null = null;
    /** Answers every POST in place of everything else. */
    refusal: { status: number; body: unknown } | null = null;
    /** Changes what it says of itself, by path; null is 'not found'. */
    said: Record<string, object | string | null> = {};
    /** Requests that the metrics say are waiting. */
    waiting = 0;
    /** Length of the vectors of embeddings. */
    vectorLength = 1;
    /** Tokens that the model has generated so far, the end of the turn included. */
    generated = 0;
    /** Connections that were ever made. */
    connections = 0;

    private constructor(
        readonly kind: UpstreamKind,
        private readonly server: Server,
        private readonly engine: Engine,
    ) {}

    /** @param engine the model behind it; stays the caller's. */
    static async start(kind: UpstreamKind, engine: Engine): Promise<UpstreamServer> {
        const server = createServer();
        const upstream = new UpstreamServer(kind, server, engine);
        server.on('connection', () => (upstream.connections += 1));
        server.on('request', (request, response) => {
            upstream.serve(request, response).catch(() => response.destroy());
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return upstream;
    }

    get url(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    /** Requests for answers, without the questions around them. */
    get asked(): SeenRequest[] {
        return this.seen.filter(({ path }) => path === '/v1/chat/completions' || path === '/v1/completions');
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const path = request.url ?? '';
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        const text = Buffer.concat(parts).toString();
        const body = (text === '' ? {} : JSON.parse(text)) as Body;
        const seen: SeenRequest = { path, body, headers: request.headers, aborted: false };
        this.seen.push(seen);
        response.once('close', () => (seen.aborted = !response.writableFinished));
        if (this.refusal !== null && request.method === 'POST') {
            return sendJson(response, this.refusal.body, this.refusal.status);
        }
        const info = path in this.said ? this.said[path] : this.info(path);
        if (typeof info === 'string') {
            return void response.writeHead(200, { 'content-type': 'text/plain' }).end(info);
        }
        if (info) return sendJson(response, info);
        try {
            await this.route(path, body, response);
        } catch (error) {
            if (!(error instanceof EngineError)) throw error;
            const refusal = this.errorOf(error);
            sendJson(response, refusal.body, refusal.status);
        }
    }

    private async route(path: string, body: Body, response: ServerResponse): Promise<void> {
        if (path === '/tokenize' && this.said[path] !== null) {
            const answer = await this.tokenize(body);
            if (answer !== null) return sendJson(response, answer);
        }
        if (path === '/apply-template' && this.kind === 'llama.cpp') {
            return sendJson(response, { prompt: Template + JSON.stringify(body.messages) });
        }
        if (path === '/v1/embeddings') return sendJson(response, await this.embed(body.input as string[]));
        if (path === '/v1/chat/completions' || path === '/v1/completions') {
            return this.script === null ? this.generate(path, body, response) : this.play(this.script, response);
        }
        sendJson(response, { error: { message: 'Not Found' } }, 404);
    }

    private info(path: string): object | string | null {
        const { contextLength } = this.engine.models[0]!;
        const model = { id: ServedName, object: 'model', created: 1 };
        const routes: Record<UpstreamKind, Record<string, object | string>> = {
            vllm: {
                '/v1/models': list({ ...model, owned_by: 'vllm', root: ServedName, max_model_len: contextLength }),
                '/metrics':
                    '# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n' +
                    '# TYPE vllm:num_requests_waiting gauge\n' +
                    `vllm:num_requests_waiting{engine="0",model_name="a } b"} ${this.waiting}.0\n` +
                    'vllm:kv_cache_usage_perc{engine="0",model_name="tiny"} 0.5\n',
            },
            sglang: {
                '/v1/models': list({ ...model, owned_by: 'sglang', root: ServedName, max_model_len: contextLength }),
                '/metrics': `sglang:num_queue_reqs{model_name="tiny"} ${this.waiting}.0\nsglang:token_usage 0.28\n`,
            },
            'llama.cpp': {
                '/v1/models': list({ ...model, owned_by: 'llamacpp', meta: { n_ctx_train: 4 * contextLength } }),
                '/props': { default_generation_settings: { n_ctx: contextLength }, total_slots: this.engine.slots },
                '/metrics': `# TYPE llamacpp:requests_deferred gauge\nllamacpp:requests_deferred ${this.waiting}\n`,
            },
            ollama: {
                '/v1/models': list({ ...model, owned_by: 'library' }),
                '/api/version': { version: '0.12.6' },
                '/api/ps': { models: [{ name: ServedName, model: ServedName, context_length: contextLength }] },
            },
            openai: { '/v1/models': list(model) },
        };
        return routes[this.kind][path] ?? null;
    }

    /** @returns null where the kind has no tokenizer. */
    private async tokenize({ messages, prompt, content }: Body): Promise<object | null> {
        if (this.kind === 'ollama' || this.kind === 'openai') return null;
        const { id: model, contextLength } = this.engine.models[0]!;
        const rendered = typeof content === 'string' && content.startsWith(Template);
        const chat = rendered ? JSON.parse(content.slice(Template.length)) : messages;
        const count = await this.engine.countPromptTokens(
            chat === undefined
                ? { model, prompt: String(prompt ?? content) }
                : { model, messages: chat as ChatMessage[] },
        );
        const tokens = Array.from({ length: count }, (_, index) => index);
        return this.kind === 'llama.cpp' ? { tokens } : { count, max_model_len: contextLength, tokens };
    }

    private async embed(input: string[]): Promise<object> {
        const { vectors, tokens } = await this.engine.embed(this.engine.models[0]!.id, input, { signal: never() });
        const data = vectors.map((vector, index) => ({
            object: 'embedding',
            index,
            embedding: Array.from(vector, (value) => value * this.vectorLength),
        }));
        return { ...list(...data), model: ServedName, usage: { prompt_tokens: tokens, total_tokens: tokens } };
    }

    private async generate(path: string, body: Body, response: ServerResponse): Promise<void> {
        const abort = new AbortController();
        response.once('close', () => abort.abort());
        const model = this.engine.models[0]!.id;
        const chat = path === '/v1/chat/completions';
        const request = chat
            ? { model, messages: body.messages as ChatMessage[] }
            : { model, prompt: body.prompt as string };
        const prompt = await this.engine.countPromptTokens(request);
        const sampling = samplingOf(body);
        const options = { signal: abort.signal };
        const events =
            'messages' in request
                ? this.engine.chat({ ...request, ...sampling }, options)
                : this.engine.complete({ ...request, ...sampling }, options);
        const stream = new ChunkWriter(this.kind, chat, prompt, body, response);
        for await (const event of events) {
            if (event.type === 'text') {
                this.generated += event.newTokens;
                stream.piece(event.text, event.completionTokens);
                continue;
            }
            // All of these servers count the token that ends a turn; after a stop string there is none.
            const ended = event.finishReason === 'stop' && sampling.stop === undefined ? 1 : 0;
            this.generated += ended;
            stream.end(event.finishReason, Number(event.tokens.completion) + ended);
        }
    }

    private async play(script: Script, response: ServerResponse): Promise<void> {
        for (const step of script) {
            if (typeof step === 'number') {
                await new Promise((resolve) => setTimeout(resolve, step));
            } else if (step === 'cut') {
                response.destroy();
                return;
            } else {
                if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
                await new Promise((resolve) => response.write(step, resolve));
            }
        }
        response.end();
    }

    /** The words of each server for a prompt that is too long, and for everything else. */
    private errorOf(error: EngineError): { status: number; body: object } {
        if (!(error instanceof ContextLengthError)) {
            return { status: 400, body: { error: { message: error.message, code: 400 } } };
        }
        const { promptTokens: prompt, contextLength: most } = error;
        const bodies: Record<UpstreamKind, object> = {
            'llama.cpp': {
                error: {
                    code: 400,
                    message: `request (${prompt} tokens) exceeds the available context size (${most} tokens), try increasing it`,
                    type: 'exceed_context_size_error',
                    n_prompt_tokens: prompt,
                    n_ctx: most,
                },
            },
            sglang: {
                object: 'error',
                message: `The input (${prompt} tokens) is longer than the model's context length (${most} tokens).`,
                code: 400,
            },
            vllm: {
                error: {
                    message: `This model's maximum context length is ${most} tokens. However, you requested ${prompt} tokens.`,
                    type: 'BadRequestError',
                    code: 400,
                },
            },
            ollama: { error: { message: 'the input length exceeds the context length', type: 'api_error' } },
            openai: { error: { message: 'too long', code: 'context_length_exceeded' } },
        };
        return { status: 400, body: bodies[this.kind] };
    }
}

/** Writes the chunks of one answer as a kind of server does. */
class ChunkWriter {
    private readonly options: { include_usage?: boolean; continuous_usage_stats?: boolean };

    constructor(
        private readonly kind: UpstreamKind,
        private readonly chat: boolean,
        private readonly prompt: number,
        private readonly body: Body,
        private readonly response: ServerResponse,
    ) {
        this.options = (body.stream_options ?? {}) as ChunkWriter['options'];
    }

    piece(text: string, completion: number): void {
        this.begin();
        // llama.cpp and Ollama say nothing until a character is complete.
        if (text === '' && (this.kind === 'llama.cpp' || this.kind === 'ollama')) return;
        const delta = this.kind === 'ollama' ? { role: 'assistant', content: text } : { content: text };
        const content = this.chat ? { delta } : { text };
        this.send([{ index: 0, ...content, logprobs: null, finish_reason: null }], this.running(completion));
    }

    end(finishReason: string, completion: number): void {
        this.begin();
        const content = this.chat ? { delta: {} } : { text: '' };
        this.send([{ index: 0, ...content, finish_reason: finishReason }], this.running(completion));
        if (this.options.include_usage) this.send([], { ...this.usage(completion), ...this.timings(completion) });
        this.response.end('data: [DONE]\n\n');
    }

    private begin(): void {
        if (this.response.headersSent) return;
        this.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
        if (!this.chat || this.kind === 'ollama') return;
        const delta = { role: 'assistant', content: this.kind === 'llama.cpp' ? null : '' };
        this.send([{ index: 0, delta, finish_reason: null }], this.running(0));
    }

    private running(completion: number): object {
        const continuous = this.kind === 'vllm' || this.kind === 'sglang';
        if (continuous && this.options.continuous_usage_stats) return this.usage(completion);
        return this.kind === 'llama.cpp' && this.body.timings_per_token === true ? this.timings(completion) : {};
    }

    private usage(completion: number): object {
        const usage = {
            prompt_tokens: this.prompt,
            completion_tokens: completion,
            total_tokens: this.prompt + completion,
        };
        return {
            usage: this.kind === 'sglang' ? { ...usage, prompt_tokens_details: null, reasoning_tokens: 0 } : usage,
        };
    }

    private timings(completion: number): object {
        return this.kind === 'llama.cpp'
            ? { timings: { cache_n: 0, prompt_n: this.prompt, predicted_n: completion } }
            : {};
    }

    private send(choices: object[], more: object): void {
        const object = this.chat ? 'chat.completion.chunk' : 'text_completion';
        const chunk = { id: 'x', object, created: 1, model: ServedName, choices, ...more };
        this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
}

function list(...data: object[]): object {
    return { object: 'list', data };
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function samplingOf(body: Body): SamplingParameters {
    return {
        maxTokens: body.max_tokens as number,
        temperature: body.temperature as number,
        topP: body.top_p as number,
        topK: Math.max(0, (body.top_k as number | undefined) ?? 0),
        seed: body.seed as number | undefined,
        stop: body.stop as string[] | undefined,
        presencePenalty: body.presence_penalty as number | undefined,
        frequencyPenalty: body.frequency_penalty as number | undefined,
    };
}
