import { EngineOptionsError } from '../errors';
import { type Connection, UpstreamRefusal } from './connection';
import { type Dialect, dialectOf } from './dialect';
import type { UpstreamKind, UpstreamOptions } from './options';

/** What a server says of itself. */
export type Discovered = {
    dialect: Dialect;
    /** The server's name of the model. */
    model: string;
    /** Tokens. */
    contextLength: number;
};

type ListedModel = { id: string; owned_by?: string; max_model_len?: unknown };

/** @throws {EngineOptionsError} when the server cannot be what the options say. */
export async function discover(connection: Connection, options: UpstreamOptions): Promise<Discovered> {
    const { url, kind = 'auto', contextLength, slots, onLog } = options;
    const model = chooseModel(await listModels(connection, url), options.model);
    const dialect = dialectOf(kind === 'auto' ? await findKind(connection, model) : kind);
    const told = await tellsOf(connection, dialect.kind, model);
    if (contextLength === undefined && told.contextLength === null) {
        throw new EngineOptionsError(
            `The server at ${url} does not tell how long its context is. Set contextLength (model.contextSize) to what it ` +
                'was started with.',
        );
    }
    if (contextLength !== undefined && told.contextLength !== null && contextLength > told.contextLength) {
        throw new EngineOptionsError(
            `The context length is set to ${contextLength} tokens, but the server at ${url} has ${told.contextLength}. ` +
                'Set at most that.',
        );
    }
    if (told.slots !== null && slots > told.slots) {
        onLog?.(
            `The server at ${url} runs ${told.slots} requests at once, of ${slots} that are sent the others wait there.`,
        );
    }
    return {
        dialect: await withTokenizer(connection, dialect, model, onLog),
        model: model.id,
        contextLength: contextLength ?? told.contextLength!,
    };
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

/** What a server tells of its room; null for what it does not. */
type Told = { contextLength: number | null; slots: number | null };

async function tellsOf(connection: Connection, kind: UpstreamKind, model: ListedModel): Promise<Told> {
    if (kind === 'llama.cpp') {
        const props = (await connection.find('/props')) as LlamaProps | null;
        return { contextLength: size(props?.default_generation_settings?.n_ctx), slots: size(props?.total_slots) };
    }
    if (kind === 'ollama') {
        // What the model was loaded with; its files tell only what it was trained on, and Ollama cuts longer prompts.
        const running = (await connection.find('/api/ps')) as { models?: OllamaProcess[] } | null;
        const found = running?.models?.find(({ name, model: id }) => name === model.id || id === model.id);
        return { contextLength: size(found?.context_length), slots: null };
    }
    return { contextLength: size(model.max_model_len), slots: null };
}

type LlamaProps = { default_generation_settings?: { n_ctx?: unknown }; total_slots?: unknown };
type OllamaProcess = { name?: string; model?: string; context_length?: unknown };

function size(value: unknown): number | null {
    return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;
}

/** Older releases, and servers behind a proxy, cannot tokenize a chat: then bytes are the bound. */
async function withTokenizer(
    connection: Connection,
    dialect: Dialect,
    model: ListedModel,
    onLog: UpstreamOptions['onLog'],
): Promise<Dialect> {
    if (dialect.tokenizer === null) return dialect;
    const messages = [{ role: 'user', content: 'test' }];
    try {
        const answer =
            dialect.tokenizer === 'tokenize-chat'
                ? await connection.ask('/tokenize', { model: model.id, messages })
                : await connection.ask('/apply-template', { messages });
        const { count, prompt } = answer as { count?: unknown; prompt?: unknown };
        if (size(count) !== null || typeof prompt === 'string') return dialect;
    } catch (error) {
        if (!(error instanceof UpstreamRefusal)) throw error;
    }
    onLog?.(
        'The server does not count the tokens of a chat: prompts are reserved by their bytes, and shorter ones fit.',
    );
    return { ...dialect, tokenizer: null };
}
