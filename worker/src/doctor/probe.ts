import { randomBytes } from 'node:crypto';
import { createServer, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { ContentType } from '@ton-compute/protocol';

/** Milliseconds between the two events of an answer. What arrives together was held back on the way. */
const Gap = 800;

/** How an answer came back. */
export type Visit = 'streams' | 'buffered' | 'elsewhere';

/** Listens, for the seconds of an examination, where the worker will. It answers nobody who does not know its path. */
export type Probe = {
    /** @param base URL under which clients reach this machine. @throws errors of `fetch`. */
    visit(base: string, signal: AbortSignal): Promise<Visit>;
    close(): Promise<void>;
};

/** @throws when the port cannot be had. */
export async function openProbe(host: string, port: number): Promise<Probe> {
    const secret = randomBytes(16).toString('hex');
    const path = `/doctor/${secret}`;
    const server = createServer((request, response) => {
        if (request.url?.endsWith(path) === true) {
            void answer(response, secret);
        } else {
            response.writeHead(503, { 'retry-after': '60', connection: 'close' }).end();
        }
    });
    await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, resolve);
    });
    return {
        visit: (base, signal) => visit(`${base}${path}`, secret, signal),
        close: () =>
            new Promise((resolve) => {
                server.close(() => resolve());
                server.closeAllConnections();
            }),
    };
}

/** Two events, as of a chat that is streamed. */
async function answer(response: ServerResponse, secret: string): Promise<void> {
    response.writeHead(200, { 'content-type': ContentType.EventStream, 'cache-control': 'no-store' });
    response.write(`data: ${secret}\n\n`);
    await sleep(Gap);
    response.end('data: [DONE]\n\n');
}

async function visit(url: string, secret: string, signal: AbortSignal): Promise<Visit> {
    const response = await fetch(url, { signal, redirect: 'error' });
    const arrivals: number[] = [];
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
        arrivals.push(performance.now());
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        if (text.length > 4096) {
            break;
        }
    }
    if (!response.ok || !text.includes(secret)) {
        return 'elsewhere';
    }
    return arrivals[arrivals.length - 1] - arrivals[0] > Gap / 2 ? 'streams' : 'buffered';
}
