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
    /** Lets a renderer in software pass for a GPU: for tests of the offload path on machines without one. */
    readonly allowSoftware: boolean;
    /** Receives what llama.cpp reports as an error. */
    readonly onError: (message: string) => void;
};

/**
 * Drivers that compute on the CPU what is meant for a GPU. llama.cpp leaves such devices out unless
 * GGML_VK_VISIBLE_DEVICES names them, but then it takes them for GPUs.
 */
const SoftwareRenderers = /llvmpipe|lavapipe|softpipe|swiftshader|basic render/i;

/** Whether a device is none, but a driver that computes on the CPU, and more slowly than llama.cpp does there. */
export function isSoftwareRenderer(deviceName: string): boolean {
    return SoftwareRenderers.test(deviceName);
}

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
    const deviceNames = (await chosen?.getGpuDeviceNames()) ?? [];
    const software = options.allowSoftware ? [] : deviceNames.filter(isSoftwareRenderer);
    if (chosen !== undefined) {
        // 'auto' may answer 'vulkan' on a machine without any device.
        const usable = chosen.supportsGpuOffloading && deviceNames.length > 0 && software.length === 0;
        if (gpu === false || usable) return { llama: chosen, deviceNames, fallback: '' };
    }
    const findings = await probeGpu();
    // A provider must not take for a GPU what is none, and llama.cpp would share the model out among all devices.
    const reasons = [...software.map(explainSoftware), ...explainNoGpu(findings)].join(' ');
    if (requireGpu) {
        await chosen?.dispose();
        const missing = explainMissingSoftware(findings).join(' ');
        throw new GpuRequiredError(`A GPU is required, but no usable one was found. ${reasons} ${missing}`.trim());
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

function explainSoftware(deviceName: string): string {
    return (
        `${deviceName} is a renderer in software, which is slower than llama.cpp on the same CPU: ` +
        'take it out of GGML_VK_VISIBLE_DEVICES.'
    );
}

/**
 * @returns bytes of GPU memory in use; 0 without a GPU. Where the driver keeps no count (Vulkan without
 * VK_EXT_memory_budget always says 0) it is what llama.cpp itself has allocated there.
 */
export async function usedVram(llama: Llama): Promise<number> {
    if (!llama.supportsGpuOffloading) return 0;
    const { used } = await llama.getVramState();
    return used > 0 ? used : (await llama.getLlamaMemoryUsage()).gpuVram;
}

/**
 * Puts the evidence together, after model and contexts were loaded.
 * @param vramBefore bytes in use before the model was loaded.
 * @param slots one sentence on the slots.
 */
export async function reportDevice(
    device: Device,
    model: LlamaModel,
    vramBefore: number,
    slots: string,
): Promise<DeviceReport> {
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
    return { ...facts, backend, offloading, note: `${deviceNote(backend, device, facts)} ${slots}` };
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
        const software = facts.deviceNames.some(isSoftwareRenderer) ? ' This is a renderer in software, no GPU.' : '';
        const layers = `${facts.gpuLayers} of ${facts.totalLayers} layers`;
        const [before, after] = [mebibytes(facts.vramBefore), mebibytes(facts.vramAfter)];
        const vram = `GPU memory in use: ${before} MiB before, ${after} after`;
        return `${layers} on ${facts.deviceNames.join(', ')} by ${backend}. ${vram}.${part}${software}`;
    }
    if (device.fallback !== '') return `The model runs on the CPU, ${device.fallback}`;
    if (facts.deviceNames.length === 0) return 'The model runs on the CPU, as configured.';
    return (
        `The model runs on the CPU although ${facts.deviceNames.join(', ')} is there: ${facts.gpuLayers} of ` +
        `${facts.totalLayers} layers were offloaded. Free GPU memory, or set the number of GPU layers.`
    );
}

function mebibytes(bytes: number): number {
    return Math.round(bytes / 2 ** 20);
}
