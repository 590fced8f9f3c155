import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address, toNano } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import { Devnet, startDevnet } from '../../devnet/src';
import {
    JobAgreement,
    jobDeployment,
    JobEscrow,
    listingValue,
    packJobTerms,
    packSignedVoucher,
    postJobValue,
    PricesSince2026,
    Provider,
    providerMarket,
    ProviderRegistry,
    SessionEscrow,
    SessionStatus,
    signPayload,
    voucherPayload,
} from '../../wrappers';
import { TestAgreement } from '../support/jobs';
import { EncryptionKey, testKey } from '../support/network';
import { Run, runScript } from './blueprint';

jest.setTimeout(120_000);

/** The scripts against a local network, one after the other: from the registry to the last withdrawal. */
describe('a network, from its registry to the last withdrawal', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ton-compute-'));
    const keyFile = join(folder, 'session-key.json');
    let devnet: Devnet;
    let registry: string;
    let provider: string;
    let session: string;
    let catalog: string;

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0 });
    });

    afterAll(async () => {
        await devnet.close();
        rmSync(folder, { recursive: true, force: true });
    });

    const succeed = async (
        wallet: string,
        script: string,
        inputs: Record<string, string>,
        args: string[] = [],
    ): Promise<Run> => {
        const run = await runScript(devnet, wallet, script, inputs, args);
        expect(run.status === 0 ? '' : run.output).toBe('');
        return run;
    };
    const fail = async (
        wallet: string,
        script: string,
        inputs: Record<string, string>,
        args: string[] = [],
    ): Promise<string> => {
        const { status, output, result } = await runScript(devnet, wallet, script, inputs, args);
        expect({ status, result }).toEqual({ status: 1, result: {} });
        expect(output).not.toMatch(/^ +at /m); // no stack trace
        return output;
    };
    const openedSession = () => devnet.client().open(SessionEscrow.SessionEscrow.fromAddress(Address.parse(session)));

    it('readPrices names the prices in force', async () => {
        const { output, result } = await succeed('deployer', 'readPrices', {});
        expect(output).toContain('These are the prices since 2026-04-29.');
        expect(result).toMatchObject({ prices: 'since 2026-04-29', '21 gas': '4369067' });
    });

    it('deployRegistry', async () => {
        const governance = devnet.wallet('governance').address.toString();
        const { output, result } = await succeed('deployer', 'deployRegistry', {
            GOVERNANCE: governance,
            FEE_BASIS_POINTS: '100',
            LISTING_FEE: '0.03',
        });
        registry = result.registry;
        const data = await devnet
            .client()
            .open(ProviderRegistry.ProviderRegistry.fromAddress(Address.parse(registry)))
            .getRegistryData();
        expect(data.listingFee).toBe(toNano('0.03'));
        expect(output).toMatch(/Done: deploy a registry\. Wallet -0\.\d+ TON; fees 0\.\d+ in 2 transactions\./);
        expect(result).toMatchObject({
            network: 'custom',
            governance,
            treasury: devnet.wallet('deployer').address.toString(),
        });
        expect(output).not.toContain('https://'); // no explorer shows a local network
    });

    it('registerProvider', async () => {
        const { result } = await succeed('provider', 'registerProvider', {
            REGISTRY: registry,
            WORKER_KEY: testKey('worker').publicKey.toString('hex'),
            ENCRYPTION_KEY: EncryptionKey.toString('hex'),
            ENDPOINT: 'http://127.0.0.1:8080',
            FEE_FLOAT: '1',
        });
        provider = result.provider;
        const data = await devnet
            .client()
            .open(Provider.Provider.fromAddress(Address.parse(provider)))
            .getProviderData();
        expect(data).toMatchObject({ status: 1n, index: 0n });
        expect(Number(result.transactions)).toBe(4);
    });

    it('updateProvider adds an offer and moves the endpoint', async () => {
        const { result } = await succeed(
            'provider',
            'updateProvider',
            {
                PROVIDER: provider,
                ADD_MODEL: '07'.repeat(32),
                PROMPT_PRICE: '0.02',
                CACHED_PRICE: '0.005',
                COMPLETION_PRICE: '0.06',
                REASONING_PRICE: '0.06',
                MAX_CREDIT_WINDOW: '0.5',
            },
            ['minDeposit=0.2', 'endpoint=https://worker.example'],
        );
        const { offers, endpoint } = await devnet
            .client()
            .open(Provider.Provider.fromAddress(Address.parse(provider)))
            .getProviderData();
        expect(offers.keys().map((key) => key.toString(16).padStart(64, '0'))).toEqual([result.offer]);
        expect(endpoint.beginParse().loadBuffer(22).toString()).toBe('https://worker.example');
    });

    it('openSession makes a key, which nobody else can read', async () => {
        const { output, result } = await succeed('client', 'openSession', {
            PROVIDER: provider,
            DEPOSIT: '0.5',
            KEY_FILE: keyFile,
            CLOSE_WINDOW: '900',
        });
        session = result.session;
        expect((await openedSession().getSessionData()).status).toBe(BigInt(SessionStatus.Open));
        const key = JSON.parse(readFileSync(keyFile, 'utf8')) as { publicKey: string; seed: string };
        expect(statSync(keyFile).mode & 0o777).toBe(0o600);
        expect(key.publicKey).toBe(result.sessionKey);
        expect(output).not.toContain(key.seed);
    });

    it('topUp adds exactly the amount, or a little more', async () => {
        const before = await devnet.balance(session);
        await succeed('relayer', 'topUp', { SESSION: session, AMOUNT: '0.25' });
        const added = (await devnet.balance(session)) - before;
        expect(added).toBeGreaterThanOrEqual(toNano('0.25'));
        expect(added).toBeLessThan(toNano('0.2505'));
    });

    it('settle relays a voucher', async () => {
        const { seed } = JSON.parse(readFileSync(keyFile, 'utf8')) as { seed: string };
        const { openedLt } = await openedSession().getSessionData();
        const domain = { globalId: (await devnet.info()).globalId, contract: Address.parse(session), openedLt };
        const promise = { cumulative: toNano('0.1'), receiptHash: 0n };
        const signature = signPayload(
            voucherPayload(domain, promise),
            keyPairFromSeed(Buffer.from(seed, 'hex')).secretKey,
        );
        const voucher = packSignedVoucher({ ...promise, signature })
            .toBoc()
            .toString('hex');
        const { result } = await succeed('relayer', 'settle', { SESSION: session, VOUCHER: voucher });
        expect(result.paid).toBe(toNano('0.1').toString());
        expect((await openedSession().getSessionData()).claimed).toBe(toNano('0.1'));
    });

    it('show describes what lives at an address', async () => {
        const shown = await succeed('relayer', 'show', {}, [`address=${session}`]);
        expect(shown.result).toMatchObject({
            contract: 'SessionEscrow',
            status: 'open',
            claimed: toNano('0.1').toString(),
        });
        expect(shown.output).toMatch(/claimed +0\.1 TON/);
        const ofRegistry = await succeed('relayer', 'show', { ADDRESS: registry });
        expect(ofRegistry.output).toContain(provider);
        expect(ofRegistry.result).toMatchObject({ listingFee: toNano('0.03').toString(), jobsListed: '0' });
        const ofProvider = await succeed('relayer', 'show', { ADDRESS: provider });
        expect(ofProvider.result).toMatchObject({
            sessionsEnded: '0',
            volume: '0',
            jobsDelivered: '0',
            jobsFailed: '0',
            jobsDeclined: '0',
            feesRemitted: '0',
            attestedTime: '0',
        });
    });

    it('show describes a job and its listing, before it is over and after', async () => {
        const { address: client } = devnet.wallet('client');
        const now = Math.floor(Date.now() / 1000);
        const agreement: JobAgreement = {
            ...TestAgreement,
            client,
            market: await providerMarket(Address.parse(registry)),
            awardDeadline: now + 1_000_000,
        };
        const { address, init } = await jobDeployment(packJobTerms(agreement));
        const job = devnet.client().open(new JobEscrow.JobEscrow(address, init));
        const sender = () => devnet.wallet('client').sender(devnet.client());
        const listing = listingValue(PricesSince2026, toNano('0.03'));
        const value = postJobValue(PricesSince2026, agreement.ceiling, listing);
        await job.send(sender(), { value }, { $$type: 'PostJob', queryId: 0n, listing });
        const shown = await succeed('relayer', 'show', { ADDRESS: address.toString() });
        expect(shown.result).toMatchObject({
            contract: 'JobEscrow',
            status: 'bidding',
            ceiling: agreement.ceiling.toString(),
            bond: agreement.bond.toString(),
            openTo: 'every provider',
            tcbStatuses: 'UpToDate',
            image: agreement.measurement!.toString('hex'),
            model: agreement.model.toString('hex'),
            items: '3',
            input: 'file:///store/08',
        });
        const listed = () => succeed('relayer', 'show', { ADDRESS: shown.result.listing });
        expect((await listed()).result).toMatchObject({
            contract: 'JobListing',
            job: shown.result.address,
            outcome: 'not over',
            paid: '0',
            items: '3',
        });
        await job.send(sender(), { value: toNano('0.05') }, { $$type: 'CancelJob', queryId: 0n });
        expect((await listed()).result).toMatchObject({ outcome: 'cancelled', paid: '0' });
        expect((await succeed('relayer', 'show', { ADDRESS: registry })).result.jobsListed).toBe('1');
    });

    const measurement = 'ab'.repeat(32);

    it('curateCatalog deploys, announces, shows, strikes and closes', async () => {
        const { result } = await succeed('deployer', 'curateCatalog', { ACTION: 'deploy', DELAY: '86400' });
        catalog = result.catalog;
        const note = 'https://example.org/image, make image';
        const added = await succeed('deployer', 'curateCatalog', { ACTION: 'add', CATALOG: catalog, NOTE: note }, [
            `measurement=${measurement}`,
        ]);
        expect(added.result).toMatchObject({ announced: measurement, trusted: '', closed: 'false' });
        await devnet.increaseTime(86_401);
        const shown = await succeed('relayer', 'curateCatalog', { ACTION: 'show', CATALOG: catalog });
        expect(shown.result).toMatchObject({ announced: '', trusted: measurement, delay: '86400', fees: '0' });
        expect(shown.output).toContain(note);
        const struck = { ACTION: 'remove', CATALOG: catalog, MEASUREMENT: measurement };
        expect((await succeed('deployer', 'curateCatalog', struck)).result).toMatchObject({
            announced: '',
            trusted: '',
        });
        const closed = { ACTION: 'close', CATALOG: catalog, FINAL: 'yes' };
        expect((await succeed('deployer', 'curateCatalog', closed)).result.closed).toBe('true');
    });

    it.each<[string, string, Record<string, string>, string]>([
        ['no action', 'deployer', {}, 'What to do with a catalog: not given. Expected one of: deploy, add, remove,'],
        ['no delay', 'deployer', { ACTION: 'deploy' }, 'until it is trusted, for ever: not given.'],
        ['closing without a word', 'deployer', { ACTION: 'close' }, 'yes to close for ever: not given.'],
        ['another wallet', 'relayer', { ACTION: 'remove', MEASUREMENT: measurement }, 'Only the curator'],
        ['what is not listed', 'deployer', { ACTION: 'remove', MEASUREMENT: measurement }, 'does not list it'],
    ])('curateCatalog refuses %s', async (_name, wallet, inputs, sentence) => {
        const given = inputs.ACTION === 'deploy' ? inputs : { ...inputs, CATALOG: catalog };
        expect(await fail(wallet, 'curateCatalog', given)).toContain(sentence);
    });

    it.each<[string, string, Record<string, string>, string[], string]>([
        [
            'a missing input',
            'openSession',
            {},
            [],
            'Error: Address of the provider: not given. Set the environment variable PROVIDER, or append provider=...',
        ],
        ['a wrong contract', 'topUp', { AMOUNT: '1' }, ['session=PROVIDER'], 'is a Provider: expected a SessionEscrow'],
        ['a wrong wallet', 'updateProvider', { ENDPOINT: 'http://a' }, ['provider=PROVIDER'], 'Only the owner'],
    ])('%s ends with status 1 and a sentence that helps', async (_name, script, inputs, args, sentence) => {
        const given = args.map((argument) => argument.replace('SESSION', session).replace('PROVIDER', provider));
        expect(await fail('client', script, inputs, given)).toContain(sentence);
    });

    it('the mainnet is not touched unless somebody agrees', async () => {
        const inputs = { SESSION: session, AMOUNT: '1' };
        const before = await devnet.balance(session);
        const { status, output } = await runScript(devnet, 'client', 'topUp', inputs, [], 'mainnet');
        expect(status).toBe(1);
        expect(output).toContain('This is the mainnet and nobody can be asked: set CONFIRM=yes to agree.');
        expect(await devnet.balance(session)).toBe(before);
    });

    it("closeSession starts, waits for the window, and finishes; also when the network's clock is ahead", async () => {
        const started = await succeed('client', 'closeSession', { SESSION: session });
        expect(started.result.status).toBe('closing');
        await devnet.increaseTime(901);
        const balance = await devnet.balance(devnet.wallet('client').address);
        const finished = await succeed('client', 'closeSession', { SESSION: session });
        expect(finished.result.status).toBe('closed');
        expect((await devnet.balance(devnet.wallet('client').address)) - balance).toBeGreaterThan(toNano('0.64'));
    });

    it('withdraw distributes and retires', async () => {
        const balance = await devnet.balance(devnet.wallet('provider').address);
        const { result } = await succeed('provider', 'withdraw', { PROVIDER: provider, RETIRE: 'yes' });
        expect(BigInt(result.distributed)).toBeGreaterThanOrEqual(toNano('0.1'));
        expect((await devnet.balance(devnet.wallet('provider').address)) - balance).toBeGreaterThan(toNano('1'));
        const { status } = await devnet
            .client()
            .open(Provider.Provider.fromAddress(Address.parse(provider)))
            .getProviderData();
        expect(status).toBe(2n);
    });
});

describe('the folder scripts/', () => {
    it('holds scripts only: Blueprint lists every file in it', () => {
        const scripts = readdirSync(join(__dirname, '../../scripts'), { recursive: true, encoding: 'utf8' });
        for (const script of scripts) {
            expect([script, readFileSync(join(__dirname, '../../scripts', script), 'utf8')]).toEqual([
                script,
                expect.stringMatching(
                    /^export async function run\(provider: NetworkProvider, args: string\[\]\): Promise<void> \{$/m,
                ),
            ]);
        }
    });
});
