import { messageOf } from '../errors';
import { Logger } from '../logger';
import { SessionBook } from './book';
import { Session } from './session';

/** Seconds after its last request for which a session counts as used. */
const UsedFor = 60;
/** Seconds after which a session without money or requests leaves the memory. */
const IdleFor = 600;
/** Seconds between two readings of a session that holds unclaimed money but is not used. */
const SlowPoll = 60;
/** Sessions that are read at once. */
const Parallel = 4;

export type WatcherOptions = {
    book: SessionBook;
    logger: Logger;
    /** Seconds between two readings of a session that is used. */
    pollSeconds: number;
    /** Called when a session has money that must be claimed soon: it began to close, or its attestation ends. */
    onClosing: (session: Session) => void;
};

/** Reads the sessions from the chain again and again: top-ups, claims, and above all the start of a close window. */
export class SessionWatcher {
    private readonly nextReading = new WeakMap<Session, number>();
    private timer: NodeJS.Timeout | undefined;
    private round: Promise<void> = Promise.resolve();
    private stopped = false;

    constructor(private readonly options: WatcherOptions) {}

    start(): void {
        this.timer = setTimeout(
            () => {
                this.round = this.watch().finally(() => {
                    if (!this.stopped) {
                        this.start();
                    }
                });
            },
            Math.min(1, this.options.pollSeconds) * 1000,
        );
    }

    /** Waits for the round that runs. */
    async stop(): Promise<void> {
        this.stopped = true;
        clearTimeout(this.timer);
        await this.round;
    }

    private async watch(): Promise<void> {
        const { book } = this.options;
        const now = performance.now();
        const due: Session[] = [];
        for (const session of book.all()) {
            if (this.isIdle(session, now)) {
                book.evict(session);
            } else if ((this.nextReading.get(session) ?? 0) <= now) {
                due.push(session);
            }
        }
        if (due.length === 0) {
            return;
        }
        try {
            await Promise.all(Array.from({ length: Parallel }, () => this.readAll(due)));
        } catch (error) {
            this.options.logger.warn({ reason: messageOf(error) }, 'Sessions could not be read from the chain.');
        }
    }

    private async readAll(queue: Session[]): Promise<void> {
        for (let session = queue.shift(); session !== undefined && !this.stopped; session = queue.shift()) {
            // The next reading is set first: after an error the others come before this one is tried again.
            this.nextReading.set(session, performance.now() + this.interval(session) * 1000);
            const alive = await this.options.book.refresh(session);
            if (alive && session.claimDeadline !== null && session.due > 0n) {
                this.options.onClosing(session);
            }
        }
    }

    private interval(session: Session): number {
        const { pollSeconds } = this.options;
        const used = session.inFlight > 0 || performance.now() - session.lastUsed < UsedFor * 1000;
        return used ? pollSeconds : Math.max(pollSeconds, SlowPoll);
    }

    private isIdle(session: Session, now: number): boolean {
        // Unsigned credit is claimed when the session closes, so that must be seen.
        const worthless = session.due === 0n && session.receiptReach === null;
        return session.inFlight === 0 && worthless && now - session.lastUsed > IdleFor * 1000;
    }
}
