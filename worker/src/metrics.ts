import { Tokens } from '@ton-compute/contracts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is read at the moment of a scrape. */
export type MetricsSource = {
    load(): { running: number; waiting: number; slots: number; admitted: number };
    sessions(): { count: number; due: bigint };
    /** nanoTON in the fee float; null before it was read. */
    feeFloat(): bigint | null;
    chainReachable(): boolean;
    /** End of the attestation, unix seconds, 0 while there is none; null in tier open. */
    attestedUntil(): number | null;
    /** Awarded jobs that are worked on, items that run, nanoTON of bonds; null where no jobs are taken. */
    jobs(): { running: number; items: number; bonds: bigint } | null;
};

/** nanoTON in one TON, as a number: gauges are doubles, which is exact enough to look at. */
const NanoPerTon = 1e9;

/** Prometheus metrics of one worker. No label ever holds a word of a prompt or an answer, or who a client is. */
export class Metrics {
    private readonly registry = new Registry();
    private readonly requests: Counter<'route' | 'status'>;
    private readonly tokens: Counter<'class'>;
    private readonly errors: Counter<'code'>;
    private readonly vouchers: Counter<'result'>;
    private readonly receipts: Counter;
    private readonly batches: Counter<'outcome'>;
    private readonly claimed: Counter;
    private readonly attestations: Counter<'result'>;
    private readonly jobs: Counter<'outcome'>;
    private readonly jobItems: Counter<'status'>;
    private readonly firstTokens: Histogram;
    private readonly durations: Histogram<'route'>;

    /** @param processMetrics whether memory, event loop and the like are shown too. */
    constructor(source: MetricsSource, processMetrics: boolean) {
        const registers = [this.registry];
        const counter = <T extends string>(name: string, help: string, labelNames: T[] = []) =>
            new Counter<T>({ name: `ton_compute_${name}`, help, labelNames, registers });
        this.requests = counter('requests_total', 'Requests answered.', ['route', 'status']);
        this.tokens = counter('tokens_total', 'Tokens billed.', ['class']);
        this.errors = counter('errors_total', 'Refusals and errors by code of docs/wire.md.', ['code']);
        this.vouchers = counter('vouchers_total', 'Vouchers that were sent in mid-answer.', ['result']);
        this.receipts = counter('receipts_total', 'Receipts issued.');
        this.batches = counter('batches_total', 'Settlements by outcome.', ['outcome']);
        this.claimed = counter('claimed_ton_total', 'TON claimed by batches since the start.');
        this.attestations = counter('attestations_total', 'Attempts to be attested, by result.', ['result']);
        this.jobs = counter('jobs_total', 'Jobs that the worker bid for and that are over, by outcome.', ['outcome']);
        this.jobItems = counter('job_items_total', 'Items of jobs that were finished, by status.', ['status']);
        this.firstTokens = new Histogram({
            name: 'ton_compute_first_token_seconds',
            help: 'From the paid request to its first token, queue included.',
            buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
            registers,
        });
        this.durations = new Histogram<'route'>({
            name: 'ton_compute_request_seconds',
            help: 'From the request to the end of its answer.',
            labelNames: ['route'],
            buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
            registers,
        });
        this.addGauges(source);
        if (processMetrics) {
            collectDefaultMetrics({ register: this.registry });
        }
    }

    /** @param route pattern of the route, never the path. @param seconds it took. */
    answered(route: string, status: number, seconds: number): void {
        this.requests.inc({ route, status });
        this.durations.observe({ route }, seconds);
    }

    refused(code: string): void {
        this.errors.inc({ code });
    }

    used(tokens: Tokens): void {
        for (const [name, count] of Object.entries(tokens)) {
            this.tokens.inc({ class: name }, Number(count));
        }
    }

    voucher(result: 'raised' | 'known'): void {
        this.vouchers.inc({ result });
    }

    receipt(): void {
        this.receipts.inc();
    }

    /** @param claimed nanoTON. */
    batch(outcome: string, claimed: bigint): void {
        this.batches.inc({ outcome });
        this.claimed.inc(Number(claimed) / NanoPerTon);
    }

    attestation(result: 'started' | 'accepted' | 'failed'): void {
        this.attestations.inc({ result });
    }

    jobEnded(outcome: string): void {
        this.jobs.inc({ outcome });
    }

    jobItem(status: 'ok' | 'error'): void {
        this.jobItems.inc({ status });
    }

    /** @param seconds from the paid request. */
    firstToken(seconds: number): void {
        this.firstTokens.observe(seconds);
    }

    get contentType(): string {
        return this.registry.contentType;
    }

    /** @returns the text of a scrape. */
    text(): Promise<string> {
        return this.registry.metrics();
    }

    private addGauges(source: MetricsSource): void {
        const gauge = (name: string, help: string, read: () => number | null) => {
            new Gauge({
                name: `ton_compute_${name}`,
                help,
                registers: [this.registry],
                collect() {
                    const value = read();
                    if (value === null) {
                        this.reset();
                    } else {
                        this.set(value);
                    }
                },
            });
        };
        const ton = (amount: bigint | null) => (amount === null ? null : Number(amount) / NanoPerTon);
        gauge('slots', 'Requests that the engine runs at once.', () => source.load().slots);
        gauge('running', 'Requests that the engine runs now.', () => source.load().running);
        gauge('queue', 'Requests that wait for a slot.', () => source.load().waiting);
        gauge('admitted', 'Requests that are being worked on.', () => source.load().admitted);
        gauge('sessions', 'Sessions in memory.', () => source.sessions().count);
        gauge('due_ton', 'TON that could be claimed now.', () => ton(source.sessions().due));
        gauge('fee_float_ton', 'TON in the fee float.', () => ton(source.feeFloat()));
        gauge('attested_until_seconds', 'End of the attestation, unix time; 0: none.', () => source.attestedUntil());
        gauge('jobs_running', 'Awarded jobs that are worked on.', () => source.jobs()?.running ?? null);
        gauge('job_items_running', 'Items of jobs that run now.', () => source.jobs()?.items ?? null);
        gauge('job_bonds_ton', 'TON of bonds that are out.', () => ton(source.jobs()?.bonds ?? null));
        gauge('chain_reachable', '1 while the chain answers.', () => Number(source.chainReachable()));
    }
}
