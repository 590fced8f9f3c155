import { HeaderName } from '@ton-compute/protocol';

/** Header that names a request, as OpenAI's clients look for it. */
export const RequestIdHeader = 'x-request-id';

/**
 * Any page may call a worker: what a request may do is decided by signatures, never by where it comes from, and no
 * cookie or other authority of the browser is ever looked at.
 */
export const corsHeaders: Readonly<Record<string, string>> = {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': [HeaderName.Receipt, RequestIdHeader, 'retry-after', 'x-should-retry'].join(', '),
};

/** Answer to the question that a browser asks before the request itself. */
export const preflightHeaders: Readonly<Record<string, string>> = {
    ...corsHeaders,
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': '*, authorization',
    'access-control-max-age': '86400',
};
