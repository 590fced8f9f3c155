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

/** As long as a short chat. */
export const ShortChat = 'Anna: The review is moved to Friday at 3 pm. Tom: I will bring the slides on Monday. Please summarize this.';
const ContextLength = 512;
/** Sessions that share the streams. */
const Sessions = 4;

/** The embedded engine: alone in one process, and behind the worker in another, in turns. */
export async function measureEngine(options: EngineOptions, progress: (line: string) => void): Promise<EngineFigure[]> {
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
        const model = sealed[0].model;
        const ways = sealed.map(throughSession);
        const throughput: EngineFigure[] = [];
        for (const count of streams) {
            progress(`engine, ${count} streams`);
            const pairs = await inTurns(
                rounds,
                () => bare.ask({ streams: count, maxTokens, prompt: ShortChat }),
                () => load(ways, model, count, maxTokens, ShortChat),
            );
            throughput.push(figureOf(count, pairs.map(({ one, other }) => [rateOf(one), rateOf(other)])));
        }
        return throughput;
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
