import { readFileSync } from 'node:fs';
import { z } from 'zod';

import { ConfigError, messageOf } from '../errors';
import { FieldInfo, infoOf } from './fields';
import { ModelConfig, modelList } from './models';
import { Schema, sections, WorkerConfig, WorkerConfigInput } from './schema';

/** One field under all of its names. */
export type FieldName = {
    section: string;
    field: string;
    /** In messages and the file: `network.endpoint`. */
    path: string;
    /** On the command line: `--network-endpoint`. */
    flag: string;
    /** In the environment: `WORKER_NETWORK_ENDPOINT` first, then its aliases. */
    variables: string[];
    info: FieldInfo;
};

/** Every field of the configuration. */
export const fieldNames: readonly FieldName[] = Object.entries(sections).flatMap(([section, { shape }]) =>
    Object.entries(shape as Record<string, z.ZodType>).map(([field, schema]) => {
        const info = infoOf(schema);
        const kebab = `${section}-${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
        const variable = `WORKER_${kebab.replace(/-/g, '_').toUpperCase()}`;
        return {
            section,
            field,
            path: `${section}.${field}`,
            flag: `--${kebab}`,
            variables: [variable, ...(info.aliases ?? [])],
            info,
        };
    }),
);

/** Where the configuration comes from; what stands first wins. */
export type ConfigSources = {
    /** By the flag's name without the dashes in front. */
    flags?: Readonly<Record<string, string | undefined>>;
    environment?: Readonly<Record<string, string | undefined>>;
    /** Path of a JSON file. */
    file?: string;
};

/** Where a value was found, for messages. */
type Origins = Map<string, string>;
type Raw = {
    values: Record<string, Record<string, unknown>>;
    /** The list of models, as it is written; undefined without one. */
    models: unknown;
    origins: Origins;
};

/**
 * @returns the whole configuration.
 * @throws {ConfigError} that names the field, where its value came from, what was expected, and an example.
 */
export function loadConfig(sources: ConfigSources): WorkerConfig {
    return check(gather(sources));
}

/**
 * For commands that need only the data directory, before a provider exists.
 * @throws {ConfigError}
 */
export function loadDataDirectory(sources: ConfigSources): string {
    return loadSection('data', sources).directory;
}

/**
 * One section alone, for commands that come before a provider exists.
 * @throws {ConfigError}
 */
export function loadSection<S extends 'data' | 'attestation' | 'listen'>(name: S, sources: ConfigSources): WorkerConfig[S] {
    const raw = gather(sources);
    const result = sections[name].safeParse(raw.values[name] ?? {});
    if (!result.success) {
        throw fieldError(result.error.issues[0], [name], raw);
    }
    return result.data as WorkerConfig[S];
}

/**
 * Completes and checks a configuration that was written in code.
 * @throws {ConfigError}
 */
export function parseConfig(input: WorkerConfigInput): WorkerConfig {
    const { models, ...values } = input;
    return check({ values: values as Raw['values'], models, origins: new Map() });
}

function gather({ flags = {}, environment = {}, file }: ConfigSources): Raw {
    const { models, ...values } = file === undefined ? {} : readConfigFile(file);
    const origins: Origins = new Map();
    for (const { section, field, path, flag, variables, info } of fieldNames) {
        if (file !== undefined && values[section]?.[field] !== undefined) {
            origins.set(path, `the file ${file}`);
        }
        const variable = variables.find((name) => environment[name] !== undefined && environment[name] !== '');
        const fromFlag = flags[flag.slice(2)];
        const text = fromFlag ?? (variable === undefined ? undefined : environment[variable]);
        if (text !== undefined) {
            values[section] = { ...values[section], [field]: fromText(text, info) };
            origins.set(path, fromFlag === undefined ? `the variable ${variable}` : `the flag ${flag}`);
        }
    }
    return { values, models, origins };
}

function readConfigFile(file: string): Raw['values'] & { models?: unknown } {
    let parsed: unknown;
    try {
        parsed = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        throw new ConfigError(
            missing
                ? `The configuration file ${file} does not exist. Create it, or name another one with --config.`
                : `The configuration file ${file} is not readable JSON: ${messageOf(error)}`,
        );
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
        throw new ConfigError(
            `The configuration file ${file} must hold an object of sections, such as ` +
                '{"network": {"endpoint": "https://testnet.toncenter.com/api/v2/jsonRPC"}}.',
        );
    }
    // For editors: it says where the schema of the file is.
    const { $schema: _, ...values } = parsed as Raw['values'];
    for (const [section, value] of Object.entries(values)) {
        if (section !== 'models' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
            throw new ConfigError(
                `The section '${section}' of ${file} must be an object of fields.${suggestion(section)}`,
            );
        }
    }
    return values;
}

/** @returns a value as it would stand in the file. A text that is no number or switch stays a text: the check then says what was expected. */
export function fromText(text: string, { kind }: FieldInfo): unknown {
    if (kind === 'number' && /^-?\d+(\.\d+)?$/.test(text.trim())) {
        return Number(text);
    }
    if (kind === 'switch') {
        if (/^(1|true|yes|on)$/i.test(text.trim())) {
            return true;
        }
        return /^(0|false|no|off)$/i.test(text.trim()) ? false : text;
    }
    return text;
}

function check(raw: Raw): WorkerConfig {
    const { values } = raw;
    const complete = { ...Object.fromEntries(Object.keys(sections).map((section) => [section, {}])), ...values };
    const result = Schema.safeParse(complete);
    if (!result.success) {
        throw fieldError(result.error.issues[0], [], raw);
    }
    const config = result.data;
    if (typeof config.provider.id === 'bigint' && config.provider.registry === null) {
        throw new ConfigError(
            'provider.id is a number, so provider.registry is needed: the address of the registry that numbered it. ' +
                'Or give the provider by its address.',
        );
    }
    const models = modelsOf(raw, config);
    models.forEach(requireWeights);
    return { ...config, models };
}

/** @returns the models of the list, or the one of the sections. */
function modelsOf({ values, models }: Raw, { model, upstream }: Pick<WorkerConfig, 'model' | 'upstream'>): ModelConfig[] {
    if (models === undefined) {
        return [{ ...model, upstream }];
    }
    const double = ['model', 'upstream'].find((section) => Object.keys(values[section] ?? {}).length > 0);
    if (double !== undefined) {
        throw new ConfigError(
            `Both 'models' and '${double}' are set (flags and variables count, MODEL_PATH too). List all models in 'models', ` +
                `and leave '${double}' out.`,
        );
    }
    const result = modelList.safeParse(models);
    if (!result.success) {
        throw listError(result.error.issues[0]);
    }
    return result.data;
}

/** What is served behind a connection cannot be hashed here: somebody has to say what it is. */
function requireWeights({ path, weightsHash, slots, upstream }: ModelConfig): void {
    if (upstream.url !== null && slots === 'auto') {
        throw new ConfigError(
            `model.slots is 'auto', but the memory behind ${upstream.url} is not seen from here. Set the number of requests ` +
                'that the server was started for.',
        );
    }
    if (upstream.url !== null && weightsHash === null && path === null) {
        throw new ConfigError(
            `The model behind ${upstream.url} needs model.weightsHash, the SHA-256 of its weights that the offer names, or ` +
                'model.path, the weights that the server has loaded, to be hashed.',
        );
    }
}

function listError(issue: z.core.$ZodIssue): ConfigError {
    const [index, ...rest] = issue.path.map(String);
    if (index === undefined) {
        return new ConfigError(`'models' must be a list of 1 to 64 models, such as [{"path": "/models/qwen3-8b.gguf"}].`);
    }
    if (issue.code === 'unrecognized_keys') {
        return new ConfigError(`There is no field '${[...rest, issue.keys[0]].join('.')}' in models[${index}].`);
    }
    const [first, second] = rest;
    const known = fieldNames.find(({ path }) => path === (first === 'upstream' ? `upstream.${second}` : `model.${first}`));
    const expected = known === undefined ? issue.message : `expected ${known.info.expected}`;
    return new ConfigError(`${[`models[${index}]`, ...rest].join('.')}: ${expected}.`);
}

function fieldError(issue: z.core.$ZodIssue, prefix: string[], { values, origins }: Raw): ConfigError {
    const path = [...prefix, ...issue.path.map(String)];
    if (issue.code === 'unrecognized_keys') {
        const name = [...path, issue.keys[0]].join('.');
        return new ConfigError(`There is no field '${name}' in the configuration.${suggestion(name)}`);
    }
    const name = path.slice(0, 2).join('.');
    const found = fieldNames.find((candidate) => candidate.path === name);
    if (found === undefined) {
        return new ConfigError(`The configuration is not valid at '${name}': ${issue.message}.`);
    }
    const { info, section, field, flag, variables } = found;
    const origin = origins.get(name);
    const json = `{"${section}": {"${field}": ${JSON.stringify(info.example)}}}`;
    const example = `Example: ${json}, or ${flag}, or ${variables[0]}.`;
    return new ConfigError(
        values[section]?.[field] === undefined
            ? `${name} is missing: expected ${info.expected}. ${example}`
            : `${name}${origin === undefined ? '' : ` (from ${origin})`}: expected ${info.expected}. ${example}`,
    );
}

/** @returns a hint at the field that was probably meant, or nothing. */
function suggestion(name: string): string {
    const known = [...fieldNames.map(({ path }) => path), ...Object.keys(sections)];
    const [best, distance] = known
        .map((candidate) => [candidate, editDistance(candidate.toLowerCase(), name.toLowerCase())] as const)
        .reduce((nearest, next) => (next[1] < nearest[1] ? next : nearest));
    return distance <= 3 ? ` Did you mean '${best}'?` : ` The fields are listed in the README of the worker.`;
}

function editDistance(a: string, b: string): number {
    let row = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let i = 1; i <= a.length; i += 1) {
        const next = [i];
        for (let j = 1; j <= b.length; j += 1) {
            next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
        }
        row = next;
    }
    return row[b.length];
}
