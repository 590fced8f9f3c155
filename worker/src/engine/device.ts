import type { DeviceReport, EngineBackend } from './engine';
import { EngineFailedError, GpuRequiredError } from './errors';
import { explainMissingSoftware, explainNoGpu, probeGpu } from './gpu-probe';
import { type Llama, LlamaVersion, loadLlamaModule, type LlamaModel } from './llama-module';

/** Which backend to use: 'auto' takes the best that works, false the CPU. */
export type GpuChoice = 'auto' | 'cuda' | 'vulkan' | 'metal' | false;

/** llama.cpp with a backend that was proven to have a device, or on the CPU. */
export type Device = {
    readonly llama: Llama;
    readonly deviceNames: readonly string[];
    /** Why it is the CPU although a GPU was asked for; empty when nothing fell back. */
    readonly fallback: string;
};

export type DeviceOptions = {
    readonly gpu: GpuChoice;
    /** Makes anything less than a GPU an error. */
    readonly requireGpu: boolean;
    /** Receives what llama.cpp reports as an error. */
    readonly onError: (message: string) => void;
};

/**
 * Opens llama.cpp on the device that was asked for.
 * @throws {GpuRequiredError} when a GPU is required and there is none; it says what is missing.
 * @throws {EngineFailedError} when there is no binary at all for this machine.
 */
export async function openDevice(options: DeviceOptions): Promise<Device> {
    const { gpu, requireGpu } = options;
    if (requireGpu && gpu === false) {
        throw new GpuRequiredError('A GPU is required, but the GPU is also switched off: set one or the other.');
    }
    const chosen = await openBackend(gpu, options);
    if (chosen !== undefined) {
        const deviceNames = await chosen.getGpuDeviceNames();
        // 'auto' may answer 'vulkan' on a machine without any device.
        if (gpu === false || (chosen.supportsGpuOffloading && deviceNames.length > 0)) {
            return { llama: chosen, deviceNames, fallback: '' };
        }
    }
    const findings = await probeGpu();
    const reasons = explainNoGpu(findings).join(' ');
    if (requireGpu) {
        await chosen?.dispose();
        const software = explainMissingSoftware(findings).join(' ');
        throw new GpuRequiredError(`A GPU is required, but no usable one was found. ${reasons} ${software}`.trim());
    }
    const wanted = gpu === 'auto' ? 'no usable GPU was found' : `the ${gpu} backend found no usable GPU`;
    const fallback = `because ${wanted}. ${reasons}`;
    if (chosen?.gpu === false) return { llama: chosen, deviceNames: [], fallback };
    // A GPU backend without a device would run on the CPU too, but with the locks of the GPU.
    await chosen?.dispose();
    const cpu = await openBackend(false, options);
    if (cpu === undefined) {
        const name = `@node-llama-cpp/${process.platform}-${process.arch}`;
        throw new EngineFailedError(
            `node-llama-cpp has no binary for this machine. Install it: npm install --no-save ${name}@${LlamaVersion}`,
        );
    }
    return { llama: cpu, deviceNames: [], fallback };
}

/** @returns undefined when there is no binary for the backend. */
async function openBackend(gpu: GpuChoice, options: DeviceOptions): Promise<Llama | undefined> {
    const { getLlama, LlamaLogLevel, NoBinaryFoundError } = await loadLlamaModule();
    try {
        return await getLlama({
            gpu,
            // A worker never compiles and never downloads: what runs is what was installed and, at tier tdx, measured.
            build: 'never',
            skipDownload: true,
            progressLogs: false,
            // The debug mode would print past the logger.
            debug: false,
            logLevel: LlamaLogLevel.error,
            logger: (_level, message) => options.onError(message),
        });
    } catch (error) {
        if (error instanceof NoBinaryFoundError) return undefined;
        throw new EngineFailedError('llama.cpp could not be started; the cause has the details.', { cause: error });
    }
}

/** @returns bytes of GPU memory in use; 0 without a GPU. */
export async function usedVram(llama: Llama): Promise<number> {
    return llama.supportsGpuOffloading ? (await llama.getVramState()).used : 0;
}

/**
 * Puts the evidence together, after model and contexts were loaded.
 * @param vramBefore bytes in use before the model was loaded.
 */
export async function reportDevice(device: Device, model: LlamaModel, vramBefore: number): Promise<DeviceReport> {
    const { llama, deviceNames } = device;
    const vramAfter = await usedVram(llama);
    const facts = {
        deviceNames,
        gpuLayers: model.gpuLayers,
        totalLayers: model.fileInsights.totalLayers,
        vramBefore,
        vramAfter,
    };
    const offloading = provesOffloading(facts);
    const backend: EngineBackend = offloading && llama.gpu !== false ? llama.gpu : 'cpu';
    return { ...facts, backend, offloading, note: deviceNote(backend, device, facts) };
}

/** The proof of a GPU: a device with a name, layers on it, and memory that moved. */
export function provesOffloading(
    facts: Pick<DeviceReport, 'deviceNames' | 'gpuLayers' | 'vramBefore' | 'vramAfter'>,
): boolean {
    return facts.deviceNames.length > 0 && facts.gpuLayers > 0 && facts.vramAfter > facts.vramBefore;
}

/** @throws {GpuRequiredError} that says which part of the proof is missing. */
export function assertOffloading(report: DeviceReport): void {
    if (report.offloading) return;
    throw new GpuRequiredError(
        `A GPU is required, but the model does not run on one: devices [${report.deviceNames.join(', ')}], ` +
            `${report.gpuLayers} of ${report.totalLayers} layers offloaded, GPU memory in use went from ` +
            `${report.vramBefore} to ${report.vramAfter} bytes. Free GPU memory, or set the number of GPU layers.`,
    );
}

function deviceNote(
    backend: EngineBackend,
    device: Device,
    facts: Pick<DeviceReport, 'deviceNames' | 'gpuLayers' | 'totalLayers' | 'vramBefore' | 'vramAfter'>,
): string {
    if (backend !== 'cpu') {
        const part =
            facts.gpuLayers < facts.totalLayers ? ' The other layers run on the CPU, which is much slower.' : '';
        const layers = `${facts.gpuLayers} of ${facts.totalLayers} layers`;
        return `${layers} on ${facts.deviceNames.join(', ')} by ${backend}.${part}`;
    }
    if (device.fallback !== '') return `The model runs on the CPU, ${device.fallback}`;
    if (facts.deviceNames.length === 0) return 'The model runs on the CPU, as configured.';
    return (
        `The model runs on the CPU although ${facts.deviceNames.join(', ')} is there: ${facts.gpuLayers} of ` +
        `${facts.totalLayers} layers were offloaded. Free GPU memory, or set the number of GPU layers.`
    );
}
