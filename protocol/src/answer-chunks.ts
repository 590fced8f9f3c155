import { ChunkKind, unpackChunk } from './framing';
import { ReceiptJson } from './receipt-json';
import { SealingError } from './sealing-error';

/** One chunk of an answer, opened. */
export type AnswerChunk =
    | { kind: 'head'; status: number; headers: Record<string, string> }
    | { kind: 'body'; bytes: Uint8Array }
    /** As the worker wrote it: `receiptFromJson` checks its form, the receipt chain its signature. */
    | { kind: 'receipt'; receipt: ReceiptJson }
    | { kind: 'end' };

/** @throws SealingError when the plaintext is no chunk of docs/wire.md. */
export function parseChunk(plaintext: Buffer): AnswerChunk {
    const { kind, payload } = unpackChunk(plaintext);
    switch (kind) {
        case ChunkKind.Head:
            return parseHead(payload);
        case ChunkKind.Body:
            return { kind: 'body', bytes: payload };
        case ChunkKind.Receipt:
            return { kind: 'receipt', receipt: parseJson(payload, 'receipt') as ReceiptJson };
        case ChunkKind.End:
            if (payload.length !== 0) {
                throw new SealingError('malformed', 'The last chunk of a sealed answer is empty, this one is not.');
            }
            return { kind: 'end' };
        default:
            throw new SealingError('malformed', `A sealed answer has chunks of kind 0 to 3, got ${kind}.`);
    }
}

function parseJson(payload: Buffer, what: string): unknown {
    try {
        return JSON.parse(payload.toString('utf8'));
    } catch {
        throw new SealingError('malformed', `The ${what} chunk of the sealed answer is not JSON.`);
    }
}

function parseHead(payload: Buffer): AnswerChunk {
    const head = parseJson(payload, 'head') as { status?: unknown; headers?: unknown } | null;
    const headers = head?.headers;
    if (
        head === null ||
        !Number.isInteger(head.status) ||
        (head.status as number) < 200 ||
        (head.status as number) > 599 ||
        typeof headers !== 'object' ||
        headers === null ||
        Array.isArray(headers) ||
        !Object.values(headers).every((value) => typeof value === 'string')
    ) {
        throw new SealingError(
            'malformed',
            'The head of a sealed answer is {"status": 200 to 599, "headers": {name: text}}.',
        );
    }
    return { kind: 'head', status: head.status as number, headers: headers as Record<string, string> };
}

/** The order of chunks in an answer: the head first, the end last and sealed as final, nothing after it. */
export class AnswerOrder {
    private started = false;
    ended = false;

    accept(chunk: AnswerChunk, final: boolean): AnswerChunk {
        if ((chunk.kind === 'head') === this.started) {
            throw new SealingError('malformed', 'A sealed answer begins with exactly one head.');
        }
        if ((chunk.kind === 'end') !== final) {
            throw new SealingError('malformed', 'The end of a sealed answer, and nothing else, is sealed as final.');
        }
        this.started = true;
        this.ended = chunk.kind === 'end';
        return chunk;
    }

    finish(): void {
        if (!this.ended) {
            throw new SealingError(
                'truncated',
                'The sealed answer was cut: its final chunk is missing. What came before is genuine but incomplete.',
            );
        }
    }
}
