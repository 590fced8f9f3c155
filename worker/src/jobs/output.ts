import { setTimeout as sleep } from 'node:timers/promises';
import { DeclineReason } from '@ton-compute/contracts';
import { JobInstructions } from '@ton-compute/protocol';

import { JobDeclined } from './declined';
import { StoreTrouble } from './store-error';
import { AllowedStores } from './stores';

const FirstPause = 1;
const LongestPause = 60;

export type OutputDeadline = {
    /** Unix seconds after which the store is given up. */
    until: number;
    now: () => number;
    /** Hears why a try failed. */
    onTrouble: (reason: string) => void;
};

/**
 * Brings the sealed output to the client's store and reads it back: what is there for certain may be signed for. A store
 * that has acknowledged the output and does not show it until the deadline is taken at its word: the client named it, and
 * else a client could fetch the output, hide it from the worker, and have the work for nothing.
 * @throws {JobDeclined} when the store has not acknowledged the output until the deadline.
 */
export async function storeOutput(
    stores: AllowedStores,
    { writeUrl, readUrl }: JobInstructions['output'],
    bytes: Buffer,
    { until, now, onTrouble }: OutputDeadline,
    signal: AbortSignal,
): Promise<void> {
    let acknowledged = false;
    for (let pause = FirstPause; ; pause = Math.min(2 * pause, LongestPause)) {
        const written = await attempt(() => stores.write(writeUrl, bytes, signal));
        acknowledged ||= !(written instanceof StoreTrouble);
        // Also after a failure: an earlier try may have arrived, or an earlier run of the worker.
        const shown = await attempt(() => stores.read(readUrl, bytes.length, signal));
        if (Buffer.isBuffer(shown) && shown.equals(bytes)) {
            return;
        }
        const trouble = [written, shown].find((each) => each instanceof StoreTrouble);
        const reason = trouble?.message ?? 'It shows other bytes than were written.';
        onTrouble(reason);
        if (now() + pause >= until) {
            if (acknowledged) {
                return;
            }
            throw new JobDeclined(DeclineReason.StoreRefused, `The store of the job does not take the output. ${reason}`);
        }
        await sleep(pause * 1000, undefined, { signal });
    }
}

async function attempt<T>(call: () => Promise<T>): Promise<T | StoreTrouble> {
    try {
        return await call();
    } catch (error) {
        if (error instanceof StoreTrouble) {
            return error;
        }
        throw error;
    }
}
