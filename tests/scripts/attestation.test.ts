import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { Devnet, startDevnet } from '../../devnet/src';
import { IntelRootKey, verifierDeployment } from '../../wrappers';
import { EncryptionKey, testKey } from '../support/network';
import { Run, runScript } from './blueprint';

jest.setTimeout(120_000);

const hex = (part: bigint) => part.toString(16).padStart(64, '0');
const Now = Math.floor(Date.now() / 1000);

/** The scripts of tier tdx against a local network, one after the other. */
describe('a network with tier tdx', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ton-compute-'));
    const authority = new TestAuthority({ seed: 'scripts', now: Now });
    const ROOT_KEY = hex(authority.rootKey.x) + hex(authority.rootKey.y);
    let devnet: Devnet;
    let verifier: string;
    let registry: string;
    let provider: string;

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0 });
    });

    afterAll(async () => {
        await devnet.close();
        rmSync(folder, { recursive: true, force: true });
    });

    const succeed = async (wallet: string, script: string, inputs: Record<string, string>): Promise<Run> => {
        const run = await runScript(devnet, wallet, script, inputs);
        expect(run.status === 0 ? '' : run.output).toBe('');
        return run;
    };
    const fail = async (wallet: string, script: string, inputs: Record<string, string>): Promise<string> => {
        const { status, output, result } = await runScript(devnet, wallet, script, inputs);
        expect({ status, result }).toEqual({ status: 1, result: {} });
        expect(output).not.toMatch(/^ +at /m); // no stack trace
        return output;
    };
    const file = (name: string, content: object): string => {
        const path = join(folder, name);
        writeFileSync(path, JSON.stringify(content));
        return path;
    };

    it("deployVerifier takes Intel's root unless told otherwise", async () => {
        const { output, result } = await succeed('deployer', 'deployVerifier', {});
        expect(result).toMatchObject({
            verifier: (await verifierDeployment(IntelRootKey)).address.toString(),
            root: 'production',
            rootKey: 'intel',
        });
        expect(output).toContain('PRODUCTION: Intel SGX Root CA');
    });

    it('deployVerifier takes another root only when it is called a test root', async () => {
        expect(await fail('deployer', 'deployVerifier', { ROOT_KEY })).toMatch(/TEST ROOT: .*To go on .*TEST_ROOT=yes/s);
        const { output, result } = await succeed('deployer', 'deployVerifier', { ROOT_KEY, TEST_ROOT: 'yes' });
        verifier = result.verifier;
        expect(output).toContain('!!! TEST ROOT');
        expect(result).toMatchObject({ root: 'test', rootKey: ROOT_KEY });
    });

    it('addCollateral sends what is newer, each part with its fee, and a long list in several messages', async () => {
        const revoked = Array.from({ length: 1200 }, (_, index) => BigInt(index + 1) << 100n);
        const COLLATERAL = file('collateral.json', authority.collateral({ pckCrl: { revoked } }));
        const { output, result } = await succeed('deployer', 'addCollateral', { VERIFIER: verifier, COLLATERAL });
        expect(result.sent).toBe('root-crl,pck-ca,pck-crl,tcb-signing,tcb-info,qe-identity');
        expect(output.match(/Done: add the .* fees 0\.\d+/g)).toHaveLength(6);
        expect(output).toMatch(/Done: read on in the revocation list of .*1200 entries, \d+ bytes remain/);
        const again = await succeed('deployer', 'addCollateral', { VERIFIER: verifier, COLLATERAL });
        expect(again.result.sent).toBe('');
        expect(again.output).toContain('the verifier knows it, or a newer one');
    });

    it('addCollateral says what is wrong with a file', async () => {
        const other = file('other.json', new TestAuthority({ seed: 'other', now: Now }).collateral());
        const inputs = { VERIFIER: verifier, COLLATERAL: other };
        expect(await fail('deployer', 'addCollateral', inputs)).toContain('has another key than the verifier trusts');
        const missing = { VERIFIER: verifier, COLLATERAL: join(folder, 'nowhere.json') };
        expect(await fail('deployer', 'addCollateral', missing)).toContain('COLLATERAL: ENOENT');
        const broken = { VERIFIER: verifier, COLLATERAL: file('broken.json', { tcb_info: '{}' }) };
        expect(await fail('deployer', 'addCollateral', broken)).toContain('COLLATERAL: tcb_info');
    });

    it('deployRegistry names a verifier for ever, and one with a test root only when it is called that', async () => {
        expect(await fail('deployer', 'deployRegistry', { VERIFIER: verifier })).toContain('TEST_ROOT=yes');
        const { result } = await succeed('deployer', 'deployRegistry', { VERIFIER: verifier, TEST_ROOT: 'yes' });
        registry = result.registry;
        expect(result).toMatchObject({ verifier, root: 'test' });
        const wrong = await fail('deployer', 'deployRegistry', { VERIFIER: registry });
        expect(wrong).toContain('is a ProviderRegistry: expected a AttestationVerifier');
    });

    it("updateProvider names the worker's gas wallet as attester", async () => {
        const { result } = await succeed('provider', 'registerProvider', {
            REGISTRY: registry,
            WORKER_KEY: testKey('worker').publicKey.toString('hex'),
            ENCRYPTION_KEY: EncryptionKey.toString('hex'),
            ENDPOINT: 'http://127.0.0.1:8080',
        });
        provider = result.provider;
        const ATTESTER = devnet.wallet('relayer').address.toString();
        await succeed('provider', 'updateProvider', { PROVIDER: provider, ATTESTER });
        expect(await fail('client', 'updateProvider', { PROVIDER: provider, ATTESTER })).toContain('Only the owner');
        const shown = await succeed('client', 'show', { ADDRESS: provider });
        expect(shown.result).toMatchObject({ verifier, attester: ATTESTER, root: 'test', attestation: 'none yet' });
        expect(shown.output).toContain('TEST ROOT');
    });

    it('show lists what a verifier knows, and what a registry rests on', async () => {
        const { output, result } = await succeed('client', 'show', { ADDRESS: verifier });
        expect(result).toMatchObject({ contract: 'AttestationVerifier', root: 'test', models: 'F0F0F0000000' });
        expect(output).toMatch(/TEST ROOT/);
        expect(output).toMatch(/revocation list +PCK platform CA, 1200 entries, of .*, until 20/);
        expect((await succeed('client', 'show', { ADDRESS: registry })).result).toMatchObject({ verifier, root: 'test' });
    });
});
