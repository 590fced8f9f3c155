import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

import { WorkerConfigInput } from '../config/schema';

const SchemaPath = join(__dirname, '..', '..', 'worker.schema.json');
const SecretMode = 0o600;
const PlainMode = 0o644;

/** @returns what the file holds; nothing where there is none. */
export function readExisting(file: string): WorkerConfigInput {
    if (!existsSync(file)) {
        return {};
    }
    const { $schema: _, ...values } = JSON.parse(readFileSync(file, 'utf8')) as WorkerConfigInput & { $schema?: string };
    return values;
}

/** Writes the configuration at once or not at all; readable by its owner alone when it holds a secret. */
export async function writeConfig(file: string, config: WorkerConfigInput): Promise<void> {
    const $schema = relative(dirname(resolve(file)), SchemaPath);
    const draft = `${file}.${process.pid}`;
    const mode = config.network?.apiKey == null ? PlainMode : SecretMode;
    await mkdir(dirname(resolve(file)), { recursive: true });
    await writeFile(draft, `${JSON.stringify({ $schema, ...config }, null, 4)}\n`, { mode });
    await chmod(draft, mode);
    await rename(draft, file);
}
