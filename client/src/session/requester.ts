import { Address } from '@ton/core';
import {
    AnswerOpener,
    ContentType,
    createSha256,
    encodeSession,
    encodeReceipt,
    encodeVoucher,
    ErrorBody,
    HeaderName,
    parseErrorBody,
} from '@ton-compute/protocol';
import { Deadline, pause } from '../deadline';
import { ClientError, reasonOf } from '../errors';
import { Logger } from '../log';
import { AnswerEvent, answerEvents } from './answer-events';
import { AnswerText, createAnswerText } from './answer-text';
import { estimateRequest } from './estimate';
import { Ledger } from './ledger';
import { Payer } from './payer';
import { PreparedRequest } from './prepared';
import { ProofSigner } from './proofs';
import { Sealer } from './sealer';
import { RequestUsage } from './usage-bounds';
import { parseJson, unreachable, WorkerApi, workerError } from './worker-api';

/** Seconds until the head of an answer: a streamed one waits for a slot and the prompt, another for all of its text. */
const StreamHeadSeconds = 120;
const WholeHeadSeconds = 900;
/** Seconds between two pieces of an answer. */
const IdleSeconds = 120;
/** Attempts of one request that the worker could not serve, and the longest pause that it may ask for, seconds. */
const BusyAttempts = 4;
const LongestPause = 20;
/** How often a worker may ask for a higher voucher before it starts. */
const VoucherRounds = 3;
/** Seconds between two looks at the account while an answer that does not stream is being made. */
const WatchSeconds = 1;
/** After a connection broke before any answer: how often the worker is asked whether it has worked, and seconds between. */
const LostLooks = 6;
const LostPause = 0.5;
/** Seconds for the worker to close an answer that has ended. */
const DrainSeconds = 5;
/** The longest error that is read, bytes. */
const MaxErrorBytes = 64 * 1024;

/** What the requests of one session share. */
export type RequesterParts = {
    escrow: Address;
    sealer: Sealer;
    ledger: Ledger;
    payer: Payer;
    proofs: ProofSigner;
    /** Whether requests travel unsealed. */
    plain: boolean;
    hiddenTokens: number;
    /** The worker's endpoint and encryption key, as the chain showed them last. */
    worker(): { api: WorkerApi; encryptionKey: Buffer };
    /** Reads the provider again: its key may have changed. */
    refreshWorker(signal: AbortSignal | null): Promise<void>;
    /** Reads the chain's clock again. */
    refreshClock(signal: AbortSignal | null): Promise<void>;
    /** Unix seconds by the chain's clock. */
    now(): number;
    log: Logger;
};

/** Why an attempt brought no answer. @see {@link Answer.refusal} for `worked`. */
type Refusal = {
    error: ErrorBody['error'] | null;
    failure: ClientError;
    retryAfter: number;
    /** Null when it cannot be told. */
    worked: boolean | null;
};

/** Sends requests of one session, pays for their answers and gives them back as ordinary responses. */
export class Requester {
    constructor(private readonly parts: RequesterParts) {}

    /**
     * @returns the answer of a success.
     * @throws ClientError for everything else; the caller's abort reason when it was aborted.
     */
    async send(request: PreparedRequest): Promise<Response> {
        const { ledger } = this.parts;
        ledger.requireUsable();
        const body = request.body ?? Buffer.alloc(0);
        const estimate = estimateRequest(request.path, request.json, body.length, this.parts.hiddenTokens);
        const state = { busy: 0, vouchers: 0, refreshed: false, clock: false };
        for (;;) {
            request.signal?.throwIfAborted();
            const usage = ledger.begin(estimate);
            const outcome = await this.attempt(request, body, usage, state.busy).catch((error: unknown) => {
                ledger.refused(usage);
                throw error;
            });
            if (outcome instanceof Response) {
                return outcome;
            }
            await this.recover(outcome, usage, state, request.signal);
        }
    }

    /** Does what makes another attempt worthwhile, or throws. The usage stays open while a voucher is raised for it. */
    private async recover(
        { error, failure, retryAfter, worked }: Refusal,
        usage: RequestUsage,
        state: { busy: number; vouchers: number; refreshed: boolean; clock: boolean },
        signal: AbortSignal | null,
    ): Promise<void> {
        const { ledger } = this.parts;
        if (worked !== false) {
            // It was paid for, or may be: another attempt might be paid for again, which is for the caller to decide.
            const known = worked ? '' : ' Whether it was worked for cannot be told.';
            throw new ClientError(failure.code, failure.message + known, { ...failure.details, worked }, { cause: failure.cause });
        }
        try {
            if (
                error?.code === 'insufficient_voucher' &&
                error.required !== undefined &&
                state.vouchers < VoucherRounds
            ) {
                state.vouchers += 1;
                await ledger.raiseToRequired(BigInt(error.required));
                return;
            }
        } finally {
            ledger.refused(usage);
        }
        if (error?.code === 'cannot_open' && !state.refreshed) {
            state.refreshed = true;
            await this.parts.refreshWorker(signal);
            return;
        }
        if (error?.code === 'invalid_proof' && !state.clock) {
            state.clock = true;
            await this.parts.refreshClock(signal);
            return;
        }
        if (isPassing(error, failure) && state.busy + 1 < BusyAttempts && retryAfter <= LongestPause) {
            state.busy += 1;
            await pause(retryAfter, signal ?? undefined);
            return;
        }
        throw isPassing(error, failure) && failure.code === 'worker_error'
            ? new ClientError('worker_busy', `${failure.message} Tried ${state.busy + 1} times.`, {
                  ...failure.details,
                  retryAfter,
              })
            : failure;
    }

    private async attempt(
        request: PreparedRequest,
        body: Buffer,
        usage: RequestUsage,
        earlier: number,
    ): Promise<Response | Refusal> {
        const { escrow, ledger, plain, proofs, sealer } = this.parts;
        const { api, encryptionKey } = this.parts.worker();
        const target = { method: request.method, path: request.path };
        const [sealed, voucher] = await Promise.all([
            plain ? null : sealer.next(encryptionKey).then((seal) => seal({ ...target, body })),
            ledger.raiseToTarget(),
        ]);
        const bytes = sealed?.bytes ?? body;
        const receipt = ledger.newestReceipt;

        const deadline = new Deadline(request.signal, ledger.stopSignal);
        deadline.within(usage.estimate.streams ? StreamHeadSeconds : WholeHeadSeconds);
        const watch = usage.estimate.streams || !usage.estimate.generates ? null : this.watch(deadline.signal);
        let response: Response;
        try {
            response = await fetch(request.url, {
                method: request.method,
                headers: {
                    'content-type': plain ? ContentType.Json : ContentType.SealedRequest,
                    [HeaderName.Session]: encodeSession(escrow),
                    [HeaderName.Proof]: proofs.proof(target.method, target.path, bytes, this.parts.now()),
                    ...(voucher === null ? {} : { [HeaderName.Voucher]: encodeVoucher(voucher) }),
                    // A worker whose ledger was restored from an old copy goes on from here.
                    ...(receipt === null ? {} : { [HeaderName.Receipt]: encodeReceipt(receipt) }),
                },
                body: bytes as Uint8Array<ArrayBuffer>,
                redirect: 'error',
                signal: deadline.signal,
            });
        } catch (error) {
            deadline.release();
            return await this.lost(request, usage, api, error, earlier, deadline);
        } finally {
            watch?.abort();
        }
        const answer = new Answer(this.parts, request, body, usage, response, sealed?.opener ?? null, deadline);
        const head = await answer.head();
        if (head.status >= 200 && head.status < 300) {
            if (voucher !== null) {
                ledger.noteDelivered(voucher.cumulative);
            }
            return answer.response(head);
        }
        const { text, worked } = await answer.refusal();
        const json = parseJson(text);
        return {
            error: parseErrorBody(json),
            failure: workerError(api.endpoint, head.status, json, head.headers['x-request-id'] ?? null),
            retryAfter: retryAfterOf(head.headers['retry-after'], earlier),
            worked,
        };
    }

    /** The connection broke before any answer. The worker may have worked all the same, unless it was never reached. */
    private async lost(
        request: PreparedRequest,
        usage: RequestUsage,
        api: WorkerApi,
        error: unknown,
        earlier: number,
        deadline: Deadline,
    ): Promise<Refusal> {
        const { ledger } = this.parts;
        const reached = !isNeverReached(error);
        if (reached) {
            ledger.end(usage, null, null).catch(() => undefined);
        }
        request.signal?.throwIfAborted();
        ledger.stopSignal.throwIfAborted();
        const failure = unreachable(api.endpoint, deadline.expired ? new Error('no answer in time') : error);
        if (deadline.expired) {
            throw new ClientError(failure.code, failure.message, { worked: reached ? null : false }, { cause: failure.cause });
        }
        const worked = reached ? await this.workedFor(request.signal) : false;
        return { error: null, failure, retryAfter: retryAfterOf(undefined, earlier), worked };
    }

    /**
     * Asks the worker whether it has counted anything that no answer brought.
     * @returns null when it cannot be told: the worker does not answer, or other requests are counted at the same time.
     */
    private async workedFor(signal: AbortSignal | null): Promise<boolean | null> {
        const { escrow, ledger } = this.parts;
        for (let look = 0; look < LostLooks && ledger.runningRequests === 0; look += 1) {
            await pause(LostPause, signal ?? undefined);
            const account = await this.parts.worker().api.account(escrow, signal).catch(() => null);
            signal?.throwIfAborted();
            if (account === null) {
                return null;
            }
            if (account.running === 0) {
                return account.spent > (ledger.newestReceipt?.amount ?? 0n);
            }
        }
        return null;
    }

    /** Pays while an answer is made that shows nothing before its end: its receipts are in the session's account. */
    private watch(until: AbortSignal): AbortController {
        const { escrow, ledger, payer } = this.parts;
        const own = new AbortController();
        const signal = AbortSignal.any([until, own.signal]);
        const look = async (): Promise<void> => {
            await pause(WatchSeconds, signal);
            const { receipt } = await this.parts.worker().api.account(escrow, signal);
            if (receipt !== null) {
                ledger.addReceipt(receipt, null);
                payer.schedule();
            }
        };
        void (async () => {
            while (!signal.aborted) {
                await look().catch((error: unknown) => {
                    if (!signal.aborted) {
                        this.parts.log.debug({}, `The session's account cannot be watched: ${reasonOf(error)}`);
                    }
                });
            }
        })();
        return own;
    }
}

type Head = Extract<AnswerEvent, { kind: 'head' }>;

/** One answer while it arrives: opens it, counts it, pays for it and hands it on. */
class Answer {
    private readonly events: AsyncGenerator<AnswerEvent>;
    private readonly requestHash: Buffer;
    private readonly answerHash = createSha256();
    private text: AnswerText | null = null;
    private lastReceipt: number | null = null;
    /** Whether text and receipts come in the order in which they were made. */
    private inOrder = false;
    private over = false;

    constructor(
        private readonly parts: RequesterParts,
        private readonly request: PreparedRequest,
        body: Buffer,
        private readonly usage: RequestUsage,
        response: Response,
        opener: AnswerOpener | null,
        private readonly deadline: Deadline,
    ) {
        this.events = answerEvents(response, opener);
        const hash = createSha256();
        hash.update(body);
        this.requestHash = hash.digest();
    }

    async head(): Promise<Head> {
        const event = await this.next();
        if (event?.kind !== 'head') {
            throw await this.fail(new ClientError('answer_cut', 'The worker closed the connection without an answer.'));
        }
        const contentType = event.headers['content-type'] ?? '';
        this.text = createAnswerText(contentType);
        this.inOrder = contentType.startsWith(ContentType.EventStream);
        return event;
    }

    /** @returns the body of a refusal, and whether it carries a receipt: then work was done and is owed. */
    async refusal(): Promise<{ text: string; worked: boolean }> {
        const parts: Uint8Array[] = [];
        let size = 0;
        try {
            for (let event = await this.next(); event !== null && event.kind !== 'end'; event = await this.next()) {
                if (event.kind === 'body') {
                    size += event.bytes.length;
                    if (size > MaxErrorBytes) {
                        throw new ClientError(
                            'worker_error',
                            `The worker's error is longer than ${MaxErrorBytes} bytes.`,
                        );
                    }
                    parts.push(event.bytes);
                    this.takeBody(event.bytes);
                } else if (event.kind === 'receipt') {
                    this.takeReceipt(event.receipt);
                }
            }
        } catch (error) {
            throw await this.fail(error);
        }
        const worked = this.lastReceipt !== null;
        if (worked) {
            await this.complete();
        } else {
            this.over = true;
            this.drain();
        }
        return { text: Buffer.concat(parts).toString('utf8'), worked };
    }

    /** @returns an ordinary response, whose body pays as it is read. */
    response(head: Head): Response {
        const body = new ReadableStream<Uint8Array>(
            {
                pull: (controller) => this.pull(controller),
                cancel: () => this.cut(),
            },
            { highWaterMark: 0 },
        );
        return new Response(body, { status: head.status, headers: head.headers });
    }

    private async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
        try {
            for (let event = await this.next(); event !== null; event = await this.next()) {
                if (event.kind === 'body') {
                    this.takeBody(event.bytes);
                    controller.enqueue(event.bytes);
                    return;
                }
                if (event.kind === 'receipt') {
                    this.takeReceipt(event.receipt);
                } else if (event.kind === 'end') {
                    await this.complete();
                    controller.close();
                    return;
                }
            }
            throw new ClientError('answer_cut', 'The answer ended before its end.');
        } catch (error) {
            controller.error(await this.fail(error));
        }
    }

    private takeBody(bytes: Uint8Array): void {
        this.answerHash.update(bytes);
        if (this.usage.estimate.generates) {
            this.text!.push(bytes);
            if (this.inOrder) {
                this.parts.ledger.noteText(this.usage, this.text!.bytes);
            }
        }
    }

    private takeReceipt(receipt: Extract<AnswerEvent, { kind: 'receipt' }>['receipt']): void {
        const { ledger, payer } = this.parts;
        if (this.lastReceipt !== null) {
            ledger.noteInterim(this.lastReceipt);
        }
        this.lastReceipt = receipt.sequence;
        ledger.addReceipt(receipt, this.inOrder ? this.usage : null);
        payer.schedule();
    }

    private async complete(): Promise<void> {
        this.over = true;
        this.drain();
        const { ledger, payer, plain, sealer, worker } = this.parts;
        if (this.usage.estimate.generates) {
            ledger.noteText(this.usage, this.text!.bytes);
        }
        const exchange = { requestHash: this.requestHash, answerHash: this.answerHash.digest() };
        await this.ended(ledger.end(this.usage, this.lastReceipt, exchange));
        payer.schedule();
        if (!plain) {
            sealer.prepare(worker().encryptionKey);
        }
    }

    /** Reads to the very end, so that the connection can serve the next request. */
    private drain(): void {
        this.deadline.within(DrainSeconds);
        this.events
            .next()
            .catch(() => undefined)
            .finally(() => this.deadline.release());
    }

    /** The caller wants no more, or something failed: the socket is closed, and the worker stops. */
    private async cut(): Promise<void> {
        this.deadline.abort();
        if (!this.over) {
            this.over = true;
            await this.ended(this.parts.ledger.end(this.usage, this.lastReceipt, null));
        }
    }

    private async ended(end: Promise<void>): Promise<void> {
        await end.catch((error: unknown) => this.parts.log.warn({}, reasonOf(error)));
    }

    /** @returns what to tell the caller. */
    private async fail(error: unknown): Promise<unknown> {
        const timedOut = this.deadline.expired;
        await this.cut();
        const { stopSignal } = this.parts.ledger;
        if (this.request.signal?.aborted) {
            return this.request.signal.reason;
        }
        if (stopSignal.aborted) {
            return stopSignal.reason;
        }
        if (error instanceof ClientError) {
            return error;
        }
        return new ClientError(
            'answer_cut',
            timedOut
                ? `The worker sent nothing for ${IdleSeconds} s; the connection was closed.`
                : `The connection to the worker broke in the middle of the answer (${reasonOf(error)}).`,
            {},
            { cause: error },
        );
    }

    private async next(): Promise<AnswerEvent | null> {
        try {
            this.deadline.within(IdleSeconds);
            const { value, done } = await this.events.next();
            // From here on it is the caller who takes its time.
            this.deadline.hold();
            return done ? null : value;
        } catch (error) {
            if (this.text === null) {
                throw await this.fail(error);
            }
            throw error;
        }
    }
}

function isPassing(error: ErrorBody['error'] | null, failure: ClientError): boolean {
    if (error === null) {
        const { status } = failure.details;
        return failure.code === 'worker_unreachable' || status === 429 || status === 503;
    }
    return ['overloaded', 'draining', 'chain_unavailable', 'engine_failed', 'replayed_request'].includes(error.code);
}

const ConnectErrors: ReadonlySet<string> = new Set([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'UND_ERR_CONNECT_TIMEOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
]);

/** Whether the connection was never made: then the worker knows nothing of the request. */
function isNeverReached(error: unknown): boolean {
    const cause = (error as { cause?: { code?: unknown } } | null)?.cause;
    return ConnectErrors.has(String(cause?.code));
}

/** @returns seconds to wait before the next attempt. */
function retryAfterOf(header: string | undefined, earlier: number): number {
    const seconds = Number(header);
    return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds : 0.25 * 2 ** earlier;
}
