import { NoTokens, SignedReceipt, Tokens } from '@ton-compute/contracts';

import { engineWireError, inputField } from '../engine-errors';
import {
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    Engine,
    EngineError,
    EngineFailedError,
    FinishReason,
    GenerateOptions,
    TextEvent,
} from '../engine/engine';
import { Session } from '../sessions/session';
import { WireError } from '../wire-error';
import { ReceiptIssuer } from './receipts';
import { shortfallError } from './shortfall-error';
import { Hold } from './tab';

/** Seconds for an aborted engine to say what it has used. */
const AbortPatience = 10;
/**
 * Seconds to wait for a voucher while others wait for a place: whoever stops paying keeps none that could earn. A client
 * that pays needs one way over the network.
 */
const BusyVoucherWait = 2;
/** Seconds between two looks at whether others wait. */
const VoucherLook = 0.5;

/** Where the answer goes. Both may wait, which stops the generation. */
export type AnswerSink = {
    text(event: TextEvent): void | Promise<void>;
    receipt(receipt: SignedReceipt): void | Promise<void>;
};

export type MeteredRun = {
    engine: Engine;
    session: Session;
    request: ChatRequest | CompletionRequest;
    /** The prompt and one token are reserved in it; it is closed when the run returns. */
    hold: Hold;
    /** Most tokens of the answer. */
    limit: number;
    receipts: ReceiptIssuer;
    /** Seconds to wait for a higher voucher. */
    voucherWait: number;
    /** Seconds that the engine may take for one event. */
    idle: number;
    /** Ends the run: the client is gone, or the time is up. */
    signal: AbortSignal;
    sink: AnswerSink;
    /** Hears of errors that are nobody's refusal, but a fault. */
    onUnexpected: (error: unknown) => void;
};

export type RunResult = {
    finishReason: FinishReason;
    /** What the request used and is billed for. */
    tokens: Tokens;
    /** Why the answer is not complete; null when it is, or when the run was ended through the signal. */
    failure: WireError | null;
};

/**
 * Generates one answer, counts it, and stops before the token that the session's allowance does not cover. The engine
 * generates only when it is asked for the next event, so not asking is all it takes to stop it.
 */
export async function runMetered(run: MeteredRun): Promise<RunResult> {
    return new Metering(run).run();
}

/** An answer has no more tokens than its limit, whatever a backend says. */
function withinLimit(total: Tokens, limit: number): Tokens {
    const most = BigInt(limit);
    const reasoning = total.reasoning < most ? total.reasoning : most;
    const left = most - reasoning;
    return { ...total, reasoning, completion: total.completion < left ? total.completion : left };
}

class Metering {
    private readonly stop = new AbortController();
    private readonly quarter: bigint;
    private receipted: bigint;
    private failure: WireError | null = null;
    /** Set when the backend gave more than it was asked for. */
    private overran = false;
    /** Set when a slot was given: from then on the engine has no reason to be silent for long. */
    private started = false;
    /** When the engine was asked for the event that it has not given yet. */
    private askedAt: number | null = null;
    private giveUp: (error: Error) => void = () => undefined;

    constructor(private readonly options: MeteredRun) {
        const { session } = options;
        this.receipted = session.tab.amount;
        const left = session.allowance - this.receipted;
        this.quarter = left > 4n ? left / 4n : 1n;
    }

    async run(): Promise<RunResult> {
        const { engine, session, request, hold, limit, signal } = this.options;
        const abort = () => this.stop.abort();
        signal.addEventListener('abort', abort, { once: true });
        if (signal.aborted) {
            abort();
        }
        const watchdog = setInterval(() => this.watch(), 1000);
        let finishReason: FinishReason = 'abort';
        let total: Tokens | null = null;
        let iterator: AsyncIterator<ChatEvent> | null = null;
        try {
            const options: GenerateOptions = {
                signal: this.stop.signal,
                onStart: () => this.begin(),
                cacheScope: session.address.toRawString(),
            };
            const events = 'messages' in request ? engine.chat(request, options) : engine.complete(request, options);
            iterator = events[Symbol.asyncIterator]();
            for (let step = await this.next(iterator); step.done !== true; step = await this.next(iterator)) {
                const event = step.value;
                if (event.type === 'end') {
                    ({ finishReason, tokens: total } = event);
                    break;
                }
                this.count(event);
                await this.passOn(event);
            }
        } catch (error) {
            this.fail(error);
        } finally {
            clearInterval(watchdog);
            signal.removeEventListener('abort', abort);
            this.stop.abort();
            // An engine holds prompt and answer until its iterator is told that nobody asks any more. It is not waited
            // for: one that hangs would never say so.
            void iterator?.return?.().catch(() => undefined);
            if (total === null && hold.used.completion + hold.used.reasoning > 0n && engine.boundsPrompts !== true) {
                // Nobody says what the prompt cost, but what came shows that it was evaluated.
                hold.usePrompt();
            }
            hold.close(withinLimit(total ?? NoTokens, limit));
        }
        return { finishReason: this.overran ? 'length' : finishReason, tokens: hold.used, failure: this.failure };
    }

    private begin(): void {
        this.started = true;
    }

    private count(event: TextEvent): void {
        const { hold, engine, limit } = this.options;
        // A server behind a connection says only at the end how long the prompt was, and how much of it was cached and
        // costs less; until then it is reserved.
        if (engine.generatesAhead !== true && engine.boundsPrompts !== true) {
            hold.usePrompt();
        }
        const { newTokens, newReasoningTokens = 0 } = event;
        const tokens = Math.min(newTokens, limit - Number(hold.used.completion + hold.used.reasoning));
        const reasoning = Math.min(newReasoningTokens, tokens);
        if (tokens > 0) {
            hold.use({ ...NoTokens, completion: BigInt(tokens - reasoning), reasoning: BigInt(reasoning) });
        }
    }

    /** Once the run was stopped only the engine's final count is of interest. */
    private async passOn(event: TextEvent): Promise<void> {
        if (this.stop.signal.aborted) {
            return;
        }
        try {
            await this.options.sink.text(event);
            if (this.options.session.tab.amount - this.receipted >= this.quarter) {
                await this.sendReceipt();
            }
            if (event.completionTokens < this.options.limit) {
                await this.reserveNext();
            } else if (event.completionTokens > this.options.limit) {
                // Nobody would pay for the rest: nothing is reserved for it, and the client would call it overcharging.
                this.overran = true;
                this.stop.abort();
            }
        } catch (error) {
            this.fail(error);
        }
    }

    /** Sets aside the next token, waiting for a higher voucher if it takes one. */
    private async reserveNext(): Promise<void> {
        const { engine, hold, session, voucherWait } = this.options;
        if (hold.ensureNext() === null) {
            return;
        }
        await this.sendReceipt();
        const start = performance.now();
        for (;;) {
            const missing = hold.ensureNext();
            if (missing === null) {
                return;
            }
            const patience = engine.load.waiting > 0 ? Math.min(voucherWait, BusyVoucherWait) : voucherWait;
            const left = patience - (performance.now() - start) / 1000;
            if (left <= 0) {
                return this.fail(shortfallError(missing));
            }
            await session.whenAllowanceMayHaveGrown(Math.min(left, VoucherLook), this.stop.signal);
            if (this.stop.signal.aborted) {
                return;
            }
        }
    }

    private async sendReceipt(): Promise<void> {
        const { session, receipts, sink } = this.options;
        this.receipted = session.tab.amount;
        await sink.receipt(await receipts.issue(session));
    }

    private fail(error: unknown): void {
        if (!this.stop.signal.aborted) {
            this.failure = engineWireError(error, inputField(this.options.request));
            this.stop.abort();
        }
        if (!(error instanceof WireError || error instanceof EngineError)) {
            this.options.onUnexpected(error);
        }
    }

    /** The engine's next event, or the watchdog's error. */
    private next<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
        return new Promise((resolve, reject) => {
            this.askedAt = performance.now();
            this.giveUp = reject;
            iterator
                .next()
                .then(resolve, reject)
                .finally(() => {
                    this.askedAt = null;
                });
        });
    }

    /** Gives up an engine that hangs. Waiting for a slot is no silence: the total deadline ends that. */
    private watch(): void {
        const stopped = this.stop.signal.aborted;
        if (this.askedAt === null || !(this.started || stopped)) {
            return;
        }
        // A backend behind a connection has deadlines of its own, a longer one for the first token.
        const patience = stopped ? AbortPatience : this.options.engine.generatesAhead ? Infinity : this.options.idle;
        if (performance.now() - this.askedAt >= patience * 1000) {
            this.giveUp(new EngineFailedError('The engine has not answered for too long.'));
        }
    }
}
