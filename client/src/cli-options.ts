import { Address } from '@ton/core';
import { TcbStatus, TcbStatusName } from '@ton-compute/contracts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseCoins } from './amounts';
import { ClientOptions } from './client';
import { WalletVersion } from './chain/wallet';
import { TierName } from './policy';

/** Options that every command takes. */
export type ChainFlags = {
    endpoint: string;
    registry: Address;
    apiKey?: string;
    tier: TierName;
    model: string;
    store?: string;
    globalId?: number;
    measurement?: string[];
    catalog?: Address[];
    acceptTcb?: TcbStatusName[];
    allowTestRoot?: boolean;
    maxPromptPrice?: bigint;
    maxCompletionPrice?: bigint;
    leastScore?: bigint;
    spendingCap?: bigint;
    walletVersion: WalletVersion;
    plain?: boolean;
};

export function address(text: string): Address {
    try {
        return Address.parse(text);
    } catch {
        throw new InvalidArgumentError(`Expected a TON address, such as EQ... or 0:..., got "${text}".`);
    }
}

export function coins(text: string): bigint {
    try {
        return parseCoins(text);
    } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
    }
}

export function wholeNumber(least: number, most: number): (text: string) => number {
    return (text) => {
        const value = Number(text);
        if (!/^-?[0-9]+$/.test(text) || value < least || value > most) {
            throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}, got "${text}".`);
        }
        return value;
    };
}

function model(text: string): string {
    if (text !== 'auto' && !/^[0-9a-fA-F]{64}$/.test(text)) {
        throw new InvalidArgumentError(
            `Expected "auto" or the SHA-256 of the weights (64 hexadecimal digits), got "${text}".`,
        );
    }
    return text.toLowerCase();
}

function measurement(text: string, earlier: string[] = []): string[] {
    if (!/^[0-9a-fA-F]{64}$/.test(text)) {
        throw new InvalidArgumentError(`Expected 64 hexadecimal digits, got "${text}".`);
    }
    return [...earlier, text];
}

function catalog(text: string, earlier: Address[] = []): Address[] {
    return [...earlier, address(text)];
}

function tcbStatus(text: string, earlier: TcbStatusName[] = []): TcbStatusName[] {
    if (!Object.hasOwn(TcbStatus, text)) {
        throw new InvalidArgumentError(`Expected one of ${Object.keys(TcbStatus).join(', ')}, got "${text}".`);
    }
    return [...earlier, text as TcbStatusName];
}

/** Adds the options that every command takes. */
export function withChainFlags(command: Command): Command {
    return command
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
            new Option('--tier <tier>', 'least tier; open promises no privacy').choices(['tdx', 'open']).default('tdx'),
        )
        .addOption(new Option('--model <hash>', 'SHA-256 of the weights, or auto').argParser(model).default('auto'))
        .addOption(
            new Option('--measurement <hash>', 'image accepted in tier tdx; may be repeated').argParser(measurement),
        )
        .addOption(
            new Option('--catalog <address>', 'catalog whose images are accepted too; may be repeated').argParser(catalog),
        )
        .addOption(
            new Option('--accept-tcb <status>', 'TCB status accepted in tier tdx; may be repeated; UpToDate').argParser(
                tcbStatus,
            ),
        )
        .addOption(
            new Option('--allow-test-root', "accept a verifier without Intel's root: it proves nothing about hardware"),
        )
        .addOption(new Option('--max-prompt-price <ton>', 'the most for 1,000,000 prompt tokens').argParser(coins))
        .addOption(
            new Option('--max-completion-price <ton>', 'the most for 1,000,000 completion tokens').argParser(coins),
        )
        .addOption(new Option('--least-score <ton>', 'least score of a provider (docs/reputation.md); 0').argParser(coins))
        .addOption(
            new Option('--spending-cap <ton>', 'the most that a session may spend; its deposit').argParser(coins),
        )
        .addOption(
            new Option('--global-id <number>', 'refuse any other network (-239 mainnet, -3 testnet)').argParser(
                wholeNumber(-(2 ** 31), 2 ** 31 - 1),
            ),
        )
        .addOption(
            new Option('--wallet-version <version>', 'of the wallet whose words are in WALLET_MNEMONIC')
                .choices(['v3r2', 'v4r2', 'v5r1'])
                .default('v5r1'),
        )
        .addOption(new Option('--store <folder>', 'where the state of sessions is kept').env('TON_COMPUTE_STORE'))
        .addOption(new Option('--plain', 'send requests unsealed (tier open only; everyone on the way reads them)'));
}

/** @returns options for `createClient`. The words of the wallet come from the environment: flags are seen by all. */
export function clientOptions(flags: ChainFlags): ClientOptions {
    const mnemonic = process.env.WALLET_MNEMONIC;
    return {
        endpoint: flags.endpoint,
        apiKey: flags.apiKey,
        registry: flags.registry,
        globalId: flags.globalId,
        store: flags.store,
        plain: flags.plain,
        wallet: mnemonic === undefined ? undefined : { mnemonic, version: flags.walletVersion },
        policy: {
            leastTier: flags.tier,
            measurements: flags.measurement,
            catalogs: flags.catalog,
            acceptedTcbStatuses: flags.acceptTcb,
            allowTestRoot: flags.allowTestRoot,
            models: flags.model === 'auto' ? undefined : [flags.model],
            priceCeiling: {
                ...(flags.maxPromptPrice === undefined ? {} : { prompt: flags.maxPromptPrice }),
                ...(flags.maxCompletionPrice === undefined ? {} : { completion: flags.maxCompletionPrice }),
            },
            leastScore: flags.leastScore,
            spendingCap: flags.spendingCap,
        },
    };
}
