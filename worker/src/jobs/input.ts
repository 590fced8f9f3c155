import { setTimeout as sleep } from 'node:timers/promises';
import { Cell } from '@ton/core';
import { DeclineReason, JobAgreement, JobTask, SealedKeyBytes } from '@ton-compute/contracts';
import {
    bundleRoot,
    EncryptionKeyPair,
    instructionsHash,
    JobInstructions,
    JobKeyContext,
    openContent,
    openContentKey,
    parseInstructions,
    SealedBundle,
    unpackBundle,
} from '@ton-compute/protocol';

import { EngineModel } from '../engine/engine';
import { parseChatRequest } from '../http/chat-request';
import { JobDeclined } from './declined';
import { chatBody } from './items';
import { StoreTrouble } from './store-error';
import { AllowedStores } from './stores';

/** Times that a missing input is looked for, and seconds before the second time; they double. */
const Attempts = 5;
const FirstPause = 1;

/** The content of a job, as far as it is opened: the items stay sealed until each has its turn. */
export type JobInput = { contentKey: Buffer; instructions: JobInstructions; items: readonly Buffer[] };

/** @returns the key of the content. It lives in memory only; the chain keeps it sealed. @throws {JobDeclined} */
export async function openKey(keys: EncryptionKeyPair, context: JobKeyContext, sealed: Cell | null): Promise<Buffer> {
    try {
        return await openContentKey(keys, context, sealed!.beginParse().loadBuffer(SealedKeyBytes));
    } catch {
        throw new JobDeclined(DeclineReason.InputUnreadable, "The key of the job's content does not open under this worker's key.");
    }
}

/** @returns the sealed input, proven to be what the terms name. @throws {JobDeclined} */
export async function fetchInput(stores: AllowedStores, agreement: JobAgreement, signal: AbortSignal): Promise<SealedBundle> {
    const { specification, itemCount, inputRoot } = agreement;
    const bytes = await download(stores, specification.inputUrl, Number(specification.inputBytes), signal);
    if (BigInt(bytes.length) !== specification.inputBytes) {
        throw other(`it has ${bytes.length} bytes, the terms say ${specification.inputBytes}`);
    }
    const bundle = unpack(bytes);
    if (bundle.instructions === null || !instructionsHash(bundle.instructions).equals(specification.instructionsHash)) {
        throw other('its instructions have another hash than the terms say');
    }
    if (bundle.items.length !== itemCount || !bundleRoot(bundle).equals(inputRoot)) {
        throw other('its items have another root than the terms say');
    }
    return bundle;
}

/** @throws {JobDeclined} when the instructions do not open, are none, or are not those of the terms. */
export function readInstructions(contentKey: Buffer, sealed: Buffer, agreement: JobAgreement, model: EngineModel): JobInstructions {
    let instructions: JobInstructions;
    try {
        instructions = parseInstructions(openContent(contentKey, 'instructions', 0, sealed));
        if (instructions.task === 'chat') {
            // With a message that certainly is one: what is refused now would be refused for every item.
            parseChatRequest(chatBody(model.id, instructions, [{ role: 'user', content: '-' }]));
        }
    } catch {
        throw new JobDeclined(DeclineReason.InputUnreadable, "The job's instructions cannot be read.");
    }
    if ((instructions.task === 'chat' ? JobTask.Chat : JobTask.Embeddings) !== agreement.specification.task) {
        throw new JobDeclined(DeclineReason.InputUnreadable, "The job's instructions are for another task than its terms.");
    }
    return instructions;
}

/** A store that does not answer gets some time; one that has something else does not. */
async function download(stores: AllowedStores, url: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    for (let attempt = 1; ; attempt += 1) {
        try {
            return await stores.read(url, maxBytes, signal);
        } catch (error) {
            if (!(error instanceof StoreTrouble)) {
                throw error;
            }
            if (error.kind === 'other' || attempt === Attempts) {
                throw new JobDeclined(DeclineReason.InputMissing, `The input of the job cannot be had. ${error.message}`);
            }
            await sleep(FirstPause * 2 ** (attempt - 1) * 1000, undefined, { signal });
        }
    }
}

function unpack(bytes: Buffer): SealedBundle {
    try {
        return unpackBundle(bytes);
    } catch {
        throw other('it is no content of a job');
    }
}

function other(what: string): JobDeclined {
    return new JobDeclined(DeclineReason.InputMissing, `The store has another input: ${what}.`);
}
