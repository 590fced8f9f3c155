import { setTimeout as sleep } from 'node:timers/promises';

import { balanceBooks } from './books';
import { checkWorker } from './checks';
import { Activity, LoadClient } from './load';
import { Random, seededRandom } from './random';
import { inspectRemains } from './remains';
import { Phase, quantile, Report } from './report';
import { StartTimes, WorkerProcess } from './worker-process';
import { World } from './world';

export type SoakOptions = {
    kills: number;
    seed: number;
    sessions: number;
    /** Requests of one session at the same time. */
    parallel: number;
    /** The worker's cli.js. */
    cli: string;
    /** Hears of each round. */
    onRound?: (done: number, faults: readonly string[]) => void;
};

/** Share of the kills that may come before the worker is up, or right after. */
const EarlyShare = 0.3;
/** Milliseconds of work after which the others come at the latest. */
const LongestWork = 1500;
/** Milliseconds that a start is taken for until one was measured. */
const FirstGuess = 1500;
/** Milliseconds after the first answer in which an earlier run is still being taken up. */
const RestoreTime = 150;

/** Kills a worker again and again, and compares each that comes back with what was acknowledged before. */
export async function soak(options: SoakOptions): Promise<Report> {
    const world = await World.create(options.sessions, options.cli);
    try {
        return await new Soak(world, options).run();
    } finally {
        await world.close();
    }
}

class Soak {
    private readonly random: Random;
    private readonly activity = new Activity();
    private readonly clients: LoadClient[];
    private readonly phases = new Map<Phase, number>();
    private readonly starts: StartTimes[] = [];
    private readonly faults: string[] = [];
    private round = 0;

    constructor(
        private readonly world: World,
        private readonly options: SoakOptions,
    ) {
        this.random = seededRandom(options.seed);
        this.clients = world.witnesses.flatMap((witness) =>
            Array.from(
                { length: options.parallel },
                () => new LoadClient(witness, this.random, this.activity, (fault) => this.fault([fault])),
            ),
        );
    }

    async run(): Promise<Report> {
        const { kills, onRound, seed } = this.options;
        for (this.round = 1; this.round <= kills; this.round += 1) {
            await (this.random() < EarlyShare ? this.killEarly() : this.killAtWork());
            onRound?.(this.round, this.faults);
        }
        await this.end();
        const { sequence } = await this.world.network.settlementData();
        const answers = this.world.witnesses.reduce((sum, witness) => sum + witness.answers, 0);
        const acknowledged = this.world.witnesses.reduce((sum, witness) => sum + witness.acknowledged, 0n);
        const { phases, starts, faults } = this;
        return { seed, kills, phases, starts, answers, acknowledged, batches: Number(sequence), faults };
    }

    /** At any moment from the start of the process until it has taken up what an earlier run left. */
    private async killEarly(): Promise<void> {
        const worker = await this.spawn();
        const typical = quantile(this.starts.map(({ health }) => health), 0.5) || FirstGuess;
        let up = false;
        const working = worker.ready.then(
            async () => {
                up = true;
                await this.work(() => gone);
            },
            () => undefined,
        );
        let gone = false;
        await sleep(this.random() * (typical + 2 * RestoreTime));
        const phase = up ? this.currentPhase('just listening') : 'before listening';
        gone = true;
        await this.kill(worker, phase);
        await working;
    }

    /** At any moment of its work, after it was checked. */
    private async killAtWork(): Promise<void> {
        const worker = await this.start();
        this.fault(await checkWorker(this.world, this.random));
        let gone = false;
        const working = this.work(() => gone);
        await sleep(this.random() * LongestWork);
        const phase = this.currentPhase('idle');
        gone = true;
        await this.kill(worker, phase);
        await working;
    }

    /** The local chain makes blocks only for messages, and a worker corrects its clock by the newest one. */
    private async spawn(): Promise<WorkerProcess> {
        await this.world.network.devnet.mine();
        return new WorkerProcess(this.world.command);
    }

    private async start(): Promise<WorkerProcess> {
        const worker = await this.spawn();
        const health = await worker.ready;
        await worker.told;
        this.starts.push({ health, model: worker.modelMs });
        return worker;
    }

    private async work(gone: () => boolean): Promise<void> {
        await Promise.all(this.clients.map((client) => client.run(gone)));
    }

    private currentPhase(otherwise: Phase): Phase {
        const { answering, paying, asking } = this.activity;
        return answering > 0 ? 'in mid-answer' : paying > 0 ? 'voucher on its way' : asking > 0 ? 'request on its way' : otherwise;
    }

    private async kill(worker: WorkerProcess, phase: Phase): Promise<void> {
        await worker.kill();
        const { batches, integrity } = inspectRemains(this.world.ledger);
        const hit = batches > 0 ? 'batch in flight' : phase;
        this.phases.set(hit, (this.phases.get(hit) ?? 0) + 1);
        this.fault(worker.complaints.map((line) => `the worker complained: ${line}`));
        this.fault(integrity === 'ok' ? [] : [`the ledger is damaged: ${integrity}`]);
    }

    /** Checks once more, ends all sessions and stops the worker as its owner would. */
    private async end(): Promise<void> {
        const worker = await this.start();
        this.fault(await checkWorker(this.world, this.random));
        this.fault(await balanceBooks(this.world));
        await worker.stop();
        this.fault(worker.complaints.map((line) => `the worker complained: ${line}`));
    }

    private fault(faults: readonly string[]): void {
        this.faults.push(...faults.map((fault) => `kill ${this.round}, seed ${this.options.seed}: ${fault}`));
    }
}
