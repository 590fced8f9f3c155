import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperationName, OperationNames } from './operations';

const File = join(__dirname, '../../baseline.json');

/** Gas of every operation when it was last accepted; tests/gas.test.ts compares with it. */
export type Baseline = Record<OperationName, { transactions: number; gas: number }>;

/** How much an operation may grow beyond the baseline before the test fails. */
export const Tolerance = 0.01;

/** How to accept new figures. */
export const UpdateCommand = 'npm run bench:gas -- --update-baseline';

export function readBaseline(): Baseline {
    return JSON.parse(readFileSync(File, 'utf8')) as Baseline;
}

export function writeBaseline(figures: Baseline): void {
    const baseline = Object.fromEntries(OperationNames.map((name) => [name, pick(figures[name])]));
    writeFileSync(File, JSON.stringify(baseline, null, 2) + '\n');
}

const pick = ({ transactions, gas }: Baseline[OperationName]) => ({ transactions, gas });

/** @returns a sentence for every operation that burns more than the baseline allows. */
export function regressions(figures: Baseline, baseline: Baseline): string[] {
    return OperationNames.flatMap((name) => {
        const [now, before] = [figures[name].gas, baseline[name]?.gas ?? 0];
        return now > before * (1 + Tolerance)
            ? [`${name}: ${now} gas, the baseline is ${before}. If that is meant: ${UpdateCommand}`]
            : [];
    });
}
