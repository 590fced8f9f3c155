import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';

import { loadConfig } from '../src/config/load';
import { init, InitOptions, parsePrice } from '../src/init/init';
import { TinyModel, TinyModelHash } from './engine/tiny-model';

const Endpoint = 'http://127.0.0.1:8081/api/v2/jsonRPC';
const Provider = 'EQAH_yiqGKDYjutBpoZfJkHCGb_PqShp75vrhPOxJtq1_hBY';
const Enter = '\r';
const Down = '\u001b[B';

describe('init', () => {
    let folder: string;
    let file: string;
    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), 'worker-init-'));
        file = join(folder, 'worker.json');
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    function options(flags: Record<string, string>, more: Partial<InitOptions> = {}): InitOptions {
        const data = { 'data-directory': join(folder, 'data'), 'model-path': TinyModel };
        return { sources: { file, flags: { ...data, ...flags }, environment: {} }, yes: true, force: false, ...more };
    }

    const written = () => JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, unknown>>;

    it('writes without questions what flags say, makes the keys, and prints the commands with their arguments', async () => {
        const { steps } = await init(
            options({ 'network-endpoint': Endpoint, 'gpu-backend': 'false', 'listen-port': '9001', 'provider-registry': Provider }),
        );
        expect(written()).toMatchObject({
            network: { endpoint: Endpoint },
            provider: { tier: 'open', registry: Provider, publicEndpoint: 'http://127.0.0.1:9001' },
            gpu: { backend: false, required: false },
            listen: { port: 9001 },
        });
        expect(written().$schema).toMatch(/worker\.schema\.json$/);
        const { workerSeed, ...keys } = JSON.parse(readFileSync(join(folder, 'data', 'keys.json'), 'utf8'));
        expect(workerSeed).toMatch(/^[0-9a-f]{64}$/);
        const text = steps.join('\n');
        expect(text).toMatch(
            new RegExp(
                `npx blueprint run registerProvider registry=${Provider} workerKey=[0-9a-f]{64} encryptionKey=[0-9a-f]{64} ` +
                    'endpoint=http://127.0.0.1:9001 --custom http://127.0.0.1:8081/api/v2/ --custom-version v2 ',
            ),
        );
        expect(text).toContain(
            `updateProvider provider=<PROVIDER> addModel=${TinyModelHash} promptPrice=0.05 cachedPrice=0.025 completionPrice=0.2`,
        );
        expect(text).not.toContain(workerSeed);
        expect(text).not.toContain(keys.encryptionSecret);
    });

    it('takes the provider up later, and keeps what the file says', async () => {
        await init(options({ 'network-endpoint': Endpoint, 'listen-port': '9001' }));
        await expect(init(options({ 'provider-id': Provider }))).rejects.toThrow(/exists and was not changed\. Add --force/);
        const { steps } = await init(options({ 'provider-id': Provider }, { force: true }));
        const config = loadConfig({ file });
        expect([config.provider.id.toString(), config.listen.port]).toEqual([Provider, 9001]);
        expect(steps.join('\n')).not.toContain('registerProvider');
    });

    it('says in one sentence what only a person can know, and writes nothing', async () => {
        await expect(init(options({}))).rejects.toThrow(
            'Without questions these are needed: --network testnet|mainnet|devnet, or --network-endpoint <url>.',
        );
        await expect(init(options({}, { network: 'testnet' }))).rejects.toThrow(/needed: --provider-public-endpoint <url>, or/);
        expect(existsSync(file)).toBe(false);
        expect(existsSync(join(folder, 'data'))).toBe(false);
    });

    it('goes slowly where the public API has no key', async () => {
        await init(options({ 'provider-id': Provider }, { network: 'testnet' }));
        expect(written().network).toEqual({ requestsPerSecond: 1, endpoint: 'https://testnet.toncenter.com/api/v2/jsonRPC' });
    });

    it('refuses secrets on the command line, a file that is no model, and a price that is none', async () => {
        await expect(init(options({ 'network-endpoint': Endpoint, 'network-api-key': 'open sesame' }))).rejects.toThrow(
            /^--network-api-key is a secret and belongs into the environment: export WORKER_NETWORK_API_KEY=/,
        );
        const text = join(folder, 'model.gguf');
        writeFileSync(text, 'no model');
        await expect(init(options({ 'network-endpoint': Endpoint, 'model-path': text }))).rejects.toThrow(/is not a GGUF file/);
        expect(existsSync(file)).toBe(false);
        expect(() => parsePrice('cheap', '--price-prompt')).toThrow(/expected TON per 1,000,000 tokens/);
    });

    it('keeps a secret that the file holds from other users', async () => {
        const network = { endpoint: Endpoint, apiKey: 'open sesame' };
        writeFileSync(file, JSON.stringify({ network, provider: { id: Provider } }), { mode: 0o644 });
        await init(options({}, { force: true }));
        expect(written().network).toEqual(network);
        expect(statSync(file).mode & 0o777).toBe(0o600);
    });

    it('asks a person for everything else', async () => {
        const input = new PassThrough();
        const answers: [question: RegExp, keys: string][] = [
            [/Network/, `${Down}${Down}${Enter}`],
            [/Address of your provider/, Enter],
            [/Address of the registry/, `${Provider}${Enter}`],
            [/Refuse to start without a GPU/, `n${Enter}`],
            [/URL under which clients will reach/, Enter],
            [/Tier/, Enter],
            [/Price of 1,000,000 prompt/, `0.07${Enter}`],
            [/Price of 1,000,000 answer/, Enter],
        ];
        let shown = '';
        const output = new Writable();
        output._write = (part: Buffer, _encoding, done) => {
            shown += part.toString('utf8');
            if (answers.length > 0 && answers[0][0].test(shown)) {
                const [[, keys]] = answers.splice(0, 1);
                shown = '';
                // After the question has begun to listen.
                setImmediate(() => input.write(keys));
            }
            done();
        };
        // A terminal stays open after each question.
        output.end = () => output;
        const { steps } = await init(options({}, { yes: false, prompts: { input, output } }));
        expect(answers).toEqual([]);
        expect(written()).toMatchObject({
            network: { endpoint: Endpoint },
            provider: { registry: Provider, publicEndpoint: 'http://127.0.0.1:8080', tier: 'open' },
            gpu: { required: false },
        });
        expect(steps.join('\n')).toContain('promptPrice=0.07 cachedPrice=0.035 completionPrice=0.2');
    });
});
