import { join } from 'node:path';
import { z } from 'zod';

import { field, sha256 } from './fields';

/** The model that comes with the worker: tiny, and it knows only its small domain. */
export const ShippedModel = join(__dirname, '..', '..', 'model', 'tiny-chat.gguf');

const count = (least: number, most: number) => z.int().min(least).max(most);

/** What is said of one model that is served. */
export const modelFields = {
    path: field(z.string().min(1).nullable().default(null), {
        kind: 'text',
        expected: 'the path of a GGUF file; behind an upstream also of a folder of weights',
        example: '/models/qwen3-8b-q4_k_m.gguf',
        meaning:
            'The weights. Default: the tiny model that comes with the worker; behind an upstream none, then ' +
            'model.weightsHash says what it serves.',
        aliases: ['MODEL_PATH'],
    }),
    name: field(z.string().min(1).max(200).nullable().default(null), {
        kind: 'text',
        expected: 'a name',
        example: 'qwen3-8b',
        meaning: 'Name by which clients ask for the model. Default: the name of the file.',
    }),
    memory: field(z.string().min(1).nullable().default(null), {
        kind: 'text',
        expected: 'a path',
        example: '/run/ton-compute/weights',
        meaning:
            'Folder in memory that the weights are copied to, hashed in and loaded from. Default: in tier tdx, beside ' +
            'the keys; else none.',
    }),
    weightsHash: field(sha256.nullable().default(null), {
        kind: 'text',
        expected: 'a SHA-256 hash, 64 hexadecimal digits',
        example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        meaning: 'Weights with any other hash are refused.',
    }),
    contextSize: field(count(16, 10_000_000).nullable().default(null), {
        kind: 'number',
        expected: 'tokens, from 16 to 10000000',
        example: 8192,
        meaning: "Prompt and answer together, in tokens. Default: the engine's choice, at most 8192.",
    }),
    slots: field(z.union([count(1, 1024), z.literal('auto')]).default(4), {
        kind: 'number',
        expected: "a number from 1 to 1024, or 'auto'",
        example: 4,
        meaning:
            "Requests that are generated at the same time; each takes memory for a whole context. 'auto': as many as " +
            'fit beside the weights, at most 64.',
    }),
};

/** Where a model is served that is not loaded into the worker itself. */
export const upstreamFields = {
    url: field(
        z
            .url({ protocol: /^https?$/ })
            .nullable()
            .default(null),
        {
            kind: 'text',
            expected: 'the URL of an OpenAI-compatible server',
            example: 'http://127.0.0.1:8000/v1',
            meaning: 'The inference server that the model runs on. Default: none, the worker loads the model itself.',
        },
    ),
    kind: field(z.enum(['auto', 'vllm', 'sglang', 'llama.cpp', 'ollama', 'openai']).default('auto'), {
        kind: 'text',
        expected: "'auto', 'vllm', 'sglang', 'llama.cpp', 'ollama' or 'openai'",
        example: 'vllm',
        meaning: "What the server is; 'auto' asks it, 'openai' counts on nothing beside the standard.",
    }),
    apiKey: field(z.string().min(1).nullable().default(null), {
        kind: 'text',
        expected: 'the key that the server asks for',
        example: 'as the server was started with',
        meaning: 'Bearer token of the server. Better in the environment than in a file.',
        secret: true,
    }),
    model: field(z.string().min(1).nullable().default(null), {
        kind: 'text',
        expected: "the server's name of the model",
        example: 'Qwen/Qwen3-8B',
        meaning: 'Name by which the server knows the model. Default: the only one that it has.',
    }),
    firstTokenSeconds: field(z.number().min(1).max(3600).default(120), {
        kind: 'number',
        expected: 'seconds, from 1 to 3600',
        example: 120,
        meaning: 'Longest wait for the first token, the queue of the server included.',
    }),
};

const oneModel = z.strictObject({ ...modelFields, upstream: z.strictObject(upstreamFields).prefault({}) });

/** Several models, which only a file can list. */
export const modelList = z.array(oneModel).min(1).max(64);

/** One model, completely described. */
export type ModelConfig = z.output<typeof oneModel>;

/** One model as it is written: whatever has a default may be left out. */
export type ModelConfigInput = z.input<typeof oneModel>;
