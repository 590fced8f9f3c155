import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFileBounded, writeFileWhole } from './file';
import { MaxObjectBytes, requireLifetime, requireName, requireSize, StoreLimits } from './limits';
import { reasonOf } from './reason';
import { ObjectStore, StoreError } from './store';

/**
 * Objects as files of one folder, for a machine of one's own and for shared file systems. Its URLs are file:// URLs:
 * whoever can open the folder can use them, and they never expire.
 */
export class FolderStore implements ObjectStore {
    readonly folder: string;
    private readonly maxObjectBytes: number;

    /** @param folder made at the first write. */
    constructor(folder: string, { maxObjectBytes = MaxObjectBytes }: StoreLimits = {}) {
        if (folder === '') {
            throw new StoreError('invalid_option', 'folder: expected a path, got an empty one.');
        }
        this.folder = resolve(folder);
        this.maxObjectBytes = maxObjectBytes;
    }

    async put(name: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
        const path = this.path(name);
        requireSize(name, bytes.length, this.maxObjectBytes);
        await this.make();
        await writeFileWhole(path, bytes, signal);
    }

    async get(name: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null> {
        return readFileBounded(this.path(name), maxBytes, signal);
    }

    async readUrl(name: string, lifetime: number): Promise<string> {
        return this.url(name, lifetime);
    }

    async writeUrl(name: string, lifetime: number): Promise<string> {
        const url = this.url(name, lifetime);
        // Whoever writes to the URL expects the folder to be there.
        await this.make();
        return url;
    }

    private async make(): Promise<void> {
        try {
            await mkdir(this.folder, { recursive: true });
        } catch (error) {
            throw new StoreError('refused', `${this.folder} cannot be made (${reasonOf(error)}). Name another folder.`, { cause: error });
        }
    }

    private url(name: string, lifetime: number): string {
        requireLifetime(lifetime, Number.MAX_SAFE_INTEGER);
        return pathToFileURL(this.path(name)).href;
    }

    private path(name: string): string {
        requireName(name);
        return join(this.folder, name);
    }
}
