import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { Helper } from '../support/child';
import { EngineFigure, figureOf } from './engine';
import { direct, load, throughSession } from './load';
import { BenchNetwork } from '../support/network';
import { inTurns, median } from '../support/statistics';
import { Pace, UpstreamState } from '../support/upstream-messages';

export type UpstreamOptions = { streams: readonly number[]; rounds: number };

export type UpstreamReport = {
    /** At the pace of a fast GPU, in tokens a second: the relay against the server itself. */
    sealed: EngineFigure[];
    plain: EngineFigure[];
    /** As fast as it goes: tokens for each second of the worker's processor time. */
    relay: { sealedPerCpuSecond: number; plainPerCpuSecond: number; sealedPerSecond: number };
};

/** Tokens in a second of one stream: a GPU with a model of 8 billion parameters. And of an answer: a few paragraphs. */
const PacePerSecond = 50;
const PacedTokens = 300;
/** Tokens of an answer, and streams, when nothing holds the server up. */
const FullTokens = 4000;
const FullStreams = 8;
const Sessions = 4;
const Prompt = 'Write.';

/** A server that takes no time to generate, directly and through the worker. */
export async function measureUpstream({ streams, rounds }: UpstreamOptions, progress: (line: string) => void): Promise<UpstreamReport> {
    const server = await Helper.start<Pace, UpstreamState>(join(__dirname, '../support/upstream-server.js'), []);
    const { url } = await server.ask({ tokens: PacedTokens, perSecond: PacePerSecond });
    const weightsHash = createHash('sha256').update('the weights of the stand-in').digest('hex');
    const network = await BenchNetwork.start(weightsHash);
    try {
        const worker = await network.startWorker({
            'upstream-url': url,
            'upstream-kind': 'vllm',
            'model-weights-hash': weightsHash,
            'model-slots': String(Math.max(...streams)),
        });
        const sealed = await network.open(Sessions, false);
        const plain = await network.open(Sessions, true);
        const model = sealed[0].model;
        const paced = async (ways: ReturnType<typeof throughSession>[], name: string, counts: readonly number[]) => {
            const figures: EngineFigure[] = [];
            for (const count of counts) {
                progress(`upstream at ${PacePerSecond} tokens/s, ${count} streams, ${name}`);
                const pairs = await inTurns(
                    rounds,
                    () => load([direct(url)], model, count, PacedTokens, Prompt),
                    () => load(ways, model, count, PacedTokens, Prompt),
                );
                figures.push(figureOf(count, pairs.map(({ one, other }) => [one.tokens / one.seconds, other.tokens / other.seconds])));
            }
            return figures;
        };
        const sealedFigures = await paced(sealed.map(throughSession), 'sealed', streams);
        const plainFigures = await paced(plain.map(throughSession), 'plain', streams.slice(-1));

        await server.ask({ tokens: FullTokens, perSecond: null });
        const full = async (ways: ReturnType<typeof throughSession>[]) => {
            const before = worker.cpuSeconds;
            const { tokens, seconds } = await load(ways, model, FullStreams, FullTokens, Prompt);
            return { perCpuSecond: tokens / (worker.cpuSeconds - before), perSecond: tokens / seconds };
        };
        progress('relay at full speed');
        const pairs = await inTurns(rounds + 2, () => full(sealed.map(throughSession)), () => full(plain.map(throughSession)));
        return {
            sealed: sealedFigures,
            plain: plainFigures,
            relay: {
                sealedPerCpuSecond: median(pairs.map(({ one }) => one.perCpuSecond)),
                plainPerCpuSecond: median(pairs.map(({ other }) => other.perCpuSecond)),
                sealedPerSecond: median(pairs.map(({ one }) => one.perSecond)),
            },
        };
    } finally {
        await server.stop();
        await network.stop();
    }
}
