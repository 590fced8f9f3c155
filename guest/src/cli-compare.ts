#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { Address } from '@ton/core';
import { Chain, ClientError, readProviderAt, rootOf } from '@ton-compute/client';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { compare, Expectation, Verdict } from './compare/compare';
import { readWorkerQuote } from './compare/quote';
import { GuestError } from './errors';
import { imageHash, readExpected } from './measure/expected';

type Flags = {
    endpoint: string;
    registry: Address;
    provider: Address;
    expected: string;
    worker?: string | true;
    apiKey?: string;
    timeout: number;
};

/** Exit codes; a wrong command line, too, compares nothing. */
const ExitCode: Readonly<Record<Verdict, number>> = { equal: 0, different: 1, incomparable: 2 };

const command = new Command('guest:compare')
    .description("Compares a provider's attestation record with the expected measurement. No wallet is needed.")
    .addOption(new Option('--endpoint <url>', 'toncenter v2 API').env('TON_ENDPOINT').makeOptionMandatory())
    .addOption(
        new Option('--registry <address>', 'ProviderRegistry of the network')
            .env('TON_COMPUTE_REGISTRY')
            .argParser(address)
            .makeOptionMandatory(),
    )
    .requiredOption('--provider <address>', 'whose record', address)
    .requiredOption('--expected <file or hash>', 'what guest:measure --output wrote, or the image hash, 64 digits')
    .option('--worker [url]', 'also ask the worker for its quote, and compare register by register')
    .addOption(new Option('--api-key <key>', 'key of the API').env('TONCENTER_API_KEY'))
    .option('--timeout <seconds>', 'for one call', seconds, 15);

async function run(flags: Flags): Promise<number> {
    const expected = await expectation(flags.expected);
    const chain = new Chain({ endpoint: flags.endpoint, apiKey: flags.apiKey, timeoutSeconds: flags.timeout });
    const provider = await readProviderAt(chain, flags.registry, flags.provider);
    const root = await rootOf(chain, provider.verifier);
    if (typeof root !== 'string') {
        throw new GuestError(`The record of this provider proves nothing: ${root.refusal}.`);
    }
    if (root === 'test') {
        print('TEST ROOT: the verifier of this network proves NOTHING about hardware.');
    }
    const endpoint = flags.worker === true ? provider.endpoint : flags.worker?.replace(/\/+$/, '');
    const mayAsk = endpoint !== undefined && provider.attestedUntil !== 0;
    const quote = mayAsk ? await readWorkerQuote(endpoint, flags.timeout) : null;
    const { verdict, lines } = compare(expected, provider, quote, chain.now());
    lines.forEach(print);
    return ExitCode[verdict];
}

async function expectation(text: string): Promise<Expectation> {
    if (/^[0-9a-fA-F]{64}$/.test(text)) {
        return { registers: null, image: Buffer.from(text, 'hex') };
    }
    const registers = readExpected(await readFile(text, 'utf8'));
    return { registers, image: imageHash(registers) };
}

function address(text: string): Address {
    try {
        return Address.parse(text);
    } catch {
        throw new InvalidArgumentError(`Expected a TON address, such as EQ... or 0:..., got "${text}".`);
    }
}

function seconds(text: string): number {
    const value = Number(text);
    if (!(value >= 1 && value <= 600)) {
        throw new InvalidArgumentError(`Expected seconds from 1 to 600, got "${text}".`);
    }
    return value;
}

function print(line: string): void {
    process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
    try {
        await command.exitOverride().parseAsync();
        process.exitCode = await run(command.opts<Flags>());
    } catch (error) {
        if (error instanceof CommanderError) {
            process.exitCode = error.exitCode === 0 ? 0 : ExitCode.incomparable;
            return;
        }
        const isPlain = error instanceof ClientError || error instanceof GuestError || error instanceof Error;
        process.stderr.write(`${isPlain ? (error as Error).message : String(error)}\n`);
        process.exitCode = ExitCode.incomparable;
    }
}

void main();
