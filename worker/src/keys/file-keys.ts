import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isAcceptableX25519Key } from '@ton-compute/contracts';
import { encryptionKeyPairFromSecret } from '@ton-compute/protocol';
import { z } from 'zod';

import { StartError } from '../errors';
import { KeyBytes, SigningKey } from './ed25519';
import { KeySource, WorkerKeys } from './keys';
import { PrivateFile } from './private-file';

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
    constructor(directory: string) {
        this.path = join(directory, FileName);
    }

    /** @throws {StartError} when the file is readable by others, or not a key file. */
    async load(): Promise<WorkerKeys> {
        return this.keysOf(await new PrivateFile(this.path).load(newKeys));
    }

    /** As `load`, but makes nothing. @returns null when there are no keys yet. */
    async peek(): Promise<WorkerKeys | null> {
        const text = await new PrivateFile(this.path).read();
        return text === undefined ? null : this.keysOf(text);
    }

    private async keysOf(text: string): Promise<WorkerKeys> {
        const { workerSeed, encryptionSecret } = this.parse(text);
        return {
            worker: new SigningKey(Buffer.from(workerSeed, 'hex')),
            encryption: await encryptionKeyPairFromSecret(Buffer.from(encryptionSecret, 'hex')),
        };
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

async function newKeys(): Promise<string> {
    return JSON.stringify({
        version: 1,
        workerSeed: randomBytes(KeyBytes).toString('hex'),
        encryptionSecret: (await acceptableEncryptionSecret()).toString('hex'),
    });
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
