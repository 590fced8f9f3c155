import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
    type ChatMessage,
    ContextLengthError,
    createLlamaEngine,
    type Engine,
    EngineError,
    type SamplingParameters,
    type UpstreamKind,
} from '../../src/engine';
import { TinyModel } from './tiny-model';

/** What a test makes of an answer instead of the model: raw bytes of the stream, and pauses in milliseconds between. */
export type Script = (string | Buffer | number | 'cut')[];

/** What came in. */
export type SeenRequest = { path: string; body: Record<string, unknown>; headers: IncomingMessage['headers']; aborted: boolean };

const Name = 'tiny';
const Slots = 8;

/**
 * Stands in for vLLM, SGLang, llama.cpp's server and Ollama: their routes, forms of chunks and errors, as their
 * documentation has them, with the real small model behind it. Scripts play what a broken server does.
 */
export class UpstreamServer {
    readonly seen: SeenRequest[] = [];
    script: Script | null = null;
    /** Answers a request in place of everything else. */
    refusal: { status: number; body: unknown } | null = null;
    /** Requests that the metrics say are waiting. */
    waiting = 0;
    private generated = 0;

    private constructor(
        private readonly kind: UpstreamKind,
        private readonly server: Server,
        private readonly engine: Engine,
    ) {}

    static async start(kind: UpstreamKind): Promise<UpstreamServer> {
        const engine = await createLlamaEngine({ modelPath: TinyModel, gpu: false, slots: Slots, contextLength: 256 });
        const server = createServer();
        const upstream = new UpstreamServer(kind, server, engine);
        server.on('request', (request, response) => {
            upstream.serve(request, response).catch(() => response.destroy());
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return upstream;
    }

    get url(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    /** Tokens that the model has generated so far. */
    get generatedTokens(): number {
        return this.generated;
    }

    /** Bodies of the requests for answers, without the questions of the start. */
    get asked(): SeenRequest[] {
        return this.seen.filter(({ path }) => path === '/v1/chat/completions' || path === '/v1/completions');
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        await this.engine.close();
    }

    private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const path = request.url ?? '';
        let text = '';
        for await (const part of request) text += part;
        const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
        const seen: SeenRequest = { path, body, headers: request.headers, aborted: false };
        this.seen.push(seen);
        response.once('close', () => (seen.aborted = !response.writableFinished));
        const answer = (value: unknown, status = 200) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
        if (this.refusal !== null && request.method === 'POST') return answer(this.refusal.body, this.refusal.status);
        const info = this.info(path);
        if (info !== null) return typeof info === 'string' ? void response.writeHead(200, { 'content-type': 'text/plain' }).end(info) : answer(info);
        try {
            switch (path) {
                case '/tokenize':
                    return answer(await this.tokenize(body));
                case '/apply-template':
                    return answer({ prompt: `<template>${JSON.stringify(body.messages)}` });
                case '/v1/embeddings':
                    return answer(await this.embed(body.input as string[]));
                case '/v1/chat/completions':
                case '/v1/completions':
                    return await this.complete(path, body, response);
            }
            answer({ error: { message: 'Not Found' } }, 404);
        } catch (error) {
            if (!(error instanceof EngineError)) throw error;
            const { status, body: told } = this.errorOf(error);
            answer(told, status);
        }
    }

    private info(path: string): object | string | null {
        const { contextLength } = this.engine.models[0]!;
        const model = { id: Name, object: 'model', created: 1 };
        const vllm = { ...model, owned_by: 'vllm', root: Name, max_model_len: contextLength };
        const routes: Partial<Record<UpstreamKind, Record<string, object | string>>> = {
            vllm: {
                '/v1/models': { object: 'list', data: [vllm] },
                '/metrics': `# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{engine="0",model_name="${Name}"} ${this.waiting}.0\n`,
            },
            sglang: {
                '/v1/models': { object: 'list', data: [{ ...vllm, owned_by: 'sglang' }] },
                '/metrics': `sglang:num_queue_reqs{model_name="${Name}"} ${this.waiting}\n`,
            },
            'llama.cpp': {
                '/v1/models': { object: 'list', data: [{ ...model, owned_by: 'llamacpp', meta: { n_ctx_train: 512 } }] },
                '/props': { default_generation_settings: { n_ctx: contextLength }, total_slots: Slots },
                '/metrics': `llamacpp:requests_deferred ${this.waiting}\n`,
            },
            ollama: {
                '/v1/models': { object: 'list', data: [{ ...model, owned_by: 'library' }] },
                '/api/version': { version: '0.12.0' },
            },
            openai: { '/v1/models': { object: 'list', data: [model] } },
        };
        return routes[this.kind]?.[path] ?? null;
    }

    private async tokenize({ messages, prompt, content }: Record<string, unknown>): Promise<object> {
        const { id: model, contextLength } = this.engine.models[0]!;
        const asMessages = messages ?? (typeof content === 'string' && content.startsWith('<template>') ? JSON.parse(content.slice('<template>'.length)) : null);
        const count = await this.engine.countPromptTokens(
            asMessages === null ? { model, prompt: (prompt ?? content) as string } : { model, messages: asMessages as ChatMessage[] },
        );
        const tokens = Array.from({ length: count }, (_, index) => index);
        return this.kind === 'vllm' ? { count, max_model_len: contextLength, tokens } : { tokens };
    }

    private async embed(input: string[]): Promise<object> {
        const { vectors, tokens } = await this.engine.embed(this.engine.models[0]!.id, input, { signal: new AbortController().signal });
        const data = vectors.map((vector, index) => ({ object: 'embedding', index, embedding: Array.from(vector) }));
        return { object: 'list', data, model: Name, usage: { prompt_tokens: tokens, total_tokens: tokens } };
    }

    private async complete(path: string, body: Record<string, unknown>, response: ServerResponse): Promise<void> {
        if (this.script !== null) return this.play(this.script, response);
        const abort = new AbortController();
        response.once('close', () => abort.abort());
        const chat = path === '/v1/chat/completions';
        const sampling = samplingOf(body);
        const model = this.engine.models[0]!.id;
        const options = { signal: abort.signal };
        const events = chat
            ? this.engine.chat({ ...sampling, model, messages: body.messages as ChatMessage[] }, options)
            : this.engine.complete({ ...sampling, model, prompt: body.prompt as string }, options);
        const streamed = body.stream_options as { include_usage?: boolean; continuous_usage_stats?: boolean } | undefined;
        const continuous = streamed?.continuous_usage_stats === true && (this.kind === 'vllm' || this.kind === 'sglang');
        const prompt = await this.engine.countPromptTokens(
            chat ? { model, messages: body.messages as ChatMessage[] } : { model, prompt: body.prompt as string },
        );
        const usage = (completion: number) => ({ prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion });
        const send = (choices: object[], completion: number, last = false) => {
            const stated = last || continuous ? { usage: usage(completion) } : {};
            response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: Name, choices, ...stated })}\n\n`);
        };
        const piece = (text: string) => (chat ? { delta: { content: text } } : { text });
        let begun = false;
        for await (const event of events) {
            if (!begun) {
                response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
                if (chat) send([{ index: 0, delta: { role: 'assistant', content: this.kind === 'llama.cpp' ? null : '' }, logprobs: null, finish_reason: null }], 0);
                begun = true;
            }
            if (event.type === 'text') {
                this.generated += event.newTokens;
                send([{ index: 0, ...piece(event.text), logprobs: null, finish_reason: null }], event.completionTokens);
            } else {
                const completion = Number(event.tokens.completion);
                send([{ index: 0, ...(chat ? { delta: {} } : { text: '' }), logprobs: null, finish_reason: event.finishReason }], completion);
                if (streamed?.include_usage === true) send([], completion, true);
                response.end('data: [DONE]\n\n');
            }
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
        if (!(error instanceof ContextLengthError)) return { status: 400, body: { error: { message: error.message, code: 400 } } };
        const { promptTokens, contextLength } = error;
        const vllm = `This model's maximum context length is ${contextLength} tokens. However, you requested ${promptTokens} tokens in the messages.`;
        switch (this.kind) {
            case 'llama.cpp':
                return {
                    status: 400,
                    body: { error: { code: 400, message: 'the request exceeds the available context size, try increasing it', type: 'exceed_context_size_error', n_prompt_tokens: promptTokens, n_ctx: contextLength } },
                };
            case 'sglang':
                return { status: 400, body: { object: 'error', message: `The input (${promptTokens} tokens) is longer than the model's context length (${contextLength} tokens).`, code: 400 } };
            default:
                return { status: 400, body: { object: 'error', message: vllm, type: 'BadRequestError', code: 400 } };
        }
    }
}

function samplingOf(body: Record<string, unknown>): SamplingParameters {
    return {
        maxTokens: body.max_tokens as number,
        temperature: body.temperature as number,
        topP: body.top_p as number,
        topK: body.top_k as number | undefined,
        seed: body.seed as number | undefined,
        stop: body.stop as string[] | undefined,
        presencePenalty: body.presence_penalty as number | undefined,
        frequencyPenalty: body.frequency_penalty as number | undefined,
    };
}
