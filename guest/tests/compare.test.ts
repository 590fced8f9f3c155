import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, toNano } from '@ton/core';
import { measurementOf, parseQuote } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { Worker } from '../../worker/src';
import { TestNetwork } from '../../worker/tests/support/network';
import { addCollateral, clockOf, deployVerifier, setAttester } from '../../worker/tests/support/verifier';
import { compare, QuoteRegisters, RegisterNames, Registers, writeExpected } from '../src';

const Now = 1_800_000_000;
const register = (fill: number) => Buffer.alloc(48, fill);
const quote: QuoteRegisters = {
    mrtd: register(1),
    rtmr0: register(2),
    rtmr1: register(3),
    rtmr2: register(4),
    rtmr3: register(0),
};
const known = (changes: Partial<Record<keyof QuoteRegisters, Buffer | null>> = {}): Registers =>
    Object.fromEntries(
        RegisterNames.map((name) => {
            const value = changes[name] === undefined ? quote[name] : changes[name];
            return [name, { value, origin: value === null ? 'unknown' : 'computed' }];
        }),
    ) as Registers;
const hashOf = (registers: QuoteRegisters) =>
    createHash('sha256')
        .update(Buffer.concat(RegisterNames.map((name) => registers[name])))
        .digest();
const image = hashOf(quote);
const record = { measurement: image, attestedUntil: Now + 60 };

describe('A record', () => {
    it('is equal, different, or of a provider that was never attested', () => {
        const expected = { registers: null, image };
        expect(compare(expected, record, null, Now).verdict).toBe('equal');
        expect(compare({ ...expected, image: Buffer.alloc(32, 7) }, record, null, Now).verdict).toBe('different');
        expect(compare(expected, { ...record, attestedUntil: 0 }, null, Now)).toMatchObject({
            verdict: 'incomparable',
            lines: [expect.stringMatching(/never been attested/)],
        });
    });

    it('that has ended says so beside the comparison', () => {
        const { verdict, lines } = compare({ registers: null, image }, { ...record, attestedUntil: Now }, null, Now);
        expect(verdict).toBe('equal');
        expect(lines.join('\n')).toMatch(/attestation ended at 2027-01-15T08:00:00\.000Z: the record is of the past/);
    });

    it('cannot be compared while a register is unknown, but differs as soon as a known one does', () => {
        const partial = { registers: known({ rtmr0: null }), image: null };
        expect(compare(partial, record, quote, Now)).toMatchObject({
            verdict: 'incomparable',
            lines: expect.arrayContaining([expect.stringMatching(/rtmr0 is unknown.*The others are equal/)]),
        });
        expect(compare(partial, record, null, Now).verdict).toBe('incomparable');
        const other = { registers: known({ rtmr0: null, rtmr2: register(9) }), image: null };
        const { verdict, lines } = compare(other, record, quote, Now);
        expect(verdict).toBe('different');
        expect(lines.filter((line) => line.includes('DIFFERENT  '))).toEqual([
            expect.stringMatching(/^rtmr2 .*another command line/),
        ]);
    });

    it('is not explained by registers that are not its own', () => {
        const { verdict, lines } = compare(
            { registers: known(), image },
            record,
            { ...quote, rtmr3: register(1) },
            Now,
        );
        expect(verdict).toBe('incomparable');
        expect(lines.join('\n')).toMatch(/another quote than the chain has verified/);
    });
});

describe('guest:compare', () => {
    const cli = join(__dirname, '../dist/cli-compare.js');
    const Seed = 'guest test';
    let network: TestNetwork;
    let worker: Worker;
    let shown: QuoteRegisters;

    beforeAll(async () => {
        if (!existsSync(cli)) {
            throw new Error(`${cli} is not there: run npm run build:all first.`);
        }
        let authority: TestAuthority;
        let verifier: Address;
        network = await TestNetwork.create(async (devnet) => {
            authority = new TestAuthority({ seed: Seed, now: await clockOf(devnet) });
            return (verifier = await deployVerifier(devnet, authority.rootKey));
        });
        await addCollateral(network.devnet, verifier!, authority!);
        worker = await network.startWorker({
            provider: { id: network.provider.toRawString(), tier: 'tdx' },
            attestation: { source: 'test', allowTestRoot: true, testSeed: Seed },
        });
        const { gasWallet } = worker.stats().attestation!;
        await network.devnet.faucet(Address.parse(gasWallet), toNano('2'));
        await setAttester(network, Address.parse(gasWallet));
        for (const end = Date.now() + 60_000; worker.stats().attestation!.state !== 'attested'; await sleep(50)) {
            if (Date.now() > end) {
                throw new Error(`Not attested within 60 s: ${worker.stats().attestation!.lastError}`);
            }
        }
        const answer = (await (await fetch(`${worker.url}/attestation`)).json()) as { quote: string };
        const parsed = parseQuote(Buffer.from(answer.quote, 'base64'));
        const { mrTd, rtmr } = parsed.body;
        shown = { mrtd: mrTd, rtmr0: rtmr[0], rtmr1: rtmr[1], rtmr2: rtmr[2], rtmr3: rtmr[3] };
        expect(hashOf(shown)).toEqual(measurementOf(parsed));
    }, 120_000);
    afterAll(async () => {
        await worker?.close();
        await network?.close();
    });

    async function run(expected: string, ...more: string[]) {
        const { devnet, registry, provider } = network;
        const args = [
            '--endpoint',
            devnet.endpoint,
            '--registry',
            registry.toString(),
            '--provider',
            provider.toString(),
        ];
        const child = spawn(process.execPath, [cli, ...args, '--expected', expected, ...more]);
        const output = { out: '', err: '' };
        child.stdout.on('data', (part) => (output.out += part));
        child.stderr.on('data', (part) => (output.err += part));
        const code = await new Promise((resolve) => child.once('close', resolve));
        return { code, ...output };
    }

    function file(registers: Registers): string {
        const path = join(network.directory, 'expected.json');
        writeFileSync(path, writeExpected(registers));
        return path;
    }

    const expectation = (changes: Partial<QuoteRegisters> = {}) =>
        Object.fromEntries(
            RegisterNames.map((name) => [name, { value: changes[name] ?? shown[name], origin: 'computed' }]),
        ) as Registers;

    it('ends with 0 for the image that the chain has verified, and says that the root is a test root', async () => {
        const { code, out } = await run(hashOf(shown).toString('hex'));
        expect(out).toMatch(/^TEST ROOT: .*\n[^]*Equal: the chain has verified a quote of this image\.\n$/);
        expect(code).toBe(0);
    });

    it('ends with 1 for another one, and names the register when it may ask the worker', async () => {
        expect(await run('ab'.repeat(32))).toMatchObject({
            code: 1,
            out: expect.stringMatching(/DIFFERENT: .* With --worker/),
        });
        const { code, out } = await run(file(expectation({ rtmr1: register(9) })), '--worker', worker.url);
        expect(out).toMatch(/mrtd {2}equal[^]*rtmr1 {2}DIFFERENT .*another kernel image[^]*rtmr2 {2}equal/);
        expect(code).toBe(1);
    });

    it('ends with 2 when there is nothing to compare: no file, no worker, no such provider', async () => {
        const equal = hashOf(shown).toString('hex');
        expect(await run(join(network.directory, 'missing.json'))).toMatchObject({
            code: 2,
            err: expect.stringMatching(/missing\.json/),
        });
        expect(await run(equal, '--worker', 'http://127.0.0.1:1')).toMatchObject({
            code: 2,
            err: expect.stringMatching(/shows no quote/),
        });
        expect(await run(equal, '--provider', network.registry.toString())).toMatchObject({
            code: 2,
            err: expect.stringMatching(/./),
        });
    });
});
