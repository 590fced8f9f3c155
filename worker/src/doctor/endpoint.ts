import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { messageOf } from '../errors';
import { Examination, Facts } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';
import { openProbe, Probe } from './probe';

/** Seconds for one call from outside. */
const Patience = 10;

/** The port, and the URL under which clients reach it, as far as that can be seen from here. */
export async function* checkEndpoint({ facts, signal }: Examination): AsyncIterable<Finding> {
    const { config, running } = facts;
    if (config === undefined) {
        yield skipped('endpoint', 'without a configuration it is not known');
        return;
    }
    const { host, port } = config.listen;
    const where = `${host}:${port}`;
    let probe: Probe | null = null;
    if (running !== undefined) {
        yield ok('port', `${where} belongs to the running worker`);
    } else {
        try {
            probe = await openProbe(host, port);
            yield ok('port', `${where} is free`);
        } catch (error) {
            yield problem('port', `${where} cannot be listened at: ${messageOf(error)}`, {
                expected: 'a free port of this machine',
                next: `see who has it: ss -ltnp 'sport = :${port}'; or set listen.host and listen.port`,
            });
        }
    }
    try {
        yield* checkUrl(facts, probe, signal);
    } finally {
        await probe?.close();
    }
}

async function* checkUrl(facts: Facts, probe: Probe | null, signal: AbortSignal): AsyncIterable<Finding> {
    const { config, provider } = facts;
    const text = config!.provider.publicEndpoint ?? provider?.endpoint;
    if (text === undefined) {
        yield skipped('public endpoint', 'neither configured nor known from the chain');
        return;
    }
    if (!URL.canParse(text)) {
        yield problem('public endpoint', `'${text}' is no URL`, { expected: 'such as https://gpu1.example.org' });
        return;
    }
    const url = new URL(text);
    const local = yield* checkName(url, config!.network.endpoint);
    if (local === null) {
        return;
    }
    if (url.protocol === 'http:' && !local) {
        yield warning('encryption', `${url.origin} is not encrypted`, {
            expected: 'https: requests are sealed, but anyone on the way sees who calls, when, and how much is paid',
            next: 'put a proxy with a certificate in front, such as Caddy',
        });
    }
    yield* checkReach(url, facts, probe, signal);
}

/** @returns whether the name leads to this machine only; null when it leads nowhere. */
async function* checkName(url: URL, chain: string): AsyncGenerator<Finding, boolean | null> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    let addresses: string[];
    try {
        addresses = isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
    } catch (error) {
        yield problem('public endpoint', `the name ${host} does not resolve: ${messageOf(error)}`, {
            expected: 'a name or an address that leads to this machine',
            next: 'correct the DNS record, or the endpoint of the provider',
        });
        return null;
    }
    const loopback = addresses.every(isLoopback);
    if (!addresses.every(isPrivate)) {
        yield ok('public endpoint', `${url.href} leads to ${addresses.join(', ')}`);
    } else if (loopback && isLoopback(new URL(chain).hostname.replace('localhost', '127.0.0.1'))) {
        yield ok('public endpoint', `${url.href}: this machine only, as is the chain`);
    } else {
        yield problem('public endpoint', `${url.href} leads to ${addresses.join(', ')}, which nobody reaches from outside`, {
            expected: 'a public address',
            next: "set provider.publicEndpoint, and the provider's endpoint with updateProvider",
        });
    }
    return loopback;
}

async function* checkReach(url: URL, facts: Facts, probe: Probe | null, signal: AbortSignal): AsyncIterable<Finding> {
    if (probe === null && facts.running === undefined) {
        yield skipped('reachable', 'nothing can listen here, so nothing could answer');
        return;
    }
    const time = AbortSignal.any([signal, AbortSignal.timeout(Patience * 1000)]);
    const base = url.href.replace(/\/$/, '');
    try {
        yield probe === null ? await askWorker(base, facts, time) : await askProbe(base, probe, time);
    } catch (error) {
        signal.throwIfAborted();
        yield unreachable(base, error);
    }
}

async function askWorker(base: string, { provider }: Facts, signal: AbortSignal): Promise<Finding> {
    const response = await fetch(`${base}/offer`, { signal, redirect: 'error' });
    const offer = (await response.json().catch(() => null)) as { provider?: string } | null;
    if (!response.ok || typeof offer?.provider !== 'string') {
        return problem('reachable', `${base}/offer answers HTTP ${response.status}, which is not a worker's answer`, {
            expected: 'the running worker',
            next: 'see where the proxy sends requests: it has to pass all paths to listen.port',
        });
    }
    const own = provider === undefined || offer.provider === provider.address.toString() ||
        offer.provider === provider.address.toRawString();
    return own
        ? ok('reachable', 'the running worker answers there. Whether a proxy buffers is seen when no worker runs')
        : problem('reachable', `the worker of another provider answers there: ${offer.provider}`, {
              expected: provider.address.toString(),
              next: 'correct the endpoint, or the proxy',
          });
}

async function askProbe(base: string, probe: Probe, signal: AbortSignal): Promise<Finding> {
    const seen = await probe.visit(base, signal);
    if (seen === 'elsewhere') {
        return problem('reachable', `something else than this machine answers at ${base}`, {
            expected: 'what listens at listen.port of this machine',
            next: 'see where name and proxy lead: all paths have to be passed to listen.port',
        });
    }
    return seen === 'streams'
        ? ok('reachable', 'a request comes from there to this machine, and its answer streams')
        : problem('reachable', 'a request comes from there to this machine, but its answer is held back until it is complete', {
              expected: 'each event passed on at once: clients answer them with vouchers, and the worker waits for those',
              next: 'switch buffering off in the proxy: nginx `proxy_buffering off;`, Caddy `flush_interval -1`',
          });
}

function unreachable(base: string, error: unknown): Finding {
    const reason = messageOf(error);
    const code = ((error as { cause?: { code?: string } }).cause?.code ?? '') as string;
    if (/CERT|SELF_SIGNED|ALTNAME|ISSUER/.test(code)) {
        return problem('certificate', `${base}: ${reason} (${code})`, {
            expected: 'a certificate that every client trusts',
            next: "get one from Let's Encrypt, for example with Caddy or certbot",
        });
    }
    return warning('reachable', `${base} does not answer from here: ${reason}`, {
        expected: 'an answer; from inside a home network it may fail although it works from outside',
        next: 'forward the port in router and firewall, then try from another network: curl -i ' + `${base}/health`,
    });
}

function isLoopback(address: string): boolean {
    return /^127\.|^::1$|^localhost$/.test(address);
}

/** Addresses of RFC 1918, RFC 6598, RFC 4193, and of links. */
function isPrivate(address: string): boolean {
    return (
        isLoopback(address) ||
        /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.|^0\.0\.0\.0$/.test(address) ||
        /^(f[cd]|fe[89ab])[0-9a-f]{0,2}:/i.test(address)
    );
}
