import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { LlamaVersion } from './llama-module';

/** What this machine has of the things that GPU backends need. A missing one makes 'auto' fall back without a word. */
export type GpuFindings = {
    readonly platform: NodeJS.Platform;
    readonly arch: string;
    /** Device files of NVIDIA GPUs (/dev/nvidia0, ...). */
    readonly nvidiaDevices: readonly string[];
    /** Device files of GPUs of any make (/dev/dri/renderD128, ...). */
    readonly renderDevices: readonly string[];
    /** Libraries by name, whether or not they were found. */
    readonly libraries: Readonly<Record<string, boolean>>;
    readonly cudaPackage: boolean;
    readonly vulkanPackage: boolean;
};

/** NVIDIA's driver, which a container gets from its host. */
const CudaDriver = 'libcuda.so.1';
/** What the CUDA backend is linked against, from the CUDA 13 toolkit. */
const CudaRuntime = ['libcudart.so.13', 'libcublas.so.13'];
const VulkanLoader = 'libvulkan.so.1';

const LibraryDirectories = ['/usr/lib', '/usr/lib64', '/lib', '/lib64', '/usr/local/lib', '/usr/local/nvidia/lib64'];

const ProbeTimeoutMs = 5000;

export async function probeGpu(): Promise<GpuFindings> {
    const [devices, renderDevices, libraries, cudaPackage, vulkanPackage] = await Promise.all([
        list('/dev'),
        list('/dev/dri'),
        knownLibraries(),
        hasPackage(`linux-${process.arch}-cuda`),
        hasPackage(`linux-${process.arch}-vulkan`),
    ]);
    const wanted = [CudaDriver, ...CudaRuntime, VulkanLoader];
    return {
        platform: process.platform,
        arch: process.arch,
        nvidiaDevices: devices.filter((name) => /^nvidia\d+$/.test(name)).map((name) => `/dev/${name}`),
        renderDevices: renderDevices.filter((name) => name.startsWith('renderD')).map((name) => `/dev/dri/${name}`),
        libraries: Object.fromEntries(wanted.map((name) => [name, libraries.has(name)])),
        cudaPackage,
        vulkanPackage,
    };
}

/**
 * Says, for a person, why no GPU is used and what would change it.
 * @returns sentences, the most likely obstacle first; at least one.
 */
export function explainNoGpu(found: GpuFindings): string[] {
    if (found.platform !== 'linux')
        return [`No GPU backend of node-llama-cpp works on this ${found.platform} machine.`];
    if (found.nvidiaDevices.length > 0) return explainNoCuda(found);
    if (found.renderDevices.length > 0) return explainNoVulkan(found);
    return [
        'There is no GPU device (/dev/nvidia0, /dev/dri/renderD128): this machine has no GPU, its driver is not ' +
            'loaded, or the container was started without access to it (--gpus all, or --device /dev/dri).',
    ];
}

/**
 * Says what else of the software is missing, whatever the machine has: for someone who is about to fix it.
 * @returns sentences for NVIDIA and for other GPUs; none when everything is there.
 */
export function explainMissingSoftware(found: GpuFindings): string[] {
    const nvidia = missingForCuda(found);
    const other = missingForVulkan(found);
    return [
        ...(nvidia.length > 0 ? [`For an NVIDIA GPU: ${nvidia.join('; ')}.`] : []),
        ...(other.length > 0 ? [`For another GPU: ${other.join('; ')}.`] : []),
    ];
}

function explainNoCuda(found: GpuFindings): string[] {
    const missing = missingForCuda(found);
    const device = found.nvidiaDevices.join(', ');
    if (missing.length > 0) return [`${device} cannot be used: ${missing.join('; ')}.`];
    return [`${device}, its driver and the CUDA libraries are there, but the backend found no device: try nvidia-smi.`];
}

function explainNoVulkan(found: GpuFindings): string[] {
    const missing = missingForVulkan(found);
    const device = found.renderDevices.join(', ');
    if (missing.length > 0) return [`${device} cannot be used: ${missing.join('; ')}.`];
    return [`${device} and the Vulkan loader are there, but the backend found no device: try vulkaninfo.`];
}

function missingForCuda(found: GpuFindings): string[] {
    const missing: string[] = [];
    if (!found.libraries[CudaDriver]) {
        missing.push(`${CudaDriver} was not found (install the NVIDIA driver, or give the container access to it)`);
    }
    if (!found.cudaPackage) missing.push(missingPackage(found, 'cuda'));
    const runtime = CudaRuntime.filter((name) => !found.libraries[name]);
    if (runtime.length > 0) {
        missing.push(
            `${runtime.join(' and ')} ${runtime.length > 1 ? 'were' : 'was'} not found (install the CUDA 13 runtime: ` +
                'cuda-cudart-13 and libcublas-13 from NVIDIA)',
        );
    }
    return missing;
}

function missingForVulkan(found: GpuFindings): string[] {
    const missing: string[] = [];
    if (!found.vulkanPackage) missing.push(missingPackage(found, 'vulkan'));
    if (!found.libraries[VulkanLoader]) {
        missing.push(`${VulkanLoader} was not found (install libvulkan1 and the Vulkan driver of the GPU)`);
    }
    return missing;
}

function missingPackage(found: GpuFindings, backend: 'cuda' | 'vulkan'): string {
    if (found.arch !== 'x64') return `node-llama-cpp has no ${backend} package for ${found.arch}`;
    const name = `@node-llama-cpp/linux-${found.arch}-${backend}`;
    return `${name} is not installed (npm install --no-save ${name}@${LlamaVersion})`;
}

/** Names of all libraries that the loader would find, by its cache and by directory. */
async function knownLibraries(): Promise<Set<string>> {
    const cuda = (await list('/usr/local'))
        .filter((name) => name.startsWith('cuda'))
        .map((name) => `/usr/local/${name}`);
    const multiarch = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    const directories = [
        ...LibraryDirectories,
        `/usr/lib/${multiarch}`,
        ...cuda.flatMap((root) => [
            join(root, 'lib64'),
            join(root, 'targets', `${multiarch.split('-')[0]}-linux`, 'lib'),
        ]),
        ...(process.env.LD_LIBRARY_PATH ?? '').split(delimiter).filter((path) => path !== ''),
    ];
    const names = await Promise.all([loaderCache(), ...directories.map(list)]);
    return new Set(names.flat());
}

async function loaderCache(): Promise<string[]> {
    const run = promisify(execFile);
    for (const command of ['/sbin/ldconfig', 'ldconfig']) {
        try {
            const { stdout } = await run(command, ['-p'], { timeout: ProbeTimeoutMs });
            return stdout.split('\n').map((line) => line.trim().split(' ')[0] ?? '');
        } catch {
            // A minimal container may have no ldconfig; the directories are searched anyway.
        }
    }
    return [];
}

/** Entries of a directory; none if it cannot be read. */
async function list(directory: string): Promise<string[]> {
    return readdir(directory).catch(() => []);
}

/**
 * Whether a backend package is there with its libraries. The packages export nothing that `require` could resolve, and
 * an override in package.json may have put another package under the name, so the libraries are looked for.
 */
async function hasPackage(name: string): Promise<boolean> {
    const roots = createRequire(__filename).resolve.paths('@node-llama-cpp/') ?? [];
    const found = await Promise.all(roots.map((root) => list(join(root, '@node-llama-cpp', name, 'bins'))));
    return found.flat().some((entry) => entry.startsWith(name));
}
