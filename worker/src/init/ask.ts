import { stat } from 'node:fs/promises';
import { confirm, input, select } from '@inquirer/prompts';

import { address, tonAmount } from '../config/fields';
import { size } from '../doctor/text';
import { checkModelFile } from '../engine/weights';
import { messageOf } from '../errors';
import { Answers, defaultEndpoint, DefaultPrices } from './answers';
import { Networks } from './networks';

/** Where questions are shown and answers typed; default: the terminal. */
export type PromptContext = Parameters<typeof input>[1];

const Custom = 'custom';

/**
 * Asks a person for what is not known yet.
 * @throws {ExitPromptError} of the library when the person gives up.
 */
export async function ask(known: Partial<Answers>, shippedModel: string, context?: PromptContext): Promise<Answers> {
    const endpoint = known.endpoint ?? (await askEndpoint(context));
    const provider = known.provider ?? (await askAddress('Address of your provider, empty if not registered yet', context));
    const registry =
        known.registry ??
        (provider === null ? await askAddress('Address of the registry to register with, empty if not known', context) : null);
    const modelPath = known.modelPath ?? (await askModel(shippedModel, context));
    const gpuRequired =
        known.gpuRequired ?? (await confirm({ message: 'Refuse to start without a GPU?', default: true }, context));
    const publicEndpoint = known.publicEndpoint ?? (await askPublicEndpoint(endpoint, provider !== null, known.port, context));
    const tier =
        known.tier ??
        (await select<'open' | 'tdx'>(
            {
                message: 'Tier',
                choices: [
                    { name: 'open: any machine, no promise of privacy', value: 'open' },
                    { name: 'tdx: an Intel TDX guest, attested on the chain', value: 'tdx' },
                ],
            },
            context,
        ));
    const dataDirectory =
        known.dataDirectory ?? (await input({ message: 'Directory of keys and ledger', default: 'worker-data' }, context));
    const prices = known.prices ?? {
        prompt: await askPrice('prompt', DefaultPrices.prompt, context),
        completion: await askPrice('answer', DefaultPrices.completion, context),
    };
    return { endpoint, provider, registry, modelPath, gpuRequired, publicEndpoint, tier, dataDirectory, prices };
}

export function askOverwrite(file: string, context?: PromptContext): Promise<boolean> {
    return confirm({ message: `${file} exists. Change it? What you do not answer anew is kept`, default: false }, context);
}

async function askEndpoint(context?: PromptContext): Promise<string> {
    const chosen = await select(
        {
            message: 'Network',
            choices: [
                { name: 'testnet', value: Networks.testnet },
                { name: 'mainnet', value: Networks.mainnet },
                { name: 'a local one, started with `npm run devnet`', value: Networks.devnet },
                { name: 'another endpoint', value: Custom },
            ],
        },
        context,
    );
    return chosen !== Custom
        ? chosen
        : input({ message: 'URL of its toncenter v2 API, ending in /jsonRPC', validate: isUrl }, context);
}

async function askAddress(message: string, context?: PromptContext): Promise<string | null> {
    const valid = (text: string) =>
        text.trim() === '' || address.safeParse(text.trim()).success || 'Expected an address such as EQ..., or nothing.';
    const text = (await input({ message, validate: valid }, context)).trim();
    return text === '' ? null : text;
}

async function askModel(shippedModel: string, context?: PromptContext): Promise<string> {
    const path = await input({ message: 'Model, a GGUF file', default: shippedModel, validate: isModel }, context);
    const note = `It has ${size((await stat(path)).size)}.\n`;
    (context?.output ?? process.stdout).write(note);
    return path;
}

async function isModel(path: string): Promise<true | string> {
    return checkModelFile(path).then(
        () => true,
        (error: unknown) => messageOf(error),
    );
}

async function askPublicEndpoint(
    endpoint: string,
    registered: boolean,
    port: number | undefined,
    context?: PromptContext,
): Promise<string | null> {
    const message = registered
        ? 'URL under which clients reach this worker, empty for what the chain shows'
        : 'URL under which clients will reach this worker';
    const valid = (text: string) => (text === '' && registered) || isUrl(text);
    const preset = registered ? undefined : (defaultEndpoint(endpoint, port) ?? undefined);
    const text = await input({ message, default: preset, validate: valid }, context);
    return text === '' ? null : text;
}

function askPrice(what: string, preset: string, context?: PromptContext): Promise<string> {
    const valid = (text: string) => tonAmount.safeParse(text).success || 'Expected an amount such as 0.05.';
    return input({ message: `Price of 1,000,000 ${what} tokens, TON`, default: preset, validate: valid }, context);
}

function isUrl(text: string): true | string {
    return (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) || 'Expected a URL, such as https://gpu1.example.org.';
}
