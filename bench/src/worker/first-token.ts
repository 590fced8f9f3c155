import { join } from 'node:path';

import { Helper } from '../support/child';
import { hashFile, ShippedModel } from '../support/model';
import { BenchNetwork } from '../support/network';
import { inTurns, median } from '../support/statistics';
import { Pace, UpstreamState } from '../support/upstream-messages';
import { BareAnswer, BareRequest } from './bare-engine';
import { ShortChat } from './engine';
import { Ask, direct, load, throughSession } from './load';

/** Milliseconds to the first token of an answer that nobody else disturbs, medians; and what the worker adds. */
export type FirstTokenReport = {
    bare: number;
    sealed: number;
    plain: number;
    addedSealed: number;
    addedPlain: number;
    /** Of what is added, that which any server costs: one event over HTTP from one that does nothing. */
    http: number;
};

const Rounds = 60;
const ContextLength = 512;

/** The small model that ships answers in milliseconds, so that what is added does not drown in what it is added to. */
export async function measureFirstToken(progress: (line: string) => void): Promise<FirstTokenReport> {
    progress('time to the first token');
    const slots = '1';
    const bare = await Helper.start<BareRequest, BareAnswer>(join(__dirname, 'bare-engine.js'), [
        ShippedModel,
        slots,
        String(ContextLength),
        'false',
    ]);
    const idle = await Helper.start<Pace, UpstreamState>(join(__dirname, '../support/upstream-server.js'), []);
    const { url } = await idle.ask({ tokens: 1, perSecond: null });
    const network = await BenchNetwork.start(await hashFile(ShippedModel));
    try {
        await network.startWorker({
            'model-path': ShippedModel,
            'model-slots': slots,
            'model-context-size': String(ContextLength),
            'gpu-backend': 'false',
        });
        const [sealed] = await network.open(1, false);
        const [plain] = await network.open(1, true);
        const firstOf = async (way: Ask) => (await load([way], sealed.model, 1, 1, ShortChat)).firstTokens[0];
        const first = (session: typeof sealed) => firstOf(throughSession(session));
        const pairs = await inTurns(
            Rounds,
            async () => (await bare.ask({ streams: 1, maxTokens: 1, prompt: ShortChat })).firstTokens[0],
            // What follows a sealed answer (the next key agreement) is done before the plain one is timed.
            async () => ({ sealed: await first(sealed), http: await firstOf(direct(url)), plain: await first(plain) }),
        );
        const times = {
            bare: median(pairs.map(({ one }) => one)),
            sealed: median(pairs.map(({ other }) => other.sealed)),
            plain: median(pairs.map(({ other }) => other.plain)),
            http: median(pairs.map(({ other }) => other.http)),
        };
        return { ...times, addedSealed: times.sealed - times.bare, addedPlain: times.plain - times.bare };
    } finally {
        await bare.stop();
        await idle.stop();
        await network.stop();
    }
}
