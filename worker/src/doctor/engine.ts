import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { ModelConfig, ShippedModel } from '../config/models';
import { WorkerConfig } from '../config/schema';
import { EngineError, explainMissingSoftware, explainNoGpu, hashWeights, probeGpu } from '../engine';
import { Device, openDevice } from '../engine/device';
import { checkModelFile } from '../engine/weights';
import { messageOf } from '../errors';
import { createLogger } from '../logger';
import { openEngine } from '../open-engine';
import { Examination } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';
import { measureSpeed } from './measure';
import { rate, size } from './text';

/** Seconds for each measurement of the speed. */
const MeasureSeconds = 3;
/** Room beside the weights for contexts and buffers, as a share of the weights. */
const Overhead = 1.1;

/** The weights, the GPU, and whether the one runs on the other. */
export async function* checkEngine(examination: Examination): AsyncIterable<Finding> {
    const { config } = examination.facts;
    if (config === undefined) {
        yield skipped('engine', 'without a configuration it is not known');
        return;
    }
    let usable = true;
    for await (const finding of checkParts(config, examination)) {
        usable &&= finding.status !== 'problem';
        yield finding;
    }
    yield* checkGeneration(config, examination, usable);
}

async function* checkParts(config: WorkerConfig, examination: Examination): AsyncIterable<Finding> {
    // What the market is asked about, and what the memory is compared with, is the first model.
    for (const model of [...config.models].reverse()) {
        yield* checkWeights(model, examination);
    }
    if (config.models.some(isEmbedded)) {
        yield* checkDevice(config, examination);
    } else {
        yield skipped('GPU', 'the models run in inference servers, which see to it themselves');
    }
}

function isEmbedded({ upstream }: ModelConfig): boolean {
    return upstream.url === null;
}

async function* checkWeights(model: ModelConfig, examination: Examination): AsyncIterable<Finding> {
    const { facts } = examination;
    if (!isEmbedded(model)) {
        // Its weights may be a folder, which is hashed when the worker starts; the chain is compared with what is known.
        facts.weights = { hash: model.weightsHash, bytes: 0 };
        yield skipped('weights', `those of the server at ${model.upstream.url} cannot be seen from here`);
        return;
    }
    const found = await checkModel(model, examination);
    yield found;
    if (found.status === 'ok') {
        yield* checkHash(model, examination);
    }
}

async function checkModel(model: ModelConfig, { facts }: Examination): Promise<Finding> {
    const path = resolve(model.path ?? ShippedModel);
    try {
        await checkModelFile(path);
    } catch (error) {
        return problem('model file', messageOf(error), { next: 'set model.path to a complete GGUF file' });
    }
    const { size: bytes } = await stat(path);
    facts.weights = { hash: null, bytes };
    return ok('model file', `${path}, ${size(bytes)}`);
}

async function* checkHash(model: ModelConfig, examination: Examination): AsyncIterable<Finding> {
    const { facts, quick, progress } = examination;
    const path = resolve(model.path ?? ShippedModel);
    const { bytes } = facts.weights!;
    if (quick) {
        yield skipped('weights', 'not hashed, because of --quick');
        return;
    }
    const { hash } = await hashWeights(path, (done) => progress(`hashing the weights: ${size(done)} of ${size(bytes)}`));
    facts.weights = { hash, bytes };
    yield model.weightsHash === null || model.weightsHash === hash
        ? ok('weights', `SHA-256 ${hash}`)
        : problem('weights', `SHA-256 ${hash}`, {
              expected: `${model.weightsHash}, as model.weightsHash says`,
              next: 'set model.path to the right file, or correct model.weightsHash',
          });
}

async function* checkDevice({ gpu }: WorkerConfig, { facts }: Examination): AsyncIterable<Finding> {
    if (facts.running !== undefined) {
        yield ok('GPU', `the running worker says: ${facts.running.device?.note ?? 'nothing about it'}`);
        return;
    }
    let device: Device;
    try {
        device = await openDevice({ gpu: gpu.backend, requireGpu: false, allowSoftware: false, onError: () => undefined });
    } catch (error) {
        const next = error instanceof EngineError ? undefined : 'reinstall the dependencies: npm ci';
        yield problem('engine', messageOf(error), { expected: `a binary of llama.cpp for this machine`, next });
        return;
    }
    try {
        yield ok('engine', `llama.cpp for ${process.platform}-${process.arch} loads`);
        if (gpu.backend === false) {
            const complaint = { expected: 'a GPU', next: "set gpu.backend to 'auto', or gpu.required to false" };
            const found = 'switched off: the model runs on the CPU';
            yield gpu.required ? problem('GPU', found, complaint) : ok('GPU', found);
        } else if (device.fallback !== '') {
            yield await noGpu(gpu.required);
        } else {
            yield* checkVram(device, facts.weights?.bytes);
        }
    } finally {
        await device.llama.dispose();
    }
}

async function noGpu(required: boolean): Promise<Finding> {
    const findings = await probeGpu();
    const missing = explainMissingSoftware(findings).join(' ');
    return (required ? problem : warning)('GPU', `none is usable. ${explainNoGpu(findings).join(' ')}`, {
        expected: required ? 'a GPU, as gpu.required says' : 'a GPU; a CPU serves small models only',
        next: missing === '' ? 'put that right, or set gpu.backend to false' : missing,
    });
}

async function* checkVram({ llama, deviceNames }: Device, weights: number | undefined): AsyncIterable<Finding> {
    yield ok('GPU', `${deviceNames.join(', ')} by ${String(llama.gpu)}`);
    const { total, free } = await llama.getVramState();
    const found = `${size(free)} of ${size(total)} free${weights === undefined ? '' : `, the model has ${size(weights)}`}`;
    yield weights === undefined || weights * Overhead <= free
        ? ok('GPU memory', found)
        : warning('GPU memory', found, {
              expected: `about ${size(weights * Overhead)}: what does not fit runs on the CPU, which is much slower`,
              next: 'see with nvidia-smi what uses it, choose a smaller quantisation, or lower model.contextSize and model.slots',
          });
}

async function* checkGeneration(
    config: WorkerConfig,
    examination: Examination,
    usable: boolean,
): AsyncIterable<Finding> {
    const { facts, quick, signal, progress } = examination;
    const reason = quick
        ? 'not tried, because of --quick'
        : facts.running !== undefined
          ? 'not tried: a worker runs, and both would share one GPU'
          : usable
            ? null
            : 'not tried: model or engine are reported above';
    if (reason !== null) {
        yield skipped('generation', reason);
        return;
    }
    progress('loading the model');
    try {
        const engine = await openEngine(forTrial(config), createLogger('silent', 'json'));
        try {
            const { name, note } = { name: engine.models[0].id, note: engine.device.note };
            progress('generating');
            const speed = await measureSpeed(engine, { seconds: MeasureSeconds, signal });
            facts.speed = speed;
            yield ok(
                'generation',
                `${name}: ${rate(speed.single)} alone, ${rate(speed.all)} in ${speed.slots} slots together, first token ` +
                    `after ${Math.round(speed.firstToken * 1000)} ms. ${note}`,
            );
        } finally {
            await engine.close();
        }
    } catch (error) {
        yield problem('generation', messageOf(error), { expected: 'an answer of the model', next: nextOf(error) });
    }
}

function nextOf(error: unknown): string | undefined {
    // The engine's own errors say what to do.
    return error instanceof EngineError ? undefined : 'lower model.slots or model.contextSize, or try another model file';
}

/** An attested worker copies its weights into memory first: a trial must leave nothing behind. */
function forTrial(config: WorkerConfig): WorkerConfig {
    const models = config.models.map((model) => ({ ...model, memory: null }));
    return { ...config, provider: { ...config.provider, tier: 'open' }, models };
}
