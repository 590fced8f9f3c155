import { ErrorTable, isErrorCode } from '@ton-compute/protocol';
import { ClientError, ClientErrorCode } from '../errors';

const StatusOf: Partial<Record<ClientErrorCode, number>> = {
    invalid_request: 400,
    spending_cap: 402,
    deposit_exhausted: 402,
    price_unexpected: 402,
    overcharged: 402,
    bad_receipt: 402,
    session_stopped: 402,
    session_not_open: 409,
    session_expired: 402,
    provider_refused: 503,
    store_failed: 500,
    answer_altered: 502,
    answer_cut: 502,
    worker_unreachable: 503,
    chain_unreachable: 503,
    chain_error: 503,
};

function typeOf(status: number): string {
    return status === 402 ? 'payment_error' : status < 500 ? 'invalid_request_error' : 'server_error';
}

/**
 * An error as an HTTP answer in OpenAI's shape: SDKs show its message and code to the caller. It tells them not to
 * retry: what can be retried has been.
 */
export function errorResponse(error: ClientError): Response {
    const { code: workerCode, param, requestId, retryAfter } = error.details;
    const known = isErrorCode(workerCode) ? ErrorTable[workerCode] : null;
    const reported = typeof error.details.status === 'number' ? error.details.status : 502;
    const status = StatusOf[error.code] ?? known?.status ?? (reported >= 400 ? reported : 502);
    const body = {
        error: {
            message: error.message,
            type: known?.type ?? typeOf(status),
            code: error.code === 'worker_error' && known !== null ? workerCode : error.code,
            param: typeof param === 'string' ? param : null,
        },
    };
    return new Response(JSON.stringify(body), {
        status,
        headers: {
            'content-type': 'application/json',
            'x-should-retry': 'false',
            ...(isHeaderValue(requestId) ? { 'x-request-id': requestId } : {}),
            ...(typeof retryAfter === 'number' ? { 'retry-after': String(Math.ceil(retryAfter)) } : {}),
        },
    });
}

/** The worker chose it: it may be anything. */
function isHeaderValue(value: unknown): value is string {
    return typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value);
}
