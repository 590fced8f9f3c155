import { SignedReceipt } from '@ton-compute/contracts';
import {
    AnswerOpener,
    ContentType,
    decodeReceipt,
    HeaderName,
    parseReceiptComment,
    receiptFromJson,
    SealingError,
    WireFormatError,
} from '@ton-compute/protocol';
import { ClientError } from '../errors';

/** What an answer brings, in its order, however it travels. */
export type AnswerEvent =
    | { kind: 'head'; status: number; headers: Record<string, string> }
    | { kind: 'body'; bytes: Uint8Array }
    | { kind: 'receipt'; receipt: SignedReceipt }
    | { kind: 'end' };

/** Headers of an answer that mean something only on its own connection. */
const HopHeaders = new Set(['connection', 'content-encoding', 'content-length', 'keep-alive', 'transfer-encoding']);

/**
 * Reads an answer.
 * @param opener of the sealed request; null for a plain one.
 * @throws ClientError `answer_altered` or `answer_cut` when it cannot be trusted to be whole.
 */
export async function* answerEvents(response: Response, opener: AnswerOpener | null): AsyncGenerator<AnswerEvent> {
    const contentType = response.headers.get('content-type') ?? '';
    if (opener !== null && contentType.startsWith(ContentType.SealedAnswer)) {
        yield* sealedEvents(response, opener);
        return;
    }
    if (opener !== null && response.ok) {
        await response.body?.cancel().catch(() => undefined);
        throw new ClientError(
            'answer_altered',
            `The request was sealed, but the answer is not (${contentType || 'no content type'}): it was not read.`,
        );
    }
    yield* plainEvents(response, contentType);
}

async function* sealedEvents(response: Response, opener: AnswerOpener): AsyncGenerator<AnswerEvent> {
    try {
        for await (const bytes of bodyOf(response)) {
            for (const chunk of opener.push(bytes)) {
                if (chunk.kind === 'head') {
                    yield { ...chunk, headers: endToEnd(Object.entries(chunk.headers)) };
                } else if (chunk.kind === 'receipt') {
                    yield { kind: 'receipt', receipt: receiptFromJson(chunk.receipt) };
                } else {
                    yield chunk;
                }
            }
        }
        opener.finish();
    } catch (error) {
        if (error instanceof SealingError) {
            throw new ClientError(
                error.code === 'truncated' ? 'answer_cut' : 'answer_altered',
                `${error.message} Nothing is paid for what did not arrive.`,
                {},
                { cause: error },
            );
        }
        throw malformed(error);
    }
}

async function* plainEvents(response: Response, contentType: string): AsyncGenerator<AnswerEvent> {
    yield { kind: 'head', status: response.status, headers: endToEnd(response.headers.entries()) };
    try {
        if (contentType.startsWith(ContentType.EventStream)) {
            yield* eventStream(response);
        } else {
            for await (const bytes of bodyOf(response)) {
                yield { kind: 'body', bytes };
            }
            const receipt = response.headers.get(HeaderName.Receipt);
            if (receipt !== null) {
                yield { kind: 'receipt', receipt: decodeReceipt(receipt) };
            }
        }
    } catch (error) {
        throw malformed(error);
    }
    yield { kind: 'end' };
}

/** Takes the receipts out of a plain event stream; all other bytes pass unchanged. */
async function* eventStream(response: Response): AsyncGenerator<AnswerEvent> {
    let pending = Buffer.alloc(0);
    let swallowEmptyLine = false;
    for await (const bytes of bodyOf(response)) {
        pending = Buffer.concat([pending, bytes]);
        let start = 0;
        let kept = 0;
        for (let end = pending.indexOf(0x0a, start); end !== -1; end = pending.indexOf(0x0a, start)) {
            const line = pending.subarray(start, end).toString('utf8').replace(/\r$/, '');
            const receipt = parseReceiptComment(line);
            const dropped = receipt !== null || (swallowEmptyLine && line === '');
            if (dropped && start > kept) {
                yield { kind: 'body', bytes: pending.subarray(kept, start) };
            }
            if (receipt !== null) {
                yield { kind: 'receipt', receipt };
            }
            swallowEmptyLine = receipt !== null;
            start = end + 1;
            kept = dropped ? start : kept;
        }
        if (start > kept) {
            yield { kind: 'body', bytes: pending.subarray(kept, start) };
        }
        pending = pending.subarray(start);
    }
    if (pending.length > 0) {
        yield { kind: 'body', bytes: pending };
    }
}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
    for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        yield bytes;
    }
}

function endToEnd(headers: Iterable<[string, string]>): Record<string, string> {
    return Object.fromEntries(
        [...headers].filter(
            ([name]) => !HopHeaders.has(name.toLowerCase()) && name.toLowerCase() !== HeaderName.Receipt,
        ),
    );
}

function malformed(error: unknown): unknown {
    return error instanceof WireFormatError
        ? new ClientError(
            'bad_receipt',
            `The worker sent a receipt that is none: ${error.message}`,
            {},
            { cause: error },
        )
        : error;
}
