import { messageOf } from '../errors';
import { Logger } from '../logger';
import { Settler } from './settler';

/** Settles every `intervalSeconds`, and at once when a session has begun to close. Errors end a round, never the loop. */
export class SettlementLoop {
    private timer: NodeJS.Timeout | undefined;
    private round: Promise<void> | null = null;
    private again = false;
    private readonly stopping = new AbortController();

    constructor(
        private readonly settler: Settler,
        private readonly intervalSeconds: number,
        private readonly logger: Logger,
    ) {}

    start(): void {
        this.schedule();
        this.round = this.guarded(() => this.settler.resume(this.stopping.signal));
    }

    /** Settles as soon as possible. */
    nudge(): void {
        if (this.round !== null) {
            this.again = true;
        } else if (!this.stopping.signal.aborted) {
            this.round = this.guarded(async () => {
                await this.settler.settle(false, this.stopping.signal);
            });
        }
    }

    /** Gives up what runs and waits for it to notice. */
    async stop(): Promise<void> {
        this.stopping.abort();
        clearInterval(this.timer);
        await this.round;
    }

    private schedule(): void {
        this.timer = setInterval(() => this.nudge(), this.intervalSeconds * 1000);
    }

    private async guarded(job: () => Promise<void>): Promise<void> {
        try {
            await job();
        } catch (error) {
            this.logger.warn({ reason: messageOf(error) }, 'Settlement has to wait; it is tried again in the next round.');
        } finally {
            this.round = null;
            if (this.again) {
                this.again = false;
                this.nudge();
            }
        }
    }
}
