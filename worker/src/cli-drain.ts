import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { sendOrder } from './admin/client';
import { StartError } from './errors';
import { isHeld } from './ledger/database';
import { LedgerFile } from './office';
import { ton } from './doctor/text';

/** Seconds between two looks. */
const LookInterval = 0.5;

/** As the running worker says it; amounts are decimal texts. */
type Draining = { running: number; waiting: number; due: string };

/**
 * Has the running worker drain, shows how far it is, and returns when it has let go of its ledger: then it has ended.
 * @param timeout seconds.
 * @returns false when no worker runs.
 * @throws {StartError} when it takes longer; the worker goes on draining.
 */
export async function drain(directory: string, timeout: number, say: (line: string) => void): Promise<boolean> {
    const first = (await sendOrder(directory, 'POST', '/drain')) as Draining | null;
    if (first === null) {
        return false;
    }
    const end = performance.now() + timeout * 1000;
    let shown = '';
    const show = (line: string) => {
        if (line !== shown) {
            shown = line;
            say(line);
        }
    };
    show(describe(first));
    while (isHeld(join(directory, LedgerFile))) {
        if (performance.now() >= end) {
            throw new StartError(
                `The worker has not ended within ${timeout} s; it goes on draining (${shown}). Run drain again to wait ` +
                    'longer, or send it a second SIGTERM: the ledger keeps everything.',
            );
        }
        // Shortly before its end it takes no orders any more.
        const status = (await sendOrder(directory, 'GET', '/status').catch(() => null)) as Draining | null;
        show(status === null ? 'Letting go of engine and ledger.' : describe(status));
        await sleep(LookInterval * 1000);
    }
    return true;
}

function describe({ running, waiting, due }: Draining): string {
    const requests = running + waiting;
    return requests > 0
        ? `Nothing new is taken; ${requests} request${requests === 1 ? '' : 's'} to finish.`
        : `All requests are finished; ${ton(BigInt(due))} to settle.`;
}
