import {
    bundleRoot,
    JobItemResult,
    openContent,
    parseItemResult,
    SealedBundle,
    SealingError,
    unpackBundle,
    WireFormatError,
} from '@ton-compute/protocol';
import { Address } from '@ton/core';
import { ObjectStore, readFromUrl, StoreError } from '@ton-compute/storage';
import { ClientError } from '../errors';
import { inStore } from './content';
import { JobRecord, jobAgreementOf } from './record';

/** What came out of a job. */
export type JobResult = {
    job: Address;
    provider: Address;
    /** nanoTON that the provider was paid. */
    paid: bigint;
    /** In the order of the items. An item that could not be done has status `error` and says why. */
    items: JobItemResult[];
    /** Tokens of all items together, as the attested worker counted them; items with an error count nothing. */
    usage: { promptTokens: number; completionTokens: number };
    /** How many items have status `error`. */
    failed: number;
    /** Merkle root of the sealed outputs: what the worker signed. */
    outputRoot: Buffer;
};

/**
 * Downloads the output, from the store or by the URL that was made for it, and checks that it is what the worker signed.
 * @throws ClientError `output_missing`, `output_altered`, `object_store`.
 */
export async function fetchResult(
    record: JobRecord,
    delivered: { provider: Address; paid: bigint; outputRoot: Buffer },
    store: ObjectStore | null,
    signal?: AbortSignal,
): Promise<JobResult> {
    const bytes = await download(record, store, signal);
    const bundle = unpack(record, bytes);
    if (!bundleRoot(bundle).equals(delivered.outputRoot)) {
        throw altered(record, `its Merkle root is ${bundleRoot(bundle).toString('hex')}, the worker signed ${delivered.outputRoot.toString('hex')}`);
    }
    const { itemCount } = jobAgreementOf(record);
    if (bundle.items.length !== itemCount) {
        throw altered(record, `it has ${bundle.items.length} items, the job has ${itemCount}`);
    }
    const items = bundle.items.map((sealed, index) => openItem(record, index, sealed));
    const usage = { promptTokens: 0, completionTokens: 0 };
    for (const item of items) {
        if (item.status === 'ok') {
            usage.promptTokens += item.promptTokens;
            usage.completionTokens += 'content' in item ? item.completionTokens : 0;
        }
    }
    const failed = items.filter(({ status }) => status === 'error').length;
    return { job: record.job, ...delivered, items, usage, failed };
}

async function download(record: JobRecord, store: ObjectStore | null, signal?: AbortSignal): Promise<Buffer> {
    const { outputName, outputUrl, maxOutputBytes } = record;
    let bytes: Buffer | null;
    try {
        bytes = await inStore(
            'show the output',
            () => (store === null ? readFromUrl(outputUrl, maxOutputBytes, signal) : store.get(outputName, maxOutputBytes, signal)),
            signal,
        );
    } catch (error) {
        const { cause } = error as ClientError;
        if (cause instanceof StoreError && cause.code === 'too_large') {
            throw altered(record, `it has more than ${maxOutputBytes} bytes, more than this job's answers can have`);
        }
        if (cause instanceof StoreError && cause.code === 'refused' && store === null) {
            throw new ClientError(
                'object_store',
                `${(error as ClientError).message} The URL of the output lives as long as the job may run: name the store that the job was created with.`,
                {},
                { cause },
            );
        }
        throw error;
    }
    if (bytes === null) {
        throw new ClientError(
            'output_missing',
            `The store does not have the output ${outputName} of job ${record.job.toString()}. The provider was paid: an attested ` +
                'worker signs only after it has read the output back, so look for who removed it, and ask the provider.',
            { name: outputName },
        );
    }
    return bytes;
}

function unpack(record: JobRecord, bytes: Buffer): SealedBundle {
    try {
        return unpackBundle(bytes);
    } catch (error) {
        if (error instanceof SealingError) {
            throw altered(record, error.message);
        }
        throw error;
    }
}

function openItem({ contentKey, job }: JobRecord, index: number, sealed: Buffer): JobItemResult {
    try {
        return parseItemResult(openContent(contentKey, 'output', index, sealed));
    } catch (error) {
        if (error instanceof SealingError || error instanceof WireFormatError) {
            throw new ClientError(
                'output_altered',
                `Item ${index} of the output of job ${job.toString()} is what the worker signed, but no result of this job: ` +
                    `${error.message} The provider was paid; its attested program did not do what it should. Do not award it again.`,
                { index },
            );
        }
        throw error;
    }
}

function altered({ job, outputName }: JobRecord, how: string): ClientError {
    return new ClientError(
        'output_altered',
        `The output of job ${job.toString()} is not what the worker signed: ${how}. Somebody replaced ${outputName} in the store; ` +
            'nothing of it was used. Restore the right version of it, and fetch the result again.',
    );
}
