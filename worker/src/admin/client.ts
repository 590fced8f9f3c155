import { request } from 'node:http';

import { StartError } from '../errors';
import { adminSocket } from './socket';

/** Seconds to wait for an answer: a settlement waits for the chain. */
const Patience = 180;

/**
 * Gives an order to the worker that runs with this data directory.
 * @returns its answer, or null when no worker runs.
 * @throws {StartError} when it refuses.
 */
export function sendOrder(directory: string, method: 'GET' | 'POST', path: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
        const call = request({ socketPath: adminSocket(directory), method, path }, (response) => {
            const parts: Buffer[] = [];
            response.on('data', (part: Buffer) => parts.push(part));
            response.on('error', reject);
            response.on('end', () => {
                const answer = JSON.parse(Buffer.concat(parts).toString('utf8')) as { error?: string };
                if (response.statusCode === 200) {
                    resolve(answer);
                } else {
                    reject(new StartError(answer.error ?? 'The worker refused.'));
                }
            });
        });
        call.setTimeout(Patience * 1000, () => call.destroy(new Error('The worker does not answer.')));
        call.on('error', (error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
                resolve(null);
            } else {
                reject(error);
            }
        });
        call.end();
    });
}
