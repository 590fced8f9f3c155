import { setTimeout as sleep } from 'node:timers/promises';

import { Logger } from '../logger';
import { SessionBook } from '../sessions/book';
import { Session } from '../sessions/session';

/** Seconds between two looks at whether claims have arrived. */
const LookInterval = 0.5;
/** Seconds for claims to arrive once their batch was executed. */
const Patience = 60;
/** Sessions that are read at once. */
const Parallel = 4;

/** A session in a batch. */
export type Claim = {
    session: Session;
    /** nanoTON that had been claimed before. */
    before: bigint;
    /** nanoTON that the batch should bring. */
    expected: bigint;
};

/** @returns the claim of a session as it stands at this moment. */
export function claimOf(session: Session): Claim {
    return { session, before: session.snapshot.claimed, expected: session.due };
}

/**
 * Waits until the escrows show that they were claimed, or are gone.
 * @returns nanoTON that were claimed.
 */
export async function awaitClaims(
    book: SessionBook,
    claims: readonly Claim[],
    logger: Logger,
    signal: AbortSignal,
): Promise<bigint> {
    const end = performance.now() + Patience * 1000;
    let open = [...claims];
    let claimed = 0n;
    for (;;) {
        const missing: Claim[] = [];
        for (const claim of open) {
            const arrived = await arrivedOf(book, claim);
            claimed += arrived ?? 0n;
            if (arrived === null) {
                missing.push(claim);
            }
        }
        open = missing;
        if (open.length === 0 || performance.now() >= end || signal.aborted) {
            break;
        }
        await sleep(LookInterval * 1000, undefined, { signal }).catch(() => undefined);
    }
    if (open.length > 0 && !signal.aborted) {
        logger.warn({ sessions: open.length }, 'Claims were sent but have not arrived; they are due again.');
    }
    return claimed;
}

/** @returns nanoTON that were claimed, or null as long as nothing has changed. */
async function arrivedOf(book: SessionBook, { session, before, expected }: Claim): Promise<bigint | null> {
    const alive = await book.refresh(session).catch(() => null);
    if (alive === false) {
        return expected; // finished: claim and end were one message
    }
    const grown = session.snapshot.claimed - before;
    return grown > 0n ? grown : null;
}

/**
 * Reads all sessions with something due again, so that nothing is claimed twice on old knowledge: a claim that brings
 * nothing costs its fees all the same.
 * @throws {ChainUnreachable}, {ChainError}
 */
export async function refreshDue(book: SessionBook, signal: AbortSignal): Promise<void> {
    const queue = book.all().filter((session) => session.due > 0n);
    const readNext = async () => {
        for (let session = queue.shift(); session !== undefined && !signal.aborted; session = queue.shift()) {
            await book.refresh(session);
        }
    };
    await Promise.all(Array.from({ length: Parallel }, readNext));
}
