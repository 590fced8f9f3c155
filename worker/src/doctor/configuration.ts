import { existsSync, readFileSync, statSync } from 'node:fs';

import { ConfigSources, loadConfig } from '../config/load';
import { WorkerConfig } from '../config/schema';
import { ConfigError } from '../errors';
import { ownCommand } from '../own-command';
import { Examination } from './doctor';
import { Finding, ok, problem, warning } from './finding';

const LeastNode = 20;
/** Stands for a provider that is not registered yet, so that everything else can be checked. */
const NoProvider = `0:${'00'.repeat(32)}`;

/** Version of Node.js, and the configuration. */
export async function* checkConfiguration({ sources, facts }: Examination): AsyncIterable<Finding> {
    const { node } = process.versions;
    yield Number(node.split('.')[0]) >= LeastNode
        ? ok('Node.js', node)
        : problem('Node.js', node, { expected: `${LeastNode} or later`, next: 'install a newer one: https://nodejs.org' });

    try {
        facts.config = loadConfig(sources);
        facts.registered = true;
    } catch (error) {
        if (!(error instanceof ConfigError)) {
            throw error;
        }
        facts.config = withoutProvider(sources);
        facts.registered = false;
        if (facts.config === undefined) {
            yield problem('configuration', error.message, {
                next: sources.file === undefined || !existsSync(sources.file) ? `write one: ${ownCommand('init', sources.file)}` : `correct ${sources.file}`,
            });
            return;
        }
    }
    yield ok('configuration', sources.file === undefined ? 'complete, from flags and environment' : sources.file);
    if (sources.file !== undefined) {
        yield* checkSecrets(sources.file);
    }
}

/** @returns the configuration as it will be once the provider is registered; undefined if more is wrong with it. */
function withoutProvider(sources: ConfigSources): WorkerConfig | undefined {
    const named = sources.flags?.['provider-id'] ?? sources.environment?.WORKER_PROVIDER_ID;
    if (named !== undefined && named !== '') {
        return undefined;
    }
    try {
        const config = loadConfig({ ...sources, flags: { ...sources.flags, 'provider-id': NoProvider } });
        // A file that names a provider, but a wrong one, has to be corrected.
        return sources.file !== undefined && namesProvider(sources.file) ? undefined : config;
    } catch (error) {
        if (error instanceof ConfigError) {
            return undefined;
        }
        throw error;
    }
}

function namesProvider(file: string): boolean {
    const { provider } = JSON.parse(readFileSync(file, 'utf8')) as { provider?: { id?: unknown } };
    return provider?.id !== undefined;
}

function* checkSecrets(file: string): Iterable<Finding> {
    const holdsKey = /"apiKey"\s*:\s*"/.test(readFileSync(file, 'utf8'));
    if (holdsKey && process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
        yield warning('secrets', `${file} holds an API key and other users can read it`, {
            expected: 'mode 600, or the key in WORKER_NETWORK_API_KEY',
            next: `chmod 600 ${file}`,
        });
    }
}
