import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { combineSignals } from '../src/abort';

it('any of the signals ends it, and nothing stays behind at the others', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const combined = combineSignals([one.signal, other.signal]);
    expect([combined.signal.aborted, getEventListeners(one.signal, 'abort').length]).toEqual([false, 1]);
    other.abort();
    expect([combined.signal.aborted, combined.timedOut]).toEqual([true, false]);
    combined.release();
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(0);
});

it('a signal that has ended already, or the time, ends it too', async () => {
    expect(combineSignals([AbortSignal.abort()]).signal.aborted).toBe(true);
    const timed = combineSignals([], 0.01);
    await new Promise((resolve) => timed.signal.addEventListener('abort', resolve));
    expect(timed.timedOut).toBe(true);
});

it('hundreds of requests at once are no leak, and nobody reads that they were', async () => {
    const script = `
        const { combineSignals } = require(${JSON.stringify(join(__dirname, '../dist/abort.js'))});
        const { signal } = new AbortController();
        for (let count = 0; count < 256; count += 1) combineSignals([signal]);
    `;
    const { stderr } = await promisify(execFile)(process.execPath, ['-e', script], { env: { ...process.env, NODE_OPTIONS: '' } });
    expect(stderr).toBe('');
});
