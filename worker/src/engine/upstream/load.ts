import type { Connection } from './connection';
import type { Metrics } from './dialect';

/** Seconds for which a look at the metrics is good enough. */
const Life = 2;

/** Share of a server's memory for contexts from which on it is about to make requests wait. */
const NearlyFull = 0.95;

/**
 * Whether a server has no room for more: requests wait in its own queue, or its memory is nearly full, also with the
 * work of others. Read from its metrics, which is cheap but not free: not more often than every two seconds, and only
 * while somebody asks. A server that gives no metrics is never busy.
 */
export class LoadWatch {
    private full = false;
    private readAt = -Infinity;
    private reading = false;

    constructor(
        private readonly connection: Pick<Connection, 'text'>,
        private readonly metrics: Metrics | null,
    ) {}

    /** Whether it was busy at the last look. Looks again, in the background, when that is long ago. */
    get busy(): boolean {
        if (this.metrics !== null && !this.reading && performance.now() - this.readAt > Life * 1000) {
            this.reading = true;
            void this.read(this.metrics).finally(() => {
                this.reading = false;
                this.readAt = performance.now();
            });
        }
        return this.full;
    }

    private async read({ path, waiting, memory }: Metrics): Promise<void> {
        const text = await this.connection.text(path).catch(() => null);
        this.full =
            text !== null &&
            (gaugesOf(text, waiting).some((value) => value > 0) ||
                gaugesOf(text, memory).some((value) => value >= NearlyFull));
    }
}

/** @returns values of some gauges in Prometheus' text format, whatever their labels: one for each engine of a server. */
export function gaugesOf(text: string, names: readonly string[]): number[] {
    const values: number[] = [];
    for (const line of text.split('\n')) {
        const name = names.find((each) => line.startsWith(each));
        if (name === undefined) continue;
        // Name, labels in braces (whose values may hold anything), value, and perhaps a time.
        const match = /^(?:\{.*\})?[ \t]+(\S+)/.exec(line.slice(name.length));
        const value = Number(match?.[1]);
        if (match !== null && Number.isFinite(value)) values.push(value);
    }
    return values;
}
