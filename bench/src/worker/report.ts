import { EngineFigure } from './engine';
import { FirstTokenReport } from './first-token';
import { LifeReport } from './restart';
import { UpstreamReport } from './upstream';
import { VoucherReport } from './vouchers';

/** What a run measured; a part that was left out is null. */
export type WorkerReport = {
    engine: EngineFigure[] | null;
    firstToken: FirstTokenReport | null;
    upstream: UpstreamReport | null;
    vouchers: VoucherReport | null;
    life: LifeReport | null;
};

/** One figure beside its target; `met` is null where there is none. */
export type Figure = { what: string; value: number; unit: string; target: string; met: boolean | null };

/** The least share of the bare engine's speed that must reach the client. */
export const LeastRatio = 0.97;

type Limit = { atLeast?: number; atMost?: number };

/** @returns everything that was measured as lines of one table. */
export function figuresOf({ engine, firstToken, upstream, vouchers, life }: WorkerReport): Figure[] {
    return [
        ...(engine ?? []).map((each) => ratio('embedded engine, sealed / bare', each)),
        ...(firstToken === null
            ? []
            : [
                  figure('added to the first token, sealed', firstToken.addedSealed, 'ms', { atMost: 5 }),
                  figure('added to the first token, plain', firstToken.addedPlain, 'ms', { atMost: 1 }),
                  figure('of it, HTTP of a server that does nothing', firstToken.http, 'ms', {}),
              ]),
        ...(upstream === null
            ? []
            : [
                  ...upstream.sealed.map((each) => ratio('upstream at 50 tokens/s, sealed / direct', each)),
                  ...upstream.plain.map((each) => ratio('upstream at 50 tokens/s, plain / direct', each)),
                  figure('relay, sealed', upstream.relay.sealedPerCpuSecond, 'tokens/s of one core', { atLeast: 60_000 }),
                  figure('relay, plain', upstream.relay.plainPerCpuSecond, 'tokens/s of one core', {}),
              ]),
        ...(vouchers === null
            ? []
            : [
                  figure('vouchers checked and on the disk', vouchers.perCpuSecond, '/s of one core', { atLeast: 5000 }),
                  figure('vouchers, four sessions at once, p99', vouchers.p99, 'ms', { atMost: 2 }),
                  figure('one sync of the disk alone, p99', vouchers.diskP99, 'ms', {}),
              ]),
        ...(life === null
            ? []
            : [
                  figure('restart after kill -9', life.restartSeconds, 's', { atMost: 2 }),
                  figure('memory', life.bytesPerRequest, 'bytes for each request', {}),
                  figure('requests of one token', life.requestsPerSecond, '/s', {}),
              ]),
    ];
}

/**
 * @returns one flat object: every ratio that is held against 0.97 has a key that ends in `Ratio`, and nothing else has.
 */
export function flatten({ engine, firstToken, upstream, vouchers, life }: WorkerReport): Record<string, number> {
    return {
        ...ratios('embedded', engine ?? []),
        ...ratios('upstreamSealed', upstream?.sealed ?? []),
        ...ratios('upstreamPlain', upstream?.plain ?? []),
        ...(firstToken === null
            ? {}
            : {
                  firstTokenBareMs: firstToken.bare,
                  firstTokenAddedSealedMs: firstToken.addedSealed,
                  firstTokenAddedPlainMs: firstToken.addedPlain,
                  firstTokenHttpMs: firstToken.http,
              }),
        ...(upstream === null
            ? {}
            : {
                  relaySealedTokensPerCpuSecond: upstream.relay.sealedPerCpuSecond,
                  relayPlainTokensPerCpuSecond: upstream.relay.plainPerCpuSecond,
                  relaySealedTokensPerSecond: upstream.relay.sealedPerSecond,
              }),
        ...(vouchers === null
            ? {}
            : { vouchersPerSecond: vouchers.perSecond, vouchersPerCpuSecond: vouchers.perCpuSecond, voucherP99Ms: vouchers.p99, diskP99Ms: vouchers.diskP99 }),
        ...(life === null
            ? {}
            : {
                  restartSeconds: life.restartSeconds,
                  memoryBytesPerRequest: life.bytesPerRequest,
                  requestsPerSecond: life.requestsPerSecond,
              }),
    };
}

function ratios(name: string, figures: readonly EngineFigure[]): Record<string, number> {
    return Object.fromEntries(
        figures.flatMap(({ streams, bare, worker, ratio: share }) => [
            [`${name}${streams}Ratio`, share],
            [`${name}${streams}BareTokensPerSecond`, bare],
            [`${name}${streams}WorkerTokensPerSecond`, worker],
        ]),
    );
}

function ratio(what: string, { streams, ratio: share, worker }: EngineFigure): Figure {
    return figure(`${what}, ${streams} at once (${worker.toFixed(0)} tokens/s)`, share, '', { atLeast: LeastRatio });
}

function figure(what: string, value: number, unit: string, { atLeast, atMost }: Limit): Figure {
    const target = atLeast !== undefined ? `>= ${atLeast}` : atMost !== undefined ? `<= ${atMost}` : '';
    const met = target === '' ? null : value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
    return { what, value, unit, target, met };
}
