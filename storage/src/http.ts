import { tooLarge } from './limits';
import { pause } from './pause';
import { reasonOf } from './reason';
import { StoreError } from './store';

/** One request to a store. */
export type StoreRequest = {
    method: 'GET' | 'PUT';
    url: string;
    headers?: Record<string, string>;
    body?: Uint8Array;
};

/** What a store answered, with a body of at most the bytes that were asked for. */
export type StoreAnswer = { status: number; body: Buffer };

/** Seconds without a byte after which a store is given up. */
const StallSeconds = 30;
/** Bytes a second that an upload makes at least: nothing shows how far it is. */
const SlowestUpload = 65_536;
/** An answer that is an error is read this far, bytes. */
const ErrorBytes = 8_192;
const Attempts = 4;
/** Seconds before the second attempt; doubles. */
const FirstPause = 0.25;

/**
 * Sends a request whose repetition is harmless, and repeats it while the store is unreachable or busy.
 * @param maxBytes of the answer's body.
 * @throws StoreError `unreachable`, `too_large`; the signal's reason when it ends the request.
 */
export async function ask(request: () => Promise<StoreRequest>, maxBytes: number, signal?: AbortSignal): Promise<StoreAnswer> {
    for (let attempt = 1; ; attempt += 1) {
        // Made anew each time: a signature carries the time at which it was made.
        const made = await request();
        const last = attempt === Attempts;
        try {
            const answer = await once(made, maxBytes, signal);
            if (last || (answer.status < 500 && answer.status !== 429)) {
                return answer;
            }
        } catch (error) {
            signal?.throwIfAborted();
            if (last || error instanceof StoreError) {
                throw error instanceof StoreError ? error : unreachable(made.url, error);
            }
        }
        await pause(FirstPause * 2 ** (attempt - 1), signal);
    }
}

function unreachable(url: string, error: unknown): StoreError {
    return new StoreError(
        'unreachable',
        `The store at ${new URL(url).origin} does not answer (${reasonOf(error)}). Check its address and the network.`,
        { cause: error },
    );
}

async function once({ method, url, headers, body }: StoreRequest, maxBytes: number, signal?: AbortSignal): Promise<StoreAnswer> {
    const stall = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const within = (seconds: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => stall.abort(new DOMException('timed out', 'TimeoutError')), seconds * 1000);
    };
    within(StallSeconds + (body?.length ?? 0) / SlowestUpload);
    try {
        const response = await fetch(url, {
            method,
            headers,
            body: body === undefined ? undefined : new Uint8Array(body),
            // A signature holds for one host: where a store sends us elsewhere, its owner has to know.
            redirect: 'manual',
            signal: signal === undefined ? stall.signal : AbortSignal.any([signal, stall.signal]),
        });
        const most = response.ok ? maxBytes : ErrorBytes;
        const parts: Uint8Array[] = [];
        let size = 0;
        for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
            within(StallSeconds);
            size += part.length;
            if (size > most) {
                if (response.ok) {
                    throw tooLarge(`The object at ${withoutQuery(url)}`, maxBytes);
                }
                break;
            }
            parts.push(part);
        }
        return { status: response.status, body: Buffer.concat(parts) };
    } finally {
        clearTimeout(timer);
    }
}

/** @returns a URL without what would let a reader of logs use it. */
export function withoutQuery(url: string): string {
    const { origin, pathname } = new URL(url);
    return `${origin}${pathname}`;
}

/** @returns what an S3 error document says, or the HTTP status. */
export function whatItSaid({ status, body }: StoreAnswer): string {
    const text = body.toString('utf8');
    const tag = (name: string) => new RegExp(`<${name}>([^<]{1,300})</${name}>`).exec(text)?.[1];
    return [`HTTP ${status}`, tag('Code'), tag('Message')].filter((part) => part !== undefined).join(', ');
}
