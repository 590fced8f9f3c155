import { existsSync } from 'node:fs';

import { tonAmount } from '../config/fields';
import { ConfigSources, fieldNames, fromText, parseConfig } from '../config/load';
import { ShippedModel } from '../config/models';
import { WorkerConfigInput } from '../config/schema';
import { checkModelFile } from '../engine/weights';
import { hashWeights } from '../engine/weights-hash';
import { ConfigError, StartError } from '../errors';
import { FileKeys } from '../keys/file-keys';
import { DefaultFile } from '../own-command';
import { publicKeysOf } from '../registration';
import { Answers, complete, configOf, Prices } from './answers';
import { ask, askOverwrite, PromptContext } from './ask';
import { readExisting, writeConfig } from './file';
import { NetworkName, Networks } from './networks';
import { nextSteps } from './next-steps';

export type InitOptions = {
    /** Flags and environment; `file` is where the configuration goes, worker.json by default. */
    sources: ConfigSources;
    network?: NetworkName;
    /** TON per 1,000,000 tokens, for the offer. */
    prices?: Prices;
    /** Takes defaults instead of asking. */
    yes: boolean;
    /** Changes a file that exists without asking. */
    force: boolean;
    /** Where to ask; default: the terminal. */
    prompts?: PromptContext;
};

/** What `init` did. */
export type InitResult = { file: string; steps: string[] };

/**
 * Writes the configuration, makes the keys, and says what comes next. A file that exists is changed only when that is
 * wanted, and keeps what was not given anew.
 * @throws {ConfigError} that names what is missing or wrong; nothing was written then.
 */
export async function init(options: InitOptions): Promise<InitResult> {
    const { sources, yes, prompts } = options;
    const file = sources.file ?? DefaultFile;
    await requireConsent(file, options);
    const base = { ...readExisting(file) };
    for (const [section, fields] of Object.entries(fromFlags(sources.flags ?? {}))) {
        base[section as keyof WorkerConfigInput] = { ...base[section as keyof WorkerConfigInput], ...fields } as never;
    }
    const shipped = ShippedModel;
    const known = knownAnswers(base, options);
    const answers = yes ? completed(known, shipped) : await ask(known, shipped, prompts);
    const key = sources.environment?.WORKER_NETWORK_API_KEY;
    const config = configOf(answers, base, key !== undefined && key !== '');
    const { data, provider } = parseConfig(placeholder(config));
    await checkModelFile(answers.modelPath);
    await writeConfig(file, config);
    // An attested guest makes its keys in its own memory.
    const keys = provider.tier === 'tdx' ? null : publicKeysOf(await new FileKeys(data.keys ?? data.directory).load());
    return { file, steps: nextSteps(answers, keys, (await hashWeights(answers.modelPath)).hash, file) };
}

async function requireConsent(file: string, { yes, force, prompts }: InitOptions): Promise<void> {
    if (!existsSync(file) || force) {
        return;
    }
    if (yes) {
        throw new StartError(`${file} exists and was not changed. Add --force to change it, or name another file with --config.`);
    }
    if (!(await askOverwrite(file, prompts))) {
        throw new StartError(`${file} was not changed.`);
    }
}

function completed(known: Partial<Answers>, shipped: string): Answers {
    const answers = complete(known, shipped);
    if ('missing' in answers) {
        throw new ConfigError(`Without questions these are needed: ${answers.missing.join('; ')}.`);
    }
    return answers;
}

/** What flags say goes into the file; secrets do not. */
function fromFlags(flags: NonNullable<ConfigSources['flags']>): WorkerConfigInput {
    const values: Record<string, Record<string, unknown>> = {};
    for (const { flag, section, field, info, variables } of fieldNames) {
        const text = flags[flag.slice(2)];
        if (text === undefined) {
            continue;
        }
        if (info.secret === true) {
            throw new ConfigError(`${flag} is a secret and belongs into the environment: export ${variables[0]}=...`);
        }
        values[section] = { ...values[section], [field]: tidy(`${section}.${field}`, fromText(text, info)) };
    }
    return values as WorkerConfigInput;
}

/** A file says as JSON what the command line can only say as text. */
function tidy(path: string, value: unknown): unknown {
    if (path === 'gpu.backend' && (value === 'false' || value === 'off')) {
        return false;
    }
    return path === 'jobs.stores' && typeof value === 'string' ? value.split(',').map((store) => store.trim()) : value;
}

/** What need not be asked for: it stands in the file, in a flag, or in the environment. */
function knownAnswers(base: WorkerConfigInput, { sources, network, prices }: InitOptions): Partial<Answers> {
    const environment = (path: string) => {
        const { variables } = fieldNames.find((name) => name.path === path)!;
        return variables.map((name) => sources.environment?.[name]).find((text) => text !== undefined && text !== '');
    };
    const required = environment('gpu.required');
    return {
        endpoint: network === undefined ? (base.network?.endpoint ?? environment('network.endpoint')) : Networks[network],
        provider: textOf(base.provider?.id) ?? environment('provider.id'),
        registry: base.provider?.registry ?? environment('provider.registry'),
        modelPath: base.model?.path ?? environment('model.path'),
        gpuRequired: base.gpu?.required ?? (required === undefined ? undefined : /^(1|true|yes|on)$/i.test(required)),
        publicEndpoint: base.provider?.publicEndpoint ?? environment('provider.publicEndpoint'),
        tier: base.provider?.tier ?? (environment('provider.tier') as Answers['tier'] | undefined),
        dataDirectory: base.data?.directory ?? environment('data.directory'),
        port: base.listen?.port ?? numberOf(environment('listen.port')),
        prices,
    };
}

function numberOf(text: string | undefined): number | undefined {
    return text === undefined ? undefined : Number(text);
}

function textOf(id: string | number | undefined): string | undefined {
    return id === undefined ? undefined : String(id);
}

/** A configuration that can be checked although the provider is not registered yet. */
function placeholder(config: WorkerConfigInput): WorkerConfigInput {
    return {
        ...config,
        network: { endpoint: Networks.devnet, ...config.network },
        provider: { id: `0:${'00'.repeat(32)}`, ...config.provider },
    };
}

/** @returns the text of an amount in TON. @throws {ConfigError} */
export function parsePrice(text: string, flag: string): string {
    if (!tonAmount.safeParse(text).success) {
        throw new ConfigError(`${flag} ${text}: expected TON per 1,000,000 tokens, such as 0.05.`);
    }
    return text;
}
