import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address } from '@ton/core';

import { ConfigSources, fieldNames, loadConfig, loadDataDirectory, parseConfig } from '../src/config/load';
import { ConfigError } from '../src/errors';

const Endpoint = 'https://testnet.toncenter.com/api/v2/jsonRPC';
const Provider = `0:${'ab'.repeat(32)}`;

describe('Configuration', () => {
    let directory: string;
    beforeAll(() => {
        directory = mkdtempSync(join(tmpdir(), 'worker-config-'));
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    function file(content: unknown): string {
        const path = join(directory, 'worker.json');
        writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
        return path;
    }

    const minimal = { network: { endpoint: Endpoint }, provider: { id: Provider } };

    it('needs an endpoint and a provider, and has a default for everything else', () => {
        const config = parseConfig(minimal);
        expect((config.provider.id as Address).toRawString()).toBe(Provider);
        expect(config.settlement.claimAbove).toBe(1_000_000_000n);
        expect(config.settlement.distributeAbove).toBeNull();
        expect(config.models).toEqual([{ ...config.model, upstream: config.upstream }]);
        expect(config.model.path).toBeNull();
        expect(config.provider.plain).toBe(false);
    });

    it('takes a flag before the environment, and the environment before the file', () => {
        const sources: ConfigSources = {
            file: file({ ...minimal, listen: { port: 1, host: 'file' }, log: { level: 'debug' } }),
        };
        sources.environment = { WORKER_LISTEN_PORT: '2', WORKER_LISTEN_HOST: 'environment' };
        sources.flags = { 'listen-port': '3' };
        const config = loadConfig(sources);
        expect([config.listen.port, config.listen.host, config.log.level]).toEqual([3, 'environment', 'debug']);
    });

    it('reads MODEL_PATH and REQUIRE_GPU as well', () => {
        const config = loadConfig({ file: file(minimal), environment: { MODEL_PATH: '/m.gguf', REQUIRE_GPU: '1' } });
        expect(config.model.path).toBe('/m.gguf');
        expect(config.gpu.required).toBe(true);
    });

    describe('with several models', () => {
        const hash = 'ab'.repeat(32);
        const list = [{ path: '/a.gguf', slots: 8 }, { name: 'b', weightsHash: hash, upstream: { url: 'http://127.0.0.1:8000/v1' } }];

        it('takes them from a list in the file, each with the defaults of one model', () => {
            const { models } = loadConfig({ file: file({ ...minimal, models: list }) });
            expect(models).toMatchObject([
                { path: '/a.gguf', slots: 8, weightsHash: null, upstream: { url: null, kind: 'auto' } },
                { path: null, name: 'b', slots: 4, weightsHash: hash, upstream: { url: 'http://127.0.0.1:8000/v1' } },
            ]);
        });

        it('refuses a second place to name one', () => {
            const sources = { file: file({ ...minimal, models: list }), environment: { MODEL_PATH: '/m.gguf' } };
            expect(() => loadConfig(sources)).toThrow(/^Both 'models' and 'model' are set/);
        });

        it.each<[string, unknown, RegExp]>([
            ['no list', {}, /^'models' must be a list/],
            ['an empty list', [], /^'models' must be a list/],
            ['a wrong value', [{ slots: 0 }], /^models\[0\]\.slots: expected a number from 1/],
            ['a wrong value of an upstream', [{}, { upstream: { kind: 'x' } }], /^models\[1\]\.upstream\.kind: expected 'auto'/],
            ['an unknown field', [{ paht: '/a' }], /^There is no field 'paht' in models\[0\]/],
        ])('names what is wrong in %s', (_what, models, message) => {
            expect(() => loadConfig({ file: file({ ...minimal, models }) })).toThrow(message);
        });
    });

    it('asks for the hash of weights that it cannot see', () => {
        const upstream = { url: 'http://127.0.0.1:8000/v1' };
        expect(() => parseConfig({ ...minimal, upstream })).toThrow(/needs model\.weightsHash/);
        expect(parseConfig({ ...minimal, upstream, model: { path: '/weights' } }).models[0].upstream.url).toBe(upstream.url);
    });

    it("takes 'auto' for the number of slots, in the file, as a flag and from the environment", () => {
        expect(parseConfig({ ...minimal, model: { slots: 'auto' } }).model.slots).toBe('auto');
        const text = { file: file(minimal), environment: { WORKER_MODEL_SLOTS: 'auto' } };
        expect(loadConfig(text).model.slots).toBe('auto');
        expect(loadConfig({ ...text, flags: { 'model-slots': '8' } }).model.slots).toBe(8);
        expect(parseConfig(minimal).model.slots).toBe(4);
    });

    it('takes a provider by number only together with its registry', () => {
        const byNumber = { network: { endpoint: Endpoint }, provider: { id: 7, registry: Provider } };
        expect(parseConfig(byNumber).provider.id).toBe(7n);
        expect(() => parseConfig({ ...byNumber, provider: { id: 7 } })).toThrow(
            /^provider\.id is a number, so provider\.registry is needed/,
        );
    });

    it('needs nothing but a readable data directory for the commands that come before registration', () => {
        expect(loadDataDirectory({ environment: { WORKER_DATA_DIRECTORY: '/srv/worker' } })).toBe('/srv/worker');
        expect(loadDataDirectory({})).toBe('worker-data');
    });

    it.each<[string, () => ConfigSources, RegExp]>([
        [
            'no endpoint',
            () => ({ file: file({ provider: { id: Provider } }) }),
            /^network\.endpoint is missing: expected the URL.* Example: \{"network": .*https.*--network-endpoint, or/,
        ],
        [
            'no provider',
            () => ({ file: file({ network: { endpoint: Endpoint } }) }),
            /^provider\.id is missing: expected the provider's address, or its number/,
        ],
        [
            'an endpoint that is no URL',
            () => ({ file: file({ ...minimal, network: { endpoint: 'toncenter' } }) }),
            /^network\.endpoint \(from the file .*worker\.json\): expected the URL/,
        ],
        [
            'a number that is none',
            () => ({ file: file(minimal), environment: { WORKER_LISTEN_PORT: 'eighty' } }),
            /^listen\.port \(from the variable WORKER_LISTEN_PORT\): expected a port from 0 to 65535/,
        ],
        [
            'a number out of range',
            () => ({ file: file(minimal), flags: { 'model-slots': '0' } }),
            /^model\.slots \(from the flag --model-slots\): expected a number from 1 to 1024, or 'auto'/,
        ],
        [
            'a switch that is none',
            () => ({ file: file(minimal), environment: { REQUIRE_GPU: 'maybe' } }),
            /^gpu\.required \(from the variable REQUIRE_GPU\): expected true or false/,
        ],
        [
            'an amount with too many decimals',
            () => ({ file: file({ ...minimal, settlement: { claimAbove: '0.0000000001' } }) }),
            /^settlement\.claimAbove .*expected an amount in TON as a text/,
        ],
        [
            'an amount as a number',
            () => ({ file: file({ ...minimal, settlement: { claimAbove: 0.5 } }) }),
            /^settlement\.claimAbove .*"1\.5"/,
        ],
        [
            'an address of another workchain',
            () => ({ file: file({ ...minimal, provider: { id: `-1:${'ab'.repeat(32)}` } }) }),
            /^provider\.id .*expected the provider's address/,
        ],
        [
            'a hash that is none',
            () => ({ file: file({ ...minimal, model: { weightsHash: 'abc' } }) }),
            /^model\.weightsHash .*64 hexadecimal digits/,
        ],
        [
            'an unknown GPU',
            () => ({ file: file(minimal), flags: { 'gpu-backend': 'opencl' } }),
            /^gpu\.backend \(from the flag --gpu-backend\): expected 'auto', 'cuda'/,
        ],
        [
            'a mistyped field',
            () => ({ file: file({ ...minimal, listen: { prot: 1 } }) }),
            /^There is no field 'listen\.prot' in the configuration\. Did you mean 'listen\.port'\?$/,
        ],
        [
            'a mistyped section',
            () => ({ file: file({ ...minimal, limit: {} }) }),
            /^There is no field 'limit' in the configuration\. Did you mean 'limits'\?$/,
        ],
        [
            'a section that is no object',
            () => ({ file: file({ ...minimal, listen: 8080 }) }),
            /^The section 'listen' of .* must be an object/,
        ],
        [
            'a file that is no JSON',
            () => ({ file: file('{"network":') }),
            /^The configuration file .* is not readable JSON/,
        ],
        [
            'a file that is not there',
            () => ({ file: '/nowhere/worker.json' }),
            /^The configuration file \/nowhere\/worker\.json does not exist\. Create it/,
        ],
    ])('says in one sentence what to do about %s', (_name, sources, message) => {
        const act = () => loadConfig(sources());
        expect(act).toThrow(ConfigError);
        expect(act).toThrow(message);
    });

    it('does not show the API key when it is wrong', () => {
        expect(() => loadConfig({ file: file({ ...minimal, network: { endpoint: Endpoint, apiKey: 5 } }) })).toThrow(
            /^network\.apiKey \(from the file [^)]*\): expected the API key/,
        );
    });

    it('has every field in the table of the README, with its names and what it means', () => {
        const readme = readFileSync(join(__dirname, '..', 'README.md'), 'utf8');
        for (const { path, variables, info } of fieldNames) {
            const line = readme.split('\n').find((row) => row.startsWith(`| \`${path}\` |`));
            expect(line).toContain(info.meaning);
            variables.forEach((name) => expect(line).toContain(`\`${name}\``));
        }
    });
});
