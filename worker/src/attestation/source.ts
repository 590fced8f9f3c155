import { createHash } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import { ConfigfsQuoteSource, QuoteSource, sameKey } from '@ton-compute/attestation';

import { WorkerConfig } from '../config/schema';
import { messageOf, StartError } from '../errors';
import { NetworkVerifier } from './verifier';

/** Kinds of file systems that exist only in memory: tmpfs and ramfs, as statfs(2) numbers them. */
const MemoryFileSystems = new Set([0x01021994, 0x858458f6]);

/**
 * @returns where quotes come from.
 * @throws {StartError} when that cannot work with this verifier.
 */
export async function quoteSource(
    { attestation, data }: WorkerConfig,
    verifier: NetworkVerifier,
): Promise<QuoteSource> {
    if (attestation.source === 'tdx') {
        await requireMemory(data.keys ?? data.directory);
        return new ConfigfsQuoteSource();
    }
    if (!attestation.allowTestRoot) {
        throw new StartError(
            "attestation.source is 'test': such quotes prove nothing about hardware. Set attestation.allowTestRoot as " +
                "well if this is a development network, or attestation.source to 'tdx'.",
        );
    }
    // Nobody who runs real machines needs the test authority in memory.
    const { TestAuthority, TestQuoteSource } = await import('@ton-compute/attestation/testing');
    const authority = new TestAuthority({ seed: attestation.testSeed });
    if (!sameKey(authority.rootKey, verifier.rootKey)) {
        throw new StartError(
            `The verifier ${verifier.address.toString()} trusts another root than the test authority of ` +
                'attestation.testSeed has. Use the seed that the verifier was deployed with.',
        );
    }
    return new TestQuoteSource(authority.platform());
}

/**
 * Attested keys and weights must never be on a disk: the host reads and changes that.
 * @param what is to be in the directory, for the error.
 * @throws {StartError}
 */
export async function requireMemory(directory: string, what = 'The keys of an attested worker'): Promise<void> {
    const { type } = await statfs(directory);
    if (!MemoryFileSystems.has(type)) {
        throw new StartError(
            `${what} must be in the guest's memory only, but ${directory} is on a disk, which the host can read and ` +
                'change. Set data.keys to a folder on a tmpfs, such as /run/ton-compute.',
        );
    }
}

/** What a quote binds about the GPU. */
export type GpuEvidence = {
    bytes: Buffer | null;
    /** SHA-256, 32 bytes; zeros for none. */
    hash: Buffer;
};

/** @throws {StartError} when the file cannot be read. */
export async function readGpuEvidence(path: string | null): Promise<GpuEvidence> {
    if (path === null) {
        return { bytes: null, hash: Buffer.alloc(32) };
    }
    try {
        const bytes = await readFile(path);
        return { bytes, hash: createHash('sha256').update(bytes).digest() };
    } catch (error) {
        throw new StartError(
            `The GPU evidence ${path} cannot be read (${messageOf(error)}). Correct attestation.gpuEvidence, or leave it out.`,
        );
    }
}
