import { FastifyReply, FastifyRequest } from 'fastify';

import { combineSignals } from '../abort';
import { engineWireError } from '../engine-errors';
import { EngineModel } from '../engine/engine';
import { Session } from '../sessions/session';
import { WireError } from '../wire-error';
import { Answer, errorHeaders } from './answer';
import { Connection } from './connection';
import { ServingContext } from './context';
import { logFault } from './faults';

/** A request that is paid for, opened, and has a place. */
export type PaidRequest = {
    session: Session;
    model: EngineModel;
    /** Plaintext body. */
    body: Uint8Array;
    answer: Answer;
    /** Fires when the client has gone, the time is up, or the session has ended. */
    signal: AbortSignal;
    /** Fires when the client has gone. */
    gone: AbortSignal;
    /** Whether the time is up. */
    timedOut: () => boolean;
};

/** What a route does with it. Errors that it throws before its answer has begun become the answer. */
export type PaidHandler = (context: ServingContext, request: PaidRequest) => Promise<void>;

/** @returns a fastify handler around a paid route: admission, payment, opening, deadlines, errors. */
export function paidRoute(context: ServingContext, handler: PaidHandler) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
        const { gate, admissions, limits } = context;
        // A full worker says so before it spends time on signatures.
        admissions.check();
        const admitted = await gate.admit({
            method: request.method,
            path: request.raw.url ?? request.url,
            headers: request.headers,
            body: request.body instanceof Buffer ? request.body : Buffer.alloc(0),
        });
        const leave = admissions.of(admitted.model.id).enter();
        admitted.session.inFlight += 1;
        try {
            const connection = new Connection(reply.raw, limits.idleSeconds, request.id);
            const { body, answer } = await gate.open(admitted, connection);
            reply.hijack();
            const { session, model } = admitted;
            const { gone } = connection;
            const end = combineSignals([gone, session.ended.signal, context.stopping], limits.totalSeconds);
            const paid = { session, model, body, answer, gone, signal: end.signal, timedOut: () => end.timedOut };
            await answerOrRefuse(context, handler, paid, connection).finally(end.release);
        } finally {
            admitted.session.inFlight -= 1;
            admitted.session.lastUsed = performance.now();
            leave();
        }
        return reply;
    };
}

async function answerOrRefuse(
    context: ServingContext,
    handler: PaidHandler,
    paid: PaidRequest,
    connection: Connection,
): Promise<void> {
    try {
        await handler(context, paid);
    } catch (error) {
        const refusal = engineWireError(error);
        if (refusal.code === 'internal_error') {
            logFault(context.logger, error);
        }
        context.metrics.refused(refusal.code);
        if (connection.begun) {
            // Handlers end what they began; whatever came here instead must not look complete.
            connection.cut();
        } else {
            paid.answer.whole(refusal.status, JSON.stringify(refusal.body), null, errorHeaders(refusal));
        }
    }
}

/** @returns why a run was ended from outside, as far as the client is still there to be told. */
export function endedError({ limits, stopping }: ServingContext, paid: PaidRequest): WireError {
    if (paid.timedOut()) {
        const message = `The answer took longer than the ${limits.totalSeconds} s that this worker allows.`;
        return new WireError('engine_failed', message, {}, 1);
    }
    return stopping.aborted
        ? new WireError('draining', 'The worker is shutting down. Choose another provider.')
        : new WireError('session_not_open', 'The session has ended.');
}
