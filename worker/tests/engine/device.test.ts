import {
    createLlamaEngine,
    explainMissingSoftware,
    explainNoGpu,
    type GpuFindings,
    GpuRequiredError,
    probeGpu,
    provesOffloading,
} from '../../src/engine';
import { TinyModel } from './tiny-model';

const Nothing: GpuFindings = {
    platform: 'linux',
    arch: 'x64',
    nvidiaDevices: [],
    renderDevices: [],
    libraries: { 'libcuda.so.1': false, 'libcudart.so.13': false, 'libcublas.so.13': false, 'libvulkan.so.1': false },
    cudaPackage: false,
    vulkanPackage: false,
};
const Everything: GpuFindings = {
    ...Nothing,
    nvidiaDevices: ['/dev/nvidia0'],
    libraries: { 'libcuda.so.1': true, 'libcudart.so.13': true, 'libcublas.so.13': true, 'libvulkan.so.1': true },
    cudaPackage: true,
    vulkanPackage: true,
};

describe('A GPU that is required', () => {
    it('is proven, or the engine does not start and says what was found and what to install', async () => {
        const engine = await createLlamaEngine({ modelPath: TinyModel, requireGpu: true, slots: 1 }).catch(
            (error: unknown) => error,
        );
        if (!(engine instanceof Error)) {
            const started = engine as Awaited<ReturnType<typeof createLlamaEngine>>;
            expect(started.device).toMatchObject({ offloading: true });
            return started.close();
        }
        expect(engine).toBeInstanceOf(GpuRequiredError);
        expect(engine).toMatchObject({ code: 'gpu_required' });
        expect(engine.message).toContain('npm install --no-save @node-llama-cpp/');
    });

    it('cannot be switched off at the same time', async () => {
        const start = createLlamaEngine({ modelPath: TinyModel, requireGpu: true, gpu: false });
        await expect(start).rejects.toBeInstanceOf(GpuRequiredError);
    });
});

describe('A GPU that is not required', () => {
    it('is replaced by the CPU, and the report says why', async () => {
        const engine = await createLlamaEngine({ modelPath: TinyModel, gpu: 'cuda', slots: 1, embeddings: false });
        if (!engine.device.offloading) {
            expect(engine.device.backend).toBe('cpu');
            expect(engine.device.note).toMatch(
                /^The model runs on the CPU, because the cuda backend found no usable GPU\./,
            );
        }
        await engine.close();
    });
});

describe('The proof of a GPU', () => {
    const proof = { deviceNames: ['NVIDIA H200'], gpuLayers: 5, vramBefore: 100, vramAfter: 200 };

    it('is a device with a name, layers on it, and memory that moved', () => {
        expect(provesOffloading(proof)).toBe(true);
    });

    it.each([
        ['a device', { deviceNames: [] }],
        ['layers', { gpuLayers: 0 }],
        ['memory that moved', { vramAfter: 100 }],
    ])('is nothing without %s', (_missing, change) => {
        expect(provesOffloading({ ...proof, ...change })).toBe(false);
    });
});

describe('The reason for having no GPU', () => {
    it('names the device when there is none', () => {
        expect(explainNoGpu(Nothing).join(' ')).toMatch(/no GPU device .*--gpus all/);
    });

    it.each([
        ['libcudart.so.13', 'libcudart.so.13 was not found (install the CUDA 13 runtime'],
        ['libcublas.so.13', 'libcublas.so.13 was not found (install the CUDA 13 runtime'],
        ['libcuda.so.1', 'libcuda.so.1 was not found (install the NVIDIA driver'],
    ])('names the CUDA library that is missing: %s', (library, sentence) => {
        const found = { ...Everything, libraries: { ...Everything.libraries, [library]: false } };
        expect(explainNoGpu(found).join(' ')).toContain(sentence);
    });

    it('gives the command that installs a missing backend', () => {
        expect(explainNoGpu({ ...Everything, cudaPackage: false }).join(' ')).toContain(
            'npm install --no-save @node-llama-cpp/linux-x64-cuda@3.22.1',
        );
        const other = { ...Nothing, renderDevices: ['/dev/dri/renderD128'] };
        expect(explainNoGpu(other).join(' ')).toContain(
            'npm install --no-save @node-llama-cpp/linux-x64-vulkan@3.22.1',
        );
        expect(explainNoGpu(other).join(' ')).toContain('libvulkan.so.1 was not found');
    });

    it('sends to the driver tools when everything seems to be there', () => {
        expect(explainNoGpu(Everything).join(' ')).toContain('nvidia-smi');
        expect(explainMissingSoftware(Everything)).toEqual([]);
    });

    it('does not name packages that do not exist', () => {
        const arm = { ...Everything, arch: 'arm64', cudaPackage: false };
        expect(explainNoGpu(arm).join(' ')).toContain('has no cuda package for arm64');
        expect(explainNoGpu({ ...Nothing, platform: 'freebsd' }).join(' ')).toContain('freebsd');
    });

    it('comes from looking at this machine', async () => {
        const found = await probeGpu();
        expect(found.platform).toBe(process.platform);
        expect(Object.keys(found.libraries)).toContain('libcudart.so.13');
    });
});
