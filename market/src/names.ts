import { readFile } from 'node:fs/promises';
import { ClientError, reasonOf } from '@ton-compute/client';
import { shortHash } from './text';

/** Names that the reader himself gives to models, by the hash of their weights in lower case. */
export type ModelNames = ReadonlyMap<string, string>;

/** @returns the name of a model, or the beginning of its hash. Nothing on the chain names models. */
export function modelName(names: ModelNames, model: string): string {
    return names.get(model) ?? shortHash(model);
}

/**
 * @param path of a JSON file that maps hashes to names.
 * @throws ClientError `invalid_option`.
 */
export async function readNames(path: string): Promise<ModelNames> {
    let entries: unknown;
    try {
        entries = JSON.parse(await readFile(path, 'utf8'));
    } catch (error) {
        throw wrong(path, reasonOf(error));
    }
    if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
        throw wrong(path, 'it holds no object');
    }
    return new Map(
        Object.entries(entries).map(([hash, name]) => {
            if (!/^[0-9a-f]{64}$/i.test(hash) || typeof name !== 'string') {
                throw wrong(path, `"${hash}" is no hash with a name`);
            }
            return [hash.toLowerCase(), name.replace(/\p{C}/gu, '')]; // no control characters in a terminal
        }),
    );
}

function wrong(path: string, reason: string): ClientError {
    return new ClientError(
        'invalid_option',
        `--names ${path}: ${reason}. Expected a JSON object such as {"<SHA-256 of the weights>": "name"}.`,
    );
}
