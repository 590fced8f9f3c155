/** Tokens of a prompt that take about as long as one token of an answer: they are evaluated many at a time. */
const PromptShare = 8;
/** Weight of the newest item in the running mean. */
const Smoothing = 0.2;

/** @returns work as tokens of answers. */
export function workOf(promptTokens: number, completionTokens: number): number {
    return completionTokens + promptTokens / PromptShare;
}

/**
 * How fast one slot works: an exponentially weighted mean over the items of jobs. Sessions do not count, because they
 * wait for vouchers and for clients that read slowly.
 */
export class Speed {
    constructor(private mean: number) {}

    /** Work in a second. */
    get perSecond(): number {
        return this.mean;
    }

    /** @param work of an item, as `workOf`. @param seconds that it held its slot. */
    observe(work: number, seconds: number): void {
        if (work > 0 && seconds > 0) {
            this.mean += Smoothing * (work / seconds - this.mean);
        }
    }
}
