/** What went wrong; see {@link ClientError}. */
export type ClientErrorCode =
    /** An option or argument is wrong; nothing was done. */
    | 'invalid_option'
    /** The request given to `fetch` is not one that a session can send. */
    | 'invalid_request'
    /** The chain's API does not answer. */
    | 'chain_unreachable'
    /** The chain's API answered with an error. */
    | 'chain_error'
    /** The chain, the registry or the provider belong to another network than expected. */
    | 'wrong_network'
    /** The operation needs a wallet and the client has only a session key. */
    | 'no_wallet'
    /** The wallet holds too little; nothing was sent. */
    | 'wallet_balance'
    /** The wallet that was given to the client did not take the message. */
    | 'wallet_refused'
    /** A transaction was sent and its effect was not seen in time. */
    | 'not_confirmed'
    /** No provider satisfies the policy. */
    | 'no_provider'
    /** This provider does not satisfy the policy. */
    | 'provider_refused'
    /** The provider rejected the session; everything came back. */
    | 'session_rejected'
    /** The provider did not answer the opening; the money can be reclaimed. */
    | 'opening_unanswered'
    /** There is no such session here or on the chain. */
    | 'unknown_session'
    /** The session is not open: it is opening, closing or closed. */
    | 'session_not_open'
    /** Another process uses the session. */
    | 'session_in_use'
    /** The session was stopped because the worker cheated or contradicted itself; nothing more is signed. */
    | 'session_stopped'
    /** The time of the session's key is over; no further request is signed. */
    | 'session_expired'
    /** It is too early to finish the close or to reclaim. */
    | 'too_early'
    /** The store of sessions cannot be read or written; nothing was signed. */
    | 'store_failed'
    /** The next token would cost more than the spending cap allows. */
    | 'spending_cap'
    /** The escrow holds too little: top up. */
    | 'deposit_exhausted'
    /** The worker asks for more before the start than the request can cost. */
    | 'price_unexpected'
    /** A receipt claims more tokens than were sent and received. */
    | 'overcharged'
    /** A receipt is forged, contradicts another one, or has the wrong amount. */
    | 'bad_receipt'
    /** The sealed answer was altered or reordered on its way. */
    | 'answer_altered'
    /** The answer ended before its end. */
    | 'answer_cut'
    /** The worker cannot be reached, or does not answer. */
    | 'worker_unreachable'
    /** The worker refuses for now; retries did not help. */
    | 'worker_busy'
    /** The worker answered with another error; `details.code` has its code. */
    | 'worker_error'
    /** There is no such job in the store of this client. */
    | 'unknown_job'
    /** The job was not posted, or is not in the state that the operation needs; `details.state` has its state. */
    | 'job_state'
    /** Nobody bid for the job in time. */
    | 'no_bids'
    /** The best bids are of providers that the policy does not accept; nothing was awarded. */
    | 'bids_refused'
    /** The attested worker gave the job back: the client's content could not be had. Nobody was paid. */
    | 'job_declined'
    /** The awarded provider did not answer in time: reward and bond came to the wallet. */
    | 'job_failed'
    /** The job was not awarded in time; everything came back. */
    | 'job_not_taken'
    /** The job was taken back before the award; everything came back. */
    | 'job_cancelled'
    /** The store of the job's content refused, or is unreachable; the cause is a StoreError. */
    | 'object_store'
    /** The provider was paid, and the store does not have the output. */
    | 'output_missing'
    /** The output is not what the worker signed, or not what this job's key sealed. */
    | 'output_altered';

/** Further facts of an error; amounts in nanoTON. */
export type ErrorDetails = Readonly<Record<string, string | number | bigint | boolean | null>>;

/**
 * An error of this package. The message says what happened, what was expected and what to do next; where money is
 * concerned it says what was and was not spent.
 */
export class ClientError extends Error {
    override readonly name = 'ClientError';

    constructor(
        readonly code: ClientErrorCode,
        message: string,
        readonly details: ErrorDetails = {},
        options?: { cause?: unknown },
    ) {
        super(message, options);
    }
}

/** @returns the message of anything that was thrown, with its cause. */
export function reasonOf(error: unknown): string {
    if (!(error instanceof Error)) {
        return String(error);
    }
    const cause = error.cause instanceof Error && error.cause.message !== '' ? `: ${error.cause.message}` : '';
    return `${error.message}${cause}`;
}
