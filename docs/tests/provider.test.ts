import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
/** Processes, each of which loads half of the repository, on a machine that does other things as well. */
const Patience = 400_000;

let folder: string;
/** Of a script that still runs. */
let group: number | undefined;

beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'provider-guide-'));
});
afterAll(() => {
    if (group !== undefined) {
        process.kill(-group, 'SIGKILL');
    }
    rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
}

/** What a reader types: the blocks of `bash` in their order, with ports and folders that nobody else uses. */
async function script(): Promise<string> {
    const page = readFileSync(join(root, 'docs', 'provider.md'), 'utf8');
    let text = [...page.matchAll(/^```bash\n(.*?)^```/gms)].map(([, block]) => block).join('\n');
    for (const port of ['8080', '8081', '8088']) {
        text = text.replaceAll(`:${port}`, `:@${port}`).replaceAll(`--port ${port}`, `--port @${port}`);
    }
    const ports = { '@8080': await freePort(), '@8081': await freePort(), '@8088': await freePort() };
    for (const [name, port] of Object.entries(ports)) {
        text = text.replaceAll(name, String(port));
    }
    text = text.replaceAll('devnet-data', folder).replace('devnet/dist/cli.js', `devnet/dist/cli.js --port ${ports['@8081']}`);
    return `export WORKER_LISTEN_PORT=${ports['@8080']}\n${text}`;
}

function run(text: string): Promise<{ code: number | null; out: string }> {
    // Whatever the script leaves behind when it fails ends with it.
    const whole = `set -eo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n${text}`;
    const child = spawn('bash', ['-c', whole], {
        cwd: root,
        detached: true, // a group of its own, which can be ended as one
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
            PATH: process.env.PATH,
            HOME: process.env.HOME,
            WORKER_CONFIG: join(folder, 'worker.json'),
            WORKER_DATA_DIRECTORY: join(folder, 'worker-data'),
            TS_NODE_TRANSPILE_ONLY: '1', // types are checked before the tests
        },
    });
    group = child.pid;
    let out = '';
    child.stdout.on('data', (part) => (out += part));
    child.stderr.on('data', (part) => (out += part));
    return new Promise((resolve) =>
        child.on('close', (code) => {
            group = undefined;
            resolve({ code, out });
        }),
    );
}

it(
    'the guide for providers leads from nothing to the first earned coin',
    async () => {
        const { code, out } = await run(await script());
        const logs = ['worker.log', 'client.log'].map((name) => join(folder, name)).filter(existsSync);
        const context = [out, ...logs.map((file) => readFileSync(file, 'utf8'))].join('\n');
        expect([code, code === 0 ? '' : context]).toEqual([0, '']);
        expect(out).toContain('"ready":true');
        expect(out).toMatch(/0 problems, \d warnings?, 0 not checked\. This host is ready/);
        expect(out).toMatch(/"claimed": "[1-9]\d+"/);
        expect(out).toMatch(/0\.0\d+ TON {2}share of a beneficiary: EQDXO37A68WI9tNy3j_UmKh84_GbxMQ7Sv_gCqBDbgW3kELL/);
        expect(out).toContain('"status": "stopped"');
        expect(readFileSync(join(folder, 'worker.log'), 'utf8')).toContain('"msg":"Stopped."');
    },
    Patience,
);
