import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { answerMessages } from './child';
import { Pace, PromptTokens, Restart, UpstreamState } from './upstream-messages';

const Model = 'stand-in';
/** Events that are written at once when the pace is unlimited: as a fast server's socket delivers them. */
const Burst = 64;
/** Sixteen tokens of text, over and over. */
const Words = 'The review is moved to Friday at three and Tom will bring his slides'.split(' ');

let pace: Pace = { tokens: 1, perSecond: null };
const state: UpstreamState = { url: '', begun: 0, sentTokens: 0, abandoned: 0 };

/** A server that answers like an inference server and takes no time: what remains is the relay. */
async function main(): Promise<void> {
    const server = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    state.url = `http://127.0.0.1:${port}/v1`;
    answerMessages<Pace | Restart, UpstreamState>(async (order) => {
        if ('downSeconds' in order) {
            const closed = new Promise((resolve) => server.close(resolve));
            server.closeAllConnections();
            await closed;
            await sleep(order.downSeconds * 1000);
            await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
        } else {
            pace = order;
        }
        return state;
    });
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const part of request) {
        text += part;
    }
    const json = (body: unknown) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/v1/models') {
        return void json({ object: 'list', data: [{ id: Model, object: 'model', max_model_len: 1_000_000 }] });
    }
    if (request.url === '/tokenize') {
        return void json({ count: PromptTokens, max_model_len: 1_000_000, tokens: Array.from({ length: PromptTokens }, (_, index) => index) });
    }
    if (request.url === '/version') {
        return void json({ version: '0.0.0' });
    }
    if (request.url !== '/v1/chat/completions') {
        return void response.writeHead(404).end('{}');
    }
    const { max_tokens: most, max_completion_tokens: more } = JSON.parse(text) as Record<string, number | undefined>;
    await stream(response, Math.min(pace.tokens, more ?? most ?? Infinity));
}

async function stream(response: ServerResponse, tokens: number): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    state.begun += 1;
    const start = performance.now();
    const step = pace.perSecond === null ? Burst : 1;
    for (let sent = 0; sent < tokens && !response.destroyed; sent += step) {
        const count = Math.min(step, tokens - sent);
        const events = Array.from({ length: count }, (_, index) => event({ content: `${Words[(sent + index) % Words.length]} ` }, null, sent + index + 1));
        state.sentTokens += count;
        if (!response.write(events.join(''))) {
            await roomIn(response);
        }
        if (pace.perSecond !== null) {
            await sleep(Math.max(0, start + ((sent + 1) * 1000) / pace.perSecond - performance.now()));
        }
    }
    if (response.destroyed) {
        state.abandoned += 1;
        return;
    }
    response.end(`${event({}, 'stop', tokens)}${usage(tokens)}data: [DONE]\n\n`);
}

function roomIn(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
        const go = () => {
            response.off('drain', go).off('close', go);
            resolve();
        };
        response.on('drain', go).on('close', go);
    });
}

const head = { id: 'chatcmpl-0', object: 'chat.completion.chunk', created: 1, model: Model };

function event(delta: object, finish: string | null, completion: number): string {
    const usageSoFar = { prompt_tokens: PromptTokens, completion_tokens: completion, total_tokens: PromptTokens + completion };
    return `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], usage: usageSoFar })}\n\n`;
}

function usage(completion: number): string {
    const body = { prompt_tokens: PromptTokens, completion_tokens: completion, total_tokens: PromptTokens + completion };
    return `data: ${JSON.stringify({ ...head, choices: [], usage: body })}\n\n`;
}

void main();
