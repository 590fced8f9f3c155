import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { FastifyInstance } from 'fastify';

import { configJsonSchema, configSchemaText } from '../src/config/json-schema';
import { fieldNames, loadConfig } from '../src/config/load';

const committed = join(__dirname, '..', 'worker.schema.json');
const Endpoint = 'https://testnet.toncenter.com/api/v2/jsonRPC';
const Provider = `0:${'ab'.repeat(32)}`;
const minimal = { network: { endpoint: Endpoint }, provider: { id: Provider } };

describe('The JSON schema of the configuration', () => {
    let folder: string;
    let validator: FastifyInstance;
    let url: string;

    beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), 'worker-schema-'));
        // Fastify checks bodies with a JSON schema validator: the one that is at hand.
        validator = Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } } });
        const schema = JSON.parse(readFileSync(committed, 'utf8')) as object;
        validator.post('/', { schema: { body: schema } }, async () => 'fine');
        url = await validator.listen({ host: '127.0.0.1', port: 0 });
    });
    afterAll(async () => {
        await validator.close();
        rmSync(folder, { recursive: true });
    });

    async function schemaTakes(content: unknown): Promise<boolean> {
        const headers = { 'content-type': 'application/json' };
        return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(content) })).status === 200;
    }

    function loaderTakes(content: unknown): boolean {
        const file = join(folder, 'worker.json');
        writeFileSync(file, JSON.stringify(content));
        try {
            loadConfig({ file });
            return true;
        } catch {
            return false;
        }
    }

    it('is committed as it is generated (node worker/scripts/write-schema.js)', () => {
        expect(readFileSync(committed, 'utf8')).toBe(configSchemaText());
    });

    it('describes every field', () => {
        const { properties } = configJsonSchema();
        for (const { section, field, info } of fieldNames) {
            expect(properties?.[section].properties?.[field]).toMatchObject({ description: info.meaning });
        }
    });

    it.each<[string, boolean, object]>([
        ['the least that is needed', true, minimal],
        ['the name of its schema', true, { $schema: './worker.schema.json', ...minimal }],
        ['a provider by number', true, { ...minimal, provider: { id: 7, registry: Provider } }],
        ['no GPU', true, { ...minimal, gpu: { backend: false } }],
        ['a list of stores', true, { ...minimal, jobs: { stores: ['file:///srv/jobs/'] } }],
        ['an amount as a text', true, { ...minimal, settlement: { claimAbove: '1.5', distributeAbove: null } }],
        ['an amount as a number', false, { ...minimal, settlement: { claimAbove: 1.5 } }],
        ['an amount with too many decimals', false, { ...minimal, settlement: { claimAbove: '0.0000000001' } }],
        ['a mistyped section', false, { ...minimal, limit: {} }],
        ['a mistyped field', false, { ...minimal, listen: { prot: 1 } }],
        ['a number out of range', false, { ...minimal, listen: { port: 65_536 } }],
        ['a number as a text', false, { ...minimal, listen: { port: '80' } }],
        ['an unknown tier', false, { ...minimal, provider: { id: Provider, tier: 'sgx' } }],
        ['an unknown GPU', false, { ...minimal, gpu: { backend: 'opencl' } }],
        ['a short hash', false, { ...minimal, model: { weightsHash: 'ab' } }],
        ['a section that is no object', false, { ...minimal, log: 'info' }],
    ])('says of %s what the loader says: %s', async (_name, takes, content) => {
        expect([loaderTakes(content), await schemaTakes(content)]).toEqual([takes, takes]);
    });

    it('asks for nothing that flags or the environment may say', async () => {
        expect(await schemaTakes({ model: { slots: 2 } })).toBe(true);
    });
});
