import { ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { AddressInfo, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Address } from '@ton/core';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { developmentWallets, Devnet, startDevnet, WALLET_VERSION } from '../src';
import { counterCode, readNumber, rpc } from './support';

const to = new Address(0, Buffer.alloc(32, 5));

const modules = [resolve(__dirname, '../node_modules'), resolve(__dirname, '../../node_modules')];

/** Where the program is that the tests start, compiled from the sources as they are now. */
let program: string;

async function compile(from: string, into: string): Promise<void> {
    await mkdir(into, { recursive: true });
    for (const entry of await readdir(from, { withFileTypes: true })) {
        const source = join(from, entry.name);
        if (entry.isDirectory()) {
            await compile(source, join(into, entry.name));
        } else {
            const { outputText } = transpileModule(await readFile(source, 'utf8'), {
                compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true },
            });
            await writeFile(join(into, entry.name.replace(/\.ts$/, '.js')), outputText);
        }
    }
}

beforeAll(async () => {
    program = await mkdtemp(join(tmpdir(), 'devnet-program-'));
    await compile(resolve(__dirname, '../src'), program);
});
afterAll(() => rm(program, { recursive: true }));

/** The command line as a process of its own. */
class Cli {
    private static readonly all: Cli[] = [];

    /** Ends what a failed test left running. */
    static endAll(): void {
        for (const { process } of Cli.all) {
            process.kill('SIGKILL');
        }
    }

    readonly process: ChildProcess;
    readonly ended: Promise<number | null>;
    stdout = '';
    stderr = '';

    constructor(...args: string[]) {
        this.process = spawn(
            process.execPath,
            [join(program, 'cli.js'), ...args],
            // Jest's own options are not for the child.
            { env: { ...process.env, NODE_OPTIONS: '', NODE_PATH: modules.join(delimiter) } },
        );
        this.process.stdout!.on('data', (data) => (this.stdout += String(data)));
        this.process.stderr!.on('data', (data) => (this.stderr += String(data)));
        this.ended = new Promise((resolve) => this.process.on('close', resolve));
        Cli.all.push(this);
    }

    /** Waits until it is up and returns the endpoint that it printed. */
    async endpoint(): Promise<string> {
        for (;;) {
            const match = /endpoint +(\S+)/.exec(this.stdout);
            if (match && this.stdout.includes('Ctrl+C')) {
                return match[1];
            }
            if (this.process.exitCode !== null) {
                throw new Error(`It ended: ${this.stderr}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }
}

describe('the command line', () => {
    let folder: string;
    let taken: Server;
    let takenPort: number;

    beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'devnet-cli-'));
        taken = createServer().listen(0, '127.0.0.1');
        await new Promise((resolve) => taken.once('listening', resolve));
        takenPort = (taken.address() as AddressInfo).port;
    });
    afterAll(async () => {
        Cli.endAll();
        taken.close();
        await rm(folder, { recursive: true });
    });

    it('starts at a free port, tells how to connect, ends on SIGINT or SIGTERM and goes on from its file', async () => {
        const file = join(folder, 'state.json');
        const args = ['--port', '0', '--state', file, '--block-time', '50'];
        const first = new Cli(...args, '--prices', 'old', '--wallets', '2', '--global-id', '-217');
        const endpoint = await first.endpoint();
        const [deployer, provider] = developmentWallets(2);
        for (const text of [
            `new TonClient({ endpoint: '${endpoint}' })`,
            `blueprint run SCRIPT --custom ${endpoint.replace('jsonRPC', '')} --custom-version v2 --custom-type custom`,
            `WALLET_MNEMONIC='${deployer.mnemonic.join(' ')}'`,
            `curl '${endpoint.replace('jsonRPC', '')}getAddressInformation?address=`,
            `deployer    ${deployer.address.toString({ bounceable: false })}  10000 TON`,
            'old (until 2026-04-29)',
            'global id   -217',
            'public and worthless',
        ]) {
            expect(first.stdout).toContain(text);
        }
        expect(first.stdout).not.toContain(provider.mnemonic.join(' '));
        expect((await rpc({ endpoint }, 'devnet_faucet', { address: to.toString(), amount: '7' })).ok).toBe(true);
        first.process.kill('SIGINT');
        expect(await first.ended).toBe(0);
        expect(first.stderr).toBe('');

        const second = new Cli(...args, '--show-mnemonics');
        const again = await second.endpoint();
        expect(second.stdout).toContain(provider.mnemonic.join(' '));
        expect(second.stdout).toContain('old (until 2026-04-29)');
        expect((await rpc({ endpoint: again }, 'getAddressBalance', { address: to.toString() })).result).toBe('7');
        second.process.kill('SIGTERM');
        expect(await second.ended).toBe(0);
    });

    it('ends with code 1 and says why when an option or a file is wrong', async () => {
        const file = join(folder, 'foreign.json');
        await writeFile(file, '{"name": "something else"}');
        const cases: [string[], RegExp][] = [
            [['--port', String(takenPort)], /^Error: Port \d+ of 127\.0\.0\.1 is in use\..*choose another port/],
            [['--port', '70000'], /--port.*'70000' is invalid\. Expected a whole number from 0 to 65535/],
            [['--prices', '1999', '--port', '0'], /Allowed choices are 2026, old/],
            [['--state', file, '--port', '0'], /^Error: .*foreign\.json is not a state file/],
        ];
        const runs = cases.map(([args]) => new Cli(...args));
        for (const [i, [, message]] of cases.entries()) {
            expect(await runs[i].ended).toBe(1);
            expect(runs[i].stderr).toMatch(message);
            // For people: no stack of the program.
            expect(runs[i].stderr).not.toContain('    at ');
            expect(runs[i].stdout).toBe('');
        }
        expect(await readFile(file, 'utf8')).toBe('{"name": "something else"}');
    });
});

const script = `
import { beginCell, Cell, contractAddress, ContractProvider, Sender, toNano } from '@ton/core';
import { NetworkProvider } from '@ton/blueprint';

const code = Cell.fromBase64('${counterCode.toBoc().toString('base64')}');

class Counter {
    readonly init = { code, data: beginCell().storeUint(40, 32).endCell() };
    readonly address = contractAddress(0, this.init);
    async sendCount(provider: ContractProvider, via: Sender) {
        await provider.internal(via, { value: toNano('0.1') });
    }
    async getCount(provider: ContractProvider) {
        return (await provider.get('count', [])).stack.readNumber();
    }
}

export async function run(provider: NetworkProvider, args: string[]) {
    const counter = provider.open(new Counter());
    await counter.sendCount(provider.sender());
    await provider.waitForDeploy(counter.address);
    await counter.sendCount(provider.sender());
    const config = await provider.getConfig();
    console.log(JSON.stringify({
        args,
        address: counter.address.toRawString(),
        count: await counter.getCount(),
        network: provider.network(),
        gasPrice: config.gasPrices.workchain.other.gasPrice.toString(),
    }));
}
`;

describe('blueprint run', () => {
    let devnet: Devnet;
    let project: string;

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0 });
        project = await mkdtemp(join(tmpdir(), 'blueprint-'));
        await mkdir(join(project, 'scripts'));
        await writeFile(join(project, 'scripts', 'count.ts'), script);
        await writeFile(join(project, 'package.json'), '{"name": "project"}');
        await writeFile(
            join(project, 'tsconfig.json'),
            JSON.stringify({
                compilerOptions: { target: 'ES2022', module: 'Node16', esModuleInterop: true },
                'ts-node': { transpileOnly: true },
            }),
        );
        await symlink(resolve(__dirname, '../../node_modules'), join(project, 'node_modules'));
    });
    afterAll(async () => {
        await devnet.close();
        await rm(project, { recursive: true });
    });

    const blueprint = (...more: string[]) =>
        promisify(execFile)(
            join(project, 'node_modules', '.bin', 'blueprint'),
            [
                ...['run', 'count', ...more],
                ...['--custom', `${devnet.url}/api/v2/`, '--custom-version', 'v2', '--custom-type', 'custom'],
                '--mnemonic',
            ],
            {
                cwd: project,
                timeout: 50_000,
                env: {
                    ...process.env,
                    // Jest's own options are not for the child.
                    NODE_OPTIONS: '',
                    WALLET_VERSION,
                    WALLET_MNEMONIC: devnet.wallet('deployer').mnemonic.join(' '),
                },
            },
        );

    it('deploys a contract from a script, calls it and reads it', async () => {
        const { stdout } = await blueprint('one', 'two');
        const result = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{'))!);
        expect(result).toEqual({
            args: ['one', 'two'],
            address: expect.stringMatching(/^0:/),
            count: 42,
            network: 'custom',
            gasPrice: '4369067',
        });
        expect(stdout).toContain(devnet.wallet('deployer').address.toString({ bounceable: false }));
        // It is really here, and the first wallet paid for it.
        const address = Address.parseRaw(result.address);
        expect(await readNumber(devnet.client(), address)).toBe(42n);
        const [last] = await devnet.client().getTransactions(address, { limit: 1 });
        expect((last.inMessage!.info.src as Address).equals(devnet.wallet('deployer').address)).toBe(true);
    });
});
