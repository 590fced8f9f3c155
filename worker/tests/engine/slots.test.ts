import { AbortedError, EngineClosedError } from '../../src/engine';
import { SlotPool } from '../../src/engine/slots';
import { never, sleep } from './conformance';

describe('A pool of slots', () => {
    it('gives out what is free at once, and the rest in the order of asking', async () => {
        const pool = new SlotPool(['a', 'b']);
        const order: string[] = [];
        const ask = async (name: string) => order.push(`${name} gets ${await pool.acquire(never())}`);
        const asked = ['1st', '2nd', '3rd', '4th'].map(ask);
        await sleep(0);
        expect(order).toEqual(['1st gets a', '2nd gets b']);
        expect([pool.size, pool.running, pool.waiting]).toEqual([2, 2, 2]);
        pool.release('b');
        pool.release('a');
        await Promise.all(asked);
        expect(order.slice(2)).toEqual(['3rd gets b', '4th gets a']);
    });

    it('counts a slot as held while it changes hands', async () => {
        const pool = new SlotPool(['a']);
        await pool.acquire(never());
        const next = pool.acquire(never());
        pool.release('a');
        expect([pool.running, pool.waiting]).toEqual([1, 0]);
        await next;
        pool.release('a');
        expect([pool.running, pool.waiting]).toEqual([0, 0]);
    });

    it('forgets who is aborted, and does not give away a slot to nobody', async () => {
        const pool = new SlotPool(['a']);
        await pool.acquire(never());
        const abort = new AbortController();
        const gone = pool.acquire(abort.signal);
        const patient = pool.acquire(never());
        abort.abort();
        await expect(gone).rejects.toBeInstanceOf(AbortedError);
        pool.release('a');
        expect(await patient).toBe('a');
        await expect(pool.acquire(AbortSignal.abort())).rejects.toBeInstanceOf(AbortedError);
    });

    it('refuses everyone when it is closed, and tells when the last slot is back', async () => {
        const pool = new SlotPool(['a']);
        await pool.acquire(never());
        const waiting = pool.acquire(never());
        pool.close();
        await expect(waiting).rejects.toBeInstanceOf(EngineClosedError);
        await expect(pool.acquire(never())).rejects.toBeInstanceOf(EngineClosedError);
        let idle = false;
        const whenIdle = pool.whenIdle().then(() => (idle = true));
        await sleep(0);
        expect(idle).toBe(false);
        pool.release('a');
        await whenIdle;
        await pool.whenIdle();
    });
});
