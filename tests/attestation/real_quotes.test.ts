import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collateralExpiry, machineIdOf, measurementOf, parseCollateral, parseQuote } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { Errors, IntelRootKey } from '../../wrappers';
import { sha256 } from './quotes';
import { contractGas, Verification } from './verification';


const folder = join(__dirname, '..', '..', '..', 'shared', 'vectors');
const present = existsSync(folder);
if (!present) {
    console.warn(`Skipped, there are no real quotes at ${folder}: quotes of Intel's machines under Intel's root key.`);
}
const read = (file: string) => readFileSync(join(folder, file));
const seconds = (date: string) => Date.parse(`${date}Z`) / 1000;
const February2026 = { file: 'collateral_90c06f_2026-02.json', now: seconds('2026-02-19') };
const June2025 = { file: 'collateral_b0c06f_2025-06.json', now: seconds('2025-06-20') };

async function verifierWith({ file, now }: typeof June2025): Promise<Verification> {
    const verification = await Verification.create(IntelRootKey, now);
    await verification.learn(parseCollateral(read(file).toString()));
    return verification;
}

(present ? describe : describe.skip)("Intel's quotes and collateral, under Intel's root key", () => {
    it.each([
        ['version 4, model B0C06F', 'tdx_quote_v4_b0c06f.dat', June2025, 17],
        ['version 4, model 90C06F', 'tdx_quote_v4_90c06f.dat', February2026, 18],
        ['version 5, model 90C06F', 'tdx_quote_v5_90c06f.dat', February2026, 18],
    ])('%s: accepted, up to date, with what it measured', async (_, file, collateral, evaluationNumber) => {
        const verification = await verifierWith(collateral);
        const quote = parseQuote(read(file));
        const first = await verification.register(quote, {});
        expect(contractGas(verification, first)).toBeLessThanOrEqual(150_000n);
        const verdict = verification.verdictIn(first);
        const expiry = Math.min(collateralExpiry(parseCollateral(read(collateral.file).toString())), quote.certificates[0].notAfter);
        expect(verdict).toMatchObject({ accepted: true, tcbStatus: 0, evaluationNumber, expiry });
        if (!verdict.accepted) return;
        expect(verdict.measurement.equals(sha256(quote.body.mrTd, ...quote.body.rtmr))).toBe(true);
        expect(verdict.measurement.equals(measurementOf(quote))).toBe(true);
        expect(verdict.machineId.equals(sha256(quote.certificates[0].sgx!.ppid))).toBe(true);
        expect(verdict.machineId.equals(machineIdOf(quote))).toBe(true);
        expect(verdict.reportData.equals(quote.body.reportData)).toBe(true);
        const second = await verification.verify(quote, { knownQeReport: sha256(quote.qeReport) });
        expect(verification.verdictIn(second)).toMatchObject({ ...verdict, context: expect.anything() });
        expect(contractGas(verification, second)).toBeLessThanOrEqual(50_000n);
    });

    it('version 5 of a machine whose module loader is older than the oldest level: rejected', async () => {
        const verification = await verifierWith(February2026);
        const quote = parseQuote(read('tdx_quote_v5_outdated.dat'));
        const verdict = verification.verdictIn(await verification.register(quote, {}));
        expect(verdict).toMatchObject({ accepted: false, reason: Errors.NoTcbLevel });
    });
});

describe('What a verifier trusts', () => {
    it("is said by a getter: production with Intel's root key", async () => {
        const { verifier } = await Verification.create(IntelRootKey, February2026.now);
        expect(await verifier.getRootKey()).toMatchObject({ x: IntelRootKey.x, y: IntelRootKey.y, production: true });
    });

    it('and nothing of the kind with any other', async () => {
        const { rootKey, now } = new TestAuthority();
        const { verifier } = await Verification.create(rootKey, now);
        expect(await verifier.getRootKey()).toMatchObject({ x: rootKey.x, y: rootKey.y, production: false });
    });
});
