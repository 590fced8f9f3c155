import { StartTimes } from './worker-process';

/** Where a kill hit. */
export type Phase = 'before listening' | 'just listening' | 'batch in flight' | 'in mid-answer' | 'request on its way' | 'voucher on its way' | 'idle';

export type Report = {
    seed: number;
    kills: number;
    phases: Map<Phase, number>;
    /** Of all starts that were not killed before they were complete. */
    starts: StartTimes[];
    /** Answers that arrived complete. */
    answers: number;
    /** nanoTON of the vouchers that were acknowledged, of all sessions. */
    acknowledged: bigint;
    /** Batches that the settlement executed. */
    batches: number;
    faults: string[];
};

/** @returns the report in words. */
export function describeReport({ seed, kills, phases, starts, answers, batches, faults }: Report): string {
    const hits = [...phases].sort((a, b) => b[1] - a[1]).map(([phase, count]) => `  ${phase.padEnd(20)} ${count}\n`);
    const health = starts.map((start) => start.health);
    const model = starts.flatMap((start) => (start.model === null ? [] : [start.model]));
    const own = starts.flatMap((start) => (start.model === null ? [] : [start.health - start.model]));
    return (
        `${kills} kills, seed ${seed}; ${answers} complete answers, ${batches} batches\nwhere they hit:\n${hits.join('')}` +
        `start to first /health 200, ms: ${spread(health)}; model load ${spread(model)}; without it ${spread(own)}\n` +
        (faults.length === 0
            ? 'nothing acknowledged was lost, nothing contradicted\n'
            : `${faults.length} FAULTS:\n${faults.map((fault) => `  ${fault}\n`).join('')}`)
    );
}

function spread(values: readonly number[]): string {
    return values.length === 0 ? 'not measured' : `median ${quantile(values, 0.5)}, p95 ${quantile(values, 0.95)}`;
}

/** @returns the value below which a share of all lies, rounded. */
export function quantile(values: readonly number[], share: number): number {
    const sorted = [...values].sort((a, b) => a - b);
    return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}
