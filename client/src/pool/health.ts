import { ClientError, ClientErrorCode } from '../errors';

/**
 * Refusals after which another provider may serve the same request. Everything else is the request's own fault, the
 * caller's to decide, or nothing that another provider would change.
 */
const ForOthers: ReadonlySet<ClientErrorCode> = new Set([
    'worker_unreachable',
    'worker_busy',
    'worker_error',
    'provider_refused',
    'price_unexpected',
    'overcharged',
    'bad_receipt',
    'session_stopped',
    'session_expired',
    'session_not_open',
    'deposit_exhausted',
    'spending_cap',
]);

/** After these a session is of no more use. */
const ForGood: ReadonlySet<ClientErrorCode> = new Set([
    'overcharged',
    'bad_receipt',
    'session_stopped',
    'session_expired',
    'session_not_open',
    'deposit_exhausted',
    'spending_cap',
]);

/** Refusals of a worker that are about the request: another worker would say the same. */
const OwnFault: ReadonlySet<unknown> = new Set([
    'invalid_request',
    'context_length_exceeded',
    'request_too_large',
    'not_found',
]);

/** Seconds that a provider rests after its first failure, and the most. */
const FirstRest = 15;
const LongestRest = 900;

/**
 * @returns whether a request that failed so may be sent to another provider without being paid for twice.
 * @param error of `session.request`. `details.worked` is true when the worker has worked for it, null when that cannot be
 * told: its connection broke before an answer, and it does not answer any more.
 * @param uncertain whether the latter is resent all the same.
 */
export function mayFailOver(error: unknown, uncertain: boolean): error is ClientError {
    return (
        error instanceof ClientError &&
        ForOthers.has(error.code) &&
        error.details.worked !== true &&
        (uncertain || error.details.worked !== null) &&
        !OwnFault.has(error.details.code)
    );
}

/** @returns whether a failure says something about the provider or the session, also where the request is lost. */
export function isProvidersFault(error: unknown): error is ClientError {
    return (
        error instanceof ClientError &&
        (ForOthers.has(error.code) || error.code === 'answer_cut' || error.code === 'answer_altered') &&
        !OwnFault.has(error.details.code)
    );
}

/** Whether one session is worth asking now. */
export class Health {
    private failures = 0;
    private restsUntil = 0;
    private over = false;

    /** @param now milliseconds of a clock that never goes back. */
    constructor(private readonly now: () => number = () => performance.now()) {}

    /** Whether it will ever be of use again. */
    get ended(): boolean {
        return this.over;
    }

    get ready(): boolean {
        return !this.over && this.now() >= this.restsUntil;
    }

    succeeded(): void {
        this.failures = 0;
    }

    /** @returns seconds until it is asked again: twice as many each time; null when never. */
    failed(error: ClientError): number | null {
        if (ForGood.has(error.code)) {
            this.over = true;
            return null;
        }
        const rest = Math.min(LongestRest, FirstRest * 2 ** this.failures);
        this.failures += 1;
        this.restsUntil = this.now() + rest * 1000;
        return rest;
    }
}
