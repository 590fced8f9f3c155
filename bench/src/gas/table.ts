import Table from 'cli-table3';
import { CoinSymbol } from '../../../wrappers';
import { RevokedCertificates } from './attestation';
import { BatchSize, OperationName, OperationNames } from './operations';
import { missedTargets, Report } from './report';
import { Rivals } from './targets';

const Labels: Record<OperationName, string> = {
    register: 'register a provider, children deployed',
    open: 'open a session, confirmed by the provider',
    claim: 'claim a voucher, relayed by anyone',
    claimBatch50PerClaim: `claim in a batch of ${BatchSize}, each`,
    closeByProvider: `close by the provider with a payout, one of ${BatchSize}`,
    closeByClient: 'close by the client, both stages',
    topUp: 'top up a session',
    withdraw: 'withdraw earnings to the owner',
    postJob: 'post a job',
    listJob: 'post a job and list it',
    bid: 'bid for a job',
    outbid: 'outbid, the other bond returned',
    award: 'award a job',
    deliver: 'deliver a job and be paid',
    expireJob: 'end a job that was not delivered',
    verifyQuote: 'verify a TDX quote, platform known',
    verifyQuoteNewEnclave: 'verify a TDX quote with a new quoting enclave',
    registerPlatform: 'register a platform (PCK certificate)',
    firstQuote: 'register a platform and verify its first quote',
    addTcbInfo: 'add TCB info, three levels',
    addQeIdentity: 'add the identity of the quoting enclave',
    addCrl: `add a revocation list of ${RevokedCertificates}`,
    addCertificate: 'add a certificate of a CA or signer',
};

const coins = (nanoCoins: string | number): string => (Number(nanoCoins) / 1e9).toFixed(6);
const grouped = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 0 });

/** @returns the report as a page for the terminal. */
export function render(report: Report): string {
    return [
        operations(report),
        rent(report),
        comparison(report),
        "Gas and fees of all contract transactions of a chain of messages together; the wallet's own is not counted.",
        'Fees: gas, rent and forwarding; coins in = coins out + coins held + fees to the last nano, or the run fails.',
        "Before: the prices until 2026-04-29, at which Cocoon's published contracts were measured on the same sandbox.",
        "A claim there moves coins to a proxy; here to the provider's settlement, and one withdrawal takes them all.",
        'Quotes and collateral are of the same size as real ones of Intel. EVM verifiers need 4 to 5 million gas a quote.',
        'A job: chat, one input URL, an auction for every provider of the market; the delivered one is not listed.',
        '',
        verdict(missedTargets(report)),
    ].join('\n');
}

function operations(report: Report): string {
    const table = plainTable(['operation', 'transactions', 'gas', 'target', `fees 2026, ${CoinSymbol}`, 'before']);
    for (const name of OperationNames) {
        const { transactions, gas, target, fees2026, feesOld } = report[name];
        const limit = target === null ? '' : `<= ${grouped(target)}${gas > target ? ' MISSED' : ''}`;
        table.push([Labels[name], String(transactions), grouped(gas), limit, coins(fees2026), coins(feesOld)]);
    }
    return table.toString();
}

/** Both at the prices until 2026. */
function comparison(report: Report): string {
    const table = plainTable(
        ['operation', 'gas here', `fees, ${CoinSymbol}`, 'Cocoon', 'gas', `fees, ${CoinSymbol}`],
        4,
    );
    for (const name of OperationNames) {
        const rival = Rivals[name];
        if (rival !== undefined) {
            const { gas, feesOld } = report[name];
            table.push([name, grouped(gas), coins(feesOld), rival.operation, grouped(rival.gas), coins(rival.feesOld)]);
        }
    }
    return table.toString();
}

/** A table whose first column, and `text` if given, are text, and all others numbers. */
function plainTable(head: string[], text = 1): Table.Table {
    const colAligns = head.map(
        (_, index) => (index === 0 || index === text - 1 ? 'left' : 'right') as Table.HorizontalAlignment,
    );
    return new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
}

function rent({ rent: { cells, bits, perYear2026, perYearOld, locked, lockedOld, targets }, session }: Report): string {
    const table = plainTable(['an open session', `2026, ${CoinSymbol}`, 'target', 'before']);
    const perRequest = (nanoCoins: number) => (nanoCoins / 1e9).toFixed(9);
    table.push(
        [
            `rent for a year (${cells} cells, ${grouped(bits)} bits)`,
            coins(perYear2026),
            `<= ${coins(targets.perYear2026)}`,
            coins(perYearOld),
        ],
        [
            'held beyond the deposit, returned at the close',
            coins(locked),
            `<= ${coins(targets.locked)}`,
            coins(lockedOld),
        ],
        [
            `fees per request: ${grouped(session.requests)} requests, ${session.claims} batched claims`,
            perRequest(session.perRequest2026),
            `<= ${perRequest(session.target)}`,
            perRequest(session.perRequestOld),
        ],
    );
    return table.toString();
}

function verdict(missed: string[]): string {
    return missed.length === 0
        ? 'All targets are met.'
        : ['Targets missed:', ...missed.map((line) => `  ${line}`)].join('\n');
}
