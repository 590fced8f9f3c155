type Ends = { readonly ends: Set<() => void>; readonly listener: () => void };

/** One listener for each signal, however many wait for it: runtimes take many for a leak, and say so on the console. */
const listened = new WeakMap<AbortSignal, Ends>();

/**
 * Calls `end` when the signal is aborted, at once if it already is.
 * @returns what lets go of the signal.
 */
export function onAbort(signal: AbortSignal, end: () => void): () => void {
    if (signal.aborted) {
        end();
        return () => undefined;
    }
    const { ends, listener } = listened.get(signal) ?? listen(signal);
    // Its own function: the same `end` may be given twice.
    const entry = () => end();
    ends.add(entry);
    return () => {
        if (ends.delete(entry) && ends.size === 0) {
            signal.removeEventListener('abort', listener);
            listened.delete(signal);
        }
    };
}

function listen(signal: AbortSignal): Ends {
    const ends = new Set<() => void>();
    const listener = () => {
        listened.delete(signal);
        const waiting = [...ends];
        ends.clear();
        waiting.forEach((end) => end());
    };
    signal.addEventListener('abort', listener, { once: true });
    const entry = { ends, listener };
    listened.set(signal, entry);
    return entry;
}
