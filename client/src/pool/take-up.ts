import { Address } from '@ton/core';
import { reasonOf } from '../errors';
import { Session } from '../session/session';

/** What is needed of a client. */
export type SessionSource = {
    openSessions(): Promise<Address[]>;
    resume(escrow: Address, options: { signal?: AbortSignal }): Promise<Session>;
};

export type TakeUpOptions = {
    /** Most sessions to take up. */
    most: number;
    /** SHA-256 of the weights that they must be about, hexadecimal; null for those of the first. */
    weights: string | null;
    signal?: AbortSignal;
    onTaken?: (session: Session, remaining: bigint) => void;
    onPassedOver?: (escrow: Address, reason: string) => void;
};

/** @returns sessions of the store that can be used now, newest first; each is locked for this process. */
export async function takeUpSessions(source: SessionSource, options: TakeUpOptions): Promise<Session[]> {
    const { most, signal, onTaken, onPassedOver } = options;
    const taken: Session[] = [];
    for (const escrow of await source.openSessions()) {
        if (taken.length >= most) {
            break;
        }
        try {
            const session = await source.resume(escrow, { signal });
            const weights = options.weights ?? taken.at(0)?.weights ?? null;
            const { reason, remaining } = await usable(session, weights, signal);
            if (reason === null) {
                taken.push(session);
                onTaken?.(session, remaining);
            } else {
                await session.dispose();
                onPassedOver?.(escrow, reason);
            }
        } catch (error) {
            if (signal?.aborted) {
                await Promise.allSettled(taken.map((session) => session.dispose()));
                signal.throwIfAborted();
            }
            onPassedOver?.(escrow, reasonOf(error));
        }
    }
    return taken;
}

async function usable(
    session: Session,
    weights: string | null,
    signal: AbortSignal | undefined,
): Promise<{ reason: string | null; remaining: bigint }> {
    try {
        if (weights !== null && session.weights !== weights) {
            return { reason: 'it is about another model', remaining: 0n };
        }
        session.requireFresh();
        await session.requireAttested(signal);
        const { remaining, stopped } = await session.report(signal);
        const reason = stopped !== null ? `it was stopped: ${stopped.message}` : remaining > 0n ? null : 'nothing remains in it';
        return { reason, remaining };
    } catch (error) {
        await session.dispose();
        throw error;
    }
}
