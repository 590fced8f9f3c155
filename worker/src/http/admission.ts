import { WireError } from '../wire-error';

/** Weight of the newest request in the running mean of how long requests take. */
const Smoothing = 0.1;
const LongestRetry = 60;

/** Lets in as many requests as can run, and a bounded number that wait for a slot. */
export class Admission {
    private admitted = 0;
    /** Seconds. */
    private meanDuration = 2;
    private closed = false;
    private readonly idle: (() => void)[] = [];

    /**
     * @param slots requests that the engine runs at once.
     * @param maxQueue requests that may wait besides.
     */
    constructor(
        private readonly slots: number,
        private readonly maxQueue: number,
    ) {}

    /** Requests that run or wait. */
    get size(): number {
        return this.admitted;
    }

    get draining(): boolean {
        return this.closed;
    }

    /** @throws {WireError} draining, or overloaded with the time after which a place may be free. */
    check(): void {
        if (this.closed) {
            throw new WireError('draining', 'The worker is shutting down. Choose another provider.', {}, LongestRetry);
        }
        if (this.admitted >= this.slots + this.maxQueue) {
            const seconds = Math.ceil((this.meanDuration * (this.maxQueue + 1)) / this.slots);
            const retry = Math.min(LongestRetry, Math.max(1, seconds));
            throw new WireError('overloaded', `All ${this.slots} slots and the queue are taken.`, {}, retry);
        }
    }

    /** @returns the function that gives the place back. @throws {WireError} as `check`. */
    enter(): () => void {
        this.check();
        this.admitted += 1;
        const start = performance.now();
        let left = false;
        return () => {
            if (left) {
                return;
            }
            left = true;
            this.admitted -= 1;
            this.meanDuration += Smoothing * ((performance.now() - start) / 1000 - this.meanDuration);
            if (this.admitted === 0) {
                this.idle.splice(0).forEach((resolve) => resolve());
            }
        };
    }

    /** Lets nobody in any more. */
    close(): void {
        this.closed = true;
    }

    /** Resolves when the last request has left. */
    whenEmpty(): Promise<void> {
        return this.admitted === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
    }
}
