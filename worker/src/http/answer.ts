import { createHash } from 'node:crypto';
import { SignedReceipt } from '@ton-compute/contracts';
import {
    AnswerSealer,
    ContentType,
    encodeReceipt,
    HeaderName,
    receiptComment,
    receiptToJson,
} from '@ton-compute/protocol';

import { WireError } from '../wire-error';
import { Connection } from './connection';
import { RequestIdHeader } from './cors';

/**
 * An answer on its way: whole, or as a stream of events; plain, or sealed. The hash covers the plaintext bytes of the
 * body without receipts, the same in both forms.
 */
export interface Answer {
    /** Whether a stream has begun: errors are events from then on. */
    readonly streaming: boolean;
    /** Sends a whole answer. @param body JSON text. */
    whole(status: number, body: string, receipt: SignedReceipt | null, headers?: Record<string, string>): void;
    /** Sends events, beginning the stream if need be. @param text complete lines of an event stream. */
    events(text: string): Promise<void>;
    /** Sends a receipt between two events, beginning the stream if need be. */
    receipt(receipt: SignedReceipt): Promise<void>;
    /** Ends a stream. */
    end(): void;
}

/** @returns SHA-256 of a whole body. */
export function bodyHash(body: string | Uint8Array): Buffer {
    return createHash('sha256').update(body).digest();
}

/** Hash of a stream's body while it is sent. */
export class StreamHash {
    private readonly hash = createHash('sha256');

    add(text: string): void {
        this.hash.update(text, 'utf8');
    }

    /** @param rest what will still be sent. @returns 32 bytes. */
    with(rest: string): Buffer {
        return this.hash.copy().update(rest, 'utf8').digest();
    }
}

const StreamHeaders = { 'content-type': `${ContentType.EventStream}; charset=utf-8`, 'cache-control': 'no-cache' };
const JsonHeaders = { 'content-type': `${ContentType.Json}; charset=utf-8` };

export class PlainAnswer implements Answer {
    streaming = false;

    constructor(private readonly connection: Connection) {}

    whole(status: number, body: string, receipt: SignedReceipt | null, headers: Record<string, string> = {}): void {
        const bytes = Buffer.from(body, 'utf8');
        this.connection.begin(status, {
            ...JsonHeaders,
            ...headers,
            ...(receipt === null ? {} : { [HeaderName.Receipt]: encodeReceipt(receipt) }),
            'content-length': bytes.length.toString(),
        });
        this.connection.end(bytes);
    }

    async events(text: string): Promise<void> {
        this.begin();
        await this.connection.write(Buffer.from(text, 'utf8'));
    }

    async receipt(receipt: SignedReceipt): Promise<void> {
        this.begin();
        await this.connection.write(Buffer.from(receiptComment(receipt), 'utf8'));
    }

    end(): void {
        this.connection.end();
    }

    private begin(): void {
        if (!this.streaming) {
            this.streaming = true;
            // Proxies that collect an answer would hold back tokens, and receipts that are waited for.
            this.connection.begin(200, { ...StreamHeaders, 'x-accel-buffering': 'no' });
        }
    }
}

export class SealedAnswer implements Answer {
    streaming = false;

    constructor(
        private readonly connection: Connection,
        private readonly sealer: AnswerSealer,
    ) {}

    whole(status: number, body: string, receipt: SignedReceipt | null, headers: Record<string, string> = {}): void {
        this.connection.begin(status, { ...SealedHeaders, ...headers });
        const parts = [
            this.head(status, { ...JsonHeaders, ...headers }),
            this.sealer.body(Buffer.from(body, 'utf8')),
        ];
        if (receipt !== null) {
            parts.push(this.sealer.receipt(receiptToJson(receipt)));
        }
        parts.push(this.sealer.end());
        this.connection.end(Buffer.concat(parts));
    }

    async events(text: string): Promise<void> {
        await this.send(this.sealer.body.bind(this.sealer), Buffer.from(text, 'utf8'));
    }

    async receipt(receipt: SignedReceipt): Promise<void> {
        await this.send(this.sealer.receipt.bind(this.sealer), receiptToJson(receipt));
    }

    end(): void {
        this.connection.end(this.sealer.end());
    }

    private async send<T>(seal: (part: T) => Uint8Array, part: T): Promise<void> {
        if (this.streaming) {
            return this.connection.write(seal(part));
        }
        this.streaming = true;
        this.connection.begin(200, { ...SealedHeaders, 'x-accel-buffering': 'no' });
        await this.connection.write(Buffer.concat([this.head(200, StreamHeaders), seal(part)]));
    }

    private head(status: number, headers: Record<string, string>): Uint8Array {
        return this.sealer.head(status, { ...headers, [RequestIdHeader]: this.connection.requestId });
    }
}

const SealedHeaders = { 'content-type': ContentType.SealedAnswer, 'cache-control': 'no-store' };

/** Tells OpenAI's clients not to send a request again. By themselves they do after 408, 409, 429 and from 500 on. */
export const NoRetry: Readonly<Record<string, string>> = { 'x-should-retry': 'false' };

/** @returns the headers of a refusal. */
export function errorHeaders(error: WireError): Record<string, string> {
    return {
        ...(error.retryAfter === null ? {} : { 'retry-after': error.retryAfter.toString() }),
        // A session that is not open does not open by itself, and a replay stays one.
        ...(error.status === 409 ? NoRetry : {}),
    };
}
