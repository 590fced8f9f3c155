import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hashWeights } from '../../src/engine';
import { ModelFileError } from '../../src/engine/errors';
import { TinyModel, TinyModelHash } from './tiny-model';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('The hash of weights', () => {
    let folder: string;

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), 'weights-'));
        mkdirSync(join(folder, 'sub'));
        writeFileSync(join(folder, 'b.safetensors'), 'bbb');
        writeFileSync(join(folder, 'sub', 'a.json'), 'a');
        writeFileSync(join(folder, 'B.txt'), 'BB');
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    const list = () =>
        [`${sha256('BB')}  B.txt\n`, `${sha256('bbb')}  b.safetensors\n`, `${sha256('a')}  sub/a.json\n`].join('');

    it('of a file is that of its bytes', async () => {
        expect(await hashWeights(TinyModel)).toEqual({ hash: TinyModelHash, bytes: 1_698_144 });
    });

    it('of a folder is that of the sorted list of its files', async () => {
        expect(await hashWeights(folder)).toEqual({ hash: sha256(list()), bytes: 6 });
    });

    it('leaves hidden files and folders out', async () => {
        mkdirSync(join(folder, '.cache'));
        writeFileSync(join(folder, '.cache', 'notes'), 'x');
        writeFileSync(join(folder, '.gitattributes'), 'x');
        expect((await hashWeights(folder)).hash).toBe(sha256(list()));
    });

    it('changes with a byte, a name and a place', async () => {
        const hashes = [(await hashWeights(folder)).hash];
        writeFileSync(join(folder, 'b.safetensors'), 'bbc');
        hashes.push((await hashWeights(folder)).hash);
        rmSync(join(folder, 'b.safetensors'));
        writeFileSync(join(folder, 'c.safetensors'), 'bbb');
        hashes.push((await hashWeights(folder)).hash);
        rmSync(join(folder, 'c.safetensors'));
        writeFileSync(join(folder, 'sub', 'b.safetensors'), 'bbb');
        hashes.push((await hashWeights(folder)).hash);
        expect(new Set(hashes).size).toBe(4);
    });

    it('follows a link within the folder, and none that leads out of it', async () => {
        symlinkSync('b.safetensors', join(folder, 'z'));
        expect((await hashWeights(folder)).hash).toBe(sha256(`${list()}${sha256('bbb')}  z\n`));
        symlinkSync(TinyModel, join(folder, 'out'));
        await expect(hashWeights(folder)).rejects.toThrow('leads out of the folder');
    });

    it.each<[string, (folder: string) => void]>([
        ['a link to nothing', (at) => symlinkSync('nothing', join(at, 'x'))],
        ['a link to a folder', (at) => symlinkSync('sub', join(at, 'x'))],
        ['a name with a line break', (at) => writeFileSync(join(at, 'a\nb'), '')],
    ])('refuses %s', async (_, spoil) => {
        spoil(folder);
        await expect(hashWeights(folder)).rejects.toBeInstanceOf(ModelFileError);
    });

    it('refuses an empty folder, and what is not there', async () => {
        await expect(hashWeights(join(folder, 'none'))).rejects.toBeInstanceOf(ModelFileError);
        mkdirSync(join(folder, 'empty'));
        await expect(hashWeights(join(folder, 'empty'))).rejects.toBeInstanceOf(ModelFileError);
    });
});
