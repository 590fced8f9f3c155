import { EngineOptionsError } from '../errors';
import type { Connection } from './connection';
import type { UpstreamKind, UpstreamOptions } from './options';

/** What a server says of itself. */
export type Discovered = {
    kind: UpstreamKind;
    /** The server's name of the model. */
    model: string;
    /** Tokens. */
    contextLength: number;
};

type ListedModel = { id: string; owned_by?: string; max_model_len?: number; meta?: { n_ctx?: number; n_ctx_train?: number } };

/** @throws {EngineOptionsError} when the server cannot be what the options say. */
export async function discover(connection: Connection, options: UpstreamOptions): Promise<Discovered> {
    const models = await listModels(connection, options.url);
    const model = chooseModel(models, options.model);
    const kind = options.kind === undefined || options.kind === 'auto' ? await findKind(connection, model) : options.kind;
    const told = await findContextLength(connection, kind, model);
    if (options.contextLength === undefined && told === null) {
        throw new EngineOptionsError(
            `The server at ${options.url} does not tell how long its context is. Set contextLength (model.contextSize) to what it ` +
                'was started with.',
        );
    }
    if (options.contextLength !== undefined && told !== null && options.contextLength > told) {
        throw new EngineOptionsError(
            `The context length is set to ${options.contextLength} tokens, but the server at ${options.url} has ${told}. Set at most that.`,
        );
    }
    return { kind, model: model.id, contextLength: options.contextLength ?? told! };
}

async function listModels(connection: Connection, url: string): Promise<ListedModel[]> {
    const list = (await connection.find('/v1/models')) as { data?: ListedModel[] } | null;
    const models = (list?.data ?? []).filter((each) => typeof each?.id === 'string');
    if (models.length === 0) {
        throw new EngineOptionsError(
            `The server at ${url} lists no model at /v1/models. Check the URL, whether it has loaded its model, and the API key.`,
        );
    }
    return models;
}

function chooseModel(models: readonly ListedModel[], wanted: string | undefined): ListedModel {
    const names = models.map(({ id }) => id).join(', ');
    if (wanted === undefined) {
        if (models.length > 1) {
            throw new EngineOptionsError(`The server has several models: set upstream.model to one of ${names}.`);
        }
        return models[0]!;
    }
    const found = models.find(({ id }) => id === wanted);
    if (found === undefined) {
        throw new EngineOptionsError(`The server does not have the model '${wanted}'. It has ${names}.`);
    }
    return found;
}

/** Each of these servers answers something that the others do not have. */
async function findKind(connection: Connection, model: ListedModel): Promise<UpstreamKind> {
    if (model.owned_by === 'vllm') return 'vllm';
    if (model.owned_by === 'sglang') return 'sglang';
    if (model.owned_by === 'llamacpp') return 'llama.cpp';
    const version = (await connection.find('/api/version')) as { version?: unknown } | null;
    return typeof version?.version === 'string' ? 'ollama' : 'openai';
}

async function findContextLength(connection: Connection, kind: UpstreamKind, model: ListedModel): Promise<number | null> {
    if (typeof model.max_model_len === 'number') return model.max_model_len;
    if (kind !== 'llama.cpp') return null;
    const props = (await connection.find('/props')) as { default_generation_settings?: { n_ctx?: unknown } } | null;
    const length = props?.default_generation_settings?.n_ctx;
    return typeof length === 'number' ? length : (model.meta?.n_ctx ?? null);
}
