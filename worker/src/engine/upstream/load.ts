import type { Connection } from './connection';
import type { Dialect } from './dialect';

/** Seconds for which a look at the metrics is good enough. */
const Life = 2;

/**
 * Requests that wait in the server's own queue: its slots are taken by others, or its memory is full. Read from its
 * metrics, which is cheap but not free: not more often than every two seconds, and only while somebody asks.
 */
export class QueueWatch {
    private waiting = 0;
    private readAt = -Infinity;
    private reading = false;

    constructor(
        private readonly connection: Connection,
        private readonly dialect: Dialect,
    ) {}

    /** @returns requests in the server's queue at the last look. */
    get length(): number {
        if (this.dialect.metrics !== null && !this.reading && performance.now() - this.readAt > Life * 1000) {
            this.reading = true;
            void this.read().finally(() => {
                this.reading = false;
                this.readAt = performance.now();
            });
        }
        return this.waiting;
    }

    private async read(): Promise<void> {
        const { path, waiting } = this.dialect.metrics!;
        const text = await this.connection.text(path).catch(() => null);
        this.waiting = text === null ? 0 : sumOf(text, waiting);
    }
}

/** @returns the sum of some gauges in Prometheus' text format, whatever their labels. */
export function sumOf(text: string, names: readonly string[]): number {
    let sum = 0;
    for (const line of text.split('\n')) {
        const match = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)/.exec(line);
        if (match !== null && names.includes(match[1]!) && Number.isFinite(Number(match[2]))) sum += Number(match[2]);
    }
    return sum;
}
