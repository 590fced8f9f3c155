import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Session } from '@ton-compute/client';

import { Helper } from '../support/child';
import { BenchNetwork } from '../support/network';
import { Pace, Restart, UpstreamState } from '../support/upstream-messages';
import { accountOf, faultsOf } from './books';
import { MemoryWatch } from './memory';
import { noVisits, visit } from './visitor';

const Usage = `Keeps a worker under load and checks afterwards that nothing leaked and nobody was charged wrongly.

npm run soak -- --seconds 600 --streams 256 --seed 1
`;

/** Sessions that share the streams. */
const Sessions = 16;
/** Tokens in a second of one stream, and the longest answer of the server behind the worker. */
const PacePerSecond = 30;
const LongestAnswer = 1000;
/** How often the server behind the worker goes away, and for how long, seconds. */
const RestartEvery = 25;
const DownSeconds = 2;

async function main(): Promise<boolean> {
    const { values } = parseArgs({
        options: {
            help: { type: 'boolean', default: false },
            seconds: { type: 'string', default: '600' },
            streams: { type: 'string', default: '256' },
            seed: { type: 'string', default: '1' },
        },
    });
    if (values.help) {
        console.log(Usage);
        return true;
    }
    const [seconds, streams, seed] = [Number(values.seconds), Number(values.streams), Number(values.seed)];
    const server = await Helper.start<Pace | Restart, UpstreamState>(join(__dirname, '../support/upstream-server.js'), []);
    const { url } = await server.ask({ tokens: LongestAnswer, perSecond: PacePerSecond });
    const weightsHash = createHash('sha256').update('the weights of the stand-in').digest('hex');
    const network = await BenchNetwork.start(weightsHash);
    try {
        const worker = await network.startWorker({
            'upstream-url': url,
            'upstream-kind': 'vllm',
            'model-weights-hash': weightsHash,
            'model-slots': String(streams),
        });
        const sessions = await network.open(Math.min(Sessions, streams), false);
        // The worker reads only so many new sessions at once, and says so: it shall know all before the load begins.
        for (const session of sessions) {
            await accountOf(session);
        }
        const memory = new MemoryWatch(worker);
        const visits = noVisits();
        const start = performance.now();
        const until = start + seconds * 1000;
        const restarting = restartNowAndThen(server, until);
        const progress = setInterval(() => {
            const passed = Math.round((performance.now() - start) / 1000);
            console.error(`${passed} s: ${visits.complete} complete, ${visits.aborted} aborted, ${visits.broken} broken, ${visits.refused} refused, ${memory.line()}`);
        }, 10_000);
        await Promise.all(
            Array.from({ length: streams }, (_, index) => visit(sessions[index % sessions.length], generator(seed * 1000 + index), until, visits)),
        );
        clearInterval(progress);
        const restarts = await restarting;
        await allEnded(sessions);
        const sent = await server.ask({ tokens: LongestAnswer, perSecond: PacePerSecond });
        const accounts = await Promise.all(sessions.map((session) => accountOf(session)));
        await Promise.all(sessions.map((session) => session.pay()));
        const reports = await Promise.all(sessions.map((session) => session.report()));
        const faults = [...visits.faults, ...faultsOf({ visits, sent, accounts, reports }), ...memory.faults()];
        console.log(`streams          ${streams} for ${seconds} s in ${sessions.length} sessions, seed ${seed}`);
        console.log(`answers          ${visits.complete} complete, ${visits.aborted} aborted, ${visits.broken} broken by ${restarts} restarts, ${visits.refused} refused`);
        console.log(`vouchers         ${visits.badVouchers} wrong ones refused`);
        console.log(`memory           ${memory.line()}`);
        faults.slice(0, 20).forEach((fault) => console.log(`FAULT            ${fault}`));
        console.log(faults.length === 0 ? 'No lost and no double charge, no leak.' : `${faults.length} faults.`);
        return faults.length === 0;
    } finally {
        await server.stop();
        await network.stop();
    }
}

async function restartNowAndThen(server: Helper<Pace | Restart, UpstreamState>, until: number): Promise<number> {
    // Short runs see one restart as well.
    const every = Math.min(RestartEvery * 1000, (until - performance.now()) / 2);
    let count = 0;
    while (performance.now() + every < until) {
        await sleep(every);
        await server.ask({ downSeconds: DownSeconds });
        count += 1;
    }
    return count;
}

/** What was aborted at the last moment is counted a little later. */
async function allEnded(sessions: readonly Session[]): Promise<void> {
    for (let waited = 0; waited < 300; waited += 1) {
        const accounts = await Promise.all(sessions.map((session) => accountOf(session)));
        if (accounts.every(({ running }) => running === 0)) {
            return;
        }
        await sleep(100);
    }
    throw new Error('Some requests have not ended within 30 s: they hang.');
}

/** Mulberry32: small, seeded, and good enough to shuffle a load. */
function generator(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

main().then(
    (fine) => process.exit(fine ? 0 : 1),
    (error: unknown) => {
        console.error(error);
        process.exit(1);
    },
);
