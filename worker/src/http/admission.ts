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
    /** Places of work that can wait, beside those that are admitted. */
    private spare = 0;
    private readonly idle: (() => void)[] = [];
    private readonly left: (() => void)[] = [];

    /**
     * @param slots requests that the engine runs at once, at this moment: a server may have less room at times.
     * @param maxQueue requests that may wait besides.
     */
    constructor(
        private readonly slots: () => number,
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
        const slots = this.slots();
        if (this.admitted >= slots + this.maxQueue) {
            const seconds = Math.ceil((this.meanDuration * (this.maxQueue + 1)) / Math.max(slots, 1));
            const retry = Math.min(LongestRetry, Math.max(1, seconds));
            throw new WireError('overloaded', slots === 1 ? 'The slot and the queue are taken.' : `All ${slots} slots and the queue are taken.`, {}, retry);
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
            this.wakeSpare();
        };
    }

    /**
     * Takes a slot for work that can wait. One slot always stays free for whoever pays by the token.
     * @returns the function that gives it back; null when there is none to spare.
     */
    enterSpare(): (() => void) | null {
        if (this.closed || this.admitted + this.spare + 1 >= this.slots()) {
            return null;
        }
        this.spare += 1;
        let left = false;
        return () => {
            if (!left) {
                left = true;
                this.spare -= 1;
                this.wakeSpare();
            }
        };
    }

    /** Resolves when a place was given back: the moment to try `enterSpare` again. Rejects when the signal fires. */
    whenLeft(signal: AbortSignal): Promise<void> {
        return new Promise((resolve, reject) => {
            signal.throwIfAborted();
            const stop = () => {
                this.left.splice(this.left.indexOf(wake), 1);
                reject(signal.reason);
            };
            const wake = () => {
                signal.removeEventListener('abort', stop);
                resolve();
            };
            signal.addEventListener('abort', stop, { once: true });
            this.left.push(wake);
        });
    }

    private wakeSpare(): void {
        this.left.splice(0).forEach((wake) => wake());
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
