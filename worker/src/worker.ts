import { QuoteSource } from '@ton-compute/attestation';
import { Address } from '@ton/core';

import { AttestationStatus } from './attestation/attester';
import { openAttestation } from './attestation/open';
import { ProviderRecord } from './chain/provider-record';
import { parseConfig } from './config/load';
import { WorkerConfig, WorkerConfigInput } from './config/schema';
import { DeviceReport, Engine, EngineModel } from './engine';
import { StartError } from './errors';
import { JobsStatus } from './jobs/desk';
import { KeySource } from './keys/keys';
import { createLogger, Logger } from './logger';
import { openOffice, requireActive } from './office';
import { openEngine } from './open-engine';
import { RunningWorker } from './running-worker';
import { BatchResult } from './settlement/settler';
import { Withdrawal } from './settlement/withdrawal';

/** What a program may bring along. */
export type WorkerParts = {
    logger?: Logger;
    /** Another backend than the embedded one; the worker closes it. */
    engine?: Engine;
    /** Where the keys come from; default: the file in the data directory. */
    keys?: KeySource;
    /** Where quotes come from in tier tdx; default: as the configuration says. */
    quotes?: QuoteSource;
    /** Whether memory, event loop and the like are among the metrics; default false. */
    processMetrics?: boolean;
};

/** What the worker is doing; amounts in nanoTON. */
export type WorkerStats = {
    status: 'ok' | 'degraded' | 'draining';
    /** Why it is not ok, one sentence each. */
    reasons: string[];
    provider: string;
    /** 'tdx' while this worker's keys are attested. */
    tier: 'open' | 'tdx';
    /** Null where the worker is not to be attested. */
    attestation: AttestationStatus | null;
    models: { id: string; weightsHash: string; contextLength: number; slots: number }[];
    device: DeviceReport;
    slots: number;
    running: number;
    waiting: number;
    /** In memory. */
    sessions: number;
    /** What could be claimed now. */
    due: bigint;
    feeFloat: bigint | null;
    /** What a distribution would split. */
    earnings: bigint | null;
    /** Why it would not serve a paid request now, one sentence each; none when it would. */
    notReady: string[];
    /** Null where the worker takes no jobs. */
    jobs: JobsStatus | null;
};

/** A worker that runs. */
export interface Worker {
    /** Where it listens. */
    readonly url: string;
    readonly provider: ProviderRecord;
    readonly models: readonly EngineModel[];
    readonly device: DeviceReport;
    /** Claims everything that is worth its fees. */
    settle(): Promise<BatchResult>;
    /** Claims a session's last voucher and ends it: the rest of the deposit goes back to its client. */
    finish(session: Address): Promise<BatchResult>;
    stats(): WorkerStats;
    /** Splits what was earned among the beneficiaries. */
    withdraw(): Promise<Withdrawal>;
    /** Resolves when the worker has stopped, whoever asked for it. */
    readonly stopped: Promise<void>;
    /** Finishes what runs, settles once more if it is worth it, and lets go of everything. May be called twice. */
    close(): Promise<void>;
}

/**
 * Starts a worker in this process.
 * @throws {ConfigError}, {StartError} with what to do about it; errors of the engine pass unchanged.
 */
export async function startWorker(config: WorkerConfigInput, parts: WorkerParts = {}): Promise<Worker> {
    return startConfigured(parseConfig(config), parts);
}

/** As `startWorker`, with a configuration that is complete already. */
export async function startConfigured(config: WorkerConfig, parts: WorkerParts = {}): Promise<Worker> {
    const started = performance.now();
    const logger = parts.logger ?? createLogger(config.log.level, config.log.format);
    let worker: RunningWorker | undefined;
    // The chain comes before the weights: a wrong key is known in a second, a large model in minutes.
    const office = await openOffice(config, logger, (result) => worker?.onBatch(result), parts.keys);
    let engine: Engine | undefined;
    try {
        requireActive(office.provider);
        const attestation =
            config.provider.tier === 'tdx'
                ? await openAttestation(config, office, logger, parts.quotes, (result) => worker?.onAttestation(result))
                : null;
        if (parts.engine !== undefined) {
            requireEmbedded(config, parts.engine);
        }
        const loading = performance.now();
        engine = parts.engine ?? (await openEngine(config, logger));
        const modelMs = Math.round(performance.now() - loading);
        requireJobsPossible(config, engine);
        worker = new RunningWorker(config, office, engine, logger, parts.processMetrics ?? false, attestation);
        await worker.start();
        logger.info({ modelMs, ms: Math.round(performance.now() - started) }, 'Started.');
        return worker;
    } catch (error) {
        await engine?.close();
        await office.close();
        throw error;
    }
}

/** An engine that a program brings along is covered by a quote only if it runs in this process. @throws {StartError} */
function requireEmbedded({ provider }: WorkerConfig, engine: Engine): void {
    if (provider.tier === 'tdx' && engine.embedded !== true) {
        throw new StartError(
            "Tier 'tdx' needs the embedded engine, or a server in the same guest that the configuration names. Leave the " +
                "engine out, or set provider.tier to 'open'.",
        );
    }
}

/** Whoever allows stores wants jobs: what makes them impossible is said at once. @throws {StartError} */
function requireJobsPossible({ jobs, provider }: WorkerConfig, engine: Engine): void {
    if (jobs.stores.length === 0) {
        return;
    }
    if (provider.tier !== 'tdx') {
        throw new StartError("jobs.stores is set, but jobs go to attested workers only. Set provider.tier to 'tdx', or leave jobs.stores out.");
    }
    if (engine.models.every(({ id }) => engine.slotsOf(id) < 2)) {
        throw new StartError('jobs.stores is set, but jobs never take the last slot, and there is one only. Set model.slots to at least 2.');
    }
}
