#!/usr/bin/env node
import { readFile, writeFile } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { encodeConfigDisk } from './setup/config-disk';
import { OperatorConfigError, parseOperatorConfig } from './setup/operator-config';

type Flags = { input: string; output: string };

const command = new Command('guest:config')
    .description("Writes an operator's configuration as the disk that the guest reads, after the guest's own checks.")
    .requiredOption('--input <file>', 'JSON, as guest/README.md says')
    .requiredOption(
        '--output <file>',
        'the disk; only its owner can read it, for it may hold the key of the gas wallet',
    );

async function main(): Promise<void> {
    try {
        await command.exitOverride().parseAsync();
        const { input, output } = command.opts<Flags>();
        const text = await readFile(input, 'utf8');
        parseOperatorConfig(text);
        await writeFile(output, encodeConfigDisk(text), { mode: 0o600 });
        process.stdout.write(`The disk is in ${output}. Attach it as a virtio disk with the serial ton-config.\n`);
    } catch (error) {
        if (error instanceof CommanderError) {
            process.exitCode = error.exitCode === 0 ? 0 : 2;
            return;
        }
        const isPlain = error instanceof OperatorConfigError || (error as NodeJS.ErrnoException).code !== undefined;
        process.stderr.write(`${isPlain ? (error as Error).message : String((error as Error).stack)}\n`);
        process.exitCode = 1;
    }
}

void main();
