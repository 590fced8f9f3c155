import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCertificate, parseCollateral, parseQuote, readCollateralFile, readQuoteFile } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { verifyOnSandbox } from '../../tools/verify-quote/verify';


const root = join(__dirname, '../..');
const vectors = join(root, '../shared/vectors');
const authority = new TestAuthority();
const quote = parseQuote(authority.platform().quote());
const collateral = parseCollateral(authority.collateral());
const folder = mkdtempSync(join(tmpdir(), 'verify-quote-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...options: string[]) {
    return spawnSync(process.execPath, ['-r', 'ts-node/register/transpile-only', 'tools/verify-quote/main.ts', ...options], {
        cwd: root,
        encoding: 'utf8',
    });
}

describe('verify-quote', () => {
    it('says what an accepted quote is, and what it cost', async () => {
        const result = await verifyOnSandbox(quote, collateral, authority.now, authority.rootKey);
        expect(result).toMatchObject({ verdict: 'accepted', reason: null, tcbStatus: 'UpToDate' });
        expect(result.measurement).toMatch(/^[0-9a-f]{64}$/);
        expect(result.gas.verifyQuote).toBeLessThanOrEqual(50_000);
        expect(result.gas.firstQuote).toBeLessThanOrEqual(150_000);
        expect(result.gas.registerPlatform).toBeLessThan(result.gas.firstQuote!);
    });

    it('rejects a quote of another root than Intel, by name', async () => {
        const result = await verifyOnSandbox(quote, collateral, authority.now);
        expect(result).toMatchObject({ verdict: 'rejected', tcbStatus: null, measurement: null });
        expect(result.reason).toMatch(/another key than the verifier trusts/);
    });

    it('rejects a debuggable guest for its reason, and says what the way there cost', async () => {
        const debuggable = parseQuote(authority.platform().quote({ td: { tdAttributes: Buffer.from('0100001000000000', 'hex') } }));
        const result = await verifyOnSandbox(debuggable, collateral, authority.now, authority.rootKey);
        expect(result).toMatchObject({ verdict: 'rejected', reason: expect.stringMatching(/^TdAttributes: /) });
        expect(result.gas.verifyQuote).toBeGreaterThan(0);
    });

    it('rejects a quote with any certificate changed, also those that the verifier could do without', async () => {
        const { certificates } = quote;
        for (const index of certificates.keys()) {
            const der = Buffer.from(certificates[index].der);
            der[der.length - 8] ^= 1; // in the signature
            const changed = certificates.map((certificate, at) => (at === index ? parseCertificate(der) : certificate));
            const result = await verifyOnSandbox({ ...quote, certificates: changed }, collateral, authority.now, authority.rootKey);
            expect([index, result.verdict]).toEqual([index, 'rejected']);
        }
    });

    it('rejects a quote of which no message can be made, because its key is no point of the curve', async () => {
        const attestationKey = Buffer.alloc(64, 5);
        const result = await verifyOnSandbox({ ...quote, attestationKey }, collateral, authority.now, authority.rootKey);
        expect(result).toMatchObject({ verdict: 'rejected', tcbStatus: null });
    });

    it('rejects what collateral of another day cannot support', async () => {
        const later = authority.now + 40 * 86_400;
        const result = await verifyOnSandbox(quote, collateral, later, authority.rootKey);
        expect(result).toMatchObject({ verdict: 'rejected', reason: expect.stringMatching(/CollateralDates: /) });
    });

    it('prints one JSON line and ends with 0 for a verdict, with 2 and a sentence for input that it cannot read', () => {
        const files = { quote: join(folder, 'quote.hex'), collateral: join(folder, 'collateral.json') };
        writeFileSync(files.quote, authority.platform().quote().toString('hex'));
        writeFileSync(files.collateral, JSON.stringify(authority.collateral()));
        const day = new Date(authority.now * 1000).toISOString();
        const verdict = run('--quote', files.quote, '--collateral', files.collateral, '--at', day);
        expect([verdict.status, JSON.parse(verdict.stdout).verdict]).toEqual([0, 'rejected']); // not Intel's root
        expect(verdict.stdout.trim().split('\n')).toHaveLength(1);

        writeFileSync(files.quote, authority.platform().quote({ header: { teeType: 0 } }));
        const enclave = run('--quote', files.quote, '--collateral', files.collateral, '--at', day);
        expect([enclave.status, JSON.parse(enclave.stdout)]).toMatchObject([0, { verdict: 'rejected', reason: expect.stringMatching(/SGX enclave/) }]);

        writeFileSync(files.quote, 'no quote');
        const unreadable = run('--quote', files.quote, '--collateral', files.collateral, '--at', day);
        expect([unreadable.status, unreadable.stdout]).toEqual([2, '']);
        expect(unreadable.stderr).toMatch(/not a TDX quote|no quote/i);
    });

    const real = existsSync(vectors) ? it : it.skip;
    real("accepts Intel's quote with Intel's root key (needs ../shared/vectors)", async () => {
        const result = await verifyOnSandbox(
            readQuoteFile(join(vectors, 'tdx_quote_v4_90c06f.dat')),
            readCollateralFile(join(vectors, 'collateral_90c06f_2026-02.json')),
            Date.UTC(2026, 1, 19) / 1000,
        );
        expect(result).toMatchObject({ verdict: 'accepted', tcbStatus: 'UpToDate' });
    });
});
