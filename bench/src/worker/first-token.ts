import { join } from 'node:path';

import { Helper } from '../support/child';
import { hashFile, ShippedModel } from '../support/model';
import { BenchNetwork } from '../support/network';
import { inTurns, median } from '../support/statistics';
import { BareAnswer, BareRequest } from './bare-engine';
import { ShortChat } from './engine';
import { load, throughSession } from './load';

/** Milliseconds to the first token of an answer that nobody else disturbs, medians; and what the worker adds. */
export type FirstTokenReport = { bare: number; sealed: number; plain: number; addedSealed: number; addedPlain: number };

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
        const first = async (session: typeof sealed) =>
            (await load([throughSession(session)], session.model, 1, 1, ShortChat)).firstTokens[0];
        const pairs = await inTurns(
            Rounds,
            async () => (await bare.ask({ streams: 1, maxTokens: 1, prompt: ShortChat })).firstTokens[0],
            async () => ({ sealed: await first(sealed), plain: await first(plain) }),
        );
        const times = {
            bare: median(pairs.map(({ one }) => one)),
            sealed: median(pairs.map(({ other }) => other.sealed)),
            plain: median(pairs.map(({ other }) => other.plain)),
        };
        return { ...times, addedSealed: times.sealed - times.bare, addedPlain: times.plain - times.bare };
    } finally {
        await bare.stop();
        await network.stop();
    }
}
