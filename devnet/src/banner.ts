import { DevnetInfo } from './control';
import { WALLET_VERSION } from './developmentKeys';

const NANO = 1_000_000_000n;

/**
 * What a person needs to use a network that was just started.
 *
 * @param info the network
 * @param showMnemonics whether to print the words of every wallet; else only of the first, in the example
 */
export function banner(info: DevnetInfo, showMnemonics: boolean): string {
    const base = info.endpoint.replace(/jsonRPC$/, '');
    const [first] = info.wallets;
    return [
        'Local TON network: the real TVM behind the API of toncenter v2.',
        'For development only: anybody who can reach the port can do anything, and the keys below are public.',
        '',
        `  endpoint    ${info.endpoint}`,
        `  prices      ${info.priceSet === '2026' ? '2026 (in force since 2026-04-29)' : 'old (until 2026-04-29)'}`,
        `  global id   ${info.globalId}`,
        `  blocks      ${describeBlocks(info)}`,
        `  state       ${info.stateFile ?? 'in memory; --state FILE keeps it'}`,
        '',
        ...wallets(info, showMnemonics),
        'Connect with TonClient:',
        '',
        "  import { TonClient } from '@ton/ton';",
        `  const client = new TonClient({ endpoint: '${info.endpoint}' });`,
        '',
        ...(first ? blueprint(base, first.mnemonic) : []),
        'Ask with curl:',
        '',
        `  curl '${base}getAddressInformation?address=${first?.address.toString({ bounceable: false }) ?? 'ADDRESS'}'`,
        '',
        'Get more coins (amount in nanoTON):',
        '',
        `  curl -d '{"address": "ADDRESS", "amount": "1000000000"}' ${base}devnet_faucet`,
        '',
        'Ctrl+C ends it.',
    ].join('\n');
}

function describeBlocks({ blockTime, automine, seqno }: DevnetInfo): string {
    const time = blockTime === 0 ? 'only for messages' : `every ${blockTime} ms`;
    return `${time}${automine && blockTime > 0 ? ', and at once for a message' : ''}; the last is ${seqno}`;
}

function wallets({ wallets }: DevnetInfo, showMnemonics: boolean): string[] {
    if (wallets.length === 0) {
        return [];
    }
    return [
        `Funded wallets (${WALLET_VERSION}; their words are public and worthless${
            showMnemonics ? '' : ', --show-mnemonics prints them'
        }):`,
        '',
        ...wallets.flatMap(({ name, address, balance, mnemonic }) => [
            `  ${name.padEnd(12)}${address.toString({ bounceable: false })}  ${formatTon(balance)} TON`,
            ...(showMnemonics ? [`  ${''.padEnd(12)}${mnemonic.join(' ')}`] : []),
        ]),
        '',
    ];
}

function blueprint(base: string, mnemonic: readonly string[]): string[] {
    return [
        'Run a Blueprint script:',
        '',
        `  WALLET_VERSION=${WALLET_VERSION} \\`,
        `  WALLET_MNEMONIC='${mnemonic.join(' ')}' \\`,
        `  npx blueprint run SCRIPT --custom ${base} --custom-version v2 --custom-type custom --mnemonic`,
        '',
    ];
}

function formatTon(nano: bigint): string {
    const fraction = (nano % NANO).toString().padStart(9, '0').replace(/0+$/, '');
    return `${nano / NANO}${fraction ? `.${fraction}` : ''}`;
}
