import { AwsV4Signer } from 'aws4fetch';
import { ask, StoreAnswer, StoreRequest, whatItSaid } from './http';
import { MaxObjectBytes, requireLifetime, requireName, requireSize, StoreLimits } from './limits';
import { ObjectStore, StoreError } from './store';

/** How a bucket of an S3-compatible service is reached. */
export type S3Options = StoreLimits & {
    /** URL of the service without the bucket, such as https://s3.eu-central-1.amazonaws.com or http://127.0.0.1:9000. */
    endpoint: string;
    /** As the service names it, such as eu-central-1; many services take us-east-1 or auto. */
    region: string;
    bucket: string;
    accessKeyId: string;
    secretAccessKey: string;
    /** Before each name: letters, digits, `-`, `.`, `_` and `/`; nothing when omitted. */
    prefix?: string;
};

/** The longest life of a presigned URL, seconds: the seven days of Signature Version 4. */
export const MaxUrlLifetime = 604_800;

/**
 * Objects in a bucket of an S3-compatible service, addressed by path: AWS, MinIO, Ceph, R2 and others take that. URLs
 * for others are presigned: they hold for one object, one method and their lifetime, and no key is given away.
 */
export class S3Store implements ObjectStore {
    private readonly base: string;
    private readonly maxObjectBytes: number;

    /** @throws StoreError `invalid_option` naming the option that is wrong. */
    constructor(private readonly options: S3Options) {
        const { endpoint, region, bucket, accessKeyId, secretAccessKey, prefix = '', maxObjectBytes = MaxObjectBytes } = options;
        for (const [name, value] of Object.entries({ region, accessKeyId, secretAccessKey })) {
            if (typeof value !== 'string' || value === '') {
                throw wrong(name, 'expected text, got none');
            }
        }
        if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
            throw wrong('bucket', `expected 3 to 63 lower-case letters, digits, "-" and ".", got "${bucket}"`);
        }
        if (!/^([A-Za-z0-9._-]+\/?)*$/.test(prefix) || /(^|\/)\.{1,2}(\/|$)/.test(prefix)) {
            throw wrong('prefix', `expected letters, digits, "-", ".", "_" and "/", got "${prefix}"`);
        }
        this.base = `${serviceUrl(endpoint)}/${bucket}/${prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`}`;
        this.maxObjectBytes = maxObjectBytes;
    }

    async put(name: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
        const url = this.url(name);
        requireSize(name, bytes.length, this.maxObjectBytes);
        // Signed with the request, so that the service refuses a body that was damaged on its way.
        const hash = await sha256Hex(bytes);
        const answer = await ask(() => this.sign('PUT', url, hash, bytes), 65_536, signal);
        if (answer.status < 200 || answer.status > 299) {
            throw this.refused(`write ${name}`, answer);
        }
        const kept = await this.get(name, bytes.length, signal);
        if (kept === null || !kept.equals(bytes)) {
            throw new StoreError(
                'not_kept',
                `The store took ${name} and ${kept === null ? 'does not have it' : 'shows other bytes'}. Use another store.`,
            );
        }
    }

    async get(name: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | null> {
        const url = this.url(name);
        const answer = await ask(() => this.sign('GET', url, 'UNSIGNED-PAYLOAD'), maxBytes, signal);
        if (answer.status === 200) {
            return answer.body;
        }
        if (answer.status === 404 && !answer.body.includes('NoSuchBucket')) {
            return null;
        }
        throw this.refused(`read ${name}`, answer);
    }

    readUrl(name: string, lifetime: number): Promise<string> {
        return this.presign('GET', name, lifetime);
    }

    writeUrl(name: string, lifetime: number): Promise<string> {
        return this.presign('PUT', name, lifetime);
    }

    private url(name: string): string {
        requireName(name);
        return this.base + name;
    }

    private async sign(method: 'GET' | 'PUT', url: string, hash: string, body?: Uint8Array): Promise<StoreRequest> {
        const headers = { 'x-amz-content-sha256': hash };
        const signed = await new AwsV4Signer({ ...this.signing(), method, url, headers }).sign();
        return { method, url, headers: Object.fromEntries(signed.headers), body };
    }

    private async presign(method: 'GET' | 'PUT', name: string, lifetime: number): Promise<string> {
        const url = new URL(this.url(name));
        requireLifetime(lifetime, MaxUrlLifetime);
        url.searchParams.set('X-Amz-Expires', String(lifetime));
        const signed = await new AwsV4Signer({ ...this.signing(), method, url: url.href, signQuery: true }).sign();
        return signed.url.href;
    }

    private signing() {
        const { accessKeyId, secretAccessKey, region } = this.options;
        return { accessKeyId, secretAccessKey, region, service: 's3' };
    }

    private refused(what: string, answer: StoreAnswer): StoreError {
        const { endpoint, bucket, region, accessKeyId } = this.options;
        const hint =
            answer.status === 401 || answer.status === 403
                ? `Check the keys (accessKeyId ${accessKeyId}), what they may do in bucket ${bucket}, and this machine's clock.`
                : answer.status >= 300 && answer.status < 400
                  ? `The bucket lives elsewhere: check endpoint and region (${region}).`
                  : answer.status === 404
                    ? `Make the bucket ${bucket} first, or check its name.`
                    : 'Try again later, or use another store.';
        const code = answer.status >= 500 || answer.status === 429 ? 'unreachable' : 'refused';
        return new StoreError(code, `The store at ${endpoint} did not ${what}: ${whatItSaid(answer)}. ${hint}`);
    }
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
    const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
    return Buffer.from(digest).toString('hex');
}

function serviceUrl(endpoint: string): string {
    let url: URL | null = null;
    try {
        url = new URL(endpoint);
    } catch {
        // Said below.
    }
    if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '') {
        throw wrong('endpoint', `expected a plain http(s) URL without the bucket, got "${endpoint}"`);
    }
    return url.href.replace(/\/+$/, '');
}

function wrong(option: string, why: string): StoreError {
    return new StoreError('invalid_option', `S3 ${option}: ${why}.`);
}
