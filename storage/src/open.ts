import { fileURLToPath } from 'node:url';
import { FolderStore } from './folder-store';
import { S3Options, S3Store } from './s3-store';
import { ObjectStore, StoreError } from './store';

const Variables = {
    endpoint: 'S3_ENDPOINT',
    region: 'S3_REGION',
    accessKeyId: 'S3_ACCESS_KEY_ID',
    secretAccessKey: 'S3_SECRET_ACCESS_KEY',
} as const;

/**
 * Opens a store from a line of text, as commands take it, or from options.
 * @param target `file:///path`, `s3://bucket` or `s3://bucket/prefix`, or the options of an S3Store.
 * @param env where keys of S3 come from: S3_ENDPOINT, S3_REGION (us-east-1 when missing), S3_ACCESS_KEY_ID and
 * S3_SECRET_ACCESS_KEY; flags of a command are seen by everybody on a machine.
 * @throws StoreError `invalid_option`. Nothing is sent or written yet.
 */
export function openStore(target: string | S3Options, env: NodeJS.ProcessEnv = process.env): ObjectStore {
    if (typeof target !== 'string') {
        return new S3Store(target);
    }
    let url: URL | null = null;
    try {
        url = new URL(target);
    } catch {
        // Said below.
    }
    if (url?.protocol === 'file:' && url.hostname === '') {
        return new FolderStore(fileURLToPath(url));
    }
    if (url?.protocol === 's3:' && url.hostname !== '' && url.username === '' && url.search === '') {
        return new S3Store({ ...fromEnvironment(env), bucket: url.hostname, prefix: decodeURIComponent(url.pathname.slice(1)) });
    }
    throw new StoreError('invalid_option', `store: expected file:///path or s3://bucket, got "${target}".`);
}

function fromEnvironment(env: NodeJS.ProcessEnv): Omit<S3Options, 'bucket'> {
    const missing = Object.values(Variables).filter((name) => name !== Variables.region && !env[name]);
    if (missing.length > 0) {
        throw new StoreError('invalid_option', `store: an s3:// store needs ${missing.join(', ')} in the environment.`);
    }
    return {
        endpoint: env[Variables.endpoint]!,
        region: env[Variables.region] || 'us-east-1',
        accessKeyId: env[Variables.accessKeyId]!,
        secretAccessKey: env[Variables.secretAccessKey]!,
    };
}
