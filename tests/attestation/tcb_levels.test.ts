import { beginCell, Cell } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { parseQuote } from '@ton-compute/attestation';
import { TcbInfoOptions, TcbLevel, TcbStatusName, TestAuthority, UpToDateSvns } from '@ton-compute/attestation/testing';
import { Errors } from '../../wrappers';
import { tryAs } from '../support/chain';
import { certificatesAndLists, qeIdentityMessage, registrationMessage, tcbInfoMessage } from './collateral_messages';
import { withRef } from './cuts';
import { outcomeOf, sha256, withField } from './quotes';
import { Plenty, readVerdict, Verification } from './verification';

// jssha in the wallet library is slow: the native one gives the same hashes.

const authority = new TestAuthority();
const signer = authority.tcbSigner.key.publicKey;
const machine = authority.platform();
const key = machine.attestationKey;
const good = parseQuote(machine.quote());
const known = { knownQeReport: sha256(good.qeReport) };
const statuses: TcbStatusName[] = [
    'UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate',
    'OutOfDateConfigurationNeeded', 'Revoked',
];
const Revoked = 6;
const tdxModule = { mrSigner: '0'.repeat(96), attributes: '0'.repeat(16), attributesMask: 'F'.repeat(16) };
const Module = { isvSvn: 1, status: 'UpToDate' as TcbStatusName };

/** A level that the machine just reaches. */
function level(status: TcbStatusName, change: { sgx?: number[]; pceSvn?: number; tdx?: number[] } = {}): TcbLevel {
    return { sgx: UpToDateSvns.components, pceSvn: UpToDateSvns.pceSvn, tdx: UpToDateSvns.tee, status, ...change };
}
const plusOne = (svns: readonly number[], at: number) => svns.map((svn, index) => (index === at ? svn + 1 : svn));

describe('TCB levels', () => {
    let verification: Verification;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        verification = await Verification.create(authority.rootKey, authority.now);
        const messages = [
            ...certificatesAndLists(authority),
            { name: 'QE identity', body: qeIdentityMessage(authority.qeIdentity(), signer) },
            { name: 'machine', body: registrationMessage(machine.pck, authority.platformCa.key.publicKey) },
        ];
        for (const message of messages) {
            await verification.learnMessage(message);
        }
        start = verification.chain.snapshot();
    });
    beforeEach(() => verification.chain.loadFrom(start));

    const learn = (info: TcbInfoOptions) =>
        verification.learnMessage({ name: 'TCB info', body: tcbInfoMessage(authority.tcbInfo(info), signer) });
    const outcome = async (quote = good) => outcomeOf(await verification.verdictOn(quote));
    const withTee = (...bytes: number[]) => withField(good, key, 'teeTcbSvn', Buffer.from([...bytes, ...Array(16 - bytes.length).fill(0)]));

    it('a level is reached by equal SVNs, and missed by one SGX component, or the PCESVN, that is one less', async () => {
        const missed = Array.from({ length: 16 }, (_, at) => level('UpToDate', { sgx: plusOne(UpToDateSvns.components, at) }));
        await learn({ levels: [...missed, level('UpToDate', { pceSvn: UpToDateSvns.pceSvn + 1 }), level('SWHardeningNeeded')] });
        expect(await outcome()).toEqual({ status: 1 });
    });

    it('and by one TDX component that is one less, but for the first two, which count for the module', async () => {
        const missed = Array.from({ length: 14 }, (_, at) => level('UpToDate', { tdx: plusOne(UpToDateSvns.tee, at + 2) }));
        await learn({ levels: [...missed, level('SWHardeningNeeded', { tdx: [255, 255, ...UpToDateSvns.tee.slice(2)] })] });
        expect(await outcome()).toEqual({ status: 1 });
    });

    it('without a module version the first two TDX components count too', async () => {
        const tee = [7, 0, 3];
        const tdx = [...tee, ...Array<number>(13).fill(0)];
        await learn({
            levels: [level('UpToDate', { tdx: plusOne(tdx, 0) }), level('UpToDate', { tdx: plusOne(tdx, 1) }), level('OutOfDate', { tdx })],
        });
        expect(await outcome(withTee(...tee))).toEqual({ status: 4 });
    });

    it('components go up to 255', async () => {
        const full = authority.platform({ name: 'full', sgx: { componentSvns: Array(16).fill(255), pceSvn: 65535 } });
        await verification.answer(registrationMessage(full.pck, authority.platformCa.key.publicKey));
        await learn({
            modules: [{ id: 'TDX_FF', ...tdxModule, levels: [{ isvSvn: 255, status: 'UpToDate' }] }],
            levels: [{ sgx: Array(16).fill(255), pceSvn: 65535, tdx: Array(16).fill(255), status: 'UpToDate' }],
        });
        expect(await outcome(parseQuote(full.quote({ td: { teeTcbSvn: Buffer.alloc(16, 255) } })))).toEqual({ status: 0 });
        const oneLess = Buffer.alloc(16, 255);
        oneLess[15] = 254;
        expect(await outcome(parseQuote(full.quote({ td: { teeTcbSvn: oneLess } })))).toEqual({ reason: Errors.NoTcbLevel });
    });

    it('a platform that reaches no level, a module or an enclave older than its oldest level is rejected', async () => {
        await learn({ levels: [level('UpToDate', { pceSvn: UpToDateSvns.pceSvn + 1 })] });
        expect(await outcome()).toEqual({ reason: Errors.NoTcbLevel });
        await verification.chain.loadFrom(start);
        await learn({});
        expect(await outcome(withTee(2, 1, 3))).toEqual({ status: 4 });
        expect(await outcome(withTee(1, 1, 3))).toEqual({ reason: Errors.NoTcbLevel });
        expect(await outcome(parseQuote(machine.quote({ qe: { isvSvn: 4 } })))).toEqual({ status: 0 });
        expect(await outcome(parseQuote(machine.quote({ qe: { isvSvn: 3 } })))).toEqual({ reason: Errors.NoTcbLevel });
    });

    it('a module of a version that the TCB info does not name is rejected', async () => {
        await learn({});
        expect(await outcome(withTee(7, 3, 3))).toEqual({ status: 0 });
        expect(await outcome(withTee(7, 2, 3))).toEqual({ reason: Errors.TdxModule });
        await verification.chain.loadFrom(start);
        await learn({ modules: null });
        expect(await outcome()).toEqual({ reason: Errors.TdxModule });
    });

    it("a module has its own version's signer and attributes, as far as the mask goes", async () => {
        const own = { mrSigner: 'AB'.repeat(48), attributes: 'F000000000000001', attributesMask: 'F0FFFFFFFFFFFFFF' };
        await learn({ modules: [{ id: 'TDX_01', ...own, levels: [Module] }] });
        const quote = (signerByte: number, attributes: string, at = 0) => {
            const mrSigner = Buffer.alloc(48, 0xab);
            mrSigner[at] = signerByte;
            const signed = withField(good, key, 'mrSignerSeam', mrSigner);
            return withField(signed, key, 'seamAttributes', Buffer.from(attributes, 'hex'));
        };
        expect(await outcome(quote(0xab, 'f000000000000001'))).toEqual({ status: 0 });
        expect(await outcome(quote(0xab, 'ff00000000000001'))).toEqual({ status: 0 });
        expect(await outcome(quote(0xab, 'e000000000000001'))).toEqual({ reason: Errors.Seam });
        expect(await outcome(quote(0xab, 'f000000000000000'))).toEqual({ reason: Errors.Seam });
        for (const at of [0, 31, 32, 47]) {
            expect(await outcome(quote(0xaa, 'f000000000000001', at))).toEqual({ reason: Errors.Seam });
        }
        expect(await outcome()).toEqual({ reason: Errors.Seam });
    });

    it('the PCE-ID is that of the TCB info', async () => {
        await learn({ pceId: '0001' });
        expect(await outcome()).toEqual({ reason: Errors.PceId });
    });

    it('a machine of a model without TCB info is rejected', async () => {
        expect(await outcome()).toEqual({ reason: Errors.NoTcbInfo });
    });

    it('platform, module and enclave make one status; a revoked one of any is rejected', async () => {
        const each = (svn: number) => ({ isvSvn: svn, status: statuses[svn] });
        const svns = [6, 5, 4, 3, 2, 1, 0];
        const parts = [6, 4, 0]; // a module or an enclave has no other status
        await learn({
            modules: [{ id: 'TDX_01', ...tdxModule, levels: parts.map(each) }],
            levels: svns.map((svn) => level(statuses[svn], { tdx: [0, 0, svn, ...Array<number>(13).fill(0)] })),
        });
        const later = { issueDate: authority.now, levels: parts.map(each) };
        await verification.learnMessage({ name: 'QE identity', body: qeIdentityMessage(authority.qeIdentity(later), signer) });
        await verification.verdictOn(good);
        const platform = (await verification.platformOf(good)).address;
        const { transactions } = await verification.verify(good, known);
        const checked = transactions.map(({ inMessage }) => inMessage!).find(({ info }) => info.type === 'internal' && info.src.equals(platform))!.body;
        const outcomes: string[] = [];
        const expected: string[] = [];
        for (const [p, m, q] of svns.flatMap((p) => parts.flatMap((m) => parts.map((q) => [p, m, q])))) {
            const td = overwrite(checked.refs[2], 0, 24, (m << 16) + (1 << 8) + p);
            const enclave = overwrite(checked.refs[3], 32 + 128 + 256 + 16, 16, q);
            const body = withRef(withRef(checked, 2, td), 3, enclave);
            const { outMessages } = await tryAs(verification.chain, platform, verification.address, Plenty, body);
            const result = outcomeOf(readVerdict(outMessages.get(0)!.body));
            outcomes.push(`${[p, m, q].map((at) => statuses[at])} -> ${'status' in result ? statuses[result.status] : result.reason}`);
            expected.push(`${[p, m, q].map((at) => statuses[at])} -> ${converged(p, [m, q])}`);
        }
        expect(outcomes).toEqual(expected);
        expect(new Set(outcomes).size).toBe(63);
    });

    it.each(statuses.filter((name) => !['UpToDate', 'OutOfDate', 'Revoked'].includes(name)))(
        'a module or an enclave cannot be "%s": such a text is refused',
        async (status) => {
            const levels = [{ isvSvn: 0, status }];
            const modules = [{ id: 'TDX_01', ...tdxModule, levels }];
            await expect(learn({ modules })).rejects.toThrow(`${Errors.Malformed}`);
            const later = { issueDate: authority.now, levels };
            const body = qeIdentityMessage(authority.qeIdentity(later), signer);
            expect(await verification.answer(body)).toEqual({ bounced: Errors.Malformed });
        },
    );

    /** In words: revoked anywhere is revoked; out of date anywhere is out of date, with what remains to be configured. */
    function converged(platform: number, parts: number[]): string {
        if ([platform, ...parts].includes(Revoked)) {
            return String(Errors.TcbRevoked);
        }
        const outOfDate = parts.some((part) => statuses[part].startsWith('OutOfDate'));
        if (!outOfDate || statuses[platform].startsWith('OutOfDate')) {
            return statuses[platform];
        }
        return statuses[platform].startsWith('Configuration') ? 'OutOfDateConfigurationNeeded' : 'OutOfDate';
    }

    function overwrite(cell: Cell, offset: number, bits: number, value: number): Cell {
        const source = cell.beginParse();
        const builder = beginCell().storeBits(source.loadBits(offset)).storeUint(value, bits);
        source.skip(bits);
        return builder.storeSlice(source).endCell();
    }
});
