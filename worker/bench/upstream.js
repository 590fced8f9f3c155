'use strict';

/**
 * How many pieces of streamed answers the upstream engine can take in a second of one core's time: everything between
 * the socket and the events that the metering gets. The server runs in a process of its own and costs nothing here.
 *
 *     npm run build:all && node worker/bench/upstream.js [--json]
 *
 * Design target: at least 200,000 a CPU second, so that metering and encryption have room for 60,000 tokens in all.
 * Two cases: pieces that arrive many at once, as under load, and ones that arrive alone.
 */

const { fork } = require('node:child_process');
const { createServer } = require('node:http');
const { createUpstreamEngine } = require('../dist/engine');

const Pieces = 40_000;
const Streams = 8;
const Cases = { 'many at once': 200, 'eight at once': 8, alone: 1 };

if (process.argv[2] === 'serve') serve();
else main();

/** A server that has all answers ready. */
function serve() {
    const chunk = (choices, more = {}) =>
        `data: ${JSON.stringify({ id: 'chatcmpl-0123456789abcdef', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...more })}\n\n`;
    const usage = (completion) => ({
        usage: { prompt_tokens: 9, total_tokens: 9 + completion, completion_tokens: completion },
    });
    const server = createServer((request, response) => {
        if (request.url === '/v1/models') {
            return response.end(JSON.stringify({ data: [{ id: 'm', owned_by: 'vllm', max_model_len: 1_000_000 }] }));
        }
        if (request.url === '/tokenize') return response.end('{"count":9}');
        let text = '';
        request.on('data', (part) => (text += part));
        request.on('end', async () => {
            const together = Number(JSON.parse(text).messages[0].content);
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            response.socket.setNoDelay(true);
            for (let sent = 0; sent < Pieces; ) {
                let part = '';
                for (let i = 0; i < together && sent < Pieces; i++) {
                    sent += 1;
                    const choice = { index: 0, delta: { content: ' word' }, logprobs: null, finish_reason: null };
                    part += chunk([choice], usage(sent));
                }
                if (!response.write(part)) await new Promise((resolve) => response.once('drain', resolve));
                // Otherwise what is written one by one would travel together.
                if (together === 1) await new Promise(setImmediate);
            }
            response.write(chunk([{ index: 0, delta: {}, finish_reason: 'length' }], usage(Pieces)));
            response.end(`${chunk([], usage(Pieces))}data: [DONE]\n\n`);
        });
    });
    server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}

async function main() {
    const server = fork(__filename, ['serve']);
    const port = await new Promise((resolve) => server.once('message', resolve));
    const engine = await createUpstreamEngine({
        url: `http://127.0.0.1:${port}`,
        weightsHash: '0'.repeat(64),
        slots: Streams,
        embeddings: false,
    });
    const rows = {};
    try {
        for (const [name, together] of Object.entries(Cases)) {
            await run(engine, together);
            const { seconds, events } = await run(engine, together);
            rows[name] = {
                perCpuSecond: Math.round((Pieces * Streams) / seconds),
                piecesOfEvent: (Pieces * Streams) / events,
            };
        }
    } finally {
        await engine.close();
        server.kill();
    }
    if (process.argv.includes('--json')) return console.log(JSON.stringify(rows));
    for (const [name, { perCpuSecond, piecesOfEvent }] of Object.entries(rows)) {
        console.log(`${name.padEnd(16)} ${perCpuSecond} pieces a CPU second, ${piecesOfEvent.toFixed(1)} in an event`);
    }
}

/** @returns seconds of this process's CPU time, and events that it took. */
async function run(engine, together) {
    const before = process.cpuUsage();
    let events = 0;
    const streams = Array.from({ length: Streams }, async () => {
        const request = { model: 'm', messages: [{ role: 'user', content: String(together) }], maxTokens: Pieces };
        let tokens = 0;
        for await (const event of engine.chat(request, { signal: new AbortController().signal })) {
            events += 1;
            if (event.type === 'end') tokens = Number(event.tokens.completion);
        }
        if (tokens !== Pieces) throw new Error(`${tokens} tokens were counted, not ${Pieces}.`);
    });
    await Promise.all(streams);
    const { user, system } = process.cpuUsage(before);
    return { seconds: (user + system) / 1e6, events };
}
