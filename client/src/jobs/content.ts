import {
    bundleRoot,
    instructionsHash,
    JobInstructions,
    JobItem,
    newContentKey,
    packBundle,
    packJson,
    sealContent,
} from '@ton-compute/protocol';
import { MaxObjectBytes, ObjectStore, StoreError } from '@ton-compute/storage';
import { MaxStoreUrl } from '@ton-compute/contracts';
import { ClientError, reasonOf } from '../errors';
import { estimateRequest } from '../session/estimate';
import { CheckedJob } from './options';

/** The sealed content of a job, in its store, and what the terms say of it. */
export type PreparedContent = {
    /** 32 bytes: whoever has it can read input and output. */
    contentKey: Buffer;
    /** Merkle root of the sealed items. */
    inputRoot: Buffer;
    instructionsHash: Buffer;
    inputBytes: number;
    inputUrl: string;
    /** Name of the output in the store, and a URL by which it can be read. */
    outputName: string;
    outputUrl: string;
    promptTokens: bigint;
    completionTokens: bigint;
};

/** Seconds that a URL lives beyond the last moment at which the job may need it: clocks differ. */
const UrlMargin = 600;
/** What an item's result holds beside its text, and bytes of text a token makes at most, JSON escapes included. */
const ResultBytes = 65_536;
const BytesPerToken = 256;
const EmbeddingBytes = 1_048_576;

/**
 * Seals a job's content under a new key and uploads it. Nothing is on the chain yet.
 * @throws ClientError `object_store` or `invalid_option`; nothing was spent.
 */
export async function prepareContent(job: CheckedJob, store: ObjectStore, signal?: AbortSignal): Promise<PreparedContent> {
    const contentKey = newContentKey();
    const items = job.items.map((item, index) => sealContent(contentKey, 'input', index, packJson(item)));
    const inputRoot = bundleRoot({ instructions: null, items });
    // Roots are of sealed items, with random nonces: two jobs never share a name.
    const inputName = `${inputRoot.toString('hex')}.input`;
    const outputName = `${inputRoot.toString('hex')}.output`;
    const lifetime = job.awardSeconds + job.deliverySeconds + UrlMargin;
    const [inputUrl, writeUrl, readUrl] = await inStore('make URLs', () =>
        Promise.all([store.readUrl(inputName, lifetime), store.writeUrl(outputName, lifetime), store.readUrl(outputName, lifetime)]),
    );
    const length = Buffer.byteLength(inputUrl);
    if (length > MaxStoreUrl) {
        throw new ClientError(
            'invalid_option',
            `The URL of the input has ${length} bytes, the terms of a job hold ${MaxStoreUrl}. Use a shorter endpoint, bucket or prefix.`,
        );
    }
    const instructions: JobInstructions = {
        version: 1,
        task: job.task,
        system: job.system,
        parameters: job.parameters,
        output: { writeUrl, readUrl },
    };
    const sealed = sealContent(contentKey, 'instructions', 0, packJson(instructions));
    const bundle = packBundle({ instructions: sealed, items });
    await inStore('keep the input', () => store.put(inputName, bundle, signal), signal);
    return {
        contentKey,
        inputRoot,
        instructionsHash: instructionsHash(sealed),
        inputBytes: bundle.length,
        inputUrl,
        outputName,
        outputUrl: readUrl,
        ...tokenBounds(job),
    };
}

/** No tokenizer makes more tokens of the items, and no answer may have more. */
export function tokenBounds({ task, items, system, parameters }: CheckedJob): { promptTokens: bigint; completionTokens: bigint } {
    const promptTokens = items.reduce((sum, item) => sum + promptBound(item, system), 0n);
    return { promptTokens, completionTokens: task === 'chat' ? BigInt(items.length) * BigInt(parameters.max_tokens!) : 0n };
}

function promptBound(item: JobItem, system: string): bigint {
    if ('input' in item) {
        return estimateRequest('/embeddings', item, Buffer.byteLength(item.input), 0).promptTokens;
    }
    const own = 'messages' in item ? item.messages : [{ role: 'user', content: item.prompt }];
    const messages = system === '' ? own : [{ role: 'system', content: system }, ...own];
    return estimateRequest('/chat/completions', { messages }, Buffer.byteLength(JSON.stringify(messages)), 0).promptTokens;
}

/** @returns the most bytes that the output of an honest worker has: more are not downloaded. */
export function outputBound({ task, items, parameters }: Pick<CheckedJob, 'task' | 'items' | 'parameters'>): number {
    const each = task === 'chat' ? ResultBytes + BytesPerToken * parameters.max_tokens! : EmbeddingBytes;
    return Math.min(MaxObjectBytes, 65_536 + items.length * each);
}

/** Turns what a store throws into an error of this package. */
export async function inStore<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
        return await work();
    } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof StoreError)) {
            throw error;
        }
        const code = error.code === 'invalid_option' ? 'invalid_option' : 'object_store';
        throw new ClientError(code, `The store did not ${what}: ${reasonOf(error)}`, { storeCode: error.code }, { cause: error });
    }
}
