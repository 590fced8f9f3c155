import { messageOf } from '../errors';
import { Logger } from '../logger';
import { Settler } from './settler';

/** Settles every `intervalSeconds`, and at once when a session begins to close. Errors end a round, never the loop. */
export class SettlementLoop {
    private timer: NodeJS.Timeout | undefined;
    private round: Promise<void> | null = null;
    private again = false;
    private stopped = false;

    constructor(
        private readonly settler: Settler,
        private readonly intervalSeconds: number,
        private readonly logger: Logger,
    ) {}

    start(): void {
        this.schedule();
        this.round = this.guarded(() => this.settler.resume());
    }

    /** Settles as soon as possible. */
    nudge(): void {
        if (this.round !== null) {
            this.again = true;
        } else if (!this.stopped) {
            this.round = this.guarded(async () => {
                await this.settler.settle();
            });
        }
    }

    /** Gives up what runs and waits for it to notice. */
    async stop(): Promise<void> {
        this.stopped = true;
        clearInterval(this.timer);
        await this.settler.interrupt();
        await this.round;
    }

    private schedule(): void {
        this.timer = setInterval(() => this.nudge(), this.intervalSeconds * 1000);
    }

    private async guarded(job: () => Promise<void>): Promise<void> {
        try {
            await job();
        } catch (error) {
            this.logger.warn(
                { reason: messageOf(error) },
                'Settlement has to wait; it is tried again in the next round.',
            );
        } finally {
            this.round = null;
            if (this.again) {
                this.again = false;
                this.nudge();
            }
        }
    }
}
