import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { LlamaDeviceOptions } from '../../src/engine';
import { isSoftwareRenderer } from '../../src/engine/device';
import { LlamaVersion } from '../../src/engine/llama-module';
import type { OffloadResult } from './offload-child';
import { Draft, Summary, TinyModel } from './tiny-model';

const Root = join(__dirname, '../../..');
const Package = '@node-llama-cpp/linux-x64-vulkan';

/** Mesa's Vulkan driver that computes on the CPU: the real offload path, on any machine. */
const lavapipe = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d']
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []))
    .find((path) => /lvp_icd.*\.json$/.test(path));

const missing = [
    ...(existsSync(join(Root, 'node_modules', Package, 'bins', 'linux-x64-vulkan'))
        ? []
        : [`npm install --no-save ${Package}@${LlamaVersion}`]),
    ...(lavapipe === undefined ? ['apt-get install mesa-vulkan-drivers libvulkan1'] : []),
];
const why = `The offload path is not tested: missing here, to be installed with: ${missing.join('; ')}.`;

/** Compiling the shaders takes lavapipe a quarter of a minute on an idle core; a cache makes it quick afterwards. */
const TimeoutMs = 300_000;

function runOnLavapipe(options: LlamaDeviceOptions): Promise<OffloadResult> {
    const models = [
        { modelPath: TinyModel, modelId: 'one', contextLength: 128, slots: 2, embeddings: false },
        { modelPath: TinyModel, modelId: 'two', contextLength: 128, slots: 'auto', embeddings: false },
    ];
    const parameters = [options, models, [Summary.prompt, Draft.prompt]].map((value) => JSON.stringify(value));
    const child = spawn(
        process.execPath,
        ['-r', 'ts-node/register/transpile-only', join(__dirname, 'offload-child.ts'), ...parameters],
        {
            cwd: Root,
            stdio: ['ignore', 'pipe', 'inherit'],
            // Only this driver, also on a machine with a GPU.
            env: {
                ...process.env,
                GGML_VK_VISIBLE_DEVICES: '0',
                VK_ICD_FILENAMES: lavapipe,
                VK_DRIVER_FILES: lavapipe,
            },
        },
    );
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    return new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code) => {
            if (code === 0) resolve(JSON.parse(output) as OffloadResult);
            else reject(new Error(`The process with the engine ended with code ${code}.`));
        });
    });
}

const available = missing.length === 0 ? describe : describe.skip;

available('Layers on a Vulkan device', () => {
    let result: Exclude<OffloadResult, { error: unknown }>;

    beforeAll(async () => {
        const outcome = await runOnLavapipe({ gpu: 'vulkan', requireGpu: true, allowSoftware: true });
        if ('error' in outcome) throw new Error(outcome.error.message);
        result = outcome;
    }, TimeoutMs);

    it('answer greedily as on the CPU, token for token, alone and beside others', () => {
        const expected = [Summary.answer, Draft.answer];
        expect(result.answers).toEqual({ one: expected, two: expected });
    });

    it('are proven: a device with a name, all layers on it, and memory that moved', () => {
        const { device } = result;
        expect(device).toMatchObject({ backend: 'vulkan', offloading: true, gpuLayers: 10, totalLayers: 10 });
        expect(device.deviceNames).toEqual([expect.stringContaining('llvmpipe')]);
        // Both models take at least their weights, 1.7 MB each.
        expect(device.vramAfter - device.vramBefore).toBeGreaterThan(2 * 1_600_000);
    });

    it('are reported in words, with the slots, and with a warning that this is no GPU', () => {
        expect(result.slots.one).toBe(2);
        expect(result.slots.two).toBeGreaterThan(2);
        expect(result.device.note).toMatch(
            /one: 5 of 5 layers on llvmpipe .* by vulkan\. GPU memory in use: \d+ MiB before/,
        );
        expect(result.device.note).toContain('a renderer in software, no GPU. 2 slots of 128 tokens, as configured.');
        expect(result.device.note).toContain(`${result.slots.two} slots of 128 tokens, the most that 'auto' takes.`);
    });
});

available('A renderer in software', () => {
    it('does not pass for a GPU where one is required', async () => {
        const outcome = await runOnLavapipe({ gpu: 'vulkan', requireGpu: true });
        expect(outcome).toMatchObject({ error: { code: 'gpu_required' } });
        expect((outcome as { error: { message: string } }).error.message).toMatch(
            /^A GPU is required.*llvmpipe.* is a renderer in software.*take it out of GGML_VK_VISIBLE_DEVICES/,
        );
    }, TimeoutMs);

    it('is left for the CPU where none is required', async () => {
        const outcome = await runOnLavapipe({ gpu: 'vulkan' });
        expect(outcome).toMatchObject({ device: { backend: 'cpu', offloading: false, deviceNames: [], vramAfter: 0 } });
        expect((outcome as { device: { note: string } }).device.note).toContain('is a renderer in software');
    }, TimeoutMs);
});

describe('The name of a device', () => {
    it.each(['llvmpipe (LLVM 15.0.6, 256 bits)', 'SwiftShader Device (Subzero)', 'Microsoft Basic Render Driver'])(
        'gives away a renderer in software: %s',
        (name) => expect(isSoftwareRenderer(name)).toBe(true),
    );

    it.each(['NVIDIA H200', 'AMD Radeon RX 7900 XTX (RADV NAVI31)', 'Intel(R) Arc(tm) A770 Graphics (DG2)'])(
        'is that of a GPU: %s',
        (name) => expect(isSoftwareRenderer(name)).toBe(false),
    );
});

if (missing.length > 0) {
    it('needs a Vulkan driver in software and the Vulkan package, where REQUIRE_VULKAN=1 says so', () => {
        if (process.env.REQUIRE_VULKAN === '1') throw new Error(why);
        console.warn(why);
    });
}
