import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Address, toNano } from '@ton/core';
import { readItems } from '../src/cli-job-files';
import { JobNetwork, Model } from './support/job-network';
import { JobProvider } from './support/job-provider';

const cli = join(__dirname, '../dist/cli.js');
let network: JobNetwork;
let provider: JobProvider;

beforeAll(async () => {
    if (!existsSync(cli)) {
        throw new Error(`${cli} is not there: run npm run build:all first.`);
    }
    network = await JobNetwork.start(1);
    [provider] = network.providers;
}, 120_000);
afterAll(() => network?.stop());

type Ended = { code: unknown; out: string; err: string };

/** @param during called with the address of the job once it is posted. */
async function job(args: string[], during?: (job: Address, stop: () => void) => Promise<unknown>): Promise<Ended> {
    const env = { ...process.env, LOG_LEVEL: 'silent', WALLET_MNEMONIC: network.devnet.wallets[1].mnemonic.join(' ') };
    const common = ['--endpoint', network.devnet.endpoint, '--registry', network.registry.toString(), '--store', join(network.folder, 'cli')];
    const child = spawn(process.execPath, [cli, 'job', ...args, ...common, '--wallet-version', 'v4r2', '--allow-test-root'], { env });
    const output = { out: '', err: '' };
    let work: Promise<unknown> | undefined;
    child.stdout.on('data', (part) => (output.out += part));
    child.stderr.on('data', (part) => {
        output.err += part;
        const posted = /^Posted (\S+)\. /m.exec(output.err);
        if (posted !== null && work === undefined) {
            work = during?.(Address.parse(posted[1]), () => child.kill('SIGINT'));
        }
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    await work;
    return { code, ...output };
}

function runArguments(input: string, output: string): string[] {
    const store = pathToFileURL(join(network.folder, 'objects')).href;
    return ['run', '--input', input, '--output', output, '--model', Model, '--ceiling', '2', '--object-store', store, '--max-tokens', '16', '--minimum-wait', '0'];
}

describe('the commands of jobs', () => {
    it('run, resume, show, list, fetch, cancel and expire', async () => {
        const input = join(network.folder, 'prompts.jsonl');
        const output = join(network.folder, 'results.jsonl');
        await writeFile(input, '{"prompt": "one"}\n\nplain text\n{"messages": [{"role": "user", "content": "three"}]}\n');
        const serve = async (address: Address) => {
            await provider.bid(address, toNano('1'));
            await provider.serve(address);
        };
        let first: Address | undefined;
        const ran = await job([...runArguments(input, output), '--system', 'S: '], async (address) => serve((first = address)));
        expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^3 results in .*, 0 of them errors\. Paid 1 TON to /) });
        expect(ran.err).toMatch(/^bidding, \d+ s left$/m);
        expect(ran.err).toMatch(/^delivered, for 1 TON by /m);
        const lines = (await readFile(output, 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
        expect(lines).toHaveLength(3);
        expect(lines[1]).toEqual({ index: 1, status: 'ok', content: 'S: PLAIN TEXT', finishReason: 'stop', promptTokens: 10, completionTokens: 3 });

        let second: Address | undefined;
        const stopped = await job(runArguments(input, output), async (address, stop) => {
            second = address;
            stop();
        });
        expect(stopped).toMatchObject({ code: 1, out: '' });
        const resumed = join(network.folder, 'resumed.jsonl');
        const [again] = await Promise.all([job(['resume', second!.toString(), '--output', resumed]), serve(second!)]);
        expect(again).toMatchObject({ code: 0, out: expect.stringContaining('3 results in') });
        const fetched = await job(['result', second!.toString(), '--output', join(network.folder, 'fetched.jsonl')]);
        expect(fetched.code).toBe(0);
        expect(await readFile(join(network.folder, 'fetched.jsonl'), 'utf8')).toBe(await readFile(resumed, 'utf8'));
        expect((await job(['show', first!.toString()])).out).toMatch(/state {6}delivered\n[^]*bid {8}1 TON by[^]*ended .*paid 1 TON/);

        let third: Address | undefined;
        await job(runArguments(input, output), async (address, stop) => {
            third = address;
            stop();
        });
        const early = await job(['expire', third!.toString()]);
        expect(early).toMatchObject({ code: 1, err: expect.stringContaining('deadline of job') });
        expect((await job(['cancel', third!.toString()])).out).toContain('Cancelled: what was locked went to the wallet.');
        expect((await job(['cancel', third!.toString()])).err).toContain('has ended (cancelled) and cannot be cancelled');
        expect((await job(['list'])).out.trim().split('\n').map((line) => line.split('  ')[1])).toEqual(['cancelled', 'delivered', 'delivered']);
        expect((await readdir(network.folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }, 120_000);

    it('say what is wrong before anything is spent', async () => {
        const input = join(network.folder, 'bad.jsonl');
        await writeFile(input, '{"prompt": "one"}\n{"prmpt": "two"}\n');
        const output = join(network.folder, 'never.jsonl');
        const wrong: [string[], string][] = [
            [runArguments(input, output), 'bad.jsonl, line 2: expected {"prompt": ...}'],
            [runArguments(join(network.folder, 'missing'), output), '--input: '],
            [runArguments(join(network.folder, 'prompts.jsonl'), join(network.folder, 'no', 'folder')), '--output: '],
            [[...runArguments(join(network.folder, 'prompts.jsonl'), output), '--object-store', 'ftp://a'], 'expected file:///path or s3://bucket'],
            [[...runArguments(join(network.folder, 'prompts.jsonl'), output), '--model', 'auto'], 'A job needs --model'],
            [[...runArguments(join(network.folder, 'prompts.jsonl'), output), '--ceiling', 'much'], 'is no amount'],
        ];
        for (const [args, message] of wrong) {
            const { code, out, err } = await job(args);
            expect([message, code, out]).toEqual([message, 2, '']);
            expect(err).toContain(message);
        }
    });

    it('take lines of JSON and of text', async () => {
        const path = join(network.folder, 'lines');
        await writeFile(path, '"quoted"\n"Well," he said\r\n  \n{"input": "a"}\n42\n');
        expect(await readItems(path)).toEqual(['quoted', '"Well," he said', { input: 'a' }, '42']);
        await writeFile(path, '{"prompt": ');
        await expect(readItems(path)).rejects.toThrow('line 1: expected JSON or plain text');
    });
});
