import { fromNano, toNano } from '@ton/core';

import { PublicKeys, registerCommand, setFeesCommand } from '../registration';
import { ownCommand } from '../own-command';
import { Answers } from './answers';
import { blueprintOptions, isLocal } from './networks';

/** Stands for the address that the registration prints. */
const Unknown = '<PROVIDER>';
/** Cached tokens of a prompt cost this part of the others by default: a half. */
const CachedShare = 2n;

/**
 * @param keys null where the worker makes them only when it starts.
 * @param hash SHA-256 of the weights.
 * @returns what the host does next, line by line: remarks begin with '#', everything else is a command.
 */
export function nextSteps(answers: Answers, keys: PublicKeys | null, hash: string, file: string): string[] {
    const { endpoint, provider, registry, publicEndpoint, tier } = answers;
    const network = blueprintOptions(endpoint);
    const name = provider ?? Unknown;
    const register =
        provider !== null
            ? []
            : [
                  '# Register the provider: the wallet becomes its owner. Then write its address into the file.',
                  keys === null
                      ? `# The keys come with the first start in the guest: ${ownCommand('keys', file)}`
                      : `${registerCommand(keys, publicEndpoint, registry ?? undefined)} ${network}`,
                  `${ownCommand('init', file)} --yes --force --provider-id ${Unknown}`,
              ];
    return [
        ...(isLocal(endpoint)
            ? [
                  '# The wallet of the scripts, on the local network: the words that the devnet shows for `provider`.',
                  "export WALLET_VERSION=v4r2 WALLET_MNEMONIC='<24 WORDS>'",
              ]
            : []),
        ...register,
        '# Offer the model; prices are TON per 1,000,000 tokens.',
        `npx blueprint run updateProvider provider=${name} addModel=${hash} ${priceInputs(answers)} ${network}`,
        ...(tier === 'tdx'
            ? [
                  '# Quotes are paid for by a wallet of the worker: send it 1 TON, and name it as attester.',
                  ownCommand('gas-wallet', file),
                  `npx blueprint run updateProvider provider=${name} attester=<GAS WALLET> ${network}`,
              ]
            : []),
        '# Optional: the registration has filled the fee float, which pays for claims; this refills it.',
        `${setFeesCommand(name, 'amount=0.5')} ${network}`,
        '# See whether anything would stop you, and start.',
        ownCommand('doctor', file),
        ownCommand('run', file),
    ];
}

function priceInputs({ prices: { prompt, completion } }: Answers): string {
    const cached = fromNano(toNano(prompt) / CachedShare);
    return `promptPrice=${prompt} cachedPrice=${cached} completionPrice=${completion} reasoningPrice=${completion}`;
}
