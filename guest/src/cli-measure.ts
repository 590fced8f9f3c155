#!/usr/bin/env node
import { open, readFile, writeFile } from 'node:fs/promises';
import { Command, CommanderError, Option } from 'commander';
import { GuestError } from './errors';
import { imageHash, RegisterNames, writeExpected } from './measure/expected';
import { measure } from './measure/measure';
import { PageOrder } from './measure/mrtd';

type Flags = {
    firmware?: string;
    uki?: string;
    disk?: string;
    eventLog?: string;
    pageOrder: PageOrder;
    output?: string;
};

/** The partition table lies in the first sectors; the rest of the disk need not be read. */
const TableBytes = 1024 * 1024;

const command = new Command('guest:measure')
    .description('What the measurement of a guest has to be, register by register, from the files that it starts from.')
    .option('--firmware <file>', 'firmware of the TD, whole, such as OVMF.inteltdx.fd: MRTD')
    .option('--uki <file>', 'unified kernel image: RTMR2, and with --disk RTMR1')
    .option('--disk <file>', 'raw disk image')
    .option(
        '--event-log <file>',
        '/sys/firmware/acpi/tables/data/CCEL of a guest that runs it: RTMR0, and what is missing',
    )
    .addOption(
        new Option(
            '--page-order <order>',
            'how the host adds firmware: page (Linux 6.16 and later), section (older patches)',
        )
            .choices(['page', 'section'])
            .default('page'),
    )
    .option('--output <file>', 'write the registers there, for guest:compare');

async function run(flags: Flags): Promise<void> {
    const { registers, notes } = measure({
        firmware: await content(flags.firmware),
        uki: await content(flags.uki),
        disk: flags.disk === undefined ? undefined : await head(flags.disk),
        eventLog: await content(flags.eventLog),
        pageOrder: flags.pageOrder,
    });
    for (const name of RegisterNames) {
        const { value, origin } = registers[name];
        process.stdout.write(`${name.padEnd(6)} ${origin.padEnd(9)} ${value?.toString('hex') ?? ''}`.trimEnd() + '\n');
    }
    const image = imageHash(registers)?.toString('hex');
    process.stdout.write(`image  ${image ?? 'unknown: the hash over all five needs each of them'}\n`);
    notes.forEach((note) => process.stdout.write(`note   ${note}\n`));
    if (flags.output !== undefined) {
        await writeFile(flags.output, writeExpected(registers));
    }
}

async function content(path: string | undefined): Promise<Buffer | undefined> {
    return path === undefined ? undefined : readFile(path);
}

async function head(path: string): Promise<Buffer> {
    const file = await open(path);
    try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(TableBytes), 0, TableBytes, 0);
        return buffer.subarray(0, bytesRead);
    } finally {
        await file.close();
    }
}

async function main(): Promise<void> {
    // Whoever reads the output may stop in the middle, as `head` does.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
    try {
        await command.exitOverride().parseAsync();
        await run(command.opts<Flags>());
    } catch (error) {
        if (error instanceof CommanderError) {
            process.exitCode = error.exitCode === 0 ? 0 : 2;
            return;
        }
        const isOurs = error instanceof GuestError || (error as NodeJS.ErrnoException).code !== undefined;
        process.stderr.write(`${isOurs ? (error as Error).message : String((error as Error).stack)}\n`);
        process.exitCode = 1;
    }
}

void main();
