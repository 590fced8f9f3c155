import { setMaxListeners } from 'node:events';

/** A signal that is made of others. */
export type CombinedSignal = {
    signal: AbortSignal;
    /** Whether it was the time that ran out. */
    readonly timedOut: boolean;
    /** Lets go of the signals and the timer. Has to be called when the work is over. */
    release(): void;
};

/**
 * A signal that fires when one of several does, or after some time. Unlike AbortSignal.any and AbortSignal.timeout it
 * leaves nothing behind at signals that live as long as the worker, however many requests come.
 * @param seconds after which it fires by itself; null: never.
 */
export function combineSignals(signals: readonly AbortSignal[], seconds: number | null = null): CombinedSignal {
    const controller = new AbortController();
    const abort = () => controller.abort();
    let timedOut = false;
    const timer =
        seconds === null
            ? undefined
            : setTimeout(() => {
                  timedOut = true;
                  abort();
              }, seconds * 1000);
    // As many requests as run at once wait for the same signals; Node takes more than ten for a leak, and says so.
    setMaxListeners(0, ...signals);
    for (const signal of signals) {
        signal.addEventListener('abort', abort, { once: true });
        if (signal.aborted) {
            abort();
        }
    }
    return {
        signal: controller.signal,
        get timedOut() {
            return timedOut;
        },
        release: () => {
            clearTimeout(timer);
            signals.forEach((signal) => signal.removeEventListener('abort', abort));
        },
    };
}
