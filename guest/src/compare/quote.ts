import { parseQuote } from '@ton-compute/attestation';
import { GuestError } from '../errors';
import { QuoteRegisters } from './compare';

/** An answer of a worker has about 30,000 bytes. */
const MostBytes = 4 * 1024 * 1024;

/**
 * Asks a worker for the quote that its record rests on.
 * @param endpoint URL of the worker, without a trailing slash.
 * @throws {GuestError} when it does not show a quote.
 */
export async function readWorkerQuote(endpoint: string, timeoutSeconds: number): Promise<QuoteRegisters> {
    let answer: unknown;
    try {
        const response = await fetch(`${endpoint}/attestation`, {
            redirect: 'error',
            signal: AbortSignal.timeout(timeoutSeconds * 1000),
        });
        if (!response.ok) {
            throw new Error(`status ${response.status}`);
        }
        answer = JSON.parse(await bounded(response));
    } catch (error) {
        throw new GuestError(
            `The worker at ${endpoint} shows no quote (${(error as Error).message}). Compare without --worker, or name the ` +
                'URL under which it can be reached: --worker URL.',
        );
    }
    const { quote } = (answer ?? {}) as { quote?: unknown };
    if (typeof quote !== 'string') {
        throw new GuestError(
            `The worker at ${endpoint} answers without a quote. Expected what docs/wire.md says of /attestation.`,
        );
    }
    const { mrTd, rtmr } = parseQuote(Buffer.from(quote, 'base64')).body;
    return { mrtd: mrTd, rtmr0: rtmr[0], rtmr1: rtmr[1], rtmr2: rtmr[2], rtmr3: rtmr[3] };
}

async function bounded(response: Response): Promise<string> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        size += part.length;
        if (size > MostBytes) {
            throw new Error(`more than ${MostBytes} bytes`);
        }
        parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
}
