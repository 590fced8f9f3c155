import { ClientError } from '../errors';

/** What is being read; `total` is 0 while it is not known. */
export type MarketProgress = { stage: 'registry' | 'providers' | 'jobs'; done: number; total: number };

/** How the market is read. Everything may be left out. */
export type MarketOptions = {
    /** Only this model: SHA-256 of its weights, 64 hexadecimal digits. */
    model?: string;
    /** The most jobs to read, newest first; 100. */
    jobs?: number;
    /** The most providers to read, newest first; 1,000. */
    providers?: number;
    /** Entries that are read at the same time; 4. Public APIs without a key allow one call a second: use 1. */
    parallel?: number;
    /**
     * The most pages of 100 transactions in which a provider's registration is looked for; 3. With 0 nothing is looked
     * for, and earnings are per attested hour.
     */
    historyPages?: number;
    /** Also ask the workers what no contract knows: their load and the names of their models. They may say anything. */
    askWorkers?: boolean;
    signal?: AbortSignal;
    /** Called as the reading goes on. */
    onProgress?: (progress: MarketProgress) => void;
};

export type CheckedMarketOptions = Required<Omit<MarketOptions, 'model' | 'signal'>> & {
    model: string | null;
    signal: AbortSignal | undefined;
};

/** @throws ClientError `invalid_option`. */
export function checkMarketOptions(options: MarketOptions): CheckedMarketOptions {
    const { model = null, onProgress = () => undefined, askWorkers = false, signal } = options;
    if (model !== null && !/^[0-9a-f]{64}$/i.test(model)) {
        throw new ClientError(
            'invalid_option',
            `model: expected the SHA-256 of the weights (64 hexadecimal digits), got "${model}".`,
        );
    }
    return {
        model: model?.toLowerCase() ?? null,
        jobs: whole('jobs', options.jobs ?? 100, 0, 100_000),
        providers: whole('providers', options.providers ?? 1_000, 0, 100_000),
        parallel: whole('parallel', options.parallel ?? 4, 1, 64),
        historyPages: whole('historyPages', options.historyPages ?? 3, 0, 1_000),
        askWorkers,
        signal,
        onProgress,
    };
}

function whole(name: string, value: number, least: number, most: number): number {
    if (!Number.isInteger(value) || value < least || value > most) {
        throw new ClientError('invalid_option', `${name}: expected a whole number from ${least} to ${most}, got ${value}.`);
    }
    return value;
}
