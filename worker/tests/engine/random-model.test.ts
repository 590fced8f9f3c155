import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type FormatName, half } from '../../../tools/random-model/formats';
import { makeVocabulary } from '../../../tools/random-model/vocabulary';
import { writeRandomModel } from '../../../tools/random-model/write';
import { createLlamaEngine, type Engine } from '../../src/engine';
import { ask } from './conformance';

describe('A model with random weights', () => {
    const directory = mkdtempSync(join(tmpdir(), 'random-model-'));
    afterAll(() => rmSync(directory, { recursive: true }));

    const write = (format: FormatName, seed: number, name = `${format}-${seed}.gguf`) =>
        writeRandomModel({ size: 'tiny', format, seed, path: join(directory, name) });

    const load = (name: string): Promise<Engine> =>
        createLlamaEngine({ modelPath: join(directory, name), gpu: false, slots: 'auto', embeddings: false });

    it('is the same file for the same seed, and another one for another seed', async () => {
        const one = await write('q8_0', 1);
        const again = await write('q8_0', 1, 'again.gguf');
        const other = await write('q8_0', 2);
        expect(again).toEqual(one);
        expect(other.hash).not.toBe(one.hash);
        const content = readFileSync(join(directory, 'q8_0-1.gguf'));
        expect(createHash('sha256').update(content).digest('hex')).toBe(one.hash);
        expect(content).toHaveLength(one.bytes);
        expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toEqual([]);
    });

    it.each(['q8_0', 'q4_0', 'f16'] as const)('loads as %s and writes until the tokens are used up', async (format) => {
        const { hash, bytes } = await write(format, 3);
        const engine = await load(`${format}-3.gguf`);
        expect(engine.models[0]).toMatchObject({
            architecture: 'llama',
            weightsHash: hash,
            weightsBytes: bytes,
            contextLength: 2048,
        });
        expect(engine.slots).toBe(64);
        expect(engine.device.note).toContain("64 slots of 2048 tokens, the most that 'auto' takes.");
        const messages = [{ role: 'user' as const, content: 'Tell me more.' }];
        const request = { model: engine.models[0]!.id, messages };
        const answers = [
            await ask(engine, { ...request, temperature: 0, maxTokens: 400 }),
            // Two of 512 tokens would end the answer: by chance alone nearly every one would be shorter than this.
            await ask(engine, { ...request, temperature: 2, seed: 1, maxTokens: 1200 }),
        ];
        await engine.close();
        expect(answers.map(({ end }) => end.finishReason)).toEqual(['length', 'length']);
        expect(answers[1]!.end.tokens.completion).toBe(1200n);
        // Logits that are no numbers would give the same token for ever.
        expect(new Set(answers[1]!.texts.map(({ text }) => text)).size).toBeGreaterThan(100);
    });
});

describe('The vocabulary of a model with random weights', () => {
    it('has as many tokens as it should, each once, and a merge for each that is longer than a byte', () => {
        const { tokens, merges, plain, endOfTurn } = makeVocabulary(128_256);
        expect(tokens).toHaveLength(128_256);
        expect(new Set(tokens).size).toBe(tokens.length);
        expect(merges).toHaveLength(plain - 256);
        expect(tokens[endOfTurn]).toBe('<|im_end|>');
        const known = new Set(tokens.slice(0, 256));
        const premature = merges.filter((merge) => {
            const [left, right] = merge.split(' ') as [string, string];
            const possible = known.has(left) && known.has(right);
            known.add(left + right);
            return !possible;
        });
        expect(premature).toEqual([]);
        expect(known.size).toBe(plain);
    });
});

describe('Half precision', () => {
    it.each([
        [0, 0],
        [1, 0x3c00],
        [-2, 0xc000],
        [65504, 0x7bff],
        [0.333251953125, 0x3555],
        [2 ** -14, 0x0400],
        [2 ** -24, 0x0001],
        [0.99999, 0x3c00],
    ])('writes %d', (value, bits) => {
        expect(half(value)).toBe(bits);
    });
});
