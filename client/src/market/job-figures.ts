import { JobFigures, JobState, JobStates, JobView } from './types';
import { median, spreadOf, sumOf } from './statistics';

const NotTaken: ReadonlySet<JobState> = new Set(['expired', 'not_taken']);

/** @returns what a set of jobs says about demand and prices. */
export function jobFigures(jobs: readonly JobView[]): JobFigures {
    const byState = Object.fromEntries(JobStates.map((state) => [state, 0])) as Record<JobState, number>;
    for (const { state } of jobs) {
        byState[state] += 1;
    }
    const notTaken = jobs.filter(({ state }) => NotTaken.has(state));
    return {
        count: jobs.length,
        byState,
        notTaken: notTaken.length,
        notTakenCeiling: sumOf(notTaken.map(({ ceiling }) => ceiling)),
        notTakenPerMillion: median(known(notTaken.map(({ ceilingPerMillion }) => ceilingPerMillion))),
        notTakenWithBid: notTaken.filter(({ bestBid }) => bestBid !== null).length,
        paid: sumOf(known(jobs.map(({ paid }) => paid))),
        paidPerMillion: spreadOf(known(jobs.map(({ paidPerMillion }) => paidPerMillion))),
    };
}

function known(amounts: readonly (bigint | null)[]): bigint[] {
    return amounts.filter((amount) => amount !== null);
}
