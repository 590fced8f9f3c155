import { Tokens } from '@ton-compute/contracts';

import { WireError } from '../wire-error';
import { bodyHash, errorHeaders, NoRetry } from './answer';
import { ServingContext } from './context';
import { PaidRequest } from './paid-route';

/**
 * Refuses in one piece after work was done: what was used is owed and receipted.
 * @param partial the answer so far, which the client has paid for; null when there is none.
 */
export async function refuseAfterWork(
    context: ServingContext,
    paid: PaidRequest,
    { prompt, cached, completion, reasoning }: Tokens,
    failure: WireError,
    partial: Record<string, unknown> | null = null,
): Promise<void> {
    context.metrics.refused(failure.code);
    const { error } = failure.body;
    const body = JSON.stringify({ error: partial === null ? error : { ...error, partial } });
    const exchange = { requestHash: bodyHash(paid.body), answerHash: bodyHash(body) };
    const used = prompt + cached + completion + reasoning > 0n;
    const receipt = used ? await context.receipts.issue(paid.session, exchange) : null;
    // Sending it again would be a new request, which costs again.
    const headers = { ...errorHeaders(failure), ...(used ? NoRetry : {}) };
    paid.answer.whole(failure.status, body, receipt, headers);
}
