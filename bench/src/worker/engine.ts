import { join } from 'node:path';

import { BareAnswer, BareRequest } from './bare-engine';
import { Helper } from '../support/child';
import { load, throughSession } from './load';
import { BenchNetwork } from '../support/network';
import { inTurns, median } from '../support/statistics';

export type EngineOptions = {
    modelPath: string;
    weightsHash: string;
    /** Streams at the same time, each a figure of its own. */
    streams: readonly number[];
    maxTokens: number;
    rounds: number;
    gpu: 'auto' | 'false';
};

/** One number of streams; tokens in a second, and milliseconds. */
export type EngineFigure = { streams: number; bare: number; worker: number; ratio: number };

export type EngineReport = {
    throughput: EngineFigure[];
    /** Added to the time to the first token by the worker, median, milliseconds. */
    firstToken: { bare: number; sealed: number; plain: number; addedSealed: number; addedPlain: number };
};

/** As long as a short chat. */
const Prompt = 'Anna: The review is moved to Friday at 3 pm. Tom: I will bring the slides on Monday. Please summarize this.';
const ContextLength = 512;
/** Sessions that share the streams. */
const Sessions = 4;
/** Single answers of one token for the time to the first. */
const FirstTokenRounds = 25;

/** The embedded engine: alone in one process, and behind the worker in another, in turns. */
export async function measureEngine(options: EngineOptions, progress: (line: string) => void): Promise<EngineReport> {
    const { modelPath, weightsHash, streams, maxTokens, rounds, gpu } = options;
    const slots = Math.max(...streams);
    const bare = await Helper.start<BareRequest, BareAnswer>(join(__dirname, 'bare-engine.js'), [
        modelPath,
        String(slots),
        String(ContextLength),
        gpu,
    ]);
    const network = await BenchNetwork.start(weightsHash);
    try {
        await network.startWorker({
            'model-path': modelPath,
            'model-slots': String(slots),
            'model-context-size': String(ContextLength),
            'gpu-backend': gpu,
        });
        const sealed = await network.open(Sessions, false);
        const [plain] = await network.open(1, true);
        const model = sealed[0].model;
        const ways = sealed.map(throughSession);
        const throughput: EngineFigure[] = [];
        for (const count of streams) {
            progress(`engine, ${count} streams`);
            const pairs = await inTurns(
                rounds,
                () => bare.ask({ streams: count, maxTokens, prompt: Prompt }),
                () => load(ways, model, count, maxTokens, Prompt),
            );
            throughput.push(figureOf(count, pairs.map(({ one, other }) => [rateOf(one), rateOf(other)])));
        }
        progress('time to the first token');
        const first = await inTurns(
            FirstTokenRounds,
            async () => (await bare.ask({ streams: 1, maxTokens: 1, prompt: Prompt })).firstTokens[0],
            async () => ({
                sealed: (await load([ways[0]], model, 1, 1, Prompt)).firstTokens[0],
                plain: (await load([throughSession(plain)], model, 1, 1, Prompt)).firstTokens[0],
            }),
        ).then((pairs) => ({
            bare: median(pairs.map(({ one }) => one)),
            sealed: median(pairs.map(({ other }) => other.sealed)),
            plain: median(pairs.map(({ other }) => other.plain)),
        }));
        return {
            throughput,
            firstToken: { ...first, addedSealed: first.sealed - first.bare, addedPlain: first.plain - first.bare },
        };
    } finally {
        await bare.stop();
        await network.stop();
    }
}

function rateOf({ tokens, seconds }: { tokens: number; seconds: number }): number {
    return tokens / seconds;
}

/** The ratio is the median over the pairs: each compares what ran side by side. */
export function figureOf(streams: number, rates: readonly (readonly [number, number])[]): EngineFigure {
    return {
        streams,
        bare: median(rates.map(([bare]) => bare)),
        worker: median(rates.map(([, worker]) => worker)),
        ratio: median(rates.map(([bare, worker]) => worker / bare)),
    };
}
