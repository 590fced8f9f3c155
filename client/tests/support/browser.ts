import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BrowserContext, chromium, Page } from 'playwright-core';

const Places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome-stable', '/usr/bin/google-chrome'];

/** Nothing of a test may need, or reach, the internet. */
const Flags = [
    '--headless',
    '--remote-debugging-port=0',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];

/** @returns where Chromium is, or null; then it says aloud what is not tested, or fails if it was required. */
export function findChromium(): string | null {
    const wanted = process.env.CHROMIUM_PATH;
    const found = (wanted === undefined ? Places : [wanted]).find((path) => existsSync(path)) ?? null;
    if (found === null) {
        const message =
            `There is no Chromium at ${(wanted === undefined ? Places : [wanted]).join(', ')}: nothing is tested in a browser. ` +
            'Install it (apt-get install chromium), or name it in CHROMIUM_PATH.';
        if (process.env.REQUIRE_CHROMIUM === '1') {
            throw new Error(message);
        }
        process.stderr.write(`\n*** SKIPPED: ${message}\n\n`);
    }
    return found;
}

/** A running browser, as a person has it: with a profile on the disk. */
export type RunningBrowser = {
    context: BrowserContext;
    /** Ends it at once, as a crash does: no page learns of it. */
    kill(): Promise<void>;
};

/** @param profile folder that keeps what pages store. */
export async function startChromium(path: string, profile: string): Promise<RunningBrowser> {
    const child = spawn(path, [...Flags, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const kill = async () => {
        child.kill('SIGKILL');
        await over;
    };
    const address = await new Promise<string>((resolve, reject) => {
        let said = '';
        child.stderr.on('data', (text: Buffer) => {
            said += text.toString();
            const match = /^DevTools listening on (ws:\S+)$/m.exec(said);
            if (match !== null) {
                resolve(match[1]);
            }
        });
        child.once('error', reject);
        void over.then(() => reject(new Error(`${path} did not start:\n${said}`)));
    });
    try {
        const [context] = (await chromium.connectOverCDP(address)).contexts();
        context.setDefaultTimeout(90_000);
        return { context, kill };
    } catch (error) {
        await kill();
        throw error;
    }
}

const run = promisify(execFile);
const tool = join(__dirname, '../../tools/build-browser.mjs');

/** A site with one page that has the SDK as it ships, and an OpenAI SDK. */
export class Site {
    private constructor(
        private readonly server: Server,
        readonly url: string,
    ) {}

    /** @param folder for what is built. */
    static async start(folder: string): Promise<Site> {
        const sdk = join(folder, 'browser.js');
        const page = join(folder, 'page.js');
        await Promise.all([
            run(process.execPath, [tool, join(__dirname, '../../src/browser.ts'), sdk]),
            run(process.execPath, [tool, join(__dirname, 'browser-page.ts'), page]),
        ]);
        const files = new Map([
            ['/', { type: 'text/html', bytes: Buffer.from('<!doctype html><script type="module" src="/page.js"></script>') }],
            ['/browser.js', { type: 'text/javascript', bytes: await readFile(sdk) }],
            ['/page.js', { type: 'text/javascript', bytes: await readFile(page) }],
        ]);
        const server = createServer(({ url }, answer) => {
            const file = files.get(url ?? '');
            answer.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' });
            answer.end(file?.bytes);
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return new Site(server, `http://localhost:${(server.address() as AddressInfo).port}/`);
    }

    /** Opens the page in a new tab. */
    async open(context: BrowserContext): Promise<Page> {
        const page = await context.newPage();
        const broken = new Promise<never>((_, reject) => page.once('pageerror', reject));
        broken.catch(() => undefined);
        await page.goto(this.url);
        await Promise.race([ready(page), broken]);
        return page;
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }
}

/** Waits until the page has loaded its scripts. */
export async function ready(page: Page): Promise<void> {
    await page.waitForFunction(() => document.title === 'ready');
}

/** @returns everything that the page's origin keeps in this browser. */
export function kept(page: Page): Promise<string> {
    return page.evaluate(async () => {
        const found: unknown[] = [{ ...localStorage }, { ...sessionStorage }, document.cookie, await caches.keys()];
        for (const { name } of await indexedDB.databases()) {
            const database = await new Promise<IDBDatabase>((resolve, reject) => {
                const request = indexedDB.open(name!);
                request.onsuccess = () => resolve(request.result);
                request.onerror = () => reject(request.error);
            });
            for (const store of database.objectStoreNames) {
                const request = database.transaction(store).objectStore(store).getAll();
                await new Promise((resolve) => (request.onsuccess = resolve));
                found.push(name, store, request.result);
            }
            database.close();
        }
        return JSON.stringify(found);
    });
}
