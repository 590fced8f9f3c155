import { JobAgreement } from '@ton-compute/contracts';
import { packJson, sealContent } from '@ton-compute/protocol';

import { combineSignals } from '../abort';
import { Engine, EngineModel } from '../engine/engine';
import { JobId } from '../ledger/jobs';
import { Ledger } from '../ledger/ledger';
import { TokenBudget } from './budget';
import { JobInput } from './input';
import { doItem, ItemWork } from './items';
import { JobLanes } from './lanes';
import { Speed, workOf } from './speed';

export type RunnerOptions = {
    engine: Engine;
    ledger: Ledger;
    lanes: JobLanes;
    speed: Speed;
    /** Called for each item once its result is on the disk. */
    onItem?: (status: 'ok' | 'error') => void;
};

/** Does the items of a job. What is finished is on the disk, sealed, and is not done again. */
export class JobRunner {
    constructor(private readonly options: RunnerOptions) {}

    /** @returns the sealed results, in the order of the items. Rejects when the signal fires or the ledger fails. */
    async run(id: JobId, agreement: JobAgreement, model: EngineModel, input: JobInput, signal: AbortSignal): Promise<Buffer[]> {
        const { ledger, lanes, engine } = this.options;
        const done = ledger.jobs.items(id);
        const known = new Set(done.map(({ item }) => item));
        const pending = input.items.map((_, index) => index).filter((index) => !known.has(index));
        const failing = new AbortController();
        const end = combineSignals([signal, failing.signal]);
        const work: ItemWork = {
            engine,
            model,
            instructions: input.instructions,
            budget: new TokenBudget(
                Number(agreement.specification.promptTokens) - sum(done.map(({ promptTokens }) => promptTokens)),
                Number(agreement.specification.completionTokens) - sum(done.map(({ completionTokens }) => completionTokens)),
            ),
            signal: end.signal,
        };
        const lane = async () => {
            for (let index = pending.shift(); index !== undefined; index = pending.shift()) {
                await this.doOne(id, work, input, index);
            }
        };
        try {
            const lanesOfJob = Array.from({ length: Math.min(lanes.count, pending.length) }, async () => {
                await lane().catch((error: unknown) => {
                    failing.abort();
                    throw error;
                });
            });
            const ends = await Promise.allSettled(lanesOfJob);
            signal.throwIfAborted();
            const failure = ends.find((each): each is PromiseRejectedResult => each.status === 'rejected');
            if (failure !== undefined) {
                throw failure.reason;
            }
        } finally {
            end.release();
        }
        return ledger.jobs.items(id).map(({ sealed }) => sealed);
    }

    private async doOne(id: JobId, work: ItemWork, { contentKey, items }: JobInput, index: number): Promise<void> {
        const { ledger, lanes, speed, onItem } = this.options;
        const leave = await lanes.enter(work.model.id, work.signal);
        try {
            const start = performance.now();
            const { result, promptTokens, completionTokens } = await doItem(work, contentKey, index, items[index]);
            speed.observe(workOf(promptTokens, completionTokens), (performance.now() - start) / 1000);
            const sealed = sealContent(contentKey, 'output', index, packJson(result));
            await ledger.write(ledger.jobs.putItem(id, { item: index, promptTokens, completionTokens, sealed }));
            onItem?.(result.status);
        } finally {
            leave();
        }
    }
}

function sum(numbers: readonly number[]): number {
    return numbers.reduce((total, next) => total + next, 0);
}
