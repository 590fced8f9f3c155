import { chmod, link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { StartError } from '../errors';

/** A file with secrets that only its owner can read, made when it is first needed. */
export class PrivateFile {
    constructor(readonly path: string) {}

    /**
     * @param make the content, if the file is not there yet.
     * @throws {StartError} when other users can read it.
     */
    async load(make: () => string | Promise<string>): Promise<string> {
        await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
        return (await this.read()) ?? this.create(await make());
    }

    /** @returns undefined when it is not there. @throws {StartError} when other users can read it. */
    async read(): Promise<string | undefined> {
        try {
            const { mode } = await stat(this.path);
            if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
                throw new StartError(
                    `The keys in ${this.path} can be read by other users of this machine. Run: chmod 600 ${this.path}`,
                );
            }
            return await readFile(this.path, 'utf8');
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
                return undefined;
            }
            throw error;
        }
    }

    /** Writes beside and links: a crash leaves no half file, and of two starts at once one wins. */
    private async create(text: string): Promise<string> {
        const draft = `${this.path}.${process.pid}`;
        await writeFile(draft, text, { mode: 0o600, flush: true });
        await chmod(draft, 0o600);
        try {
            await link(draft, this.path);
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
                throw error;
            }
            return readFile(this.path, 'utf8');
        } finally {
            await unlink(draft);
        }
        return text;
    }
}
