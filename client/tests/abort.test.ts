import { onAbort } from '../src/abort';
import { Deadline, pause } from '../src/deadline';

type Listened = { signal: AbortSignal; abort: (reason?: unknown) => void; listeners: () => number };

/** A signal that counts its listeners. */
function counted(): Listened {
    const controller = new AbortController();
    const { signal } = controller;
    let count = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
        count += 1;
        add(...parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
        count -= 1;
        remove(...parameters);
    };
    return { signal, abort: (reason) => controller.abort(reason), listeners: () => count };
}

it('a hundred requests of a session listen once, and not at all when they are over', async () => {
    const { signal, listeners } = counted();
    const deadlines = Array.from({ length: 100 }, () => new Deadline(signal));
    const pauses = Array.from({ length: 100 }, () => pause(0.01, signal));
    expect(listeners()).toBe(1);
    deadlines.forEach((deadline) => deadline.release());
    await Promise.all(pauses);
    expect(listeners()).toBe(0);
});

it('the end reaches everybody who still waits, with its reason, and nobody else', async () => {
    const { signal, abort } = counted();
    const [ended, released] = [new Deadline(signal), new Deadline(signal)];
    const waiting = pause(60, signal);
    released.release();
    abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    expect([ended.signal.aborted, (ended.signal.reason as Error).message]).toEqual([true, 'stopped']);
    expect(released.signal.aborted).toBe(false);
});

it('comes at once from a signal that has ended, and once for each who asked', () => {
    const { signal, abort } = counted();
    let calls = 0;
    const end = () => (calls += 1);
    onAbort(signal, end);
    onAbort(signal, end);
    abort();
    expect(calls).toBe(2);
    onAbort(signal, end)();
    expect(calls).toBe(3);
});
