import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { locate, parseStorePrefix, StorePrefix } from '../src/jobs/locations';
import { AllowedStores } from '../src/jobs/stores';

const prefixes = (...texts: string[]) => texts.map((text) => parseStorePrefix(text) as StorePrefix);
const never = new AbortController().signal;

describe('A prefix of a store', () => {
    it.each(['file:///srv/jobs/', 'file:///srv/jobs', 'https://host/', 'https://host/a', 'https://host:8443/a/b/', 'http://127.0.0.1:9000/bucket/', 'http://localhost/'])(
        'may be %s',
        (text) => expect(parseStorePrefix(text)).not.toBeNull(),
    );

    it.each(['file:///', 'file://host/share/', 'http://host/', 'ftp://host/', 'https://user:secret@host/', 'https://host/?a=b', 'https://host/a/../b/', 'https://HOST/', 'srv/jobs', '', 'file:///srv/%2e%2e/'])(
        'may not be %s',
        (text) => expect(parseStorePrefix(text)).toBeNull(),
    );
});

describe('A URL of a job', () => {
    const allowed = prefixes('file:///srv/jobs/', 'https://store.example/bucket/', 'http://127.0.0.1:9000/bucket');
    it.each([
        'file:///srv/jobs/a',
        'file:///srv/jobs/deep/a.bin',
        'https://store.example/bucket/a',
        'https://store.example/bucket/a?X-Amz-Signature=00&X-Amz-Expires=60',
        'http://127.0.0.1:9000/bucket/a',
    ])('is taken: %s', (url) => expect(locate(url, allowed)).not.toBeNull());

    it.each([
        'file:///srv/jobs/',
        'file:///srv/jobs',
        'file:///srv/jobsecrets/a',
        'file:///srv/jobs/../keys.json',
        'file:///srv/jobs/%2e%2e/keys.json',
        'file:///srv/jobs/%2E%2E/keys.json',
        'file:///srv/jobs/..%2fkeys.json',
        'file:///srv/jobs/%252e%252e/keys.json',
        'file:///srv/jobs//etc/passwd',
        'file:///srv/jobs/.hidden',
        'file:///srv/jobs/a/.ssh/key',
        'file:///srv/jobs/a%00',
        'file:///srv/jobs/a?x',
        'file:///srv/jobs/a#x',
        'file://localhost/srv/jobs/a',
        'file://evil/srv/jobs/a',
        'file:/srv/jobs/a',
        'FILE:///srv/jobs/a',
        'file:\\\\\\srv\\jobs\\a',
        'file:///etc/passwd',
        '/srv/jobs/a',
        'http://store.example/bucket/a',
        'https://store.example/bucket',
        'https://store.example/bucket/',
        'https://store.example/bucket-of-others/a',
        'https://store.example/other/a',
        'https://store.example/bucket/../other/a',
        'https://store.example/bucket/%2e%2e/other/a',
        'https://store.example/bucket/..%2fother/a',
        'https://store.example/bucket/..%5cother/a',
        'https://store.example/bucket/a//b',
        'https://store.example:443/bucket/a',
        'https://store.example:8443/bucket/a',
        'https://store.example./bucket/a',
        'https://STORE.example/bucket/a',
        'https://store.example@evil.example/bucket/a',
        'https://store.example\\@evil.example/bucket/a',
        'https://user@store.example/bucket/a',
        'https://store.example.evil.example/bucket/a',
        'https://evil.example/https://store.example/bucket/a',
        'https://store.example/bucket/a\n',
        'https://store.example/bu\tcket/a',
        ' https://store.example/bucket/a',
        'http://127.0.0.1:9001/bucket/a',
        'http://0x7f000001:9000/bucket/a',
        'http://127.1:9000/bucket/a',
        'http://169.254.169.254/latest/meta-data/',
        'javascript:alert(1)',
        'data:text/plain,a',
        '',
    ])('is refused: %j', (url) => expect(locate(url, allowed)).toBeNull());

    it('is always refused where nothing is allowed', () => {
        expect(locate('file:///srv/jobs/a', [])).toBeNull();
    });
});

describe('A folder as a store', () => {
    let outside: string;
    let folder: string;
    let stores: AllowedStores;
    const url = (name: string) => pathToFileURL(join(folder, name)).href;
    const read = (name: string, most = 100) => stores.read(url(name), most, never);
    const write = (name: string, text: string) => stores.write(url(name), Buffer.from(text), never);

    beforeAll(() => {
        outside = realpathSync(mkdtempSync(join(tmpdir(), 'worker-stores-')));
        folder = join(outside, 'jobs');
        mkdirSync(folder);
        writeFileSync(join(outside, 'secret'), 'secret');
        writeFileSync(join(folder, 'a'), 'content');
        stores = new AllowedStores(prefixes(pathToFileURL(`${folder}/`).href), 5);
    });
    afterAll(() => rmSync(outside, { recursive: true }));

    it('gives and takes files', async () => {
        expect((await read('a')).toString()).toBe('content');
        await write('b', 'output');
        expect((await read('b')).toString()).toBe('output');
        await write('b', 'output');
        expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
    });

    it('gives no more than was expected', async () => {
        expect((await read('a', 7)).length).toBe(7);
        await expect(read('a', 6)).rejects.toMatchObject({ kind: 'other' });
        await expect(read('nothing')).rejects.toMatchObject({ kind: 'missing' });
    });

    it('does not lead out of itself by links', async () => {
        symlinkSync(join(outside, 'secret'), join(folder, 'link'));
        symlinkSync(outside, join(folder, 'way-out'));
        symlinkSync(join(outside, 'new'), join(folder, 'dangling'));
        await expect(read('link')).rejects.toMatchObject({ kind: 'missing' });
        await expect(read('way-out/secret')).rejects.toMatchObject({ kind: 'missing' });
        await expect(write('way-out/stolen', 'x')).rejects.toMatchObject({ kind: 'other' });
        await expect(write('link', 'x')).rejects.toMatchObject({ kind: 'other' });
        await expect(write('dangling', 'x')).rejects.toMatchObject({ kind: 'other' });
        expect([readFileSync(join(outside, 'secret'), 'utf8'), readdirSync(outside).sort()]).toEqual(['secret', ['jobs', 'secret']]);
    });

    it("does not overwrite anybody's file, and waits for no pipe", async () => {
        await expect(write('a', 'other')).rejects.toMatchObject({ kind: 'other' });
        await expect(write('a', 'CONTENT')).rejects.toMatchObject({ kind: 'other' });
        linkSync(join(outside, 'secret'), join(folder, 'hard'));
        await expect(write('hard', 'xxxxxx')).rejects.toMatchObject({ kind: 'other' });
        execFileSync('mkfifo', [join(folder, 'pipe')]);
        await expect(read('pipe')).rejects.toMatchObject({ kind: 'missing' });
        mkdirSync(join(folder, 'directory'));
        await expect(read('directory')).rejects.toMatchObject({ kind: 'missing' });
        await expect(write('missing/a', 'x')).rejects.toMatchObject({ kind: 'missing' });
    });
});

describe('A web server as a store', () => {
    let server: Server;
    let base: string;
    let stores: AllowedStores;
    const requests: string[] = [];
    beforeAll(async () => {
        server = createServer((request, response) => {
            requests.push(`${request.method} ${request.url}`);
            const name = request.url!.split('/').at(-1)!.split('?')[0];
            if (name === 'silent') return;
            if (name === 'moved') response.writeHead(302, { location: '/secret' }).end();
            else if (name === 'missing') response.writeHead(404).end();
            else if (name === 'broken') response.writeHead(500).end();
            else if (name === 'long') response.writeHead(200).end(Buffer.alloc(1000));
            else request.resume().on('end', () => response.writeHead(200).end(request.method === 'GET' ? 'content' : ''));
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        stores = new AllowedStores(prefixes(`${base}/bucket/`), 1);
    });
    afterAll(() => {
        server.closeAllConnections();
        server.close();
    });
    const read = (name: string) => stores.read(`${base}/bucket/${name}`, 100, never);

    it('gives and takes objects', async () => {
        expect((await read('a?token=1')).toString()).toBe('content');
        await stores.write(`${base}/bucket/b`, Buffer.from('x'), never);
        expect(requests).toEqual(['GET /bucket/a?token=1', 'PUT /bucket/b']);
    });

    it.each([
        ['moved', 'trouble', /redirects are not followed/],
        ['missing', 'missing', /no such object/],
        ['broken', 'trouble', /status 500/],
        ['long', 'other', /more than the 100 bytes/],
        ['silent', 'trouble', /longer than 1 s/],
    ])('is not trusted: %s', async (name, kind, message) => {
        await expect(read(name)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
        expect(requests).not.toContain('GET /secret');
    });

    it('does not follow redirects when it writes, and no message shows a URL', async () => {
        await expect(stores.write(`${base}/bucket/moved?token=1`, Buffer.from('x'), never)).rejects.toMatchObject({
            message: 'The store answered with status 302; redirects are not followed.',
        });
        await expect(stores.read(`${base}/other/a`, 1, never)).rejects.toMatchObject({ message: 'The URL is in no store that jobs.stores allows.' });
        await expect(stores.read(`${base}/bucket/silent`, 1, AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' });
    });
});
