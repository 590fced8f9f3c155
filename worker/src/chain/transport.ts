import { setTimeout as sleep } from 'node:timers/promises';

import { combineSignals } from '../abort';
import { messageOf } from '../errors';

/** Where the chain is read, and how patiently. */
export type TransportOptions = {
    /** URL of a toncenter v2 API, such as https://toncenter.com/api/v2/jsonRPC. */
    endpoint: string;
    apiKey: string | null;
    /** Seconds for one call. */
    timeoutSeconds: number;
    requestsPerSecond: number;
    /** Ends all calls. */
    signal: AbortSignal;
};

/** The API could not be reached, or did not answer in time: nothing is known about the chain. */
export class ChainUnreachable extends Error {
    override readonly name = 'ChainUnreachable';
}

/** The API answered, and the answer is an error. */
export class ChainError extends Error {
    override readonly name = 'ChainError';

    constructor(
        message: string,
        readonly status: number,
    ) {
        super(message);
    }
}

const Attempts = 3;
/** Seconds before the second attempt; doubles. */
const FirstPause = 0.25;

/** Posts JSON-RPC calls: never faster than allowed, each with a deadline, repeated when they fail on the way. */
export class Transport {
    private nextSlot = 0;

    constructor(private readonly options: TransportOptions) {}

    /**
     * @param body JSON text of a JSON-RPC call. All that a worker makes are harmless to repeat: they read, or send a
     *     message that counts once.
     * @returns the parsed answer.
     * @throws {ChainUnreachable}, {ChainError}
     */
    async post(body: string): Promise<unknown> {
        for (let attempt = 1; ; attempt += 1) {
            await this.takeTurn();
            try {
                return await this.once(body);
            } catch (error) {
                if (attempt === Attempts || !isPassing(error) || this.options.signal.aborted) {
                    throw error;
                }
                await this.pause(FirstPause * 2 ** (attempt - 1));
            }
        }
    }

    private async once(body: string): Promise<unknown> {
        const { endpoint, apiKey, timeoutSeconds, signal } = this.options;
        let response: Response;
        let text: string;
        const end = combineSignals([signal], timeoutSeconds);
        try {
            response = await fetch(endpoint, {
                method: 'POST',
                headers: { 'content-type': 'application/json', ...(apiKey === null ? {} : { 'x-api-key': apiKey }) },
                body,
                signal: end.signal,
            });
            text = await response.text();
        } catch (error) {
            const reason = end.timedOut ? `no answer within ${timeoutSeconds} s` : messageOf(error);
            throw new ChainUnreachable(`The chain's API at ${new URL(endpoint).origin} does not answer (${reason}).`);
        } finally {
            end.release();
        }
        const answer = parse(text);
        if (!response.ok || answer?.ok !== true) {
            const message = typeof answer?.error === 'string' ? answer.error : `HTTP ${response.status}`;
            throw new ChainError(message, response.status);
        }
        return answer;
    }

    private async takeTurn(): Promise<void> {
        const now = performance.now();
        const start = Math.max(now, this.nextSlot);
        this.nextSlot = start + 1000 / this.options.requestsPerSecond;
        if (start > now) {
            await this.pause((start - now) / 1000);
        }
    }

    private async pause(seconds: number): Promise<void> {
        try {
            await sleep(seconds * 1000, undefined, { signal: this.options.signal });
        } catch {
            throw new ChainUnreachable('The worker is shutting down; the call to the chain was given up.');
        }
    }
}

function parse(text: string): { ok?: unknown; error?: unknown } | null {
    try {
        return JSON.parse(text) as { ok?: unknown; error?: unknown } | null;
    } catch {
        return null;
    }
}

/** Whether a second attempt may find another answer. */
function isPassing(error: unknown): boolean {
    return (
        error instanceof ChainUnreachable ||
        (error instanceof ChainError && (error.status === 429 || error.status >= 502))
    );
}
