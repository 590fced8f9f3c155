/**
 * Errors of a worker, as docs/wire.md lists them: code -> HTTP status and the `type` that OpenAI's shape asks for.
 */
export const ErrorTable = {
    invalid_request: { status: 400, type: 'invalid_request_error' },
    context_length_exceeded: { status: 400, type: 'invalid_request_error' },
    cannot_open: { status: 400, type: 'invalid_request_error' },
    invalid_proof: { status: 401, type: 'authentication_error' },
    insufficient_voucher: { status: 402, type: 'payment_error' },
    invalid_voucher: { status: 402, type: 'payment_error' },
    deposit_exhausted: { status: 402, type: 'payment_error' },
    plain_refused: { status: 403, type: 'permission_error' },
    model_not_found: { status: 404, type: 'not_found_error' },
    unknown_session: { status: 404, type: 'not_found_error' },
    not_found: { status: 404, type: 'not_found_error' },
    session_not_open: { status: 409, type: 'conflict_error' },
    replayed_request: { status: 409, type: 'conflict_error' },
    request_too_large: { status: 413, type: 'invalid_request_error' },
    overloaded: { status: 429, type: 'rate_limit_error' },
    internal_error: { status: 500, type: 'server_error' },
    draining: { status: 503, type: 'server_error' },
    chain_unavailable: { status: 503, type: 'server_error' },
    engine_failed: { status: 503, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof ErrorTable;

/** The further fields of an error; amounts are nanoTON as decimal strings. */
export type ErrorFields = {
    /** Name of the header or field that was wrong. */
    param?: string | null;
    /** How much the voucher must grow. */
    owed?: string;
    /** The cumulative amount that the voucher must reach. */
    required?: string;
    /** The highest voucher that the worker holds. */
    cumulative?: string;
    /** What the escrow can still pay. */
    claimable?: string;
};

/** Body of an error: `{"error": {...}}`, in OpenAI's shape. */
export type ErrorBody = {
    error: ErrorFields & { message: string; type: string; code: ErrorCode; param: string | null };
};

/** @param message what happened, what was expected, what to do next. */
export function errorBody(code: ErrorCode, message: string, fields: ErrorFields = {}): ErrorBody {
    return { error: { message, type: ErrorTable[code].type, code, param: null, ...fields } as ErrorBody['error'] };
}

export function isErrorCode(code: unknown): code is ErrorCode {
    return typeof code === 'string' && Object.prototype.hasOwnProperty.call(ErrorTable, code);
}

/** @returns the error in a body, or null when it is none of ours. Fields of wrong types are left out. */
export function parseErrorBody(value: unknown): ErrorBody['error'] | null {
    const error = (value as { error?: Record<string, unknown> } | null | undefined)?.error;
    if (typeof error !== 'object' || error === null || !isErrorCode(error.code)) {
        return null;
    }
    const fields: ErrorFields = {};
    for (const name of ['owed', 'required', 'cumulative', 'claimable'] as const) {
        const text = error[name];
        if (typeof text === 'string' && /^[0-9]{1,40}$/.test(text)) {
            fields[name] = text;
        }
    }
    return {
        ...fields,
        message: typeof error.message === 'string' ? error.message : error.code,
        type: ErrorTable[error.code].type,
        code: error.code,
        param: typeof error.param === 'string' ? error.param : null,
    };
}
