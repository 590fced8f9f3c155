import { ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { TestNetwork } from './support/network';

const cli = join(__dirname, '../dist/cli.js');
let network: TestNetwork;

beforeAll(async () => {
    if (!existsSync(cli)) {
        throw new Error(`${cli} is not there: run npm run build:all first.`);
    }
    network = await TestNetwork.start();
}, 120_000);

afterAll(() => network?.stop(), 60_000);

function start(args: string[], env: Record<string, string> = {}): ChildProcess {
    const { WALLET_MNEMONIC: _, ...inherited } = process.env;
    return spawn(process.execPath, [cli, ...args], { env: { ...inherited, LOG_LEVEL: 'warn', ...env } });
}

async function run(args: string[], env: Record<string, string> = {}, input = '') {
    const child = start(args, env);
    child.stdin!.end(input);
    const output = { out: '', err: '' };
    child.stdout!.on('data', (part) => (output.out += part));
    child.stderr!.on('data', (part) => (output.err += part));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, ...output };
}

function chainFlags(): string[] {
    const store = join(network.folder, 'cli');
    const registry = network.registry.toString();
    return [
        '--endpoint',
        network.devnet.endpoint,
        '--registry',
        registry,
        '--store',
        store,
        '--wallet-version',
        'v4r2',
    ];
}

function mnemonic(): Record<string, string> {
    return { WALLET_MNEMONIC: network.devnet.wallets[1].mnemonic.join(' ') };
}

describe('the command line', () => {
    it('says in one sentence what is wrong with it, and ends with 2', async () => {
        const wrong: [string[], string][] = [
            [['serve', '--endpoint', 'http://127.0.0.1:1', '--registry', 'EQ'], 'Expected a TON address'],
            [['find', '--registry', network.registry.toString()], "required option '--endpoint <url>' not specified"],
            [['find', ...chainFlags(), '--tier', 'sgx'], 'Allowed choices are tdx, open'],
            [['serve', ...chainFlags(), '--deposit', '1,5'], 'is no amount'],
            [['serve', ...chainFlags(), '--port', '99999'], 'Expected a whole number from 0 to 65535'],
            [['find', ...chainFlags(), '--model', 'gpt'], 'Expected "auto" or the SHA-256'],
            [['find', ...chainFlags(), '--endpoint', 'localhost'], 'endpoint: expected'],
            [['fly'], "unknown command 'fly'"],
        ];
        for (const [args, message] of wrong) {
            const { code, out, err } = await run(args);
            expect([args[0], code, out]).toEqual([args[0], 2, '']);
            expect(err).toContain(message);
            expect(err.trim().split('\n').length).toBeLessThan(4);
        }
    });

    it('ends with 1 when something failed, without a stack trace and without the words of the wallet', async () => {
        const unreachable = await run(['find', ...chainFlags(), '--endpoint', 'http://127.0.0.1:1/']);
        expect(unreachable).toMatchObject({ code: 1, out: '', err: expect.stringContaining('does not answer') });
        const words = { WALLET_MNEMONIC: 'secret word '.repeat(12) };
        const wallet = await run(['serve', ...chainFlags(), '--tier', 'open', '--deposit', '1'], words);
        expect(wallet.code).toBe(2);
        expect(wallet.err).toContain('no valid mnemonic');
        expect(wallet.err + unreachable.err).not.toMatch(/secret|\n\s+at /);
        const none = await run(['report', ...chainFlags()]);
        expect(none).toMatchObject({ code: 1, err: expect.stringContaining('No open session') });
    });

    it('finds, checks, serves, reports, and resumes after an interruption', async () => {
        const found = await run(['find', ...chainFlags(), '--tier', 'open']);
        expect(found).toMatchObject({ code: 0, out: expect.stringContaining(network.provider.toString()) });
        expect((await run(['find', ...chainFlags()])).out).toContain('No offer satisfies the policy');
        expect((await run(['check', network.provider.toString(), ...chainFlags(), '--tier', 'open'])).code).toBe(0);
        expect((await run(['check', network.provider.toString(), ...chainFlags()])).code).toBe(1);

        const first = await serveAndAsk(['--deposit', '1']);
        expect(first.err).toContain('Opening a session');
        expect(first.err).toContain('stays open');
        expect(first.code).toBe(0);
        const second = await serveAndAsk([]);
        expect(second.err).toContain('Resumed');
        expect(second.session).toBe(first.session);

        const report = await run(['report', ...chainFlags()]);
        expect(report.out).toMatch(/requests\s+2,/);
        expect(report.out).toMatch(/answers\s+2 verified/);
        // From the machine with the wallet to one without, with less to spend, and back.
        const elsewhere = [...chainFlags(), '--store', join(network.folder, 'elsewhere')];
        const line = await run(['export', first.session!, ...chainFlags(), '--cap', '0.9']);
        expect(await run(['import', ...elsewhere], {}, line.out)).toMatchObject({ code: 0, out: `${first.session}\n` });
        expect((await run(['report', ...chainFlags()])).out).toContain('STOPPED    It was handed over');
        const back = await run(['export', first.session!, ...elsewhere]);
        expect((await run(['import', ...chainFlags()], {}, back.out)).code).toBe(0);

        const topup = await run(['topup', ...chainFlags(), '--amount', '0.5', '--raise-cap'], mnemonic());
        expect(topup.out).toMatch(/^1\.39\d* TON remain/);
        const closing = await run(['close', ...chainFlags()], mnemonic());
        expect(closing.out).toContain('Closing until');
        await network.devnet.increaseTime(21_601);
        const closed = await run(['close', ...chainFlags()], mnemonic());
        expect(closed.out).toContain('Closed: what was left went to the wallet');
        expect((await run(['sessions', ...chainFlags()])).out).toContain('2 requests');
    }, 120_000);
});

/** Starts `serve`, asks one question through it, and interrupts it. */
async function serveAndAsk(args: string[]) {
    const child = start(['serve', ...chainFlags(), '--tier', 'open', '--port', '0', ...args], mnemonic());
    let err = '';
    child.stderr!.on('data', (part) => (err += part));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const facts = new Map<string, string>();
    for await (const line of createInterface({ input: child.stdout! })) {
        const [, name, value] = /^([^:]+): (.*)$/.exec(line)!;
        facts.set(name, value);
        if (name === 'session') {
            break;
        }
    }
    const url = facts.get('OpenAI-compatible endpoint');
    if (url === undefined) {
        throw new Error(`serve ended: ${err}`);
    }
    const openai = new OpenAI({ baseURL: url, apiKey: 'unused' });
    const answer = await openai.chat.completions.create({
        model: facts.get('model')!,
        messages: [{ role: 'user', content: 'Hello' }],
        max_tokens: 10,
    });
    expect(answer.choices[0].message.content!.length).toBeGreaterThan(0);
    child.kill('SIGINT');
    return { code: await ended, err, session: facts.get('session') };
}
