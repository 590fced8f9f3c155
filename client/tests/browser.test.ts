import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toNano } from '@ton/core';
import { decodeVoucher, HeaderName } from '@ton-compute/protocol';
import { Page } from 'playwright-core';
import { ExpectedBytes } from '../../protocol/tests/support/fixed-exchange';
import { findChromium, kept, ready, RunningBrowser, Site, startChromium } from './support/browser';
import type {} from './support/browser-page';
import { TestNetwork } from './support/network';
import { PageWallet } from './support/page-wallet';

const chromium = findChromium();
const inBrowser = chromium === null ? describe.skip : describe;

/** @returns what esbuild says to a page that imports these, and the files that it put into the bundle. */
async function bundle(...names: string[]): Promise<{ complaints: string; inputs: string[] }> {
    const folder = await mkdtemp(join(tmpdir(), 'client-bundle-'));
    try {
        const metafile = join(folder, 'meta.json');
        const flags = ['--bundle', '--platform=browser', '--format=esm', `--outfile=${join(folder, 'page.js')}`];
        const child = spawn(require.resolve('esbuild/bin/esbuild'), [...flags, `--metafile=${metafile}`], {
            cwd: join(__dirname, '..'),
            stdio: ['pipe', 'ignore', 'pipe'],
        });
        child.stdin.end(names.map((name) => `export * from ${JSON.stringify(name)};`).join('\n'));
        let complaints = '';
        child.stderr.on('data', (text: Buffer) => (complaints += text.toString()));
        const failed = await new Promise((resolve) => child.once('close', resolve));
        const { inputs } = failed === 0 ? (JSON.parse(await readFile(metafile, 'utf8')) as { inputs: object }) : { inputs: {} };
        return { complaints: failed === 0 ? '' : complaints, inputs: Object.keys(inputs) };
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

describe('the packages for browsers', () => {
    it('need nothing of Node, as built and by both their names', async () => {
        const { complaints, inputs } = await bundle('@ton-compute/client', '@ton-compute/client/browser');
        expect(complaints).toBe('');
        expect(inputs.some((path) => path.endsWith('protocol/dist/browser-crypto.js'))).toBe(true);
        expect(inputs.filter((path) => /node-crypto|folder-store|local-endpoint|dist\/cli[-.]/.test(path))).toEqual([]);
    });

    it('would be seen to need it, as the entry for Node does', async () => {
        expect((await bundle('./dist/index.js')).complaints).toMatch(/Could not resolve "node:/);
    });
});

inBrowser('a page', () => {
    let network: TestNetwork;
    let site: Site;
    let profile: string;
    let browser: RunningBrowser;
    let wallet: PageWallet;
    let page: Page;
    let address: string;
    let shown: string;

    const prompt = 'What can you do for me? My secret is eleven blue herons.';

    beforeAll(async () => {
        profile = await mkdtemp(join(tmpdir(), 'client-profile-'));
        [network, site, browser] = await Promise.all([
            TestNetwork.start(),
            Site.start(profile),
            startChromium(chromium!, profile),
        ]);
        wallet = new PageWallet(network.devnet, network.devnet.wallets[1].mnemonic);
        page = await newPage();
    }, 120_000);

    afterAll(async () => {
        await browser?.kill();
        await site?.stop();
        await network?.stop();
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    });

    /** A tab with the SDK, in which `askWallet` leads to the wallet. */
    async function newPage(): Promise<Page> {
        const tab = await site.open(browser.context);
        await tab.exposeFunction('askWallet', (request: Parameters<PageWallet['send']>[0]) => wallet.send(request));
        return tab;
    }

    /** Makes `window.client`. */
    async function connect(tab: Page, endpoint = network.devnet.endpoint): Promise<void> {
        await tab.evaluate(async ({ api, registry, owner }) => {
            const { createClient, Address } = window.sdk;
            window.client = await createClient({
                endpoint: api,
                registry: Address.parse(registry),
                wallet: { address: owner, send: window.askWallet },
                policy: { leastTier: 'open', headroom: 1n },
            });
        }, {
            api: endpoint,
            registry: network.registry.toString(),
            owner: network.devnet.wallets[1].address.toRawString(),
        });
    }

    /** Opens a session; a failure comes as its code and message. */
    function open(tab: Page): Promise<string> {
        return tab.evaluate(async () => {
            window.session = await window.client.open({ deposit: window.sdk.toNano('1'), closeWindow: 900 });
            return window.session.address.toString();
        });
    }

    function resume(tab: Page): Promise<string> {
        return tab.evaluate(async (session) => {
            try {
                window.session = await window.client.resume(window.sdk.Address.parse(session));
                return 'resumed';
            } catch (error) {
                return (error as { code: string }).code;
            }
        }, address);
    }

    /** Asks through an OpenAI SDK. @returns the text, and in how many pieces it came. */
    function chat(tab: Page, content: string): Promise<{ text: string; pieces: number }> {
        return tab.evaluate(async (question) => {
            const { baseURL, fetch, model } = window.session;
            const openai = new window.OpenAI({ baseURL, apiKey: 'unused', fetch, dangerouslyAllowBrowser: true });
            const messages = [{ role: 'user' as const, content: question }];
            const stream = await openai.chat.completions.create({ model, messages, stream: true, max_tokens: 40, temperature: 0 });
            let text = '';
            let pieces = 0;
            for await (const { choices } of stream) {
                text += choices[0]?.delta.content ?? '';
                pieces += 1;
            }
            return { text, pieces };
        }, content);
    }

    /** Amounts in nanoTON. */
    async function figures(tab: Page): Promise<{ signed: bigint; amount: bigint; requests: number }> {
        const { signed, amount, requests } = await tab.evaluate(async () => {
            const report = await window.session.report();
            return { signed: report.signed.toString(), amount: report.amount.toString(), requests: report.requests };
        });
        return { signed: BigInt(signed), amount: BigInt(amount), requests };
    }

    it('seals, derives and signs to the bytes that Node has', async () => {
        expect(await page.evaluate(() => window.fixedBytes())).toEqual(ExpectedBytes);
    });

    it('is told what is wrong with an endpoint that was typed without https://', async () => {
        await expect(connect(page, 'toncenter.com/api/v2/jsonRPC')).rejects.toThrow(
            'endpoint: expected a URL, got "toncenter.com/api/v2/jsonRPC"',
        );
    });

    it('opens nothing when the owner of the wallet rejects it', async () => {
        await connect(page);
        wallet.owner = 'rejects';
        const held = await network.devnet.balance(network.devnet.wallets[1].address);
        await expect(open(page)).rejects.toThrow('did not take the message (Reject request)');
        expect(await network.devnet.balance(network.devnet.wallets[1].address)).toBe(held);
        wallet.owner = 'confirms';
    });

    it('opens a session through a wallet outside of it', async () => {
        const offers = await page.evaluate(async () => (await window.client.find()).offers.map(({ name }) => name));
        expect(offers).toHaveLength(1);
        address = await open(page);
        const { network: chain, from, messages } = wallet.requests.at(-1)!;
        expect({ chain, from }).toEqual({
            chain: (await page.evaluate(() => window.client.globalId)).toString(),
            from: network.devnet.wallets[1].address.toRawString(),
        });
        expect(messages).toMatchObject([{ address, stateInit: expect.any(String) }]);
    });

    it('streams a sealed answer and pays for it', async () => {
        const bodies: Buffer[] = [];
        network.proxy.meddling = async (incoming, _, body, forward) => {
            if (incoming.url!.endsWith('/chat/completions') && incoming.method === 'POST') {
                bodies.push(body);
            }
            await forward();
        };
        const { text, pieces } = await chat(page, prompt);
        network.proxy.meddling = null;
        shown = text;
        expect(text.length).toBeGreaterThan(10);
        expect(pieces).toBeGreaterThan(3);
        expect(bodies).toHaveLength(1);
        expect(bodies[0].includes('herons')).toBe(false);
        const paid = BigInt(await page.evaluate(async () => (await window.session.pay()).toString()));
        const { signed, amount, requests } = await figures(page);
        expect(amount).toBeGreaterThan(0n);
        expect(signed).toBeGreaterThanOrEqual(amount);
        expect({ paid, requests }).toEqual({ paid: signed, requests: 1 });
    });

    it('keeps the session, and nothing of prompt and answer', async () => {
        const everything = await kept(page);
        // The session itself is there, so this is the place where anything else would be.
        expect(everything).toContain('sessionKey');
        expect(everything).not.toContain('herons');
        const words = shown.match(/[A-Za-z]+( [A-Za-z]+)+/)![0];
        expect(words.length).toBeGreaterThan(5);
        expect(everything).not.toContain(words);
    });

    it('shares a session with no other tab', async () => {
        const other = await newPage();
        await connect(other);
        expect(await resume(other)).toBe('session_in_use');
        expect(await resume(page)).toBe('session_in_use');
        await page.evaluate(() => window.session.dispose());
        expect(await resume(other)).toBe('resumed');
        expect(await resume(page)).toBe('session_in_use');
        await other.close();
    });

    it('goes on with the session after it was loaded again', async () => {
        await page.reload();
        await ready(page);
        await connect(page);
        expect(await page.evaluate(async () => (await window.client.openSessions()).map(String))).toContain(address);
        expect(await resume(page)).toBe('resumed');
        const before = await figures(page);
        expect((await chat(page, prompt)).text).toBe(shown);
        const after = await figures(page);
        expect(after.amount).toBeGreaterThan(before.amount);
        expect(after.requests).toBe(2);
        await page.evaluate(() => window.session.dispose());
    });

    it('forgets no voucher that has left when the browser is killed', async () => {
        expect(await resume(page)).toBe('resumed');
        let highest = 0n;
        let vouchers = 0;
        const enough = new Promise<void>((resolve) => {
            network.proxy.meddling = async ({ headers }, _, body, forward) => {
                const inBody = /"voucher":"([^"]+)"/.exec(body.toString('latin1'))?.[1];
                const voucher = inBody ?? (headers[HeaderName.Voucher] as string | undefined);
                if (voucher !== undefined) {
                    const { cumulative } = decodeVoucher(voucher);
                    vouchers += cumulative > highest ? 1 : 0;
                    highest = cumulative > highest ? cumulative : highest;
                }
                if (vouchers >= 4) {
                    resolve();
                }
                await forward();
            };
        });
        const asked = (async () => {
            for (;;) {
                await chat(page, 'Tell me a story. '.repeat(4));
            }
        })().catch(() => undefined);
        await enough;
        await browser.kill();
        await asked;
        network.proxy.meddling = null;

        browser = await startChromium(chromium!, profile);
        page = await newPage();
        await connect(page);
        expect(await resume(page)).toBe('resumed');
        expect((await figures(page)).signed).toBeGreaterThanOrEqual(highest);
        await page.evaluate(() => window.session.dispose());
    });

    it('closes the session with the words of its wallet, and what is left comes back', async () => {
        await page.evaluate(async ({ endpoint, registry, mnemonic }) => {
            const { createClient, Address } = window.sdk;
            window.client = await createClient({
                endpoint,
                registry: Address.parse(registry),
                wallet: { mnemonic, version: 'v4r2' },
                policy: { leastTier: 'open' },
            });
        }, {
            endpoint: network.devnet.endpoint,
            registry: network.registry.toString(),
            mnemonic: network.devnet.wallets[1].mnemonic,
        });
        expect(await resume(page)).toBe('resumed');
        const held = await network.devnet.balance(network.devnet.wallets[1].address);
        await page.evaluate(() => window.session.startClose());
        await network.worker.settle();
        await network.devnet.increaseTime(901);
        await page.evaluate(() => window.session.finishClose());
        expect(await network.devnet.balance(network.devnet.wallets[1].address)).toBeGreaterThan(held + toNano('0.9'));
        expect(await page.evaluate(async () => (await window.client.openSessions()).map(String))).not.toContain(address);
    });
});
