import { readShared, writeShared } from './file-store';
import { locate, StorePrefix } from './locations';
import { StoreTrouble } from './store-error';
import { readWeb, writeWeb } from './web-store';

/** The stores that the owner allows. Whatever else a job names is not touched. */
export class AllowedStores {
    /** @param seconds for one transfer. */
    constructor(
        private readonly prefixes: readonly StorePrefix[],
        private readonly seconds: number,
    ) {}

    allows(url: string): boolean {
        return locate(url, this.prefixes) !== null;
    }

    /** @throws {StoreTrouble} also when there are more than `maxBytes`. */
    async read(url: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
        const location = this.locate(url);
        return location.kind === 'file'
            ? readShared(location.folder, location.path, maxBytes)
            : readWeb(location.url, maxBytes, this.seconds, signal);
    }

    /** @throws {StoreTrouble} */
    async write(url: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
        const location = this.locate(url);
        return location.kind === 'file'
            ? writeShared(location.folder, location.path, bytes)
            : writeWeb(location.url, bytes, this.seconds, signal);
    }

    private locate(url: string) {
        const location = locate(url, this.prefixes);
        if (location === null) {
            throw new StoreTrouble('missing', 'The URL is in no store that jobs.stores allows.');
        }
        return location;
    }
}
