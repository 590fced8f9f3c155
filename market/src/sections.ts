import { CoinSymbol } from '@ton-compute/contracts';
import { JobState, JobView, MarketView, ModelView, OfferView, ProviderView } from '@ton-compute/client';
import { ModelNames, modelName } from './names';
import { cut, percent, printable, shortAddress, shortCoins, shortCount, shortDuration, shortHash, shortTime } from './text';

/** A cell: what is shown, what is shown where there is room, and the exact figure or whole address behind it. */
export type Cell = { text: string; wide?: string; full?: string };

/** A table, for the terminal and for the page. */
export type Section = {
    title: string;
    /** How to read it. */
    note: string;
    head: string[];
    /** Columns of numbers, which stand at the right. */
    numbers: ReadonlySet<number>;
    rows: Cell[][];
};

type Column<T> = { head: string; number?: boolean; of: (row: T) => Cell | string };

const Ended: ReadonlySet<JobState> = new Set(['delivered', 'declined', 'failed', 'cancelled', 'unknown']);
const Open: ReadonlySet<JobState> = new Set(['bidding', 'awarded', 'overdue']);
const StateText: Readonly<Record<JobState, string>> = {
    bidding: 'bidding',
    expired: 'not taken',
    awarded: 'awarded',
    overdue: 'overdue',
    delivered: 'delivered',
    declined: 'declined',
    failed: 'failed',
    not_taken: 'not taken',
    cancelled: 'cancelled',
    unknown: 'ended, outcome unknown',
};

/** @returns what the market consists of, as tables; empty ones are left out. */
export function sections(view: MarketView, names: ModelNames): Section[] {
    const providers = new Map(view.providers.map((provider) => [provider.index, provider]));
    return [
        models(view, names),
        ...view.models.filter(({ offers }) => offers.length > 0).map((model) => offers(model, providers, names)),
        providerRecords(view),
        ...(view.providers.some(({ claims }) => claims !== null) ? [workerClaims(view)] : []),
        openJobs(view, names),
        endedJobs(view, names),
        unserved(view, names),
        unreadable(view),
    ].filter(({ rows }) => rows.length > 0);
}

function models(view: MarketView, names: ModelNames): Section {
    return section<ModelView>(
        'Models',
        `Prices in ${CoinSymbol} per 1,000,000 tokens: least / median / highest of all offers. Volume: what sessions and ` +
            'jobs of the providers paid so far. ~: contains providers with several models, split evenly, because ' +
            'contracts do not count by model.',
        view.models,
        [
            { head: 'model', of: ({ model }) => modelCell(names, model) },
            { head: 'prov.', number: true, of: ({ providers }) => providers.toString() },
            { head: 'offers', number: true, of: (model) => model.offers.length.toString() },
            { head: 'prompt', number: true, of: ({ prices }) => spread(prices?.prompt) },
            { head: 'completion', number: true, of: ({ prices }) => spread(prices?.completion) },
            { head: `volume`, number: true, of: (m) => mark(m.splitProviders, coins(m.settledVolume)) },
            {
                head: `${CoinSymbol}/h`,
                number: true,
                of: (m) => mark(m.earningSplitProviders, coins(m.earningsPerHour?.median ?? null)),
            },
            { head: 'not taken', number: true, of: ({ jobs }) => jobs.notTaken.toString() },
        ],
    );
}

function offers(model: ModelView, providers: ReadonlyMap<number, ProviderView>, names: ModelNames): Section {
    const provider = (offer: OfferView) => providers.get(offer.provider)!;
    return section<OfferView>(
        `Offers of ${modelName(names, model.model)}`,
        `${CoinSymbol} per 1,000,000 tokens, cheapest first. shares: other active providers on the same machine. ${CoinSymbol}/h: ` +
            "volume of the provider by time since its registration; *: by attested time. The tier rests on the record's expiry.",
        model.offers,
        [
            { head: '#', number: true, of: (offer) => offer.provider.toString() },
            { head: 'provider', of: (offer) => addressCell(provider(offer).address) },
            { head: 'prompt', number: true, of: ({ prices }) => coins(prices.prompt) },
            { head: 'cached', number: true, of: ({ prices }) => coins(prices.cached) },
            { head: 'compl.', number: true, of: ({ prices }) => coins(prices.completion) },
            { head: 'reas.', number: true, of: ({ prices }) => coins(prices.reasoning) },
            { head: 'tier', of: (offer) => provider(offer).tier },
            { head: 'attested until', of: (offer) => shortTime(provider(offer).attestedUntil) },
            { head: 'TCB', of: (offer) => shorten(provider(offer).tcbStatus, 8) },
            { head: 'shares', number: true, of: (offer) => provider(offer).sharing?.toString() ?? '-' },
            { head: 'score', number: true, of: (offer) => coins(provider(offer).reputation.score) },
            { head: `${CoinSymbol}/h`, number: true, of: (offer) => earningsCell(provider(offer)) },
        ],
    );
}

function providerRecords(view: MarketView): Section {
    return section<ProviderView>(
        'Providers',
        `What their contracts counted. score = fees remitted x reliability x time, in ${CoinSymbol}. jobs: delivered / failed / ` +
            'declined. How busy they are is not visible on the chain: open sessions are numbered nowhere.',
        view.providers,
        [
            { head: '#', number: true, of: ({ index }) => index.toString() },
            { head: 'address', of: ({ address }) => addressCell(address) },
            { head: 'status', of: ({ status }) => status },
            { head: 'volume', number: true, of: ({ volume }) => coins(volume) },
            { head: 'sess.', number: true, of: ({ sessions }) => shortCount(sessions) },
            {
                head: 'jobs',
                number: true,
                of: (p) => `${shortCount(p.jobsDelivered)}/${shortCount(p.jobsFailed)}/${shortCount(p.jobsDeclined)}`,
            },
            { head: 'fees', number: true, of: ({ feesRemitted }) => coins(feesRemitted) },
            { head: 'score', number: true, of: ({ reputation: r }) => scoreCell(r) },
            { head: 'attested', number: true, of: ({ attestedSeconds }) => shortDuration(attestedSeconds) },
            { head: 'machine', of: ({ machineId }) => hashCell(machineId) },
            { head: 'endpoint', of: (p) => shorten(p.endpoint ?? `! ${p.endpointProblem}`, 18) },
        ],
    );
}

function workerClaims(view: MarketView): Section {
    return section<ProviderView>(
        'What workers say of themselves',
        'Claimed by each worker; no contract knows any of it, and nothing above rests on it.',
        view.providers.filter(({ claims }) => claims !== null),
        [
            { head: '#', number: true, of: ({ index }) => index.toString() },
            { head: 'health', of: ({ claims: c }) => shorten(c!.answered ? c!.health : `no answer: ${c!.reason}`, 44) },
            { head: 'busy', number: true, of: ({ claims: c }) => percent(c!.answered ? c!.busy : null) },
            {
                head: 'run/wait/slots',
                number: true,
                of: ({ claims: c }) =>
                    c!.answered ? [c!.running, c!.waiting, c!.slots].map((count) => count ?? '-').join('/') : '-',
            },
            { head: 'ms', number: true, of: ({ claims: c }) => (c!.answered ? c!.latency.toString() : '-') },
            {
                head: 'models',
                of: ({ claims: c }) =>
                    shorten(c!.answered ? c!.models.map(({ name, contextLength }) => `${name} (${contextLength})`).join(', ') : '-', 32),
            },
        ],
    );
}

function openJobs(view: MarketView, names: ModelNames): Section {
    return section<JobView>(
        'Open jobs',
        `Amounts in ${CoinSymbol}; /M: per 1,000,000 tokens of the client's bounds. Bids count until the deadline of bidding jobs, ` +
            'deliveries until that of awarded ones.',
        view.jobs.filter(({ state }) => Open.has(state)),
        [
            ...jobColumns(names),
            { head: 'ceiling', number: true, of: ({ ceiling }) => coins(ceiling) },
            { head: '/M', number: true, of: ({ ceilingPerMillion }) => coins(ceilingPerMillion) },
            { head: 'best bid', number: true, of: ({ bestBid }) => coins(bestBid) },
            { head: 'by', of: ({ provider }) => addressCell(provider) },
            { head: 'deadline', of: (job) => shortTime(job.deliveryDeadline ?? job.awardDeadline) },
        ],
    );
}

function endedJobs(view: MarketView, names: ModelNames): Section {
    return section<JobView>(
        'Jobs that ended',
        `Paid in ${CoinSymbol}; /M: per 1,000,000 tokens of the client's bounds, so a token really made cost at least that.`,
        view.jobs.filter(({ state }) => Ended.has(state)),
        [
            ...jobColumns(names),
            { head: 'ceiling', number: true, of: ({ ceiling }) => coins(ceiling) },
            { head: 'paid', number: true, of: ({ paid }) => coins(paid) },
            { head: '/M', number: true, of: ({ paidPerMillion }) => coins(paidPerMillion) },
            { head: 'provider', of: ({ provider }) => addressCell(provider) },
        ],
    );
}

function unserved(view: MarketView, names: ModelNames): Section {
    return section<ModelView>(
        'Demand that nobody served',
        'Jobs that were not awarded in time. with a bid: known to have had one that the client did not award; once the escrow ' +
            'is gone this is not visible, so there may be more.',
        view.models.filter(({ jobs }) => jobs.notTaken > 0),
        [
            { head: 'model', of: ({ model }) => modelCell(names, model) },
            { head: 'providers', number: true, of: ({ providers }) => providers.toString() },
            { head: 'jobs', number: true, of: ({ jobs }) => jobs.notTaken.toString() },
            { head: 'with a bid', number: true, of: ({ jobs }) => jobs.notTakenWithBid.toString() },
            { head: `ceilings, ${CoinSymbol}`, number: true, of: ({ jobs }) => coins(jobs.notTakenCeiling) },
            { head: 'median ceiling/M', number: true, of: ({ jobs }) => coins(jobs.notTakenPerMillion) },
            { head: 'median paid/M', number: true, of: ({ jobs }) => coins(jobs.paidPerMillion?.median ?? null) },
        ],
    );
}

function unreadable(view: MarketView): Section {
    const rows = [
        ...view.unreadableProviders.map((entry) => ({ ...entry, kind: 'provider' })),
        ...view.unreadableJobs.map((entry) => ({ ...entry, kind: 'job' })),
    ];
    return section<(typeof rows)[number]>('Not readable', 'Left out of all figures.', rows, [
        { head: 'what', of: ({ kind }) => kind },
        { head: '#', number: true, of: ({ index }) => index.toString() },
        { head: 'address', of: ({ address }) => addressCell(address) },
        { head: 'why', of: ({ reason }) => shorten(reason, 80) },
    ]);
}

function jobColumns(names: ModelNames): Column<JobView>[] {
    return [
        { head: '#', number: true, of: ({ index }) => index.toString() },
        { head: 'state', of: ({ state }) => shorten(StateText[state], 22) },
        { head: 'model', of: ({ model }) => modelCell(names, model) },
        { head: 'task', of: ({ task }) => shorten(task, 10) },
        { head: 'items', number: true, of: ({ items }) => items.toString() },
        { head: 'in/out', number: true, of: (job) => `${shortCount(job.promptTokens)}/${shortCount(job.completionTokens)}` },
    ];
}

function section<T>(title: string, note: string, rows: readonly T[], columns: Column<T>[]): Section {
    return {
        title,
        note,
        head: columns.map(({ head }) => head),
        numbers: new Set(columns.flatMap(({ number }, index) => (number === true ? [index] : []))),
        rows: rows.map((row) =>
            columns.map(({ of }) => {
                const cell = of(row);
                return typeof cell === 'string' ? { text: cell } : cell;
            }),
        ),
    };
}

function coins(nano: bigint | null): Cell {
    return nano === null ? { text: '-' } : { text: shortCoins(nano), full: `${nano} nano${CoinSymbol}` };
}

function spread(amounts: { least: bigint; median: bigint; highest: bigint } | undefined): Cell {
    if (amounts === undefined) {
        return { text: '-' };
    }
    const { least, median, highest } = amounts;
    return {
        text: [least, median, highest].map((amount) => shortCoins(amount, 3)).join(' / '),
        full: `${least} / ${median} / ${highest} nano${CoinSymbol}`,
    };
}

function mark(split: number, cell: Cell): Cell {
    return split === 0 || cell.text === '-' ? cell : { ...cell, text: `~${cell.text}` };
}

function earningsCell({ earnings }: ProviderView): Cell {
    if (earnings === null) {
        return { text: '-' };
    }
    const { perHour, basis, seconds } = earnings;
    return {
        text: `${shortCoins(perHour)}${basis === 'attested' ? '*' : ''}`,
        full: `${perHour} nano${CoinSymbol} per hour over ${shortDuration(seconds)} since it was ${basis}`,
    };
}

function scoreCell({ score, fees, reliability, time }: ProviderView['reputation']): Cell {
    return {
        text: shortCoins(score),
        full: `${fees} nano${CoinSymbol} x ${reliability.toFixed(3)} x ${time.toFixed(3)} = ${score} nano${CoinSymbol}`,
    };
}

function modelCell(names: ModelNames, model: string): Cell {
    return { text: cut(modelName(names, model), 14), full: model };
}

function addressCell(address: ProviderView['address'] | null): Cell {
    return address === null ? { text: '-' } : { text: shortAddress(address), full: address.toString() };
}

function hashCell(hash: string | null): Cell {
    return hash === null ? { text: '-' } : { text: shortHash(hash), full: hash };
}

/** Text of strangers, made harmless for terminals here and for pages where it is written. */
function shorten(text: string | null, length: number): Cell {
    if (text === null) {
        return { text: '-' };
    }
    const clean = printable(text);
    return clean.length <= length ? { text: clean } : { text: cut(clean, length), wide: clean };
}
