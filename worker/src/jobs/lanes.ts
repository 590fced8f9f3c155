import { Admissions } from '../http/admissions';

/** Places for items of jobs: a limited number, and never the last slot of the engine. */
export class JobLanes {
    private taken = 0;

    constructor(
        private readonly admissions: Admissions,
        /** Most items at once, of all jobs together. */
        readonly count: number,
    ) {}

    get running(): number {
        return this.taken;
    }

    /** Waits for a place at a model. @returns the function that gives it back. Rejects when the signal fires. */
    async enter(model: string, signal: AbortSignal): Promise<() => void> {
        const admission = this.admissions.of(model);
        for (;;) {
            signal.throwIfAborted();
            const leave = this.taken < this.count ? admission.enterSpare() : null;
            if (leave !== null) {
                this.taken += 1;
                return () => {
                    this.taken -= 1;
                    leave();
                };
            }
            await admission.whenLeft(signal);
        }
    }
}
