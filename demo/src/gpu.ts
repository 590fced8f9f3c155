import { DeviceReport } from '@ton-compute/worker';

export function describeDevice(device: DeviceReport): string {
    return device.offloading ? `${device.backend}: ${device.deviceNames.join(', ')}` : `${device.backend}: no GPU was used`;
}

/** @returns lines that prove that a GPU did the work. @throws Error when it did not. */
export function proveGpu(device: DeviceReport): string[] {
    const { backend, deviceNames, gpuLayers, totalLayers, vramBefore, vramAfter, offloading, note } = device;
    const moved = vramAfter - vramBefore;
    if (!offloading || deviceNames.length === 0 || gpuLayers === 0 || moved <= 0) {
        throw new Error(`REQUIRE_GPU=1, but no GPU did the work: ${note}`);
    }
    return [
        `device: ${deviceNames.join(', ')}`,
        `backend: ${backend}`,
        `offloaded layers: ${gpuLayers} of ${totalLayers}`,
        `change in VRAM: ${(moved / 2 ** 20).toFixed(1)} MiB`,
    ];
}
