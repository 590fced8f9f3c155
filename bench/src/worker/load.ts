import { Session } from '@ton-compute/client';

/** One way to ask for a streamed answer: through a session, or straight from a server. */
export type Ask = (body: string) => Promise<Response>;

export type LoadResult = {
    tokens: number;
    seconds: number;
    /** Milliseconds to the first token of each stream. */
    firstTokens: number[];
};

/** @returns a way to ask through a session: sealed or plain as its client is, paid as ever. */
export function throughSession(session: Session): Ask {
    return (body) => session.request(`${session.baseURL}/chat/completions`, { method: 'POST', body });
}

/** @returns a way to ask an inference server directly. */
export function direct(baseURL: string): Ask {
    return (body) => fetch(`${baseURL}/chat/completions`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
}

/**
 * Streams answers side by side and waits for the last one.
 * @param ways taken in turn by the streams.
 */
export async function load(ways: readonly Ask[], model: string, streams: number, maxTokens: number, prompt: string): Promise<LoadResult> {
    const start = performance.now();
    const results = await Promise.all(
        Array.from({ length: streams }, (_, index) => {
            const messages = [{ role: 'user', content: `${index} ${prompt}` }];
            const options = { stream: true, stream_options: { include_usage: true }, temperature: 0, max_tokens: maxTokens };
            return one(ways[index % ways.length], JSON.stringify({ model, messages, ...options }));
        }),
    );
    return {
        tokens: results.reduce((sum, { tokens }) => sum + tokens, 0),
        seconds: (performance.now() - start) / 1000,
        firstTokens: results.map(({ firstToken }) => firstToken),
    };
}

const Content = Buffer.from('"content":"');

async function one(ask: Ask, body: string): Promise<{ tokens: number; firstToken: number }> {
    const start = performance.now();
    const response = await ask(body);
    if (!response.ok) {
        throw new Error(`An answer with status ${response.status}: ${await response.text()}`);
    }
    let firstToken: number | null = null;
    let tail = Buffer.alloc(0);
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
        if (firstToken === null && bytes.includes(Content)) {
            firstToken = performance.now() - start;
        }
        tail = Buffer.concat([tail.subarray(-2048), bytes]);
    }
    // Whoever measures does not parse every event: the last one has the sum.
    const usage = /"completion_tokens":(\d+)(?![\s\S]*"completion_tokens")/.exec(tail.toString('utf8'));
    if (usage === null || firstToken === null) {
        throw new Error('An answer without usage or text: it was cut.');
    }
    return { tokens: Number(usage[1]), firstToken };
}
