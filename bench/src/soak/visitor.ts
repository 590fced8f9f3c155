import { randomBytes } from 'node:crypto';
import { ClientError, Session } from '@ton-compute/client';
import { encodeVoucher } from '@ton-compute/protocol';

/** What one stream after another did; tokens of answers as their readers counted them. */
export type Visits = {
    complete: number;
    aborted: number;
    /** Ended by an error that names its reason, while the server behind the worker was away or the worker was full. */
    refused: number;
    /** Answers that broke in the middle. */
    broken: number;
    badVouchers: number;
    completeTokens: number;
    /** Of answers that were aborted or broke: the least that was generated. */
    partialTokens: number;
    /** What must not happen, in words. */
    faults: string[];
};

export function noVisits(): Visits {
    return { complete: 0, aborted: 0, refused: 0, broken: 0, badVouchers: 0, completeTokens: 0, partialTokens: 0, faults: [] };
}

/** Reasons for which a request may be refused here. */
const Expected: ReadonlySet<string> = new Set(['worker_busy', 'worker_error', 'worker_unreachable']);
const AbortShare = 0.2;
const BadVoucherShare = 0.1;
const MostTokens = 60;

/** Asks until the time is over. @param random from 0 to 1, seeded. @param until milliseconds of `performance.now()`. */
export async function visit(session: Session, random: () => number, until: number, visits: Visits): Promise<void> {
    while (performance.now() < until) {
        if (random() < BadVoucherShare) {
            await sendBadVoucher(session, visits);
        }
        const tokens = 1 + Math.floor(random() * MostTokens);
        const abortAfter = random() < AbortShare ? Math.floor(random() * tokens) : null;
        await ask(session, tokens, abortAfter, visits);
    }
}

async function ask(session: Session, tokens: number, abortAfter: number | null, visits: Visits): Promise<void> {
    const abort = new AbortController();
    let received = 0;
    try {
        const body = JSON.stringify({
            model: session.model,
            messages: [{ role: 'user', content: 'Write.' }],
            max_tokens: tokens,
            stream: true,
        });
        const url = `${session.baseURL}/chat/completions`;
        const response = await session.request(url, { method: 'POST', body, signal: abort.signal });
        for await (const tokensSoFar of countTokens(response)) {
            received = tokensSoFar;
            if (abortAfter !== null && received >= abortAfter) {
                visits.aborted += 1;
                visits.partialTokens += received;
                abort.abort();
                return;
            }
        }
        visits.complete += 1;
        visits.completeTokens += received;
        if (received !== tokens) {
            visits.faults.push(`A complete answer had ${received} tokens, ${tokens} were asked for.`);
        }
    } catch (error) {
        noteFailure(error, received, visits);
    }
}

/** @returns after each piece of an answer how many tokens it has had: the server behind it sends a word for each. */
async function* countTokens(response: Response): AsyncGenerator<number> {
    const decoder = new TextDecoder();
    let pending = '';
    let tokens = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        const events = (pending + decoder.decode(part, { stream: true })).split('\n\n');
        pending = events.pop()!;
        tokens += events.reduce((sum, event) => sum + wordsOf(event), 0);
        yield tokens;
        if (events.some((event) => event.startsWith('data: {"error"'))) {
            throw new ClientError('answer_cut', 'The answer ended with an error.');
        }
    }
}

function wordsOf(event: string): number {
    if (!event.startsWith('data: {')) {
        return 0;
    }
    const { choices } = JSON.parse(event.slice('data: '.length)) as { choices?: { delta: { content?: string } }[] };
    return (choices?.[0]?.delta.content ?? '').split(' ').length - 1;
}

function noteFailure(error: unknown, received: number, visits: Visits): void {
    if (error instanceof ClientError && error.code === 'answer_cut') {
        visits.broken += 1;
        visits.partialTokens += received;
    } else if (error instanceof ClientError && Expected.has(error.code)) {
        visits.refused += 1;
    } else {
        visits.faults.push(error instanceof ClientError ? `${error.code}: ${error.message}` : String(error));
    }
}

/** A voucher for more than the session has signed, by nobody's key. */
async function sendBadVoucher(session: Session, visits: Visits): Promise<void> {
    const voucher = encodeVoucher({ cumulative: session.signed + 1n, receiptHash: 0n, signature: randomBytes(64) });
    const url = `${session.baseURL}/sessions/${session.address.toRawString()}/vouchers`;
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ voucher }) });
    await response.arrayBuffer();
    visits.badVouchers += 1;
    if (response.status !== 402) {
        visits.faults.push(`A voucher that nobody signed was answered with ${response.status}.`);
    }
}
