import { Address } from '@ton/core';
import { Command, InvalidArgumentError, Option } from 'commander';

export type MarketFlags = {
    endpoint: string;
    registry: Address;
    apiKey?: string;
    globalId?: number;
    model?: string;
    jobs: number;
    providers: number;
    parallel: number;
    historyPages: number;
    timeout: number;
    askWorkers?: boolean;
    names?: string;
    json?: boolean;
    html?: string;
};

/** @returns the command; names and environment variables are those of the client. */
export function marketCommand(): Command {
    return new Command('ton-compute-market')
        .description('Offers, earnings and jobs of a network, read from its contracts. No wallet is needed.')
        .addOption(
            new Option('--endpoint <url>', 'toncenter v2 API; run your own, or use one that you trust')
                .env('TON_ENDPOINT')
                .makeOptionMandatory(),
        )
        .addOption(
            new Option('--registry <address>', 'ProviderRegistry of the network')
                .env('TON_COMPUTE_REGISTRY')
                .argParser(address)
                .makeOptionMandatory(),
        )
        .addOption(new Option('--api-key <key>', 'key of the API').env('TONCENTER_API_KEY'))
        .addOption(
            new Option('--global-id <number>', 'refuse any other network (-239 mainnet, -3 testnet)').argParser(
                whole(-(2 ** 31), 2 ** 31 - 1),
            ),
        )
        .addOption(new Option('--model <hash>', 'only this model: SHA-256 of its weights').argParser(hash))
        .addOption(new Option('--jobs <number>', 'the most jobs, newest first').argParser(whole(0, 100_000)).default(100))
        .addOption(
            new Option('--providers <number>', 'the most providers, newest first').argParser(whole(0, 100_000)).default(1_000),
        )
        .addOption(
            new Option('--parallel <number>', 'calls at the same time; 1 for public APIs without a key')
                .argParser(whole(1, 64))
                .default(4),
        )
        .addOption(
            new Option('--history-pages <number>', 'pages of 100 transactions searched for a registration')
                .argParser(whole(0, 1_000))
                .default(3),
        )
        .addOption(new Option('--timeout <seconds>', 'for one call').argParser(whole(1, 600)).default(15))
        .addOption(new Option('--ask-workers', 'also ask workers what no contract knows; they may say anything'))
        .addOption(new Option('--names <file>', 'JSON that maps hashes of models to names'))
        .addOption(new Option('--json', 'one JSON object instead of tables, amounts in nano'))
        .addOption(new Option('--html <file>', 'write a page with charts that needs no network'))
        .allowExcessArguments(false);
}

function address(text: string): Address {
    try {
        return Address.parse(text);
    } catch {
        throw new InvalidArgumentError(`Expected a TON address, such as EQ... or 0:..., got "${text}".`);
    }
}

function hash(text: string): string {
    if (!/^[0-9a-f]{64}$/i.test(text)) {
        throw new InvalidArgumentError(`Expected the SHA-256 of the weights (64 hexadecimal digits), got "${text}".`);
    }
    return text.toLowerCase();
}

function whole(least: number, most: number): (text: string) => number {
    return (text) => {
        const value = Number(text);
        if (!/^-?[0-9]+$/.test(text) || value < least || value > most) {
            throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}, got "${text}".`);
        }
        return value;
    };
}
