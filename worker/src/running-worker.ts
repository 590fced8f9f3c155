import { setTimeout as sleep } from 'node:timers/promises';
import { Address } from '@ton/core';
import { FastifyInstance } from 'fastify';

import { AdminServer } from './admin/server';
import { Attestation } from './attestation/open';
import { ProviderRecord, readProvider } from './chain/provider-record';
import { WorkerConfig } from './config/schema';
import { DeviceReport, Engine, EngineModel } from './engine';
import { messageOf, StartError } from './errors';
import { Admissions } from './http/admissions';
import { ServingContext } from './http/context';
import { Gate } from './http/gate';
import { createServer, listen } from './http/server';
import { Jobs, openJobs } from './jobs/open';
import { Logger } from './logger';
import { Metrics } from './metrics';
import { ReceiptIssuer } from './money/receipts';
import { Office } from './office';
import { publicAnswers } from './public-answers';
import { addOfferCommand, setEndpointCommand } from './registration';
import { ServingTerms } from './sessions/servable';
import { SpentKeeper } from './sessions/spent-keeper';
import { SessionWatcher } from './sessions/watcher';
import { batchCosts, readSettlement, SettlementAccount, SettlementCosts } from './settlement/account';
import { SettlementLoop } from './settlement/loop';
import { BatchResult } from './settlement/settler';
import { Withdrawal } from './settlement/withdrawal';
import type { Worker, WorkerStats } from './worker';

/** Seconds between two looks at provider and settlement, and at replay marks that have expired. */
const CareInterval = 30;
/** Replay marks that are forgotten in one go: few enough to hold nobody up. */
const ForgetAtOnce = 5000;
/** Seconds for running answers to notice that they were ended. */
const AbortPatience = 12;

/** A worker with all of its parts. `startWorker` makes it. */
export class RunningWorker implements Worker {
    url = '';
    private record: ProviderRecord;
    private settlement: SettlementAccount | null = null;
    private costs: SettlementCosts | null = null;
    private markStopped: () => void = () => undefined;
    readonly stopped = new Promise<void>((resolve) => (this.markStopped = resolve));
    private readonly admissions: Admissions;
    private readonly watcher: SessionWatcher;
    private readonly keeper: SpentKeeper;
    private readonly loop: SettlementLoop;
    private readonly app: FastifyInstance;
    private readonly metrics: Metrics;
    private readonly jobs: Jobs | null;
    private readonly stopping = new AbortController();
    private admin: AdminServer | undefined;
    private care: NodeJS.Timeout | undefined;
    private caring: Promise<void> = Promise.resolve();
    private restored = false;
    private closing: Promise<void> | undefined;

    constructor(
        private readonly config: WorkerConfig,
        private readonly office: Office,
        private readonly engine: Engine,
        private readonly logger: Logger,
        processMetrics: boolean,
        private readonly attestation: Attestation | null,
    ) {
        const { book, ledger, chain, keys, settler } = office;
        const { network, settlement, limits } = config;
        this.record = office.provider;
        this.metrics = this.createMetrics(processMetrics);
        this.admissions = new Admissions(engine, limits.queue);
        this.jobs = openJobs(config, office, engine, this.admissions, attestation, logger, {
            onEnd: (end) => this.metrics.jobEnded(end),
            onItem: (status) => this.metrics.jobItem(status),
        });
        this.keeper = new SpentKeeper(book, ledger, logger);
        this.loop = new SettlementLoop(settler, settlement.intervalSeconds, logger);
        this.watcher = new SessionWatcher({
            book,
            logger,
            pollSeconds: network.pollSeconds,
            onClosing: () => this.loop.nudge(),
        });
        const serving: ServingTerms = {
            models: engine.models,
            workerKey: keys.worker.publicKey,
            closeMargin: settlement.closeMarginSeconds,
        };
        const context: ServingContext = {
            engine,
            gate: this.createGate(serving),
            admissions: this.admissions,
            receipts: new ReceiptIssuer(keys.worker, ledger, () => this.metrics.receipt()),
            limits,
            metrics: this.metrics,
            logger,
            recheck: (session) => book.recheck(session),
            stopping: this.stopping.signal,
            now: () => chain.now(),
        };
        const answers = publicAnswers(config, office, this, attestation);
        this.app = createServer({ context, book, answers, announce: this.jobs && ((job) => this.jobs!.desk.announce(job)) });
    }

    get provider(): ProviderRecord {
        return this.record;
    }

    get models(): readonly EngineModel[] {
        return this.engine.models;
    }

    get device(): DeviceReport {
        return this.engine.device;
    }

    /** Opens the doors; what an earlier run left in the ledger, and the settlement, are looked at in the background. */
    async start(): Promise<void> {
        const { config } = this;
        this.warnAboutOffers();
        this.url = await this.listen();
        this.admin = await AdminServer.open(config.data.directory, {
            status: () => this.stats(),
            settle: () => this.settle(),
            finish: (session) => this.finish(session),
            withdraw: () => this.withdraw(),
            drain: () => this.drain(),
        });
        this.attestation?.attester.start();
        this.jobs?.desk.start();
        this.keeper.start();
        this.watcher.start();
        this.loop.start();
        // Clients do not wait for it: their sessions are read when they come.
        this.caring = this.takeCare();
        this.care = setInterval(() => {
            this.caring = this.caring.then(() => this.takeCare());
        }, CareInterval * 1000);
    }

    settle(): Promise<BatchResult> {
        return this.office.settler.settle(true);
    }

    withdraw(): Promise<Withdrawal> {
        return this.office.settler.withdraw();
    }

    async finish(address: Address): Promise<BatchResult> {
        const session = await this.office.book.get(address);
        if (session.inFlight > 0) {
            throw new StartError('The session has requests that still run. Try again when they have ended.');
        }
        return this.office.settler.finish(session);
    }

    stats(): WorkerStats {
        const { engine, office } = this;
        const sessions = office.book.all();
        const reasons = this.complaints();
        return {
            status: this.admissions.draining ? 'draining' : reasons.length > 0 ? 'degraded' : 'ok',
            reasons,
            provider: this.record.address.toString(),
            tier: this.attestation?.attester.attested === true ? 'tdx' : 'open',
            attestation: this.attestation?.attester.status ?? null,
            models: engine.models.map(({ id, weightsHash, contextLength }) => ({
                id,
                weightsHash,
                contextLength,
                slots: engine.slotsOf(id),
            })),
            device: engine.device,
            slots: engine.slots,
            running: engine.load.running,
            waiting: engine.load.waiting,
            sessions: sessions.length,
            due: office.book.due,
            feeFloat: this.settlement?.feeFloat ?? null,
            earnings: this.settlement?.earnings ?? null,
            notReady: this.obstacles(),
            jobs: this.jobs?.desk.status ?? null,
        };
    }

    close(): Promise<void> {
        this.closing ??= this.shutDown().finally(this.markStopped);
        return this.closing;
    }

    /** The owner's order: begins to close, and says at once what is still running. */
    private drain(): WorkerStats {
        this.close().catch((error: unknown) => {
            this.logger.error({ reason: messageOf(error) }, 'The worker could not stop in order; the ledger has everything.');
        });
        return this.stats();
    }

    /** For the office: metrics of a batch. */
    onBatch(result: BatchResult): void {
        if (result.outcome !== 'nothing') {
            this.metrics.batch(result);
            this.logger.info(
                { outcome: result.outcome, items: result.items, claimed: result.claimed.toString() },
                result.message,
            );
        }
    }

    /** For the attester: metrics of its attempts. */
    onAttestation(result: 'started' | 'accepted' | 'failed'): void {
        this.metrics.attestation(result);
    }

    private createGate(serving: ServingTerms): Gate {
        const { book, ledger, globalId, keys, provider, chain } = this.office;
        return new Gate({
            book,
            ledger,
            serving,
            globalId,
            provider: provider.address,
            encryption: keys.encryption,
            allowPlain: this.config.provider.plain,
            now: () => chain.now(),
        });
    }

    private createMetrics(processMetrics: boolean): Metrics {
        const { engine, office } = this;
        const source = {
            load: () => ({ ...engine.load, slots: engine.slots, admitted: this.admissions.size }),
            sessions: () => ({ count: office.book.all().length, due: office.book.due }),
            settlement: () =>
                this.settlement && { ...this.settlement, claims: this.costs && this.claimsPaid(this.settlement, this.costs) },
            dueSince: () => this.dueSince(),
            status: () => ({ ready: this.obstacles().length === 0, ledger: office.ledger.working }),
            now: () => office.chain.now(),
            device: engine.device,
            models: engine.models,
            chainReachable: () => office.chain.reachable,
            attestedUntil: () => this.attestation?.attester.status.attestedUntil ?? null,
            jobs: () =>
                this.jobs === null
                    ? null
                    : { running: this.jobs.desk.busy, items: this.jobs.lanes.running, bonds: this.jobs.desk.status.bonds },
        };
        return new Metrics(source, processMetrics);
    }

    private claimsPaid(account: SettlementAccount, costs: SettlementCosts): number {
        const { base, item, budget } = batchCosts(account, costs, false);
        return Number(budget / (base + item));
    }

    /** @returns unix seconds since when the oldest due amount waits; null when nothing is due. */
    private dueSince(): number | null {
        const { book, ledger } = this.office;
        const since = book
            .all()
            .filter((session) => session.due > 0n)
            .flatMap((session) => ledger.sessions.find(session.id)?.unclaimedSince ?? []);
        return since.length === 0 ? null : since.reduce((a, b) => Math.min(a, b));
    }

    private async listen(): Promise<string> {
        const { host, port } = this.config.listen;
        try {
            return await listen(this.app, host, port);
        } catch (error) {
            throw new StartError(
                `The worker cannot listen at ${host}:${port} (${messageOf(error)}). Stop what uses the port, or set ` +
                    'listen.host and listen.port.',
                1,
                { cause: error },
            );
        }
    }

    /** Without a matching offer nobody can open a session; old ones go on, so it is no reason to refuse. */
    private warnAboutOffers(): void {
        const provider = this.record.address.toString();
        const offered = new Set(this.record.offers.map((offer) => offer.model.toString('hex')));
        for (const { id, weightsHash } of this.engine.models.filter((model) => !offered.has(model.weightsHash))) {
            this.logger.warn(
                { command: addOfferCommand(provider, weightsHash) },
                `No session can be opened for ${id}: the provider does not offer it. Let its owner add the offer.`,
            );
        }
        const wanted = this.config.provider.publicEndpoint;
        if (wanted !== null && wanted !== this.record.endpoint) {
            this.logger.warn(
                { command: setEndpointCommand(provider, wanted) },
                `Clients go to ${this.record.endpoint}, which is what the chain shows, and not to ${wanted}.`,
            );
        }
    }

    /** Why a paid request would be refused now. A full queue is no reason: that answer is 429, and passes. */
    private obstacles(): string[] {
        const { chain, ledger } = this.office;
        const models = new Set(this.engine.models.map(({ weightsHash }) => weightsHash));
        const checks: [boolean, string][] = [
            [!this.admissions.draining, 'The worker is draining.'],
            [ledger.working, 'The ledger cannot be written.'],
            [chain.reachable, 'The chain does not answer: no new session can be read.'],
            [this.record.active, 'The provider has retired.'],
            [
                this.record.offers.some(({ model }) => models.has(model.toString('hex'))),
                'No offer of the provider matches a model that is loaded.',
            ],
            [
                this.settlement === null || this.settlement.workerKey.equals(this.office.keys.worker.publicKey),
                'The settlement knows another worker key: nothing could be claimed.',
            ],
        ];
        return checks.filter(([fine]) => !fine).map(([, reason]) => reason);
    }

    private complaints(): string[] {
        const { chain, ledger } = this.office;
        const reasons: string[] = [];
        if (!ledger.working) {
            reasons.push('The ledger cannot be written: nothing is served. Check the disk.');
        }
        if (!chain.reachable) {
            reasons.push(
                'The chain does not answer: known sessions are served within what is known, new ones are refused.',
            );
        }
        if (!this.record.active) {
            reasons.push('The provider has retired: no session can be opened.');
        }
        if (this.attestation !== null && !this.attestation.attester.attested) {
            const { lastError } = this.attestation.attester.status;
            reasons.push(`The worker is not attested: no session of tier tdx can be opened. ${lastError ?? 'It tries.'}`);
        }
        if (this.settlement !== null && !this.settlement.workerKey.equals(this.office.keys.worker.publicKey)) {
            reasons.push('The settlement knows another worker key: nothing can be claimed. Set the keys again.');
        }
        return reasons;
    }

    /** Takes up what an earlier run has not claimed; tried again with each look at the records until it is done. */
    private async restore(): Promise<void> {
        const { book } = this.office;
        try {
            await book.restore();
            this.restored = true;
            if (book.due > 0n) {
                this.logger.info({ due: book.due.toString() }, 'Vouchers of an earlier run can be claimed (nanoTON).');
                this.loop.nudge();
            }
        } catch (error) {
            this.logger.warn(
                { reason: messageOf(error) },
                'Sessions of an earlier run could not be read; tried again.',
            );
        }
    }

    private async takeCare(): Promise<void> {
        const { ledger, chain } = this.office;
        if (!this.restored) {
            await this.restore();
        }
        try {
            await ledger.write(ledger.replays.forget(chain.now(), ForgetAtOnce));
            await this.lookAtRecords();
        } catch (error) {
            this.logger.warn(
                { reason: messageOf(error) },
                'Provider and settlement could not be read; tried again soon.',
            );
        }
    }

    private async lookAtRecords(): Promise<void> {
        const { chain } = this.office;
        this.record = await readProvider(chain, this.record.address);
        this.settlement = await readSettlement(chain, this.record.settlement);
        this.costs = await this.office.settler.costs();
    }

    private async shutDown(): Promise<void> {
        const { logger, config, office } = this;
        this.admissions.close();
        clearInterval(this.care);
        logger.info(
            { running: this.admissions.size },
            'Shutting down: nothing new is taken, running answers are finished.',
        );
        // A job waits on the disk: who pays by the token does not wait for it.
        await this.jobs?.desk.stop();
        await Promise.race([this.admissions.whenEmpty(), pause(config.limits.drainSeconds)]);
        this.stopping.abort();
        await Promise.race([this.admissions.whenEmpty(), pause(AbortPatience)]);
        await this.app.close();
        this.app.server.closeAllConnections();
        await this.attestation?.attester.stop();
        await this.watcher.stop();
        this.keeper.stop();
        await this.loop.stop();
        await this.settleLast();
        await this.admin?.close();
        await this.engine.close();
        await office.close();
        await this.caring;
        logger.info('Stopped.');
    }

    private async settleLast(): Promise<void> {
        try {
            await this.office.settler.settle(true, AbortSignal.timeout(this.config.limits.drainSeconds * 1000));
        } catch (error) {
            this.logger.warn(
                { reason: messageOf(error) },
                'The last settlement was not possible; the ledger keeps everything.',
            );
        }
    }
}

function pause(seconds: number): Promise<void> {
    return sleep(seconds * 1000, undefined, { ref: false });
}
