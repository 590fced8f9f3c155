import { NoTokens } from '@ton-compute/contracts';

import { engineWireError } from '../engine-errors';
import { EngineError, UnsupportedError } from '../engine/engine';
import { shortfallError } from '../money/shortfall-error';
import { bodyHash } from './answer';
import { ServingContext } from './context';
import { EmbeddingsParameters, parseEmbeddingsRequest } from './embeddings-request';
import { openHold } from './open-hold';
import { endedError, PaidHandler } from './paid-route';
import { refuseAfterWork } from './refuse-after-work';
import { requireModel } from './require-model';

/** Tokens that an embedding may add to each input: its beginning and its end. */
const FrameTokens = 2;

/** POST /v1/embeddings */
export const embeddingsRoute: PaidHandler = async (context, paid) => {
    const { engine, metrics, receipts } = context;
    const parameters = parseEmbeddingsRequest(paid.body);
    requireModel(paid, parameters.model);
    if (!paid.model.supports.embeddings) {
        throw new UnsupportedError(`The model '${paid.model.id}' gives no embeddings.`, 'model');
    }
    const { session, signal } = paid;
    const estimate = await countInputs(context, parameters);
    const hold = await openHold(context, session, { ...NoTokens, prompt: estimate });
    let used = NoTokens;
    let vectors: Float32Array[];
    try {
        const embeddings = await engine.embed(parameters.model, parameters.inputs, { signal });
        ({ vectors } = embeddings);
        used = { ...NoTokens, prompt: BigInt(embeddings.tokens) };
    } catch (error) {
        throw signal.aborted ? endedError(context, paid) : withInputField(error);
    } finally {
        hold.close(used);
    }
    metrics.used(used);
    // The estimate reads special tokens in the text as such, the embedding does not: it may come out dearer.
    const missing = session.shortfall();
    if (missing !== null) {
        return refuseAfterWork(context, paid, used, shortfallError(missing));
    }
    const body = JSON.stringify(embeddingsBody(parameters, vectors, Number(used.prompt)));
    const exchange = { requestHash: bodyHash(paid.body), answerHash: bodyHash(body) };
    paid.answer.whole(200, body, await receipts.issue(session, exchange));
};

/** A fault of our own stays one: only what the engine refuses on purpose has a field. */
function withInputField(error: unknown): unknown {
    return error instanceof EngineError ? engineWireError(error, 'input') : error;
}

async function countInputs({ engine }: ServingContext, { model, inputs }: EmbeddingsParameters): Promise<bigint> {
    const counts = await Promise.all(inputs.map((input) => engine.countPromptTokens({ model, prompt: input })));
    return BigInt(counts.reduce((sum, count) => sum + count + FrameTokens, 0));
}

function embeddingsBody({ model, format }: EmbeddingsParameters, vectors: Float32Array[], tokens: number): unknown {
    return {
        object: 'list',
        data: vectors.map((vector, index) => ({
            object: 'embedding',
            index,
            embedding: format === 'base64' ? littleEndianBase64(vector) : Array.from(vector),
        })),
        model,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
}

/** 32-bit floats, little-endian, as OpenAI's clients expect them. */
function littleEndianBase64(vector: Float32Array): string {
    const bytes = Buffer.alloc(vector.length * 4);
    vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
    return bytes.toString('base64');
}
