import { Admission } from '../http/admission';

/** Places for items of jobs: a limited number, and never the last slot of the engine. */
export class JobLanes {
    private taken = 0;

    constructor(
        private readonly admission: Admission,
        /** Most items at once, of all jobs together. */
        readonly count: number,
    ) {}

    get running(): number {
        return this.taken;
    }

    /** Waits for a place. @returns the function that gives it back. Rejects when the signal fires. */
    async enter(signal: AbortSignal): Promise<() => void> {
        for (;;) {
            signal.throwIfAborted();
            const leave = this.taken < this.count ? this.admission.enterSpare() : null;
            if (leave !== null) {
                this.taken += 1;
                return () => {
                    this.taken -= 1;
                    leave();
                };
            }
            await this.admission.whenLeft(signal);
        }
    }
}
