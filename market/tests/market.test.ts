import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { marketToJson, MarketView, readMarket } from '@ton-compute/client';
import { fullMarket, HostileEndpoint, Models } from '../../client/tests/support/market';
import { marketPage, terminalText, Width } from '../src';

const cli = join(__dirname, '../dist/cli.js');
let setting: Awaited<ReturnType<typeof fullMarket>>;
let view: MarketView;
let folder: string;

beforeAll(async () => {
    if (!existsSync(cli)) {
        throw new Error(`${cli} is not there: run npm run build:all first.`);
    }
    folder = await mkdtemp(join(tmpdir(), 'market-test-'));
    setting = await fullMarket();
    const { devnet, registry } = setting.market;
    view = await readMarket({ endpoint: devnet.endpoint, registry });
}, 240_000);

afterAll(async () => {
    await setting?.market.stop();
    await rm(folder, { recursive: true, force: true });
}, 60_000);

async function run(args: string[]) {
    const { TON_ENDPOINT: _, TON_COMPUTE_REGISTRY: __, TONCENTER_API_KEY: ___, ...env } = process.env;
    const child = spawn(process.execPath, [cli, ...args], { env });
    const output = { out: '', err: '' };
    child.stdout.on('data', (part) => (output.out += part));
    child.stderr.on('data', (part) => (output.err += part));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, ...output };
}

function source(): string[] {
    return ['--endpoint', setting.market.devnet.endpoint, '--registry', setting.market.registry.toString()];
}

/** What changes from one second to the next. */
function timeless(json: unknown): unknown {
    return JSON.parse(
        JSON.stringify(json, (name, value: unknown) =>
            ['readAt', 'perHour', 'seconds', 'earningsPerHour', 'perAttestedHour', 'attestedSeconds', 'time', 'score'].includes(name)
                ? null
                : value,
        ),
    );
}

describe('the tables', () => {
    it('fit, show what there is, and hold nothing that a terminal obeys', () => {
        const text = terminalText(view, new Map([[Models.small.toString('hex'), 'tiny-chat']]));
        for (const line of text.split('\n')) {
            expect(line.length).toBeLessThanOrEqual(Width);
        }
        expect(text).not.toMatch(/[^\n\x20-\x7e\u2500-\u257f]/);
        const expected = ['tiny-chat', '02020202..', 'Offers of tiny-chat', 'not taken', 'bidding', 'failed', 'Demand that nobody served', 'https://cheap'];
        for (const part of expected) {
            expect(text).toContain(part);
        }
    });

    it('fit also with the largest figures', () => {
        const most = 2n ** 64n - 1n;
        const [provider] = view.providers;
        const large = {
            ...provider,
            index: 99_999,
            volume: most,
            sessions: 2 ** 32 - 1,
            jobsDelivered: 2 ** 32 - 1,
            jobsFailed: 2 ** 32 - 1,
            jobsDeclined: 65_535,
            feesRemitted: 1_234_567n,
            attestedSeconds: 2 ** 32 - 1,
            tcbStatus: 'ConfigurationAndSWHardeningNeeded',
            endpoint: `https://${'x'.repeat(100)}`,
            reputation: { ...provider.reputation, score: 1_234_567n },
            earnings: { ...provider.earnings!, perHour: 1_234_567n },
        };
        const [model] = view.models;
        const [offer] = model.offers;
        const tiny = 1_234_567n;
        const spread = { least: tiny, median: tiny, highest: tiny };
        const prices = { prompt: tiny, cached: tiny, completion: tiny, reasoning: tiny };
        const text = terminalText(
            {
                ...view,
                providers: [large],
                models: [
                    {
                        ...model,
                        providers: 99_999,
                        offers: [{ ...offer, provider: large.index, prices }],
                        prices: { prompt: spread, cached: spread, completion: spread, reasoning: spread },
                        settledVolume: tiny,
                        earningsPerHour: spread,
                    },
                ],
                unreadableProviders: [{ index: 1, address: provider.address, reason: 'x'.repeat(300) }],
            },
            new Map([[model.model, 'a name that is much longer than any column']]),
        );
        expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(Width);
        expect(text).toContain('Not readable');
    });

    it('of an empty market say so', () => {
        const nothing = { ...view, providers: [], models: [], jobs: [] };
        expect(terminalText(nothing, new Map())).toContain('Part of the market: 0 of 5 providers, 0 of 9 listed jobs.');
    });
});

describe('the page', () => {
    let page: string;
    beforeAll(async () => {
        page = await marketPage(view, new Map([[Models.small.toString('hex'), '</script><b>name']]));
    });

    /** Scripts that browsers run, and the data beside them. */
    const scripts = () => [...page.matchAll(/<script>([^]*?)<\/script>/g)].map(([, source]) => source);
    const data = () => JSON.parse(/<script type="application\/json" id="data">([^]*?)<\/script>/.exec(page)![1]);

    it('holds nothing that strangers wrote as markup', () => {
        expect(page).not.toContain(HostileEndpoint);
        expect(page).not.toContain('alert(1)</script>');
        expect(page).not.toContain('<img');
        expect(page).not.toContain('<b>name');
        expect(page.match(/<script/g)).toHaveLength(3);
        expect(page.match(/<\/script/g)).toHaveLength(3);
        expect(page).toContain('&quot;&gt;&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
        expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u0080-\u009f\u202e]/);
    });

    it('loads nothing, and its policy allows exactly its own scripts and style', () => {
        const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1];
        const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
        const style = /<style>([^]*?)<\/style>/.exec(page)![1];
        expect(policy).toBe(
            `default-src 'none'; script-src ${scripts().map(hash).join(' ')}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`,
        );
        // Names of attributes: text is escaped, so it holds no tags, and values stand in quotes.
        const tags = page.replace(/<script[^>]*>[^]*?<\/script>/g, '').match(/<[^>]*>/g)!;
        expect(tags.map((tag) => tag.replace(/"[^"]*"/g, '""')).join('')).not.toMatch(/ (src|href|style|on\w+)=/);
        expect(page).not.toContain('sourceMappingURL');
    });

    it('has its figures without scripts too', () => {
        const readable = page.replace(/<script[^]*?<\/script>/g, '');
        for (const part of ['500000000 nanoTON', '1250000000 nanoTON', 'Jobs that ended', Models.absent.toString('hex')]) {
            expect(readable).toContain(part);
        }
    });

    it('draws its charts with the library that it holds', () => {
        expect(data().map(({ id }: { id: string }) => id)).toEqual(['prices-0', 'prices-1', 'volume', 'earnings', 'jobs']);
        const [library, script] = scripts();
        const drawn: { element: unknown; config: { type?: string; data: { datasets: { data: unknown[] }[] } } }[] = [];
        // The library runs as it does in a browser; the page's script meets a recorder in its place.
        const globals = { window: {} as Record<string, unknown> };
        runInNewContext(`var self = this; ${library}; window.Loaded = typeof Chart === 'function' ? Chart.version : typeof this.Chart`, globals);
        expect(globals.window.Loaded).toBe('4.5.1');
        class Recorder {
            static defaults = { font: {} };
            constructor(element: unknown, config: (typeof drawn)[number]['config']) {
                drawn.push({ element, config });
            }
            destroy(): void {}
        }
        const media = { matches: false, addEventListener: () => undefined };
        runInNewContext(script, {
            window: { matchMedia: () => media },
            document: {
                documentElement: {},
                body: {},
                getElementById: (id: string) => (id === 'data' ? { textContent: JSON.stringify(data()) } : { id }),
            },
            getComputedStyle: () => ({ getPropertyValue: () => ' #123456 ', fontFamily: 'sans-serif' }),
            Chart: Recorder,
        });
        expect(drawn.map(({ element }) => (element as { id: string }).id)).toEqual(data().map(({ id }: { id: string }) => id));
        const [prices] = drawn;
        expect(prices.config.data.datasets.map((set) => [...set.data])).toEqual([
            [0.1, 0.2, 0.3],
            [0.3, 0.6, 0.9],
            [0.2, 0.2, 0.2],
            [0.6, 0.6, 0.6],
        ]);
        for (const { id } of data()) {
            expect(page).toContain(`<canvas id="${id}"`);
        }
    });
});

describe('the command line', () => {
    it('writes tables, with progress beside them', async () => {
        const { code, out, err } = await run(source());
        expect([code, err.includes('Reading providers (5)')]).toEqual([0, true]);
        expect(out).toContain('Demand that nobody served');
        expect(out).not.toContain('Reading');
    });

    it('writes the JSON of the view, and nothing else', async () => {
        const { code, out } = await run([...source(), '--json']);
        expect(code).toBe(0);
        expect(timeless(JSON.parse(out))).toEqual(timeless(marketToJson(view)));
    });

    it('writes a page with the names of a file', async () => {
        const [names, file] = [join(folder, 'names.json'), join(folder, 'market.html')];
        await writeFile(names, JSON.stringify({ [Models.large.toString('hex')]: 'large-chat' }));
        const { code, out, err } = await run([...source(), '--names', names, '--html', file, '--model', Models.large.toString('hex')]);
        expect([code, out, err.includes(file)]).toEqual([0, '', true]);
        const page = await readFile(file, 'utf8');
        expect(page).toContain('Offers of large-chat');
        expect(page).not.toContain('cheap.example');
    });

    it('ends with 2 when it is wrong, and says why', async () => {
        const wrong: [string[], string][] = [
            [['--endpoint', 'http://127.0.0.1:1'], "required option '--registry <address>' not specified"],
            [[...source(), '--registry', 'EQ'], 'Expected a TON address'],
            [[...source(), '--model', 'gpt'], 'Expected the SHA-256 of the weights'],
            [[...source(), '--jobs', '-1'], 'Expected a whole number from 0'],
            [[...source(), '--names', join(folder, 'absent.json')], 'Expected a JSON object'],
            [[...source(), '--endpoint', 'localhost'], 'endpoint: expected'],
            [[...source(), 'more'], 'too many arguments'],
        ];
        for (const [args, message] of wrong) {
            const { code, out, err } = await run(args);
            expect([args, code, out]).toEqual([args, 2, '']);
            expect(err).toContain(message);
        }
    }, 60_000);

    it('ends with 1 when something failed, and says what to do', async () => {
        const wallet = setting.market.owner.address.toString();
        const failing: [string[], string][] = [
            [[...source(), '--endpoint', 'http://127.0.0.1:1/'], 'does not answer'],
            [[...source(), '--registry', wallet], 'is not a ProviderRegistry of this release'],
            [[...source(), '--global-id', '-3'], 'Check the endpoint'],
            [[...source(), '--html', join(folder, 'no', 'page.html')], 'Name a file in a folder that exists'],
        ];
        for (const [args, message] of failing) {
            const { code, out, err } = await run(args);
            expect([args, code, out]).toEqual([args, 1, '']);
            expect(err).toContain(message);
            expect(err).not.toMatch(/\n\s+at /);
        }
    }, 60_000);
});
