import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { requireMemory } from './attestation/source';
import { ModelConfig, ShippedModel } from './config/models';
import { WorkerConfig } from './config/schema';
import {
    combineEngines,
    createLlamaEngines,
    createUpstreamEngine,
    Engine,
    isSameGuest,
    LlamaModelOptions,
    prepareWeights,
    Weights,
} from './engine';
import { StartError } from './errors';
import { Logger } from './logger';

/**
 * Loads the models of a configuration: those of this process together, because they share its GPU, the others behind their
 * servers.
 * @throws errors of the engine, unchanged; {StartError} where an attestation would not cover what is served.
 */
export async function openEngine(config: WorkerConfig, logger: Logger): Promise<Engine> {
    const onLog = (message: string) => logger.info({ engine: message }, 'The engine says:');
    config.models.forEach((model) => requireCovered(config, model));
    const embedded = config.models.filter(({ upstream }) => upstream.url === null);
    const behind = config.models.filter(({ upstream }) => upstream.url !== null);
    const engines: Engine[] = [];
    try {
        for (const model of behind) {
            engines.push(await openUpstream(config, model, onLog));
        }
        if (embedded.length > 0) {
            const memoryDirectory = await weightsMemory(config);
            const models = embedded.map((model) => llamaOptions(model, memoryDirectory));
            engines.unshift(await createLlamaEngines({ gpu: config.gpu.backend, requireGpu: config.gpu.required, onLog }, models));
        }
        return engines.length === 1 ? engines[0] : combineEngines(engines);
    } catch (error) {
        await Promise.all(engines.map((engine) => engine.close()));
        throw error;
    }
}

/** A quote vouches for the machine that it was made on, not for a server elsewhere. @throws {StartError} */
function requireCovered({ provider }: WorkerConfig, { upstream, path }: ModelConfig): void {
    if (provider.tier !== 'tdx' || upstream.url === null) {
        return;
    }
    if (!isSameGuest(upstream.url)) {
        throw new StartError(
            `Tier 'tdx' with the upstream ${upstream.url}: a quote says nothing about a server elsewhere. Run it in the same ` +
                "guest and name it by its loopback address, such as http://127.0.0.1:8000, or set provider.tier to 'open'.",
        );
    }
    if (path === null) {
        throw new StartError(
            `Tier 'tdx' with the upstream ${upstream.url}: the worker has to hash the weights itself. Set model.path to those ` +
                'that the server has loaded, in memory of the guest.',
        );
    }
}

async function openUpstream(config: WorkerConfig, model: ModelConfig, onLog: (message: string) => void): Promise<Engine> {
    const { upstream, path } = model;
    if (path !== null && config.provider.tier === 'tdx' && config.attestation.source === 'tdx') {
        await requireMemory(path, 'The weights of an attested worker');
    }
    // The server has them open itself: they are hashed where they lie.
    const weights: Weights | null =
        path === null ? null : await prepareWeights(path, { expectedHash: model.weightsHash ?? undefined });
    return createUpstreamEngine({
        url: upstream.url!,
        kind: upstream.kind,
        apiKey: upstream.apiKey ?? undefined,
        model: upstream.model ?? undefined,
        modelId: model.name ?? undefined,
        weightsHash: weights?.hash ?? model.weightsHash!,
        contextLength: model.contextSize ?? undefined,
        slots: model.slots as number,
        firstTokenSeconds: upstream.firstTokenSeconds,
        idleSeconds: config.limits.idleSeconds,
        onLog,
    });
}

function llamaOptions(model: ModelConfig, memory: string | undefined): LlamaModelOptions {
    return {
        modelPath: model.path ?? ShippedModel,
        memoryDirectory: model.memory ?? memory,
        modelId: model.name ?? undefined,
        expectedWeightsHash: model.weightsHash ?? undefined,
        slots: model.slots,
        contextLength: model.contextSize ?? undefined,
    };
}

/** Where attested weights are out of the host's reach: a file on its disk can change after it was hashed. */
async function weightsMemory({ models, provider, attestation, data }: WorkerConfig): Promise<string | undefined> {
    if (provider.tier !== 'tdx' || attestation.source !== 'tdx') {
        return undefined;
    }
    const beside = join(data.keys ?? data.directory, 'weights');
    for (const directory of new Set([beside, ...models.flatMap(({ memory }) => memory ?? [])])) {
        await mkdir(directory, { recursive: true });
        await requireMemory(directory, 'The weights of an attested worker');
    }
    return beside;
}
