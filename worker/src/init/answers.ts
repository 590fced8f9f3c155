import { WorkerConfigInput } from '../config/schema';
import { isLocal, isPublicApi, PublicRate } from './networks';

/** What `init` has to know; what a file, a flag or a variable says already is not asked for. */
export type Answers = {
    /** URL of a toncenter v2 API. */
    endpoint: string;
    /** Null: not registered yet. */
    provider: string | null;
    /** Null: the registration asks for it. */
    registry: string | null;
    modelPath: string;
    gpuRequired: boolean;
    /** Null: what the chain shows. */
    publicEndpoint: string | null;
    tier: 'open' | 'tdx';
    dataDirectory: string;
    /** That the worker listens at; only the file says it. */
    port?: number;
    /** TON per 1,000,000 tokens; for the offer on the chain, not for the file. */
    prices: Prices;
};

export type Prices = { prompt: string; completion: string };

/** A start to be corrected: `doctor` compares it with the market. */
export const DefaultPrices: Prices = { prompt: '0.05', completion: '0.2' };
/** Where a worker listens by default. */
const DefaultPort = 8080;

/** @returns what is not asked for: the answer that most hosts would give; null where there is none. */
export function defaultEndpoint(endpoint: string | undefined, port = DefaultPort): string | null {
    return endpoint !== undefined && isLocal(endpoint) ? `http://127.0.0.1:${port}` : null;
}

/**
 * Completes the answers without a person.
 * @param known what was given.
 * @param shippedModel path of the model that comes with the worker.
 * @returns the answers, or the fields that only a person can know.
 */
export function complete(known: Partial<Answers>, shippedModel: string): Answers | { missing: string[] } {
    const { endpoint, provider = null } = known;
    const publicEndpoint = known.publicEndpoint ?? defaultEndpoint(endpoint, known.port);
    const missing = [
        ...(endpoint === undefined ? ['--network testnet|mainnet|devnet, or --network-endpoint <url>'] : []),
        // A registered provider shows its endpoint on the chain.
        ...(provider === null && publicEndpoint === null && endpoint !== undefined
            ? ['--provider-public-endpoint <url>, or --provider-id <address> of a provider that is registered']
            : []),
    ];
    if (endpoint === undefined || missing.length > 0) {
        return { missing };
    }
    return {
        endpoint,
        provider,
        registry: known.registry ?? null,
        modelPath: known.modelPath ?? shippedModel,
        gpuRequired: known.gpuRequired ?? false,
        publicEndpoint,
        tier: known.tier ?? 'open',
        dataDirectory: known.dataDirectory ?? 'worker-data',
        prices: known.prices ?? DefaultPrices,
    };
}

/**
 * @param base what an earlier file, and flags, say; kept where nothing was answered.
 * @param hasKey whether the environment holds an API key.
 * @returns the content of the file.
 */
export function configOf(answers: Answers, base: WorkerConfigInput, hasKey: boolean): WorkerConfigInput {
    const { endpoint, provider, registry, publicEndpoint, tier } = answers;
    const slow = isPublicApi(endpoint) && !hasKey && base.network?.apiKey == null;
    return {
        ...base,
        network: { ...(slow ? { requestsPerSecond: PublicRate } : {}), ...base.network, endpoint },
        provider: {
            ...base.provider,
            ...(provider === null ? {} : { id: provider }),
            ...(registry === null ? {} : { registry }),
            ...(publicEndpoint === null ? {} : { publicEndpoint }),
            tier,
        },
        model: { ...base.model, path: answers.modelPath },
        gpu: { ...base.gpu, required: answers.gpuRequired },
        data: { ...base.data, directory: answers.dataDirectory },
    };
}
