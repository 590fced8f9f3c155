import { EngineModel } from '../engine/engine';
import { WireError } from '../wire-error';
import { Session } from './session';

/** What a session must fit to be served. */
export type ServingTerms = {
    models: readonly EngineModel[];
    /** 32 bytes: this worker's. */
    workerKey: Buffer;
    /** Seconds before the end of a close window in which nothing is begun any more. */
    closeMargin: number;
};

/**
 * Whether a request of this session may begin.
 * @param now unix seconds by the chain's clock.
 * @returns the model that the session is about.
 * @throws {WireError} session_not_open, unknown_session, model_not_found, chain_unavailable.
 */
export function requireServable(session: Session, terms: ServingTerms, now: number): EngineModel {
    const { snapshot } = session;
    if (snapshot.status !== 'open') {
        throw new WireError('session_not_open', 'The session is closing or closed. Open a new one.');
    }
    if (!snapshot.workerKey.equals(terms.workerKey)) {
        throw new WireError(
            'unknown_session',
            "The session was confirmed under another worker key of this provider. Open a new one; this one's rest " +
                'comes back when you close it.',
        );
    }
    const hash = snapshot.agreement.offer.model.toString('hex');
    const model = terms.models.find(({ weightsHash }) => weightsHash === hash);
    if (model === undefined) {
        throw new WireError('model_not_found', `The session's model ${hash} is not loaded here any more.`);
    }
    if (now >= lastSafeMoment(session, terms.closeMargin)) {
        throw new WireError(
            'chain_unavailable',
            'The worker has not been able to read this session from the chain for too long: it may be closed by now.',
            {},
            10,
        );
    }
    return model;
}

/**
 * The client may have started to close right after the last reading, and vouchers are worthless once its close window
 * has ended: until then, less the margin for a claim, nothing can be lost, whatever the chain does meanwhile.
 */
export function lastSafeMoment(session: Session, closeMargin: number): number {
    const { readAt, agreement } = session.snapshot;
    return readAt + agreement.closeWindow - closeMargin;
}
