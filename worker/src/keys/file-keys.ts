import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAcceptableX25519Key } from '@ton-compute/contracts';
import { encryptionKeyPairFromSecret } from '@ton-compute/protocol';
import { z } from 'zod';

import { StartError } from '../errors';
import { KeyBytes, SigningKey } from './ed25519';
import { KeySource, WorkerKeys } from './keys';

const FileName = 'keys.json';
const SecretDigits = /^[0-9a-f]{64}$/;

const KeyFile = z.strictObject({
    version: z.literal(1),
    workerSeed: z.string().regex(SecretDigits),
    encryptionSecret: z.string().regex(SecretDigits),
});

/** Keys in a file that only its owner can read, made at the first start. */
export class FileKeys implements KeySource {
    readonly path: string;

    /** @param directory the worker's data directory; made if it is not there. */
    constructor(private readonly directory: string) {
        this.path = join(directory, FileName);
    }

    /** @throws {StartError} when the file is readable by others, or not a key file. */
    async load(): Promise<WorkerKeys> {
        await mkdir(this.directory, { recursive: true, mode: 0o700 });
        const text = (await this.read()) ?? (await this.create());
        const { workerSeed, encryptionSecret } = this.parse(text);
        return {
            worker: new SigningKey(Buffer.from(workerSeed, 'hex')),
            encryption: await encryptionKeyPairFromSecret(Buffer.from(encryptionSecret, 'hex')),
        };
    }

    private async read(): Promise<string | undefined> {
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
    private async create(): Promise<string> {
        const text = JSON.stringify({
            version: 1,
            workerSeed: randomBytes(KeyBytes).toString('hex'),
            encryptionSecret: (await acceptableEncryptionSecret()).toString('hex'),
        });
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

    private parse(text: string): z.output<typeof KeyFile> {
        try {
            return KeyFile.parse(JSON.parse(text));
        } catch {
            // The cause is left out: it would quote the file.
            throw new StartError(
                `${this.path} is not a key file of this worker. Restore it from your backup, or move it away: a new ` +
                    'one is made at the next start, and its public keys must then be set in the provider contract.',
            );
        }
    }
}

/** The contract refuses keys that have a second name; a random one practically never has, but is checked. */
async function acceptableEncryptionSecret(): Promise<Buffer> {
    for (;;) {
        const secret = randomBytes(KeyBytes);
        if (isAcceptableX25519Key((await encryptionKeyPairFromSecret(secret)).publicKey)) {
            return secret;
        }
    }
}
