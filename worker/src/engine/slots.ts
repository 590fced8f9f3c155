import { AbortedError, EngineClosedError } from './errors';

type Waiter<T> = { grant: (slot: T) => void; refuse: (error: Error) => void };

/** A fixed number of slots, given out in the order in which they were asked for. */
export class SlotPool<T> {
    readonly size: number;
    private readonly free: T[];
    private readonly waiters: Waiter<T>[] = [];
    private readonly idle: (() => void)[] = [];
    private taken = 0;
    private closed = false;

    constructor(slots: readonly T[]) {
        this.free = [...slots];
        this.size = slots.length;
    }

    /** Requests that hold a slot, or whose slot is still being cleaned. */
    get running(): number {
        return this.taken;
    }

    /** Requests in the queue. */
    get waiting(): number {
        return this.waiters.length;
    }

    /**
     * @returns a free slot, at once or when it is this caller's turn.
     * @throws {AbortedError} when the signal fires before a slot was given; its place in the queue is gone then.
     * @throws {EngineClosedError} when the pool is or becomes closed.
     */
    async acquire(signal: AbortSignal): Promise<T> {
        if (this.closed) throw new EngineClosedError();
        if (signal.aborted) throw new AbortedError();
        const slot = this.free.shift();
        if (slot !== undefined) {
            this.taken += 1;
            return slot;
        }
        return new Promise<T>((resolve, reject) => {
            const settle = () => {
                signal.removeEventListener('abort', onAbort);
                const index = this.waiters.indexOf(waiter);
                if (index >= 0) this.waiters.splice(index, 1);
            };
            const waiter: Waiter<T> = {
                grant: (granted) => {
                    settle();
                    resolve(granted);
                },
                refuse: (error) => {
                    settle();
                    reject(error);
                },
            };
            const onAbort = () => waiter.refuse(new AbortedError());
            signal.addEventListener('abort', onAbort, { once: true });
            this.waiters.push(waiter);
        });
    }

    /** Gives a slot back: to the first in the queue if there is one. */
    release(slot: T): void {
        const next = this.waiters[0];
        // `taken` stays as it is when the slot changes hands.
        if (next !== undefined) return next.grant(slot);
        this.taken -= 1;
        this.free.push(slot);
        if (this.taken === 0) for (const resolve of this.idle.splice(0)) resolve();
    }

    /** Resolves when no slot is held. */
    async whenIdle(): Promise<void> {
        if (this.taken === 0) return;
        await new Promise<void>((resolve) => this.idle.push(resolve));
    }

    /** Refuses everyone in the queue and everyone who comes later. Slots that are held stay valid. */
    close(): void {
        this.closed = true;
        for (const waiter of [...this.waiters]) waiter.refuse(new EngineClosedError());
    }
}
