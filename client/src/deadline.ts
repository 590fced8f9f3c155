import { onAbort } from './abort';

/**
 * A signal that a timer or any of the caller's signals ends; the timer can be moved while work goes on. Callers'
 * signals may live long, so `release` must be called when the work is over: nothing of it stays attached to them.
 */
export class Deadline {
    private readonly own = new AbortController();
    private readonly unlink: (() => void)[] = [];
    private timer: ReturnType<typeof setTimeout> | undefined;
    /** Whether the timer, and not a caller, ended it. */
    expired = false;

    constructor(...callers: (AbortSignal | null | undefined)[]) {
        for (const caller of callers) {
            if (caller) {
                this.link(caller);
            }
        }
    }

    get signal(): AbortSignal {
        return this.own.signal;
    }

    /** (Re)starts the timer. @param seconds from now. */
    within(seconds: number): void {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            this.expired = true;
            this.own.abort(new DOMException('timed out', 'TimeoutError'));
        }, seconds * 1000);
    }

    /** Stops the timer: nobody is waited for just now. */
    hold(): void {
        clearTimeout(this.timer);
    }

    /** Ends the work now. */
    abort(reason?: unknown): void {
        this.release();
        this.own.abort(reason);
    }

    /** The work is over: stops the timer and lets go of the callers' signals. */
    release(): void {
        clearTimeout(this.timer);
        this.unlink.splice(0).forEach((unlink) => unlink());
    }

    private link(caller: AbortSignal): void {
        this.unlink.push(onAbort(caller, () => this.own.abort(caller.reason)));
    }
}

/** Waits; rejects with the signal's reason when it is aborted. @param seconds how long. */
export function pause(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        let unlink: () => void = () => undefined;
        const timer = setTimeout(() => {
            unlink();
            resolve();
        }, seconds * 1000);
        if (signal !== undefined) {
            unlink = onAbort(signal, () => {
                clearTimeout(timer);
                reject(signal.reason as Error);
            });
        }
    });
}
