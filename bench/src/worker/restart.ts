import { setTimeout as sleep } from 'node:timers/promises';

import { load, throughSession } from './load';
import { hashFile, ShippedModel } from '../support/model';
import { BenchNetwork } from '../support/network';
import { median, slope } from '../support/statistics';

export type LifeReport = {
    /** Seconds from the start of a worker that was killed to its first answer to /health, model included; median. */
    restartSeconds: number;
    /** Growth of the worker's memory, bytes for each request, by a straight line through its second half. */
    bytesPerRequest: number;
    requests: number;
    /** Requests of one token that were served in a second. */
    requestsPerSecond: number;
};

const Restarts = 5;
const Streams = 4;

/** How a worker comes back, and whether it grows. @param requests of one token. */
export async function measureLife(requests: number, progress: (line: string) => void): Promise<LifeReport> {
    const network = await BenchNetwork.start(await hashFile(ShippedModel));
    const flags = { 'model-path': ShippedModel, 'gpu-backend': 'false' };
    try {
        let worker = await network.startWorker(flags);
        const [session] = await network.open(1, false);
        const ways = [throughSession(session)];
        progress(`${requests} requests`);
        const start = performance.now();
        const memory: number[] = [];
        for (let done = 0; done < requests; done += 5 * Streams) {
            for (let burst = 0; burst < 5; burst += 1) {
                await load(ways, session.model, Streams, 1, 'Hello');
            }
            memory.push(worker.residentBytes);
        }
        const seconds = (performance.now() - start) / 1000;
        const late = memory.slice(Math.floor(memory.length / 2));

        progress('restarts after kill -9');
        const restarts: number[] = [];
        for (let index = 0; index < Restarts; index += 1) {
            await worker.end('SIGKILL');
            const begin = performance.now();
            const starting = network.startWorker(flags);
            await healthy(network.url);
            restarts.push((performance.now() - begin) / 1000);
            worker = await starting;
            await load(ways, session.model, 1, 1, 'Hello');
        }
        return {
            restartSeconds: median(restarts),
            bytesPerRequest: slope(late) / (5 * Streams),
            requests,
            requestsPerSecond: requests / seconds,
        };
    } finally {
        await network.stop();
    }
}

async function healthy(url: string): Promise<void> {
    for (;;) {
        const answer = await fetch(`${url}/health`).catch(() => null);
        if (answer?.ok === true) {
            return;
        }
        await sleep(5);
    }
}
