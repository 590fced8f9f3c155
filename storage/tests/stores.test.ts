import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FolderStore, MaxUrlLifetime, ObjectStore, openStore, readFromUrl, S3Options, S3Store, StoreError, writeToUrl } from '../src';
import { S3Service, startS3 } from './support/s3';
import { signatureProblem } from './support/signature';

let folder: string;
let server: S3Service;
let s3: S3Options;

beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'storage-test-'));
    server = await startS3(join(folder, 's3'));
    s3 = { endpoint: server.url, region: 'us-east-1', bucket: 'jobs', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
});
afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
});

const bytes = (text: string) => Buffer.from(text);
const code = (promise: Promise<unknown>) =>
    promise.then(
        () => 'nothing was thrown',
        (error: StoreError) => `${error.code}: ${error.message}`,
    );

/** What every store does. */
describe.each<[string, (limits?: { maxObjectBytes?: number }) => ObjectStore]>([
    ['FolderStore', (limits) => new FolderStore(join(folder, 'objects'), limits)],
    ['S3Store', (limits) => new S3Store({ ...s3, ...limits })],
    ['S3Store with a prefix', (limits) => new S3Store({ ...s3, prefix: 'team-1/jobs', ...limits })],
])('%s', (_, open) => {
    it('keeps what was put, replaces it, and says what it does not have', async () => {
        const store = open();
        expect(await store.get('a-1.bin', 100)).toBeNull();
        await store.put('a-1.bin', bytes('one'));
        await store.put('a-1.bin', bytes('two!'));
        expect(await store.get('a-1.bin', 4)).toEqual(bytes('two!'));
        await store.put('empty', bytes(''));
        expect(await store.get('empty', 0)).toEqual(bytes(''));
        const large = Buffer.alloc(3_000_000, 'abc');
        await store.put('large', large);
        expect((await store.get('large', large.length))!.equals(large)).toBe(true);
    });

    it('reads no more than was asked for, and writes no more than its limit', async () => {
        await open().put('five', bytes('12345'));
        expect(await code(open().get('five', 4))).toMatch(/^too_large: .*more than the 4 bytes/);
        expect(await code(open({ maxObjectBytes: 4 }).put('six', bytes('12345')))).toMatch(/^too_large: .*Nothing was written/);
        expect(await open().get('six', 10)).toBeNull();
    });

    it('takes no name that could mean something else', async () => {
        for (const name of ['', '.', '..', '../a', 'a/b', 'a\\b', '.hidden', 'a b', 'ä', 'a\0b', 'x'.repeat(201)]) {
            for (const call of [open().put(name, bytes('')), open().get(name, 1), open().readUrl(name, 60), open().writeUrl(name, 60)]) {
                expect(await code(call)).toMatch(/^invalid_option: .*is no name of an object/);
            }
        }
        await open().put('x'.repeat(200), bytes('long'));
        expect(await open().get('x'.repeat(200), 4)).toEqual(bytes('long'));
    });

    it('gives out URLs by which others read and write one object', async () => {
        const store = open();
        const read = await store.readUrl('shared', 600);
        expect(await readFromUrl(read, 100)).toBeNull();
        await writeToUrl(await store.writeUrl('shared', 600), bytes('by url'));
        expect(await readFromUrl(read, 100)).toEqual(bytes('by url'));
        expect(await store.get('shared', 100)).toEqual(bytes('by url'));
        expect(await code(readFromUrl(read, 5))).toMatch(/^too_large/);
        for (const lifetime of [0, -1, 1.5, NaN]) {
            expect(await code(store.readUrl('shared', lifetime))).toMatch(/^invalid_option: .*seconds/);
        }
    });

    it('ends with the signal', async () => {
        const reason = new Error('Interrupted.');
        const signal = AbortSignal.abort(reason);
        await expect(open().put('aborted', bytes('x'), signal)).rejects.toBe(reason);
        await expect(open().get('aborted', 1, signal)).rejects.toBe(reason);
        expect(await open().get('aborted', 1)).toBeNull();
    });
});

describe('FolderStore', () => {
    it('leaves no half of a file and no temporary one', async () => {
        const store = new FolderStore(join(folder, 'whole'));
        await Promise.all(Array.from({ length: 8 }, (_, index) => store.put('same', Buffer.alloc(200_000, index)).catch((e: unknown) => e)));
        expect(await readdir(join(folder, 'whole'))).toEqual(['same']);
        expect(new Set(await store.get('same', 200_000)).size).toBe(1);
    });

    it('says when the folder cannot be used', async () => {
        await writeFile(join(folder, 'occupied'), '');
        expect(await code(new FolderStore(join(folder, 'occupied')).put('a', bytes('')))).toMatch(/^refused: .*Name another folder/);
        expect(await code(new FolderStore(folder).get('s3', 10))).toMatch(/^refused: .*is no file/);
    });
});

describe('S3Store', () => {
    it('says that keys, bucket or region are wrong', async () => {
        const wrongKey = new S3Store({ ...s3, secretAccessKey: 'wrong' });
        expect(await code(wrongKey.put('a', bytes('x')))).toMatch(/^refused: .*SignatureDoesNotMatch.*Check the keys \(accessKeyId S3RVER\)/);
        expect(await code(wrongKey.get('a', 1))).toMatch(/^refused: .*HTTP 403/);
        expect(await code(new S3Store({ ...s3, accessKeyId: 'nobody' }).get('a', 1))).toMatch(/^refused: .*InvalidAccessKeyId/);
        const noBucket = new S3Store({ ...s3, bucket: 'missing' });
        expect(await code(noBucket.put('a', bytes('x')))).toMatch(/^refused: .*NoSuchBucket.*Make the bucket missing first/);
        expect(await code(noBucket.get('a', 1))).toMatch(/^refused: .*NoSuchBucket/);
    });

    it('says that the service is unreachable, after a few attempts', async () => {
        const gone = new S3Store({ ...s3, endpoint: await closedPort() });
        expect(await code(gone.put('a', bytes('x')))).toMatch(/^unreachable: The store at http:\/\/127\.0\.0\.1:\d+ does not answer \(.*ECONNREFUSED/);
    });

    it('repeats what a busy service did not answer, and notices a service that loses or alters', async () => {
        const busy = await fakeService((count) => (count < 3 ? [503, '<Error><Code>SlowDown</Code></Error>'] : [200, 'x']));
        expect(await new S3Store({ ...s3, endpoint: busy.url }).get('a', 10)).toEqual(bytes('x'));
        const altering = await fakeService(() => [200, 'other']);
        expect(await code(new S3Store({ ...s3, endpoint: altering.url }).put('a', bytes('mine!')))).toMatch(/^not_kept: .*shows other bytes/);
        const losing = await fakeService((_, method) => (method === 'PUT' ? [200, ''] : [404, '<Error><Code>NoSuchKey</Code></Error>']));
        expect(await code(new S3Store({ ...s3, endpoint: losing.url }).put('a', bytes('x')))).toMatch(/^not_kept: .*does not have it/);
        const elsewhere = await fakeService(() => [301, '<Error><Code>PermanentRedirect</Code></Error>']);
        expect(await code(new S3Store({ ...s3, endpoint: elsewhere.url }).get('a', 1))).toMatch(/^refused: .*check endpoint and region/);
        [busy, altering, losing, elsewhere].forEach(({ stop }) => stop());
    });

    it('gives out URLs that expire, for one method and object only', async () => {
        const store = new S3Store(s3);
        await store.put('brief', bytes('x'));
        const url = await store.readUrl('brief', 1);
        expect(await readFromUrl(url, 1)).toEqual(bytes('x'));
        await new Promise((resolve) => setTimeout(resolve, 2_100));
        expect(await code(readFromUrl(url, 1))).toMatch(/^refused: .*The URL has expired/);
        const read = await store.readUrl('brief', 60);
        expect(await code(writeToUrl(read, bytes('y')))).toMatch(/^refused/);
        expect(await code(readFromUrl(read.replace('/brief', '/empty'), 1))).toMatch(/^refused/);
        expect(await code(store.readUrl('brief', MaxUrlLifetime + 1))).toMatch(/^invalid_option: .*1 to 604800 seconds/);
        expect(await code(readFromUrl(url, 1))).not.toContain('Signature=');
    });

    it('fits a presigned URL of seven days into the terms of a job', async () => {
        const store = new S3Store({
            ...s3, endpoint: 'https://s3.ap-southeast-1.amazonaws.com', region: 'ap-southeast-1', accessKeyId: 'A'.repeat(20), bucket: 'b'.repeat(30),
        });
        expect((await store.readUrl('a'.repeat(70), MaxUrlLifetime)).length).toBeLessThan(508);
    });

    it('names the option that is wrong', () => {
        const wrong: [Partial<S3Options>, RegExp][] = [
            [{ endpoint: 'localhost' }, /^S3 endpoint: /],
            [{ endpoint: 'ftp://a' }, /^S3 endpoint: /],
            [{ endpoint: 'http://a:b@c' }, /^S3 endpoint: /],
            [{ region: '' }, /^S3 region: /],
            [{ secretAccessKey: '' }, /^S3 secretAccessKey: expected text, got none/],
            [{ bucket: 'a/b' }, /^S3 bucket: /],
            [{ prefix: '../x' }, /^S3 prefix: /],
        ];
        for (const [change, message] of wrong) {
            expect(() => new S3Store({ ...s3, ...change })).toThrow(message);
        }
    });
});

describe('the check of signatures that stands before the service of these tests', () => {
    it("agrees with the example of Amazon's documentation", () => {
        const user = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
        const url =
            '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
            '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=' +
            'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';
        const headers = { host: 'examplebucket.s3.amazonaws.com' };
        const at = Date.UTC(2013, 4, 24);
        expect(signatureProblem({ method: 'GET', url, headers }, user, at)).toBeNull();
        expect(signatureProblem({ method: 'PUT', url, headers }, user, at)).toBe('SignatureDoesNotMatch');
        expect(signatureProblem({ method: 'GET', url, headers }, user, at + 86_401_000)).toBe('AccessDenied');
    });
});

describe('openStore', () => {
    it('opens folders and buckets', async () => {
        const { href } = pathToFileURL(join(folder, 'by url'));
        const store = openStore(href);
        await store.put('a', bytes('x'));
        expect(await readFromUrl(`${href}/a`, 1)).toEqual(bytes('x'));
        const env = { S3_ENDPOINT: s3.endpoint, S3_ACCESS_KEY_ID: 'S3RVER', S3_SECRET_ACCESS_KEY: 'S3RVER' };
        await openStore('s3://jobs/some/prefix', env).put('a', bytes('in s3'));
        expect(await new S3Store({ ...s3, prefix: 'some/prefix/' }).get('a', 10)).toEqual(bytes('in s3'));
        expect(await openStore(s3).get('a-1.bin', 10)).toEqual(bytes('two!'));
    });

    it('says what is wrong', () => {
        for (const target of ['', 'jobs', '/tmp', 'http://a', 'file://host/a', 's3://', 's3://a:b@c']) {
            expect(() => openStore(target, {})).toThrow('store: expected file:///path or s3://bucket');
        }
        expect(() => openStore('s3://jobs', { S3_ENDPOINT: 'http://a' })).toThrow('needs S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY in the');
    });
});

async function closedPort(): Promise<string> {
    const { url, stop } = await fakeService(() => [200, '']);
    stop();
    return url;
}

/** A service that answers as a function of the number of the request. */
async function fakeService(answer: (count: number, method: string) => [number, string]): Promise<{ url: string; stop: () => void }> {
    let count = 0;
    const http: Server = createServer((request, response) => {
        request.resume().on('end', () => {
            const [status, body] = answer((count += 1), request.method!);
            response.writeHead(status).end(body);
        });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, stop: () => http.close() };
}
