#!/usr/bin/env node
import { writeFile } from 'node:fs/promises';
import { CommanderError } from 'commander';
import { ClientError, marketToJson, readMarket, reasonOf } from '@ton-compute/client';
import { ModelNames, readNames } from './names';
import { marketCommand, MarketFlags } from './options';
import { marketPage } from './page/page';
import { progressLine } from './progress';
import { terminalText } from './terminal';

/** Exit codes: 1 something failed, 2 the command line is wrong. */
const Failed = 1;
const WrongUsage = 2;

async function run(flags: MarketFlags): Promise<void> {
    const names: ModelNames = flags.names === undefined ? new Map() : await readNames(flags.names);
    const interrupted = new AbortController();
    process.once('SIGINT', () => interrupted.abort(new Error('Interrupted.')));
    process.once('SIGTERM', () => interrupted.abort(new Error('Interrupted.')));
    const progress = progressLine(process.stderr);
    const { endpoint, registry, apiKey, globalId, model, jobs, providers, parallel, historyPages, askWorkers } = flags;
    const view = await readMarket({
        endpoint,
        registry,
        apiKey,
        globalId,
        timeoutSeconds: flags.timeout,
        model,
        jobs,
        providers,
        parallel,
        historyPages,
        askWorkers,
        signal: interrupted.signal,
        onProgress: progress.step,
    }).finally(progress.end);
    if (flags.html !== undefined) {
        await save(flags.html, await marketPage(view, names));
    }
    if (flags.json) {
        process.stdout.write(`${JSON.stringify(marketToJson(view), null, 2)}\n`);
    } else if (flags.html === undefined) {
        process.stdout.write(terminalText(view, names));
    }
}

async function save(path: string, page: string): Promise<void> {
    try {
        await writeFile(path, page);
    } catch (error) {
        throw new Error(`The page could not be written (${reasonOf(error)}). Name a file in a folder that exists.`);
    }
    process.stderr.write(`The page is in ${path}.\n`);
}

async function main(): Promise<void> {
    // Whoever reads the output may stop in the middle, as `head` does.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : Failed));
    try {
        const command = marketCommand().exitOverride();
        await command.parseAsync();
        await run(command.opts<MarketFlags>());
    } catch (error) {
        if (error instanceof CommanderError) {
            // Commander has said what is wrong; help is no error.
            process.exitCode = error.exitCode === 0 ? 0 : WrongUsage;
            return;
        }
        process.stderr.write(`${reasonOf(error)}\n`);
        process.exitCode = error instanceof ClientError && error.code === 'invalid_option' ? WrongUsage : Failed;
    }
}

void main();
