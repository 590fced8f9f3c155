import { Tokens } from '@ton-compute/contracts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { DeviceReport, EngineModel } from './engine';
import type { BatchResult } from './settlement/settler';
import { version } from './version';

/** What is read at the moment of a scrape. */
export type MetricsSource = {
    load(): { running: number; waiting: number; slots: number; admitted: number };
    sessions(): { count: number; due: bigint };
    /** Unix seconds since when the oldest due amount waits; null when nothing is due. */
    dueSince(): number | null;
    /** nanoTON, and how many claims one by one they pay; null before it was read. */
    settlement(): { feeFloat: bigint; capLeft: bigint; earnings: bigint; claims: number | null } | null;
    chainReachable(): boolean;
    /** Whether a paid request would be served now, and whether the ledger can be written. */
    status(): { ready: boolean; ledger: boolean };
    /** Unix seconds by the chain's clock. */
    now(): number;
    /** What the models run on, and which they are: both as they were when the worker started. */
    device: Pick<DeviceReport, 'backend' | 'vramAfter'>;
    models: readonly Pick<EngineModel, 'weightsHash'>[];
    /** End of the attestation, unix seconds, 0 while there is none; null in tier open. */
    attestedUntil(): number | null;
    /** Awarded jobs that are worked on, items that run, nanoTON of bonds; null where no jobs are taken. */
    jobs(): { running: number; items: number; bonds: bigint } | null;
};

/** Tokens below which the speed of an answer says nothing. */
const LeastMeasured = 4;

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
    private readonly claims: Counter;
    private readonly fees: Counter;
    private readonly attestations: Counter<'result'>;
    private readonly jobs: Counter<'outcome'>;
    private readonly jobItems: Counter<'status'>;
    private readonly firstTokens: Histogram;
    private readonly durations: Histogram<'route'>;
    private readonly speeds: Histogram;

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
        this.claims = counter('claims_total', 'Sessions that batches claimed or finished.');
        this.fees = counter('claim_fees_ton_total', 'TON that batches took out of the fee float.');
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
        this.speeds = new Histogram({
            name: 'ton_compute_answer_tokens_per_second',
            help: 'Speed of an answer from its first token to its end, waiting for vouchers included.',
            buckets: [1, 3, 10, 20, 30, 50, 70, 100, 200, 300, 1000],
            registers,
        });
        this.addGauges(source);
        this.addBuildInfo(source);
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

    batch({ outcome, claimed, items, fees }: BatchResult): void {
        this.batches.inc({ outcome });
        this.claimed.inc(Number(claimed) / NanoPerTon);
        if (outcome === 'settled') {
            this.claims.inc(items);
            this.fees.inc(Number(fees ?? 0n) / NanoPerTon);
        }
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

    /** @param tokens after the first. @param seconds from the first token to the end. */
    answerSpeed(tokens: number, seconds: number): void {
        // One or two tokens measure the clock.
        if (tokens >= LeastMeasured && seconds > 0) {
            this.speeds.observe(tokens / seconds);
        }
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
                        this.remove(); // what is not known is not 0
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
        gauge('due_age_seconds', 'Time for which the oldest due amount has waited.', () => {
            const since = source.dueSince();
            return since === null ? 0 : Math.max(0, source.now() - since);
        });
        const settlement = () => source.settlement();
        gauge('fee_float_ton', 'TON in the fee float.', () => ton(settlement()?.feeFloat ?? null));
        gauge('fee_cap_left_ton', 'TON of the float that may still be spent today (UTC).', () =>
            ton(settlement()?.capLeft ?? null),
        );
        gauge('affordable_claims', 'Claims, one by one, that float and cap pay.', () => settlement()?.claims ?? null);
        gauge('earnings_ton', 'TON that a distribution would split now.', () => ton(settlement()?.earnings ?? null));
        gauge('ready', '1 while a paid request would be served, as /ready says.', () => Number(source.status().ready));
        gauge('ledger_working', '1 while the ledger can be written.', () => Number(source.status().ledger));
        gauge('vram_bytes', 'GPU memory in use after the model was loaded; 0 without a GPU.', () => source.device.vramAfter);
        gauge('attested_until_seconds', 'End of the attestation, unix time; 0: none.', () => source.attestedUntil());
        gauge('jobs_running', 'Awarded jobs that are worked on.', () => source.jobs()?.running ?? null);
        gauge('job_items_running', 'Items of jobs that run now.', () => source.jobs()?.items ?? null);
        gauge('job_bonds_ton', 'TON of bonds that are out.', () => ton(source.jobs()?.bonds ?? null));
        gauge('chain_reachable', '1 while the chain answers.', () => Number(source.chainReachable()));
    }

    private addBuildInfo({ device, models }: MetricsSource): void {
        new Gauge({
            name: 'ton_compute_build_info',
            help: 'Always 1; its labels say what runs.',
            labelNames: ['version', 'node', 'backend', 'model'],
            registers: [this.registry],
        }).set({ version, node: process.versions.node, backend: device.backend, model: models[0].weightsHash }, 1);
        new Gauge({
            name: 'ton_compute_start_time_seconds',
            help: 'Start of the worker, unix time; its changes count restarts.',
            registers: [this.registry],
        }).set(Math.floor(Date.now() / 1000));
    }
}
