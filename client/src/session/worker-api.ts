import { Address } from '@ton/core';
import { SignedVoucher } from '@ton-compute/contracts';
import {
    accountFromJson,
    encodeVoucher,
    ErrorCode,
    offersFromJson,
    parseErrorBody,
    SessionAccount,
    WireFormatError,
    WorkerOffers,
} from '@ton-compute/protocol';
import { Deadline } from '../deadline';
import { ClientError, ClientErrorCode, reasonOf } from '../errors';

/** Seconds for the short calls to a worker. */
const CallSeconds = 10;
/** The longest JSON answer that is read of a worker that is not trusted, bytes. */
const MaxJson = 256 * 1024;
/** What is passed on of the headers of an answer without a session. */
const GetHeaders = ['content-type', 'x-request-id', 'retry-after'];

/** The short calls to one worker. Each has a deadline, follows no redirect and reads no endless answer. */
export class WorkerApi {
    /** @param endpoint URL without a trailing slash. */
    constructor(readonly endpoint: string) {}

    /** @returns what the worker says of itself. */
    offers(signal?: AbortSignal | null): Promise<WorkerOffers> {
        return this.call('GET', '/offer', null, offersFromJson, signal);
    }

    /** @returns the session's account as the worker sees it. */
    account(escrow: Address, signal?: AbortSignal | null): Promise<SessionAccount> {
        return this.call('GET', `/v1/sessions/${escrow.toRawString()}`, null, accountFromJson, signal);
    }

    /** Hands over a voucher. @returns the session's account after it. */
    voucher(escrow: Address, voucher: SignedVoucher, signal?: AbortSignal | null): Promise<SessionAccount> {
        const body = { voucher: encodeVoucher(voucher) };
        return this.call('POST', `/v1/sessions/${escrow.toRawString()}/vouchers`, body, accountFromJson, signal);
    }

    /** A request without a session, such as the list of models. @returns the answer, read completely. */
    async get({ method, url, signal }: { method: string; url: string; signal: AbortSignal | null }): Promise<Response> {
        const { status, text, headers } = await this.send(url, { method }, signal);
        const kept = Object.fromEntries(GetHeaders.flatMap((name) => {
            const value = headers.get(name);
            return value === null ? [] : [[name, value]];
        }));
        return new Response(method === 'HEAD' ? null : text, {
            status,
            headers: { 'content-type': 'application/json', ...kept },
        });
    }

    private async call<T>(
        method: string,
        path: string,
        body: object | null,
        parse: (value: unknown) => T,
        signal?: AbortSignal | null,
    ): Promise<T> {
        const { status, text } = await this.send(
            this.endpoint + path,
            {
                method,
                headers: body === null ? {} : { 'content-type': 'application/json' },
                body: body === null ? undefined : JSON.stringify(body),
            },
            signal,
        );
        const json = parseJson(text);
        if (status !== 200) {
            throw workerError(this.endpoint, status, json);
        }
        try {
            return parse(json);
        } catch (error) {
            if (error instanceof WireFormatError) {
                throw new ClientError('worker_error', `${this.endpoint}${path} answered wrongly: ${error.message}`, {
                    code: 'malformed_answer',
                });
            }
            throw error;
        }
    }

    private async send(
        url: string,
        init: RequestInit,
        signal?: AbortSignal | null,
    ): Promise<{ status: number; text: string; headers: Headers }> {
        const deadline = new Deadline(signal);
        deadline.within(CallSeconds);
        try {
            const response = await fetch(url, { ...init, redirect: 'error', signal: deadline.signal });
            return { status: response.status, text: await readText(response, MaxJson), headers: response.headers };
        } catch (error) {
            if (error instanceof ClientError) {
                throw error;
            }
            signal?.throwIfAborted();
            throw unreachable(this.endpoint, error);
        } finally {
            deadline.release();
        }
    }
}

export function unreachable(endpoint: string, error: unknown): ClientError {
    return new ClientError(
        'worker_unreachable',
        `The worker at ${endpoint} does not answer (${reasonOf(error)}). Try again later, or choose another provider.`,
        {},
        { cause: error },
    );
}

/**
 * @param requestId the name that the worker gave the request; null when it told none.
 * @returns the error of a worker's answer that is not a success.
 */
export function workerError(
    endpoint: string,
    status: number,
    json: unknown,
    requestId: string | null = null,
): ClientError {
    const error = parseErrorBody(json);
    return new ClientError(
        ownCode(error?.code),
        `The worker at ${endpoint} answered ${status}: ${error?.message ?? 'no reason given'}`,
        { status, code: error?.code ?? 'unknown', param: error?.param ?? null, requestId },
    );
}

function ownCode(code: ErrorCode | undefined): ClientErrorCode {
    switch (code) {
        case 'deposit_exhausted':
            return 'deposit_exhausted';
        case 'session_not_open':
        case 'unknown_session':
            return 'session_not_open';
        default:
            return 'worker_error';
    }
}

/** @returns the body as text. @throws ClientError when it is longer than `limit` bytes. */
export async function readText(response: Response, limit: number): Promise<string> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
        size += part.length;
        if (size > limit) {
            await response.body?.cancel().catch(() => undefined);
            throw new ClientError('worker_error', `The worker's answer is longer than ${limit} bytes.`, {
                code: 'malformed_answer',
            });
        }
        parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
}

export function parseJson(text: string): unknown {
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return null;
    }
}
