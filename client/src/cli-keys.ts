import { readFileSync } from 'node:fs';
import { Address } from '@ton/core';
import { Command, Option } from 'commander';
import { address, ChainFlags, coins, wholeNumber, withChainFlags } from './cli-options';
import { Client } from './client';

export type KeyTools = {
    print(line: string): void;
    withClient(flags: ChainFlags, work: (client: Client, signal: AbortSignal) => Promise<void>): Promise<void>;
};

type ExportFlags = ChainFlags & { cap?: bigint; until?: number };

/** Commands that carry a session from the machine with the wallet to the one that uses it. */
export function addKeyCommands(root: Command, { print, withClient }: KeyTools): void {
    withChainFlags(
        root
            .command('export')
            .argument('<session>', 'address', address)
            .description('print a session with its key, for a client without the wallet; this one signs nothing in it any more'),
    )
        .addOption(new Option('--cap <ton>', 'the most that it may sign for, in all; as now').argParser(coins))
        .addOption(new Option('--until <time>', 'unix seconds until which it may use the key').argParser(wholeNumber(1, 2 ** 40)))
        .action((escrow: Address, flags: ExportFlags) =>
            withClient(flags, async (client) => {
                print(await client.exportSession(escrow, { spendingCap: flags.cap, expiresAt: flags.until }));
            }),
        );

    withChainFlags(
        root.command('import').description('take a session that was exported; its line of text is read from stdin'),
    ).action((flags: ChainFlags) =>
        withClient(flags, async (client) => {
            // Not as an argument: those are seen by all who use the machine.
            print((await client.importSession(readFileSync(0, 'utf8'))).toString());
        }),
    );
}
