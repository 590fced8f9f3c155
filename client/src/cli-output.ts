import { Tokens } from '@ton-compute/contracts';
import { formatCoins } from './amounts';
import { FindResult } from './find';
import { SpendingReport } from './session/report';

/** @returns the offers as lines for people. */
export function offerLines({ offers, skipped }: FindResult): string[] {
    const lines = offers.map(
        ({ provider, name, offer, score, latency, offerId }) =>
            `${provider.address.toString()}  ${name}\n` +
            `    tier ${provider.tier === 1 ? 'tdx' : 'open'}, ${latency} ms, ${provider.sessions} sessions so far, score ${formatCoins(score)}\n` +
            `    per 1,000,000 tokens: prompt ${formatCoins(offer.prices.prompt)}, cached ` +
            `${formatCoins(offer.prices.cached)}, ` +
            `completion ${formatCoins(offer.prices.completion)}, reasoning ${formatCoins(offer.prices.reasoning)}\n` +
            `    least deposit ${formatCoins(offer.minDeposit)}, most credit ${formatCoins(offer.maxCreditWindow)}\n` +
            `    offer ${offerId}\n    model ${offer.model.toString('hex')}`,
    );
    if (offers.length === 0) {
        lines.push('No offer satisfies the policy.');
    }
    for (const { index, address, reason } of skipped) {
        lines.push(`passed over: provider ${index}${address === null ? '' : ` ${address.toString()}`}: ${reason}`);
    }
    return lines;
}

function tokenLine({ prompt, cached, completion, reasoning }: Tokens): string {
    return `${prompt} prompt, ${cached} cached, ${completion} completion, ${reasoning} reasoning`;
}

/** @returns a session's use and payments as lines for people. */
export function reportLines(report: SpendingReport): string[] {
    const { requests, tokens, amount, perRequest, perMillionTokens, transcripts } = report;
    return [
        `session    ${report.session.toString()}`,
        `provider   ${report.provider.toString()}`,
        `model      ${report.model}`,
        `requests   ${requests}, ${formatCoins(perRequest)} each on average`,
        `tokens     ${tokenLine(tokens)}`,
        `used       ${formatCoins(amount)}, ${formatCoins(perMillionTokens)} per 1,000,000 tokens on average`,
        `signed     ${formatCoins(report.signed)} in ${report.vouchers} vouchers, cap ` +
            `${formatCoins(report.spendingCap)}`,
        ...(report.deposit === null || report.claimed === null
            ? []
            : [`escrow     ${formatCoins(report.deposit)} free, ${formatCoins(report.claimed)} claimed so far`]),
        `remaining  ${formatCoins(report.remaining)}`,
        `answers    ${transcripts.verified} verified to be exactly what was receipted, ${transcripts.unverified} not ` +
            'verifiable',
        ...(report.stopped === null ? [] : [`STOPPED    ${report.stopped.message}`]),
    ];
}

/** @returns what all sessions together have used. */
export function totalLine(reports: readonly SpendingReport[]): string {
    const requests = reports.reduce((sum, report) => sum + report.requests, 0);
    const amount = reports.reduce((sum, report) => sum + report.amount, 0n);
    const remaining = reports.reduce((sum, report) => sum + report.remaining, 0n);
    return `in all: ${requests} requests in ${reports.length} sessions, used ${formatCoins(amount)}, remaining ${formatCoins(remaining)}`;
}
