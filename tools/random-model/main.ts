import { parseArgs } from 'node:util';

import { type FormatName, Formats } from './formats';
import { type ModelSize, Shapes } from './shapes';
import { writeRandomModel } from './write';

const Usage = `Writes a GGUF file of real size with random weights: speed and memory are those of a real model, its words are noise.

npm run -s random-model -- --size 1b --type q4_0 --out FILE [--seed 1]

  --size  ${Object.keys(Shapes).join(', ')}: the shapes of Llama 3.1 and 3.2 from 1b on
  --type  ${Object.keys(Formats).join(', ')}
  --out   the file; one that is there is replaced
  --seed  the same one gives the same file; default 1

An answer ends when its tokens are used up: the tokens that would end it earlier practically never come.
Prints one JSON line with the SHA-256 of the file. Exit code 2 when the input cannot be used.
`;

class InputError extends Error {}

async function main(): Promise<void> {
    const { size, type, out, seed, help } = readArguments();
    if (help === true) {
        console.log(Usage);
        return;
    }
    if (!isKey(Shapes, size)) throw new InputError(`--size is one of ${Object.keys(Shapes).join(', ')}.\n\n${Usage}`);
    if (!isKey(Formats, type)) throw new InputError(`--type is one of ${Object.keys(Formats).join(', ')}.\n\n${Usage}`);
    if (out === undefined || !/^\d{1,15}$/.test(seed)) {
        throw new InputError(`Expected --out FILE, and a --seed that is a number.\n\n${Usage}`);
    }
    const options = { size: size as ModelSize, format: type as FormatName, seed: Number(seed), path: out };
    const written = await writeRandomModel(options);
    console.log(JSON.stringify({ path: out, size, type, seed: options.seed, ...written }));
}

function readArguments() {
    try {
        const text = { type: 'string' } as const;
        return parseArgs({
            options: { size: text, type: text, out: text, seed: { ...text, default: '1' }, help: { type: 'boolean' } },
        }).values;
    } catch (error) {
        throw new InputError(`${(error as Error).message}\n\n${Usage}`);
    }
}

function isKey(table: object, key: string | undefined): boolean {
    return key !== undefined && Object.hasOwn(table, key);
}

main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof InputError ? 2 : 1;
});
