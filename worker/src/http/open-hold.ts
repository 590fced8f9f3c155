import { Tokens } from '@ton-compute/contracts';

import { shortfallError } from '../money/shortfall-error';
import { Hold } from '../money/tab';
import { Session } from '../sessions/session';
import { ServingContext } from './context';

/**
 * Reserves what a request needs to begin.
 * @throws {WireError} insufficient_voucher, deposit_exhausted.
 */
export async function openHold(context: ServingContext, session: Session, first: Tokens): Promise<Hold> {
    const hold = session.tab.open(first);
    if (hold instanceof Hold) {
        return hold;
    }
    // A top-up may have arrived since the escrow was read.
    if (hold.reason === 'deposit' && (await context.recheck(session)) === session) {
        const second = session.tab.open(first);
        if (second instanceof Hold) {
            return second;
        }
        throw shortfallError(second);
    }
    throw shortfallError(hold);
}
