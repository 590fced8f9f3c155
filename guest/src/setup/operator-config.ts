/** A section of the worker's configuration by field. */
type Section = Record<string, unknown>;

/** The worker's configuration as its file has it. */
export type WorkerFile = Record<string, Section>;

/** What the operator says on the configuration disk. */
export type OperatorConfig = {
    /** Sections and fields of the worker's configuration. */
    worker: WorkerFile;
    /** Content of the key file of the gas wallet; without it a new wallet is made at each boot. */
    gasWallet: Section | null;
    /** The weights on the model disk; null: the model in the image. */
    weights: { bytes: number; sha256: string } | null;
};

/** The configuration disk says something that this image does not let the operator say. */
export class OperatorConfigError extends Error {
    override name = 'OperatorConfigError';
}

/**
 * What the host may choose. Everything here is about money, names and load; nothing of it makes the guest send, store
 * or log what a client sealed. Whatever is not here is fixed by the image, and so by its measurement.
 */
const Free: Readonly<Record<string, readonly string[]>> = {
    network: ['endpoint', 'apiKey', 'requestsPerSecond', 'timeoutSeconds', 'pollSeconds'],
    provider: ['id', 'registry', 'publicEndpoint'],
    model: ['name', 'contextSize', 'slots'],
    attestation: ['renewBeforeSeconds', 'collateral'],
    settlement: [
        'claimAbove',
        'maxAgeSeconds',
        'maxCostShare',
        'closeMarginSeconds',
        'intervalSeconds',
        'resendSeconds',
        'distributeAbove',
    ],
    jobs: [
        'stores',
        'parallel',
        'bondLimit',
        'leastPriceShare',
        'startSpeed',
        'speedShare',
        'inputBytes',
        'items',
        'bidMarginSeconds',
        'longestAwardSeconds',
        'storeTimeoutSeconds',
        'pollSeconds',
        'lookBack',
    ],
    limits: [
        'queue',
        'bodyBytes',
        'maxTokensDefault',
        'maxTokensCap',
        'idleSeconds',
        'totalSeconds',
        'voucherWaitSeconds',
        'drainSeconds',
    ],
};
const GasWallet = 'gasWallet';
const Weights = 'weights';

/**
 * @param text JSON of the configuration disk.
 * @throws {OperatorConfigError} for anything but known sections with fields that are free.
 */
export function parseOperatorConfig(text: string): OperatorConfig {
    const worker: WorkerFile = {};
    const {
        [GasWallet]: gasWallet,
        [Weights]: weights,
        ...sections
    } = object(parseJson(text), 'The configuration disk');
    for (const [name, value] of Object.entries(sections)) {
        const free = Object.hasOwn(Free, name) ? Free[name] : null;
        if (free === null) {
            throw new OperatorConfigError(
                `The configuration disk has the section ${JSON.stringify(name)}, which the image fixes. Expected only ` +
                    `${Object.keys(Free).join(', ')}, ${GasWallet} and ${Weights}.`,
            );
        }
        worker[name] = section(name, value, free);
    }
    return {
        worker,
        gasWallet: gasWallet === undefined ? null : object(gasWallet, GasWallet),
        weights: weights === undefined ? null : weightsOf(weights),
    };
}

/**
 * @param pinned what the image fixes: it wins, though nothing that it holds should be free.
 * @returns the worker's configuration.
 */
export function workerFile(operator: OperatorConfig, pinned: WorkerFile): WorkerFile {
    const names = new Set([...Object.keys(operator.worker), ...Object.keys(pinned)]);
    return Object.fromEntries([...names].map((name) => [name, { ...operator.worker[name], ...pinned[name] }]));
}

function section(name: string, value: unknown, free: readonly string[]): Section {
    const fields = object(value, name);
    for (const field of Object.keys(fields)) {
        if (!free.includes(field)) {
            throw new OperatorConfigError(
                `The configuration disk sets ${name}.${field}, which the image fixes or does not know. In this section ` +
                    `an operator chooses only ${free.join(', ')}.`,
            );
        }
    }
    return fields;
}

function weightsOf(value: unknown): { bytes: number; sha256: string } {
    const { bytes, sha256, ...others } = object(value, Weights);
    if (
        Object.keys(others).length > 0 ||
        typeof bytes !== 'number' ||
        !Number.isSafeInteger(bytes) ||
        bytes <= 0 ||
        typeof sha256 !== 'string' ||
        !/^[0-9a-f]{64}$/.test(sha256)
    ) {
        throw new OperatorConfigError(
            `${Weights} of the configuration disk are not usable. Expected {"bytes": size of the GGUF file, "sha256": its ` +
                'SHA-256 in 64 lower-case hexadecimal digits}.',
        );
    }
    return { bytes, sha256 };
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        // Not what JSON.parse says: it quotes the text, and the text holds the key of the gas wallet.
        throw new OperatorConfigError(
            'The configuration disk holds no JSON. Write it with: npm run -s guest:config -- --input FILE --output DISK',
        );
    }
}

function object(value: unknown, what: string): Section {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new OperatorConfigError(`${what} has to be a JSON object.`);
    }
    return value as Section;
}
