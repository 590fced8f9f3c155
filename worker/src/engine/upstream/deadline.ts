/**
 * A deadline that is set anew for every wait. One timer serves all of them: it looks whether the time is up, and sets
 * itself again when it is not, which is cheaper than a timer for every piece of an answer.
 */
export class Deadline {
    private dueAt = Infinity;
    private timer: NodeJS.Timeout | undefined;

    constructor(private readonly onMissed: () => void) {}

    /** @param seconds from now on. */
    set(seconds: number): void {
        this.dueAt = performance.now() + seconds * 1000;
        this.timer ??= setTimeout(this.look, seconds * 1000);
    }

    /** Nobody waits at the moment. */
    pause(): void {
        this.dueAt = Infinity;
    }

    clear(): void {
        this.pause();
        clearTimeout(this.timer);
        this.timer = undefined;
    }

    private readonly look = (): void => {
        this.timer = undefined;
        const left = this.dueAt - performance.now();
        if (left === Infinity) return;
        if (left <= 0) return this.onMissed();
        this.timer = setTimeout(this.look, left);
    };
}
