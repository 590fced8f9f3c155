import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fieldNames, loadConfig } from '../../worker/src/config/load';
import { ConfigDiskBytes, decodeConfigDisk, encodeConfigDisk, parseOperatorConfig, workerFile } from '../src';
import { copyWeights } from '../src/setup/copy-weights';
import { WorkerFile } from '../src/setup/operator-config';

const pinnedOf = (path: string) =>
    JSON.parse(
        readFileSync(join(__dirname, '../mkosi', path, 'usr/lib/ton-compute/guest/pinned.json'), 'utf8'),
    ) as WorkerFile;
const images = { cpu: pinnedOf('mkosi.extra'), gpu: pinnedOf('mkosi.profiles/gpu/mkosi.extra') };
const Provider = `0:${'11'.repeat(32)}`;
const operator = {
    network: { endpoint: 'https://toncenter.com/api/v2/jsonRPC', apiKey: 'an API key' },
    provider: { id: Provider, publicEndpoint: 'https://gpu1.example.org' },
    settlement: { claimAbove: '0.2' },
};

let folder: string;
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'guest-setup-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether the operator's disk may set a field, whatever its value. */
function isFree(section: string, field: string): boolean {
    try {
        parseOperatorConfig(JSON.stringify({ [section]: { [field]: 1 } }));
        return true;
    } catch {
        return false;
    }
}

describe.each(Object.entries(images))('The %s image', (_, pinned) => {
    it('decides of every field of the worker whether the operator may choose it', () => {
        const isPinned = (section: string, field: string) => Object.hasOwn(pinned[section] ?? {}, field);
        const both = fieldNames.filter(({ section, field }) => isFree(section, field) && isPinned(section, field));
        expect(both.map(({ path }) => path)).toEqual([]);
        const neither = fieldNames.filter(({ section, field }) => !isFree(section, field) && !isPinned(section, field));
        // The weights: the shipped ones, or those that "weights" names by their hash. The seed counts for test quotes only.
        expect(neither.map(({ path }) => path)).toEqual(['model.path', 'model.weightsHash', 'attestation.testSeed']);
    });

    it('gives the worker a configuration that it takes, with everything that guards prompts fixed', () => {
        const file = join(folder, 'worker.json');
        writeFileSync(file, JSON.stringify(workerFile(parseOperatorConfig(JSON.stringify(operator)), pinned)));
        const config = loadConfig({ file });
        expect(config.provider).toMatchObject({
            tier: 'tdx',
            plain: false,
            publicEndpoint: 'https://gpu1.example.org',
        });
        expect(config.attestation).toMatchObject({ source: 'tdx', allowTestRoot: false });
        for (const path of [
            config.data.directory,
            config.data.keys,
            config.model.memory,
            config.attestation.gasWallet,
        ]) {
            expect(path).toMatch(/^\/run\/ton-compute\//);
        }
        expect(config.log.level).toBe('info');
    });
});

describe("The operator's configuration", () => {
    it.each([
        ['provider.plain', { provider: { plain: true } }, /provider\.plain, which the image fixes/],
        ['provider.tier', { provider: { tier: 'open' } }, /provider\.tier/],
        ['the log', { log: { level: 'trace' } }, /section "log", which the image fixes/],
        ['where keys lie', { data: { keys: '/mnt' } }, /section "data"/],
        ['the test root', { attestation: { allowTestRoot: true } }, /attestation\.allowTestRoot/],
        ['a path of weights', { model: { path: '/dev/vdc' } }, /model\.path/],
        ['an inherited name', { constructor: {} }, /section "constructor"/],
    ])('cannot set %s', (_, input, message) => {
        expect(() => parseOperatorConfig(JSON.stringify(input))).toThrow(message);
    });

    it('wins nowhere over the image, even if it got through', () => {
        const smuggled = { worker: { provider: { id: Provider, plain: true } }, gasWallet: null, weights: null };
        expect(workerFile(smuggled, images.cpu).provider).toEqual({ id: Provider, tier: 'tdx', plain: false });
    });

    it('brings weights only with size and hash', () => {
        const weights = { bytes: 10, sha256: 'ab'.repeat(32) };
        expect(parseOperatorConfig(JSON.stringify({ weights })).weights).toEqual(weights);
        for (const wrong of [
            { bytes: 10 },
            { ...weights, bytes: 0 },
            { ...weights, sha256: 'AB' },
            { ...weights, path: '/x' },
            [],
        ]) {
            expect(() => parseOperatorConfig(JSON.stringify({ weights: wrong }))).toThrow(
                /weights.*(not usable|JSON object)/,
            );
        }
    });

    it('is never quoted by an error: it holds the key of the gas wallet', () => {
        const secret = 'correct horse battery staple';
        for (const text of [`{"gasWallet": "${secret}"}`, `{"gasWallet": ${secret}`, `"${secret}"`]) {
            const read = () => parseOperatorConfig(text);
            expect(read).toThrow();
            expect(read).not.toThrow(/horse/);
        }
    });

    it('travels on a disk without a file system', () => {
        const text = JSON.stringify(operator);
        const disk = encodeConfigDisk(text);
        expect(disk).toHaveLength(ConfigDiskBytes);
        expect(decodeConfigDisk(disk)).toBe(text);
        disk[ConfigDiskBytes - 1] = 1;
        expect(() => decodeConfigDisk(disk)).toThrow(/more than one text/);
        expect(() => encodeConfigDisk('a'.repeat(ConfigDiskBytes + 1))).toThrow(/at most 65536/);
    });
});

describe('Weights from the model disk', () => {
    const content = Buffer.from('GGUF and so on');
    const sha256 = createHash('sha256').update(content).digest('hex');

    it('are copied to their last byte and no further', async () => {
        const disk = join(folder, 'disk');
        writeFileSync(disk, Buffer.concat([content, Buffer.alloc(512 - content.length)]));
        const target = join(folder, 'model.gguf');
        await copyWeights(disk, target, { bytes: content.length, sha256 });
        expect(readFileSync(target)).toEqual(content);
    });

    it('are refused, and not left behind, when they are others', async () => {
        const disk = join(folder, 'other');
        writeFileSync(disk, 'GGUF of another model');
        const target = join(folder, 'other.gguf');
        await expect(copyWeights(disk, target, { bytes: content.length, sha256 })).rejects.toThrow(
            /Expected [0-9a-f]{64}: attach/,
        );
        await expect(copyWeights(disk, target, { bytes: 1000, sha256 })).rejects.toThrow(/21 of 1000 bytes/);
        expect(existsSync(target)).toBe(false);
    });
});
