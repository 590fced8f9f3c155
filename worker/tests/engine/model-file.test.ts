import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
    createLlamaEngine,
    type EngineError,
    hashWeights,
    ModelFileError,
    WeightsMismatchError,
} from '../../src/engine';
import { TinyModel, TinyModelHash } from './tiny-model';

let directory: string;

beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'engine-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** The error of a start with a file of this content. */
async function startWith(content: Buffer | string | undefined, name = 'model.gguf'): Promise<EngineError> {
    const path = join(directory, name);
    if (content !== undefined) await writeFile(path, content);
    return createLlamaEngine({ modelPath: path, gpu: false }).then(
        () => Promise.reject(new Error('It started.')),
        (error: EngineError) => error,
    );
}

describe('A model file is refused', () => {
    it('when it is missing', async () => {
        const error = await startWith(undefined, 'missing.gguf');
        expect(error).toBeInstanceOf(ModelFileError);
        expect(error.code).toBe('model_file');
        expect(error.message).toMatch(/There is no model at .*missing\.gguf/);
    });

    it('when it is a directory', async () => {
        const error = await createLlamaEngine({ modelPath: directory }).catch((thrown: EngineError) => thrown);
        expect(error).toBeInstanceOf(ModelFileError);
        expect((error as EngineError).message).toContain('is not a file');
    });

    it('when it is empty', async () => {
        const error = await startWith('');
        expect(error).toBeInstanceOf(ModelFileError);
        expect(error.message).toContain('it is empty');
    });

    it('when it is a text', async () => {
        const error = await startWith('version https://git-lfs.github.com/spec/v1\n');
        expect(error).toBeInstanceOf(ModelFileError);
        expect(error.message).toContain('does not begin with "GGUF"');
    });

    it.each([
        ['in its header', 5_000, 'is cut off'],
        ['in its tensors', 800_000, 'is cut off'],
        ['in its last tensor', -1_000, 'llama.cpp cannot load'],
    ])('when it is cut off %s', async (_where, end, sentence) => {
        const error = await startWith((await readFile(TinyModel)).subarray(0, end));
        expect(error).toBeInstanceOf(ModelFileError);
        expect(error.message).toContain(sentence);
        expect(error.message).toMatch(/[Dd]ownload it again/);
    });

    it('when llama.cpp does not know its architecture', async () => {
        const file = await readFile(TinyModel);
        const error = await startWith(replaceOnce(file, 'llama', 'lamma'));
        expect(error).toBeInstanceOf(ModelFileError);
        expect(error.message).toContain('architecture');
    });

    it('when its hash is not the expected one, whoever changed it', async () => {
        const file = await readFile(TinyModel);
        file[file.length - 100]! ^= 1;
        const path = join(directory, 'changed.gguf');
        await writeFile(path, file);
        const error = await createLlamaEngine({
            modelPath: path,
            gpu: false,
            expectedWeightsHash: TinyModelHash,
        }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(WeightsMismatchError);
        expect(error).toMatchObject({
            code: 'weights_mismatch',
            expected: TinyModelHash,
            actual: (await hashWeights(path)).hash,
        });
    });
});

describe('Weights in guest memory', () => {
    it('are copied there, loaded from there, and gone after the engine is closed', async () => {
        const memoryDirectory = join(directory, 'memory');
        await mkdir(memoryDirectory);
        await writeFile(join(memoryDirectory, 'tiny-chat.gguf'), 'left behind by a worker that was killed');
        const engine = await createLlamaEngine({
            modelPath: TinyModel,
            gpu: false,
            slots: 1,
            memoryDirectory,
            expectedWeightsHash: TinyModelHash,
        });
        expect(engine.models[0]).toMatchObject({ id: 'tiny-chat', weightsHash: TinyModelHash });
        expect(await readdir(memoryDirectory)).toEqual(['tiny-chat.gguf']);
        await engine.close();
        expect(await readdir(memoryDirectory)).toEqual([]);
    });

    it('leave nothing behind when they are the wrong ones', async () => {
        const memoryDirectory = join(directory, 'wrong');
        const start = createLlamaEngine({
            modelPath: TinyModel,
            gpu: false,
            memoryDirectory,
            expectedWeightsHash: '0'.repeat(64),
        });
        await expect(start).rejects.toBeInstanceOf(WeightsMismatchError);
        expect(await readdir(memoryDirectory)).toEqual([]);
    });

    it('are refused when they cannot be copied', async () => {
        const file = join(directory, 'not-a-directory');
        await copyFile(TinyModel, file);
        const start = createLlamaEngine({ modelPath: TinyModel, gpu: false, memoryDirectory: file });
        await expect(start).rejects.toBeInstanceOf(ModelFileError);
    });
});

/** Replaces the value of general.architecture, which is the first occurrence behind its key. */
function replaceOnce(file: Buffer, from: string, to: string): Buffer {
    const key = 'general.architecture';
    const value = file.indexOf(from, file.indexOf(key) + key.length);
    const changed = Buffer.from(file);
    changed.write(to, value, 'latin1');
    return changed;
}
