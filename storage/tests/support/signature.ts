import { createHash, createHmac } from 'node:crypto';
import { IncomingMessage } from 'node:http';

/** What a service knows of its only user. */
export type Credentials = { accessKeyId: string; secretAccessKey: string };

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/**
 * Signature Version 4 as a service checks it, written from Amazon's description and without the library under test:
 * s3rver does not calculate signatures of this version.
 * @param now milliseconds.
 * @returns the S3 error code, or null when the signature holds.
 */
export function signatureProblem(request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>, user: Credentials, now: number): string | null {
    const url = new URL(request.url!, `http://${request.headers.host}`);
    const query = [...url.searchParams].map(([name, value]) => [encode(name), encode(value)]).sort(([a], [b]) => (a < b ? -1 : 1));
    const header = /^AWS4-HMAC-SHA256 Credential=(.*), ?SignedHeaders=(.*), ?Signature=([0-9a-f]{64})$/.exec(request.headers.authorization ?? '');
    const inQuery = (name: string) => url.searchParams.get(name) ?? '';
    const [credential, signed, signature] = header?.slice(1) ?? ['X-Amz-Credential', 'X-Amz-SignedHeaders', 'X-Amz-Signature'].map(inQuery);
    const date = header === null ? inQuery('X-Amz-Date') : String(request.headers['x-amz-date']);
    const [key, day, region, service, end] = credential.split('/');
    if (key !== user.accessKeyId) {
        return 'InvalidAccessKeyId';
    }
    const age = now - Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
    const life = header === null ? Number(inQuery('X-Amz-Expires')) : 900;
    if (!(age >= -900_000 && age <= life * 1000 && life <= 604_800) || !date.startsWith(day)) {
        return 'AccessDenied';
    }
    const canonical = [
        request.method,
        url.pathname.split('/').map((part) => encode(decodeURIComponent(part))).join('/'),
        query.filter(([name]) => name !== 'X-Amz-Signature').map((pair) => pair.join('=')).join('&'),
        ...signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}`),
        '',
        signed,
        request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
    ].join('\n');
    const scope = [day, region, service, end].join('/');
    const text = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
    const signing = [day, region, service, end].reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${user.secretAccessKey}`);
    return hmac(signing, text).toString('hex') === signature ? null : 'SignatureDoesNotMatch';
}

function encode(text: string): string {
    return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
