import { messageOf } from '../errors';
import { Ledger } from '../ledger/ledger';
import { Logger } from '../logger';
import { SessionBook } from './book';
import { Session } from './session';

/**
 * Between two receipts the use of a session is only in memory. Writing it down four times a second bounds what a crash
 * can lose by a quarter of a second of generating, which is far below a credit window and costs one write for all
 * sessions together.
 */
const IntervalMs = 250;

/** Writes down what running requests have used. */
export class SpentKeeper {
    private readonly written = new WeakMap<Session, bigint>();
    private timer: NodeJS.Timeout | undefined;

    constructor(
        private readonly book: SessionBook,
        private readonly ledger: Ledger,
        private readonly logger: Logger,
    ) {}

    start(): void {
        this.timer = setInterval(() => void this.write(), IntervalMs);
    }

    stop(): void {
        clearInterval(this.timer);
    }

    private async write(): Promise<void> {
        const changed = this.book
            .all()
            .map((session) => ({ session, amount: session.tab.amount, spent: session.tab.spent }))
            .filter(({ session, amount }) => session.inFlight > 0 && this.written.get(session) !== amount);
        if (changed.length === 0) {
            return;
        }
        try {
            const { sessions } = this.ledger;
            await this.ledger.write(...changed.map(({ session, spent }) => sessions.putSpent(session.id, spent)));
            changed.forEach(({ session, amount }) => this.written.set(session, amount));
        } catch (error) {
            this.logger.error({ reason: messageOf(error) }, 'The ledger could not be written. Check the disk.');
        }
    }
}
