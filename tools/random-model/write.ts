import { createCipheriv, createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

import { type FormatName, Formats, type WeightFormat } from './formats';
import { encodeHeader, type MetadataValue, padding, type TensorInfo } from './gguf';
import { type ModelSize, type Shape, Shapes } from './shapes';
import { type Content, type Tensor, tensorsOf } from './tensors';
import { makeVocabulary, type Vocabulary } from './vocabulary';

export type RandomModel = {
    readonly size: ModelSize;
    readonly format: FormatName;
    /** The same seed gives the same file. */
    readonly seed: number;
    /** Where the file goes; one that is there is replaced, once the new one is complete. */
    readonly path: string;
};

export type WrittenModel = {
    /** SHA-256 of the file, lower-case hex. */
    readonly hash: string;
    readonly bytes: number;
    readonly parameters: number;
};

/** Number of 32-bit floats in ggml, for norms. */
const F32 = 0;

/** Bytes that are in memory at the same time. */
const ChunkBytes = 4 * 1024 * 1024;

const ChatTemplate =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Writes a model with random weights, a few megabytes at a time, whatever its size. */
export async function writeRandomModel({ size, format, seed, path }: RandomModel): Promise<WrittenModel> {
    const shape: Shape = Shapes[size];
    const vocabulary = makeVocabulary(shape.vocabulary);
    const tensors = tensorsOf(shape, vocabulary);
    const infos = tensors.map((tensor) => tensorInfo(tensor, Formats[format]));
    const metadata = metadataOf(`random-${size}-${format}-${seed}`, shape, vocabulary, Formats[format].type);
    const hash = createHash('sha256');
    const partial = `${path}.part`;
    const file = await open(partial, 'w');
    let bytes = 0;
    const write = async (content: Buffer) => {
        hash.update(content);
        bytes += content.length;
        await file.writeFile(content);
    };
    try {
        await write(encodeHeader(metadata, infos));
        for (const [index, tensor] of tensors.entries()) {
            for (const chunk of contentOf(tensor, Formats[format], seed)) await write(chunk);
            await write(padding(infos[index]!.bytes));
        }
        await file.close();
        await rename(partial, path);
    } catch (error) {
        await file.close();
        await rm(partial, { force: true });
        throw error;
    }
    const parameters = tensors.reduce((sum, { dimensions }) => sum + product(dimensions), 0);
    return { hash: hash.digest('hex'), bytes, parameters };
}

function tensorInfo({ name, dimensions, content }: Tensor, format: WeightFormat): TensorInfo {
    if (content.kind === 'norm') return { name, dimensions, type: F32, bytes: 4 * product(dimensions) };
    const bytes = (product(dimensions) / format.blockWeights) * format.blockBytes;
    return { name, dimensions, type: format.type, bytes };
}

function* contentOf(tensor: Tensor, format: WeightFormat, seed: number): Generator<Buffer> {
    const { name, dimensions, content } = tensor;
    if (content.kind === 'norm') {
        const values = new Float32Array(dimensions[0]!).fill(1);
        values[0] = content.first;
        yield Buffer.from(values.buffer);
        return;
    }
    const [width, rows] = [dimensions[0]!, dimensions[1]!];
    const rowBytes = (width / format.blockWeights) * format.blockBytes;
    const rowsAtOnce = Math.max(1, Math.floor(ChunkBytes / rowBytes));
    const random = randomBytes(`${seed}:${name}`);
    for (let first = 0; first < rows; first += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, rows - first);
        const chunk = random(count * rowBytes);
        for (let row = 0; row < count; row++) shapeRow(chunk, row * rowBytes, rowBytes, first + row, content, format);
        yield chunk;
    }
}

function shapeRow(
    chunk: Buffer,
    start: number,
    length: number,
    row: number,
    content: Extract<Content, { kind: 'weights' }>,
    format: WeightFormat,
): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const sigma = content.firstRowZero === true && row === 0 ? 0 : content.sigma;
    for (let offset = start; offset < start + length; offset += format.blockBytes) format.shape(view, offset, sigma);
    if (content.firstOfRow !== undefined) format.setFirst(view, start, sigma, content.firstOfRow(row));
}

/** @returns a source of bytes that the name decides: the key stream of AES, at gigabytes a second. */
function randomBytes(name: string): (length: number) => Buffer {
    const key = createHash('sha256').update(name).digest();
    const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
    return (length) => cipher.update(Buffer.alloc(length));
}

function metadataOf(
    name: string,
    shape: Shape,
    vocabulary: Vocabulary,
    fileType: number,
): Record<string, MetadataValue> {
    const number = (value: number) => ({ type: 'uint32' as const, value });
    const text = (value: string) => ({ type: 'string' as const, value });
    const types = vocabulary.tokens.map((_, id) => (id < vocabulary.plain ? TokenTypes.normal : TokenTypes.control));
    return {
        'general.architecture': text('llama'),
        'general.name': text(name),
        'general.file_type': number(FileTypes[fileType]!),
        'general.quantization_version': number(2),
        'llama.block_count': number(shape.layers),
        'llama.context_length': number(shape.context),
        'llama.embedding_length': number(shape.embedding),
        'llama.feed_forward_length': number(shape.feedForward),
        'llama.attention.head_count': number(shape.heads),
        'llama.attention.head_count_kv': number(shape.kvHeads),
        'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: 1e-5 },
        'llama.rope.dimension_count': number(shape.embedding / shape.heads),
        'llama.rope.freq_base': { type: 'float32', value: shape.ropeBase },
        'llama.vocab_size': number(vocabulary.tokens.length),
        'tokenizer.ggml.model': text('gpt2'),
        'tokenizer.ggml.pre': text('llama-bpe'),
        'tokenizer.ggml.tokens': { type: 'strings', value: vocabulary.tokens },
        'tokenizer.ggml.token_type': { type: 'int32s', value: types },
        'tokenizer.ggml.merges': { type: 'strings', value: vocabulary.merges },
        'tokenizer.ggml.bos_token_id': number(vocabulary.endOfText),
        'tokenizer.ggml.eos_token_id': number(vocabulary.endOfTurn),
        'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
        'tokenizer.chat_template': text(ChatTemplate),
    };
}

/** Of llama.cpp's vocabularies. */
const TokenTypes = { normal: 1, control: 3 };

/** LLAMA_FTYPE by the type of the weights in ggml. */
const FileTypes: Readonly<Record<number, number>> = { 1: 1, 2: 2, 8: 7 };

function product(numbers: readonly number[]): number {
    return numbers.reduce((result, number) => result * number, 1);
}
