import { Engine } from '../engine/engine';
import { Logger } from '../logger';
import { Metrics } from '../metrics';
import { ReceiptIssuer } from '../money/receipts';
import { Session } from '../sessions/session';
import { Admissions } from './admissions';
import { Gate } from './gate';

/** Limits of what one request may take. */
export type Limits = {
    /** Bytes of a request's body. */
    bodyBytes: number;
    /** Most tokens of an answer when the client does not say. */
    maxTokensDefault: number;
    /** Most tokens of an answer whatever the client says. */
    maxTokensCap: number;
    /** Seconds for which the engine may be silent, and a client may read nothing. */
    idleSeconds: number;
    /** Seconds from the request to the end of its answer. */
    totalSeconds: number;
    /** Seconds to wait for a higher voucher in mid-answer. */
    voucherWaitSeconds: number;
};

/** What the paid routes work with. */
export type ServingContext = {
    engine: Engine;
    gate: Gate;
    admissions: Admissions;
    receipts: ReceiptIssuer;
    limits: Limits;
    metrics: Metrics;
    logger: Logger;
    /** Reads a session from the chain again, as `SessionBook.recheck`. */
    recheck: (session: Session) => Promise<Session | null>;
    /** Fires when running answers have to end because the worker stops. */
    stopping: AbortSignal;
    /** Unix seconds. */
    now: () => number;
};
