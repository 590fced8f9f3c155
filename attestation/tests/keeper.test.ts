import { createServer, IncomingMessage, Server, ServerResponse } from 'node:http';
import { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
    CollateralJson,
    CollateralKind,
    datesOf,
    fetchCollateral,
    isNewer,
    IntelPcs,
    Keeper,
    KeeperEvent,
    KeeperOptions,
    KnownCollateral,
    parseCollateral,
    pccs,
    planRefresh,
} from '../src';
import { TestAuthority, TestFmspc, TestNow } from '../src/testing';
import { describeWithVectors, realCollateral, vectorBytes } from './support/vectors';

const Day = 86_400;
const authority = new TestAuthority();
const target = { fmspc: TestFmspc, ca: 'platform' as const };

/** A PCCS that serves one set of collateral. */
class FakePccs {
    collateral: CollateralJson = authority.collateral();
    /** Requests that were answered. */
    paths: string[] = [];
    /** Answers to the next requests instead of the right ones. */
    failures: ('500' | 'hang' | 'no header' | 'junk')[] = [];
    private server!: Server;

    async start(): Promise<void> {
        this.server = createServer((request, response) => this.answer(request, response));
        await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    get url(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    private answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
        this.paths.push(url);
        const failure = this.failures.shift();
        if (failure === 'hang') {
            return;
        }
        if (failure === '500') {
            response.writeHead(500).end('out of order');
            return;
        }
        const found = this.resources()[url];
        if (found === undefined) {
            response.writeHead(404).end();
            return;
        }
        if (found.chain !== undefined && failure !== 'no header') {
            response.setHeader(found.chain[0], encodeURIComponent(found.chain[1]));
        }
        response.end(failure === 'junk' ? '<html>' : found.body);
    }

    private resources(): Record<string, { body: Buffer | string; chain?: [string, string] }> {
        const { collateral: all } = this;
        const { fmspc } = JSON.parse(all.tcb_info) as { fmspc: string };
        return {
            '/sgx/certification/v4/pckcrl?ca=platform&encoding=der': {
                body: Buffer.from(all.pck_crl, 'hex'),
                chain: ['SGX-PCK-CRL-Issuer-Chain', all.pck_crl_issuer_chain],
            },
            '/sgx/certification/v4/rootcacrl': { body: all.root_ca_crl },
            [`/tdx/certification/v4/tcb?fmspc=${fmspc}`]: {
                body: `{"tcbInfo":${all.tcb_info},"signature":"${all.tcb_info_signature}"}`,
                chain: ['TCB-Info-Issuer-Chain', all.tcb_info_issuer_chain],
            },
            '/tdx/certification/v4/qe/identity': {
                body: `{"enclaveIdentity":${all.qe_identity},"signature":"${all.qe_identity_signature}"}`,
                chain: ['SGX-Enclave-Identity-Issuer-Chain', all.qe_identity_issuer_chain],
            },
        };
    }
}

// One for each test: a request that a test left in flight is not counted by the next.
let service: FakePccs;
beforeEach(async () => {
    service = new FakePccs();
    await service.start();
});
afterEach(() => service.stop());

describe('Fetching', () => {
    test('brings all collateral of a processor model, byte for byte', async () => {
        expect(await fetchCollateral(pccs(`${service.url}/`), target)).toEqual(service.collateral);
        expect(service.paths).toHaveLength(4);
    });

    test.each<[string, 'no header' | '500' | 'junk', RegExp]>([
        ['an error of the service', '500', /answered 500/],
        ['an answer without its issuer chain', 'no header', /without the header|hexadecimal/],
        ['an answer of another kind', 'junk', /answered/],
    ])('%s is reported with its address', async (_, failure, reason) => {
        service.failures = [failure, failure, failure, failure];
        const attempt = fetchCollateral(pccs(service.url), target);
        await expect(attempt).rejects.toThrow(reason);
        await expect(attempt).rejects.toThrow(service.url);
    });

    test('a service that does not answer is given up in time, and at once when the caller stops', async () => {
        service.failures = ['hang', 'hang', 'hang', 'hang', 'hang', 'hang', 'hang', 'hang'];
        await expect(fetchCollateral(pccs(service.url), target, { timeoutSeconds: 0.05 })).rejects.toThrow(
            /did not answer within 0.05 s/,
        );
        const stop = AbortSignal.timeout(30);
        await expect(fetchCollateral(pccs(service.url), target, { signal: stop })).rejects.toThrow(/abort|timeout/i);
    });

    test('an unknown model and one that is none are refused', async () => {
        await expect(fetchCollateral(pccs(service.url), { ...target, fmspc: '00906ED50000' })).rejects.toThrow(/404/);
        await expect(fetchCollateral(pccs(service.url), { ...target, fmspc: 'xyz' })).rejects.toThrow(/12 hexadecimal/);
    });

    test("Intel's own service is asked at its addresses", async () => {
        const asked: string[] = [];
        const record: typeof fetch = async (url) => {
            asked.push(String(url));
            throw new Error('offline');
        };
        await expect(fetchCollateral(IntelPcs, target, { fetch: record })).rejects.toThrow(/could not be reached/);
        expect(asked).toEqual([
            'https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
            'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
            `https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=${TestFmspc}`,
            'https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity',
        ]);
    });
});

describe('Planning', () => {
    const known = datesOf(parseCollateral(authority.collateral()));

    test('what is missing is due, in the order in which it is needed', () => {
        const plan = planRefresh(TestNow, {});
        expect(plan.due.map(({ kind }) => kind)).toEqual([
            'root-crl', 'pck-ca', 'pck-crl', 'tcb-signing', 'tcb-info', 'qe-identity',
        ]);
        expect(plan.next).toBe(TestNow);
    });

    test('what holds long enough is left alone, until its margin', () => {
        const plan = planRefresh(TestNow, known, { marginSeconds: 2 * Day });
        expect(plan).toEqual({ due: [], next: TestNow + 27 * Day });
        const later = planRefresh(plan.next, known, { marginSeconds: 2 * Day });
        expect(later.due).toEqual([
            { kind: 'pck-crl', reason: 'expires' }, { kind: 'tcb-info', reason: 'expires' }, { kind: 'qe-identity', reason: 'expires' },
        ]);
    });

    test('what is old is due too if an age is set, certificates excepted', () => {
        const due = planRefresh(TestNow + 3 * Day, known, { maxAgeSeconds: 2 * Day }).due;
        expect(due.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual([
            'root-crl old', 'pck-crl old', 'tcb-info old', 'qe-identity old',
        ]);
    });

    test('newer is what was issued later, by no earlier evaluation', () => {
        const dates = { issued: 10, expires: 20, evaluationNumber: 5 };
        expect(isNewer(dates, undefined)).toBe(true);
        expect(isNewer(dates, dates)).toBe(false);
        expect(isNewer({ ...dates, issued: 11 }, dates)).toBe(true);
        expect(isNewer({ ...dates, issued: 11, evaluationNumber: 4 }, dates)).toBe(false);
    });
});

describe('A keeper', () => {
    let known: KnownCollateral;
    let sent: CollateralKind[];
    let events: KeeperEvent[];
    let slept: number[];
    let clock: number;

    beforeEach(() => {
        [known, sent, events, slept, clock] = [{}, [], [], [], TestNow];
    });

    function keeper(changes: Partial<KeeperOptions> = {}): Keeper {
        return new Keeper({
            source: pccs(service.url),
            target,
            rootKey: authority.rootKey,
            send: async ({ kind }) => {
                sent.push(kind as CollateralKind);
                known = { ...known, [kind]: datesOf(parseCollateral(service.collateral))[kind as CollateralKind] };
            },
            readState: async () => known,
            report: (event) => events.push(event),
            now: () => clock,
            sleep: async (seconds) => {
                slept.push(seconds);
                clock += seconds;
            },
            ...changes,
        });
    }

    test('teaches an empty verifier everything, in order, and then rests', async () => {
        const all = ['root-crl', 'pck-ca', 'pck-crl', 'tcb-signing', 'tcb-info', 'qe-identity'];
        expect(await keeper().refresh()).toEqual({ stored: all, next: TestNow + 22 * Day });
        expect(sent).toEqual(all);
        expect(await keeper().refresh()).toEqual({ stored: [], next: TestNow + 22 * Day });
        expect(sent).toHaveLength(6);
        expect(service.paths).toHaveLength(4);
    });

    test('replaces only what expires soon and is newer', async () => {
        await keeper().refresh();
        sent = [];
        clock += 25 * Day;
        service.collateral = {
            ...new TestAuthority({ now: clock }).collateral(),
            qe_identity: service.collateral.qe_identity,
            qe_identity_signature: service.collateral.qe_identity_signature,
        };
        const { stored } = await keeper().refresh();
        expect(stored).toEqual(['pck-crl', 'tcb-info']);
        expect(events).toContainEqual({ type: 'nothing_newer', kind: 'qe-identity' });
    });

    test('tries again after pauses that grow, without sending twice what is stored', async () => {
        service.failures = ['500'];
        let refused = 1;
        const usual = keeper();
        const failing = keeper({
            send: async (message) => {
                if (message.kind === 'tcb-info' && refused > 0) {
                    refused -= 1;
                    throw new Error('the network is down');
                }
                await (usual as unknown as { options: KeeperOptions }).options.send(message);
            },
        });
        await failing.refresh();
        expect(slept).toEqual([5, 10]);
        expect(sent).toEqual(['root-crl', 'pck-ca', 'pck-crl', 'tcb-signing', 'tcb-info', 'qe-identity']);
    });

    test('gives up after the last attempt, and says why', async () => {
        const deaf = keeper({ send: async () => undefined, attempts: 2 });
        await expect(deaf.refresh()).rejects.toThrow(/has not stored root-crl, .*exit code/);
        expect(events.at(-1)?.type).toBe('failed');
        expect(slept).toEqual([5]);
    });

    test('sends nothing of another root', async () => {
        service.collateral = new TestAuthority({ seed: 'other' }).collateral();
        await expect(keeper({ attempts: 1 }).refresh()).rejects.toThrow(/another key than the verifier trusts/);
        expect(sent).toEqual([]);
    });

    test('runs until it is stopped, pausing until something is due', async () => {
        const stop = new AbortController();
        await keeper({
            sleep: async (seconds) => {
                slept.push(seconds);
                clock += seconds;
                service.collateral = new TestAuthority({ now: clock }).collateral();
                if (slept.length === 30) {
                    stop.abort();
                }
            },
        }).run(stop.signal);
        expect(Math.max(...slept)).toBe(Day);
        expect(sent.filter((kind) => kind === 'tcb-info').length).toBe(2);
    });

    test('a round that fails does not end it', async () => {
        const stop = new AbortController();
        service.failures = ['500', '500', '500', '500'];
        await keeper({
            attempts: 1,
            sleep: async (seconds) => {
                slept.push(seconds);
                if (slept.length === 2) {
                    stop.abort();
                }
            },
        }).run(stop.signal);
        expect(slept[0]).toBe(3_600);
        expect(sent).toHaveLength(6);
    });
});

describeWithVectors("A keeper of Intel's collateral", () => {
    test('sends all of it', async () => {
        const file = 'collateral_90c06f_2026-02.json';
        service.collateral = JSON.parse(vectorBytes(file).toString('utf8')) as CollateralJson;
        const sent: string[] = [];
        const collateral = realCollateral(file);
        let known: KnownCollateral = {};
        await new Keeper({
            source: pccs(service.url),
            target: { fmspc: '90C06F000000', ca: 'platform' },
            rootKey: collateral.pckCrlIssuerChain[1].publicKey,
            now: () => Date.UTC(2026, 1, 19) / 1000,
            send: async ({ name }) => {
                sent.push(name);
            },
            readState: async () => {
                const state = known;
                known = datesOf(collateral);
                return state;
            },
        }).refresh();
        expect(sent).toHaveLength(6);
        expect(sent[4]).toBe('TCB info of 90C06F000000, evaluation 18');
    });
});
