import { createServer } from 'node:http';
import { AddressInfo } from 'node:net';
import { Address, toNano } from '@ton/core';
import { OfferTerms, packEndpoint } from '@ton-compute/contracts';
import { offersToJson } from '@ton-compute/protocol';
import { createClient, JobView, marketToJson, MarketProgress, MarketView, ProviderView, readMarket } from '../src';
import { fullMarket, Models, pricesAt } from './support/market';

let setting: Awaited<ReturnType<typeof fullMarket>>;
let view: MarketView;
const progress: MarketProgress[] = [];

beforeAll(async () => {
    setting = await fullMarket();
    const { devnet, registry } = setting.market;
    view = await readMarket({ endpoint: devnet.endpoint, registry, onProgress: (step) => progress.push(step) });
}, 240_000);

afterAll(() => setting?.market.stop(), 60_000);

function source() {
    const { devnet, registry } = setting.market;
    return { endpoint: devnet.endpoint, registry };
}

function provider(name: keyof typeof setting.providers, of = view): ProviderView {
    return of.providers.find(({ index }) => index === setting.providers[name].index)!;
}

function job(name: keyof typeof setting.jobs, of = view): JobView {
    return of.jobs.find((candidate) => candidate.job.equals(setting.jobs[name].address))!;
}

function model(hash: Buffer, of = view) {
    return of.models.find((candidate) => candidate.model === hash.toString('hex'))!;
}

/** The API of the local network, whose answers a test changes. @param change of the answer's result, or an HTTP status. */
async function lyingApi(change: (call: { method: string; params: Record<string, unknown> }, result: unknown) => unknown) {
    const server = createServer(async (request, response) => {
        let text = '';
        for await (const part of request) {
            text += part;
        }
        const call = JSON.parse(text);
        const answer = await fetch(setting.market.devnet.endpoint, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: text,
        });
        const body = (await answer.json()) as { result?: unknown };
        const changed = change(call, body.result);
        const status = typeof changed === 'number' ? changed : answer.status;
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(status === answer.status ? { ...body, result: changed } : { ok: false, error: 'no' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        close: () => new Promise((resolve) => server.close(resolve)),
    };
}

describe('providers', () => {
    it('are all shown with what their contracts say', async () => {
        expect(view.unreadableProviders).toEqual([]);
        expect(view.providers.map(({ status }) => status)).toEqual(['active', 'active', 'retired', 'active', 'active']);
        expect(provider('cheap')).toMatchObject({
            endpoint: 'https://cheap.example',
            tier: 'tdx',
            tcbStatus: 'UpToDate',
            measurement: '14d'.padStart(64, '0'),
            volume: toNano('1'),
            jobsDelivered: 1,
            models: [Models.small.toString('hex')],
        });
        expect(provider('several')).toMatchObject({ jobsDelivered: 1, jobsDeclined: 1, jobsFailed: 1, volume: toNano('0.5') });
        expect(provider('empty')).toMatchObject({ tier: 'open', models: [], machineId: null, sharing: null, tcbStatus: null });
        expect(provider('retired')).toMatchObject({ models: [], sharing: null, earnings: null });
    });

    it('show how many others have the same machine', () => {
        expect([provider('cheap').sharing, provider('several').sharing, provider('hostile').sharing]).toEqual([1, 1, 0]);
    });

    it('whose endpoint is no URL are shown with the reason: jobs do not need it', () => {
        expect(provider('hostile').endpoint).toBeNull();
        expect(provider('hostile').endpointProblem).toContain('no plain http(s) URL: "\\"></script>');
    });

    it('have a reputation once the fee was remitted', () => {
        const { reputation, feesRemitted } = provider('cheap');
        // The fee is 2.5 % of all that arrived: a little more than was paid, because unused gas comes along.
        expect(feesRemitted).toBeGreaterThanOrEqual(toNano('1') / 40n);
        expect(feesRemitted).toBeLessThan(toNano('1.01') / 40n);
        expect(reputation).toMatchObject({ fees: feesRemitted, reliability: 1 });
        expect(reputation.score).toBeGreaterThan(feesRemitted / 2n - 1n);
        expect(provider('several').reputation).toMatchObject({ score: 0n, reliability: 2 / 23 });
    });

    it('earned since the registry made them, as the history tells; else per attested hour', async () => {
        const { earnings, registeredAt, perAttestedHour } = provider('cheap');
        const seconds = view.network.readAt - registeredAt!;
        expect(seconds).toBeGreaterThan(7_199);
        expect(earnings).toMatchObject({ basis: 'registered', perHour: (toNano('1') * 3600n) / BigInt(earnings!.seconds) });
        expect(Math.abs(earnings!.seconds - seconds)).toBeLessThan(60);
        expect(perAttestedHour).not.toBeNull();
        const without = await readMarket({ ...source(), historyPages: 0, jobs: 0 });
        expect(provider('cheap', without)).toMatchObject({ registeredAt: null, earnings: { basis: 'attested' } });
        expect(provider('empty', without).earnings).toBeNull();
    });
});

describe('models', () => {
    it('have the spread of their prices, and the volume of those who offer them', () => {
        const small = model(Models.small);
        expect(small.offers.map(({ provider: index }) => index)).toEqual([0, 3, 1]);
        expect(small.prices!.prompt).toEqual({ least: toNano('0.1'), median: toNano('0.2'), highest: toNano('0.3') });
        expect(small.prices!.completion.median).toBe(pricesAt('0.2').completion);
        expect(small).toMatchObject({ providers: 3, splitProviders: 1, settledVolume: toNano('1.25') });
        expect(model(Models.large)).toMatchObject({ providers: 1, splitProviders: 1, settledVolume: toNano('0.25') });
        expect(small.earningProviders).toBe(3);
    });

    it('that are only asked for are there too', () => {
        expect(model(Models.absent)).toMatchObject({ providers: 0, offers: [], prices: null, earningsPerHour: null });
        expect(model(Models.absent).jobs).toMatchObject({
            count: 2,
            notTaken: 2,
            notTakenCeiling: toNano('6'),
            notTakenPerMillion: toNano('1.5'),
            notTakenWithBid: 0,
        });
    });
});

describe('jobs', () => {
    it('are shown as they stand', () => {
        expect(view.unreadableJobs).toEqual([]);
        const states = view.jobs.map(({ index, state }) => `${index} ${state}`);
        expect(states).toEqual([
            '8 bidding', '7 awarded', '6 failed', '5 expired', '4 not_taken', '3 cancelled', '2 declined', '1 delivered', '0 delivered',
        ]);
        expect(job('bidding')).toMatchObject({ bestBid: toNano('1.25'), ceiling: toNano('2'), task: 'chat', items: 3, paid: null });
        expect(job('bidding').provider?.toString()).toBe(setting.providers.cheap.address.toString());
        expect(job('awarded')).toMatchObject({ bestBid: toNano('1.5'), deliveryDeadline: expect.any(Number) });
        expect(job('failed').provider?.toString()).toBe(setting.providers.several.address.toString());
        expect(job('declined').paid).toBeNull();
    });

    it('show what was paid per 1,000,000 tokens', () => {
        expect(job('delivered')).toMatchObject({ paid: toNano('1'), paidPerMillion: toNano('0.5'), ceilingPerMillion: toNano('1') });
        expect(view.totals.jobs.paidPerMillion).toEqual({ least: toNano('0.25'), median: toNano('0.375'), highest: toNano('0.5') });
    });
});

describe('the view', () => {
    it('has sums and the registry, and says what is known of the verifier', () => {
        expect(view.totals).toMatchObject({ active: 4, retired: 1, attested: 3, offers: 4, volume: toNano('1.5') });
        expect(view.registry).toMatchObject({ providerCount: 5, jobCount: 9, feeBasisPoints: 250, root: null });
        expect(view.network.globalId).toBe(setting.market.globalId);
    });

    it('tells how far it is', () => {
        expect(progress[0]).toEqual({ stage: 'registry', done: 0, total: 0 });
        expect(progress).toContainEqual({ stage: 'providers', done: 5, total: 5 });
        expect(progress.at(-1)).toEqual({ stage: 'jobs', done: 9, total: 9 });
    });

    it('is the same through a client without a wallet', async () => {
        const client = await createClient({ ...source(), policy: { leastTier: 'open' } });
        const same = await client.market();
        const timeless = (one: MarketView) => JSON.stringify(marketToJson(one).models.map(({ earningsPerHour: _, ...rest }) => rest));
        expect(timeless(same)).toBe(timeless(view));
    });

    it('of one model has only that one, and still knows who shares a machine', async () => {
        const one = await readMarket({ ...source(), model: Models.large.toString('hex').toUpperCase() });
        expect(one.models.map((group) => group.model)).toEqual([Models.large.toString('hex')]);
        expect(one.providers.map(({ index, sharing }) => [index, sharing])).toEqual([[1, 1]]);
        expect(one.jobs.map(({ index }) => index)).toEqual([1]);
    });

    it('reads the newest only when it is told to', async () => {
        const few = await readMarket({ ...source(), providers: 2, jobs: 1, parallel: 1 });
        expect([few.providers.map(({ index }) => index), few.jobs.map(({ index }) => index)]).toEqual([[3, 4], [8]]);
        expect(few.registry.providerCount).toBe(5);
    });

    it('becomes JSON with amounts as decimal strings', () => {
        const json = JSON.parse(JSON.stringify(marketToJson(view)));
        expect(json).toEqual(marketToJson(view));
        expect(json.providers[0].volume).toBe('1000000000');
        expect(json.registry.address).toBe(setting.market.registry.toString());
    });

    it('asks workers only when told to, and keeps what they say apart', async () => {
        expect(view.providers.every(({ claims }) => claims === null)).toBe(true);
        const { several } = setting.providers;
        const ask = async () =>
            provider('several', await readMarket({ ...source(), askWorkers: true, jobs: 0, model: Models.large.toString('hex') }));
        expect((await ask()).claims).toMatchObject({ answered: false, reason: expect.stringContaining('does not answer') });

        const offer = (of: Address) =>
            offersToJson({
                provider: of,
                registry: setting.market.registry,
                globalId: setting.market.globalId,
                endpoint: 'http://127.0.0.1',
                offers: [{ terms: TestTerms, name: 'large-chat', contextLength: 4096 }],
            });
        let says = offer(several.address);
        let health: unknown = { status: 'ok', slots: 4, running: 3, waiting: 1 };
        const worker = createServer((request, response) => {
            response.writeHead(200, { 'content-type': 'application/json' });
            response.end(JSON.stringify(request.url === '/offer' ? says : health));
        });
        await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve));
        const endpoint = packEndpoint(`http://127.0.0.1:${(worker.address() as AddressInfo).port}`);
        await several.send({ $$type: 'SetEndpoint', queryId: 0n, endpoint });
        expect((await ask()).claims).toMatchObject({
            answered: true,
            health: 'ok',
            slots: 4,
            waiting: 1,
            busy: 0.75,
            models: [{ model: Models.large.toString('hex'), name: 'large-chat', contextLength: 4096 }],
        });
        health = { status: 7, slots: -1, running: 'many' };
        expect((await ask()).claims).toMatchObject({ answered: true, health: null, slots: null, running: null, busy: null });
        says = offer(setting.providers.cheap.address);
        expect((await ask()).claims).toMatchObject({ answered: false, reason: expect.stringContaining('works for') });
        await new Promise((resolve) => worker.close(resolve));
    });
});

describe('what is odd', () => {
    it('is listed with the reason and breaks nothing', async () => {
        const broken = setting.providers.cheap.address;
        const listing = job('delivered').listing;
        const api = await lyingApi(({ method, params }, result) => {
            const about = (address: Address) =>
                typeof params.address === 'string' && Address.parse(params.address).equals(address);
            if (method === 'getAddressInformation' && about(broken)) {
                return { ...(result as object), code: SomeCode };
            }
            return method === 'runGetMethod' && about(listing)
                ? { ...(result as object), exit_code: 11, stack: [] }
                : result;
        });
        const odd = await readMarket({ ...source(), endpoint: api.endpoint });
        await api.close();
        const reason = expect.stringContaining('its code is not the known provider code');
        expect(odd.unreadableProviders).toMatchObject([{ index: 0, reason }]);
        expect(odd.unreadableProviders[0].address.equals(broken)).toBe(true);
        expect(odd.unreadableJobs).toMatchObject([{ index: 0, reason: expect.stringContaining('exit_code: 11') }]);
        expect([odd.providers.length, odd.jobs.length]).toEqual([4, 8]);
    });

    it('of the whole API ends the view', async () => {
        await expect(readMarket({ ...source(), endpoint: 'http://127.0.0.1:1/' })).rejects.toMatchObject({ code: 'chain_unreachable' });
        await expect(readMarket({ ...source(), globalId: -3 })).rejects.toMatchObject({ code: 'wrong_network' });
        await expect(readMarket({ ...source(), jobs: -1 })).rejects.toMatchObject({ code: 'invalid_option' });
        const nothing = new Address(0, Buffer.alloc(32, 1));
        await expect(readMarket({ ...source(), registry: nothing })).rejects.toThrow('There is no registry');
        const wallet = setting.market.owner.address;
        await expect(readMarket({ ...source(), registry: wallet })).rejects.toThrow('is not a ProviderRegistry of this release');
        const stop = new AbortController();
        const stopped = readMarket({ ...source(), signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
        await expect(stopped).rejects.toThrow('enough');
    });
});

/** An empty cell, as code. */
const SomeCode = 'te6cckEBAQEAAgAAAEysuc0=';

/** What a worker says that it serves. */
const TestTerms: OfferTerms = { model: Models.large, prices: pricesAt('1'), maxCreditWindow: 0n, minDeposit: 0n };
