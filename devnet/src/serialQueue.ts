/** Runs asynchronous jobs one after the other, in the order in which they were given. */
export class SerialQueue {
    private tail: Promise<unknown> = Promise.resolve();
    private waiting = 0;

    /** How many jobs are running or waiting. */
    get length(): number {
        return this.waiting;
    }

    /**
     * Adds a job and waits for it.
     *
     * A job must not call `run` of its own queue: it would wait for itself.
     *
     * @returns what the job returns; throws what it throws, without harm to the jobs behind it
     */
    async run<T>(job: () => Promise<T> | T): Promise<T> {
        this.waiting++;
        const result = this.tail.then(job);
        this.tail = result.catch(() => undefined);
        try {
            return await result;
        } finally {
            this.waiting--;
        }
    }
}
