/** Waits; rejects with the signal's reason when it is aborted. @param seconds how long. */
export function pause(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const end = () => {
            clearTimeout(timer);
            reject(signal!.reason as Error);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', end);
            resolve();
        }, seconds * 1000);
        if (signal?.aborted) {
            end();
        } else {
            signal?.addEventListener('abort', end, { once: true });
        }
    });
}
