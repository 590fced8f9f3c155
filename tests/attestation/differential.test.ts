import { QuoteVerifier } from '@phala/dcap-qvl';
import { collateralMessages, CollateralJson, keyToBytes, parseCertificate, parseCollateral, parseQuote, platformMessage, toPem } from '@ton-compute/attestation';
import {
    CollateralOptions, Issued, keyPair, PlatformOptions, TcbStatusName, TestAuthority, TestNow, TestQuoteOptions,
} from '@ton-compute/attestation/testing';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWithVectors, realCollateral, realQuote, realQuotes, vectorBytes } from '../../attestation/tests/support/vectors';
import { exitCodeOf } from '../support/chain';
import { Ledger, Saved } from './ledger';
import { Random } from './mutate';
import { deploy, Plenty, Receiver, Sender, verdictsIn } from './world';

// Thousands of messages: cells are hashed by the machine, not in JavaScript.

// The contracts beside another implementation of Intel's rules, @phala/dcap-qvl, on the same quotes and collateral. Both
// are predicted: the status by a short model of Intel's verification library, and by one of what dcap-qvl does instead;
// what makes a quote bad by a table. Where the two differ, the table says why, and docs/attestation-differential.md too.

const Count = Number(process.env.ATTESTATION_COMBINATIONS ?? 60);
const Seed = Number(process.env.ATTESTATION_SEED ?? 39);
const Day = 86_400;

const Statuses: TcbStatusName[] = [
    'UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate',
    'OutOfDateConfigurationNeeded', 'Revoked',
];

/** A status, or that there is no acceptance. */
type Result = TcbStatusName | 'rejected';

type Level = { sgx: number[]; pceSvn: number; tdx: number[]; status: TcbStatusName };
type SvnLevel = { isvSvn: number; status: TcbStatusName };

/** What decides the status. */
type Numbers = {
    components: number[];
    /** CPUSVN of the certificate; Intel's have the components there. */
    cpuSvn: number[];
    pceSvn: number;
    tee: number[];
    qeSvn: number;
    levels: Level[];
    modules: Map<number, SvnLevel[]>;
    qeLevels: SvnLevel[];
};

type Rules = { modules: boolean; convergence: boolean; components: boolean };

const IntelRules: Rules = { modules: true, convergence: true, components: true };
const LibraryRules: Rules = { modules: false, convergence: false, components: false };

/** Status by Intel's rules, or with some of them as dcap-qvl has them. */
function statusOf(n: Numbers, rules: Rules): Result {
    const machine = rules.components ? n.components : n.cpuSvn;
    const skip = rules.modules && n.tee[1] > 0 ? 2 : 0;
    const level = n.levels.find(
        ({ sgx, pceSvn, tdx }) =>
            n.pceSvn >= pceSvn && sgx.every((svn, index) => machine[index] >= svn) &&
            tdx.every((svn, index) => index < skip || n.tee[index] >= svn),
    );
    const qe = n.qeLevels.find(({ isvSvn }) => n.qeSvn >= isvSvn);
    const module = n.tee[1] > 0 && rules.modules ? n.modules.get(n.tee[1])?.find(({ isvSvn }) => n.tee[0] >= isvSvn) : ({ status: 'UpToDate' } as const);
    if (level === undefined || qe === undefined || module === undefined) {
        return 'rejected';
    }
    const merge = rules.convergence ? converged : worse;
    const status = merge(merge(level.status, module.status), qe.status);
    return status === 'Revoked' ? 'rejected' : status;
}

/** convergeTcbStatusWithQeTcbStatus of Intel's library. */
function converged(platform: TcbStatusName, part: TcbStatusName): TcbStatusName {
    if (part === 'Revoked' || platform === 'Revoked') {
        return 'Revoked';
    }
    if (part !== 'OutOfDate') {
        return platform;
    }
    if (platform === 'UpToDate' || platform === 'SWHardeningNeeded') {
        return 'OutOfDate';
    }
    return platform.startsWith('Configuration') ? 'OutOfDateConfigurationNeeded' : platform;
}

function worse(a: TcbStatusName, b: TcbStatusName): TcbStatusName {
    return Statuses.indexOf(b) > Statuses.indexOf(a) ? b : a;
}

/** A quote and its collateral before they are made. */
type Scenario = {
    random: Random;
    authority: TestAuthority;
    platform: { options: PlatformOptions };
    quote: TestQuoteOptions & { td: object; qe: object };
    collateral: CollateralOptions;
    /** Last changes of the collateral. */
    finish: (json: CollateralJson) => CollateralJson;
};

type Answer = 'accepts' | 'refuses';

/** Something that is not as it should be, and what each side makes of it. */
type Fault = {
    name: string;
    contracts: Answer;
    library: Answer;
    /** Where they differ: why, and who is right by Intel's documents. */
    because?: string;
    apply: (scenario: Scenario) => void;
};

const authority = new TestAuthority();
const stranger = keyPair('differential', 'stranger');
const base = authority.platform();
const pckSerial = (s: Scenario) => parseCertificate(s.authority.platform(s.platform.options).pck.certificate).serial;
const serialOf = (issued: Issued) => parseCertificate(issued.certificate).serial;

/** Another certificate under which TCB info and QE identity come, with the chain that leads to it. */
function signedThrough(scenario: Scenario, signer: Issued, chain: Issued[]): void {
    scenario.collateral.tcbSigner = signer;
    scenario.finish = (json) => {
        const pem = toPem([...chain, authority.root].map(({ certificate }) => certificate));
        return { ...json, tcb_info_issuer_chain: pem, qe_identity_issuer_chain: pem };
    };
}

const both = (answer: Answer) => ({ contracts: answer, library: answer });
const strict = { contracts: 'refuses', library: 'accepts' } as const;
const lenient = { contracts: 'accepts', library: 'refuses' } as const;

/** Named as in docs/attestation-differential.md. */
const Faults: Fault[] = [
    { name: 'debug TD', ...both('refuses'), apply: (s) => Object.assign(s.quote.td, { tdAttributes: hex('0100001000000000') }) },
    { name: 'reserved TD attribute', ...both('refuses'), apply: (s) => Object.assign(s.quote.td, { tdAttributes: hex(s.random.pick(['0001001000000000', '0000003000000000', '0000001000000040', '0000001000010000'])) }) },
    { name: 'no SEPT_VE_DISABLE', ...both('refuses'), apply: (s) => Object.assign(s.quote.td, { tdAttributes: Buffer.alloc(8) }) },
    { name: 'PKS, KL or PERFMON', ...both('accepts'), apply: (s) => Object.assign(s.quote.td, { tdAttributes: hex(s.random.pick(['0000005000000000', '0000009000000000', '0000001000000080', '000000d000000080'])) }) },
    { name: 'service TD', ...both('refuses'), apply: (s) => Object.assign(s.quote, { version: 5, bodyType: 3, td: { ...s.quote.td, mrServiceTd: Buffer.alloc(48, 1) } }) },
    { name: 'another quoting enclave', ...both('refuses'), apply: (s) => Object.assign(s.quote.qe, { mrSigner: s.random.bytes(32) }) },
    { name: 'another product of its signer', ...both('refuses'), apply: (s) => Object.assign(s.quote.qe, { isvProdId: 1 }) },
    { name: 'debug quoting enclave', ...both('refuses'), apply: (s) => Object.assign(s.quote.qe, { attributes: hex('1700000000000000e700000000000000') }) },
    { name: 'MISCSELECT', ...both('refuses'), apply: (s) => Object.assign(s.quote.qe, { miscSelect: 1 }) },
    { name: 'quote of another attestation key', ...both('refuses'), apply: (s) => Object.assign(s.quote, { quoteSigner: stranger }) },
    { name: 'QE report of another key', ...both('refuses'), apply: (s) => Object.assign(s.quote, { qeReportSigner: stranger }) },
    { name: 'PCK certificate of another CA key', ...both('refuses'), apply: (s) => (s.platform.options.certificate = { ...s.platform.options.certificate, signer: stranger }) },
    { name: 'TCB info of another key', ...both('refuses'), apply: (s) => (s.collateral.tcbInfo = { ...s.collateral.tcbInfo, signer: stranger }) },
    { name: 'QE identity of another key', ...both('refuses'), apply: (s) => (s.collateral.qeIdentity = { ...s.collateral.qeIdentity, signer: stranger }) },
    { name: 'other processor model', ...both('refuses'), apply: (s) => (s.collateral.tcbInfo = { ...s.collateral.tcbInfo, fmspc: 'F0F0F0000001' }) },
    { name: 'TCB info expired', ...both('refuses'), apply: (s) => (s.collateral.tcbInfo = { ...s.collateral.tcbInfo, nextUpdate: TestNow - 1 - s.random.below(Day) }) },
    { name: 'TCB info expires now', ...both('accepts'), apply: (s) => (s.collateral.tcbInfo = { ...s.collateral.tcbInfo, nextUpdate: TestNow }) },
    { name: 'TCB info of the future', ...both('refuses'), apply: (s) => (s.collateral.tcbInfo = { ...s.collateral.tcbInfo, issueDate: TestNow + 1 + s.random.below(Day) }) },
    { name: 'QE identity expired', ...both('refuses'), apply: (s) => (s.collateral.qeIdentity = { ...s.collateral.qeIdentity, nextUpdate: TestNow - 1 }) },
    { name: 'QE identity of the future', ...both('refuses'), apply: (s) => (s.collateral.qeIdentity = { ...s.collateral.qeIdentity, issueDate: TestNow + 1 }) },
    { name: 'PCK certificate expired', ...both('refuses'), apply: (s) => (s.platform.options.certificate = { ...s.platform.options.certificate, notAfter: TestNow - 1 }) },
    { name: 'PCK certificate of the future', ...both('refuses'), apply: (s) => (s.platform.options.certificate = { ...s.platform.options.certificate, notBefore: TestNow + 1 }) },
    { name: 'TCB signer expired', ...both('refuses'), apply: (s) => (s.collateral.tcbSigner = authority.issue('Intel SGX TCB Signing', 'TCB signer', authority.root, { notAfter: TestNow - 1 })) },
    { name: 'machine revoked', ...both('refuses'), apply: (s) => (s.collateral.pckCrl = { ...s.collateral.pckCrl, revoked: [7n, pckSerial(s), 9n] }) },
    { name: 'PCK CA revoked', ...both('refuses'), apply: (s) => (s.collateral.rootCrl = { ...s.collateral.rootCrl, revoked: [serialOf(authority.platformCa)] }) },
    { name: 'TCB signer revoked', ...both('refuses'), apply: (s) => (s.collateral.rootCrl = { ...s.collateral.rootCrl, revoked: [serialOf(authority.tcbSigner)] }) },
    { name: 'others revoked', ...both('accepts'), apply: (s) => (s.collateral.pckCrl = { ...s.collateral.pckCrl, revoked: [1n, s.random.number(150)] }) },
    {
        name: 'PCE-ID', ...strict, because: 'The PCE-ID of certificate and TCB info must be equal: Intel, QuoteVerifier 4.1.2.4.10. dcap-qvl does not read it.',
        apply: (s) => (s.collateral.tcbInfo = { ...s.collateral.tcbInfo, pceId: '0001' }),
    },
    {
        name: 'SEAM signer or attributes', ...strict,
        because: "MRSIGNERSEAM and SEAMATTRIBUTES must be those of the TDX module's identity: Intel, QuoteVerifier 4.1.2.4.11. dcap-qvl does not compare them.",
        apply: (s) => Object.assign(s.quote.td, s.random.chance(2) ? { mrSignerSeam: s.random.bytes(48) } : { seamAttributes: hex('0100000000000000') }),
    },
    {
        name: 'revocation list signed by somebody else', ...strict, because: 'A list counts only if its CA signed it: RFC 5280, 6.3.3; Intel, PckCrlVerifier. dcap-qvl checks no signature of a list.',
        apply: (s) => (s.random.chance(2) ? (s.collateral.pckCrl = { ...s.collateral.pckCrl, signer: stranger }) : (s.collateral.rootCrl = { ...s.collateral.rootCrl, signer: stranger })),
    },
    {
        name: 'revocation list expired or of the future', ...strict, because: 'A list outside its dates says nothing of today: RFC 5280, 6.3.3; Intel, STATUS_SGX_CRL_EXPIRED. dcap-qvl reads no date of a list.',
        apply: (s) => {
            const dates = s.random.chance(2) ? { nextUpdate: TestNow - 1 } : { thisUpdate: TestNow + 60 };
            s.random.chance(2) ? (s.collateral.pckCrl = { ...s.collateral.pckCrl, ...dates }) : (s.collateral.rootCrl = { ...s.collateral.rootCrl, ...dates });
        },
    },
    {
        name: 'serial number on the list of another CA', ...lenient, because: 'Serial numbers are unique for one issuer: RFC 5280, 4.1.2.2. dcap-qvl looks for every certificate on every list; Intel looks on the list of its issuer.',
        apply: (s) => (s.collateral.rootCrl = { ...s.collateral.rootCrl, revoked: [pckSerial(s)] }),
    },
    {
        name: 'TCB signer of another name', ...strict, because: 'The signer is the certificate "Intel SGX TCB Signing": Intel, TCBSigningChain. dcap-qvl takes any certificate below the root.',
        apply: (s) => { const other = authority.issue('Intel SGX PCK Certificate', 'other leaf', authority.root, {}); signedThrough(s, other, [other]); },
    },
    {
        name: 'TCB signer issued by a machine', ...strict,
        because: 'Only the root issues the TCB signer, and a leaf issues nothing: RFC 5280, 6.1.4 (k). dcap-qvl checks basic constraints of the last certificate only, so that the holder of any PCK key signs its own TCB info.',
        apply: (s) => { const forged = authority.issue('Intel SGX TCB Signing', 'forged signer', base.pck, {}); signedThrough(s, forged, [forged, base.pck, authority.platformCa]); },
    },
    {
        name: 'upper half of the QE report data', ...strict, because: "The quote format (A.4, QE report) defines it as 32 zero bytes, so the contracts ask for them. Intel's library and dcap-qvl compare the lower half only.",
        apply: (s) => {
            const data = s.quote.authData ?? Buffer.from(Array.from({ length: 32 }, (_, index) => index));
            const hash = createHash('sha256').update(keyToBytes(base.attestationKey.publicKey)).update(data).digest();
            Object.assign(s.quote.qe, { reportData: Buffer.concat([hash, Buffer.alloc(31), Buffer.from([1])]) });
        },
    },
    {
        name: 'vendor of the quoting enclave', ...strict, because: "Only Intel's quoting enclave signs for ECDSA quotes here: Intel, quote header QE_VENDOR_ID. dcap-qvl does not read it.",
        apply: (s) => Object.assign(s.quote, { header: { qeVendorId: s.random.bytes(16) } }),
    },
    {
        name: 'authentication data of another length', ...lenient, because: 'Their length is said in the quote and may be any: Intel, quote format A.4. dcap-qvl assumes 32 bytes.',
        apply: (s) => Object.assign(s.quote, { authData: s.random.bytes(s.random.pick([0, 1, 31, 33, 64, 300])) }),
    },
];

const StatusClasses: { name: string; rule: keyof Rules; because: string }[] = [
    { name: 'TDX module', rule: 'modules', because: 'From module version 1 on the module has an identity and levels of its own, and the first two components do not count: Intel, TcbLevelCheck and TdxModuleCheck. dcap-qvl does not read tdxModuleIdentities.' },
    { name: 'two statuses together', rule: 'convergence', because: 'Out of date in one part keeps what has to be configured in another: Intel, convergeTcbStatusWithQeTcbStatus. dcap-qvl takes the worse of the two.' },
    { name: 'components or CPUSVN', rule: 'components', because: "Intel's library compares the 16 component numbers of the certificate, dcap-qvl the raw CPUSVN beside them; in Intel's certificates both are the same." },
];

function hex(digits: string): Buffer {
    return Buffer.from(digits, 'hex');
}

/** Numbers that leave something to find: near the thresholds of the levels. */
function randomNumbers(random: Random): Numbers {
    const few = (length: number, highest: number) => Array.from({ length: 16 }, (_, index) => (index < length ? random.below(highest) : 0));
    const components = [3, 3, 2, 2, 4, 1, 0, 5, ...Array<number>(8).fill(0)].map((svn) => svn + Number(random.chance(8)));
    const version = random.pick([0, 1, 1, 1, 3, 3, 7]);
    const levels: Level[] = Array.from({ length: 1 + random.below(4) }, (_, index) => ({
        sgx: components.map((svn) => Math.max(0, svn + Number(random.chance(40)) - index - random.below(2))),
        pceSvn: 13 - index - random.below(3) + 2 * Number(random.chance(12)),
        tdx: [random.pick([0, 3, 5]), 0, random.below(4), ...Array<number>(13).fill(0)],
        status: index === 0 && random.chance(2) ? ('UpToDate' as const) : random.pick(Statuses),
    }));
    if (!random.chance(4)) {
        levels.push({ sgx: few(3, 2), pceSvn: 5, tdx: few(1, 3), status: random.pick(Statuses) });
    }
    const svnLevels = (highest: number): SvnLevel[] =>
        Array.from({ length: 1 + random.below(3) }, (_, index) => ({
            isvSvn: Math.max(0, highest - 2 * index - random.below(2)),
            status: index === 0 ? ('UpToDate' as const) : random.pick(['UpToDate', 'OutOfDate', 'Revoked'] as const),
        }));
    return {
        components, cpuSvn: random.chance(12) ? components.map((svn) => Math.max(0, svn - random.below(3))) : components,
        pceSvn: 11 + random.below(4), tee: [random.pick([2, 4, 5, 7, 7]), version, 1 + random.below(4), ...few(0, 1).slice(3)],
        qeSvn: 3 + random.below(5), levels, modules: new Map([[1, svnLevels(7)], [3, svnLevels(5)]]), qeLevels: svnLevels(6),
    };
}

function scenarioOf(random: Random, n: Numbers): Scenario {
    const module = { mrSigner: '0'.repeat(96), attributes: '0'.repeat(16), attributesMask: 'F'.repeat(16) };
    return {
        random,
        authority,
        platform: { options: { sgx: { componentSvns: n.components, cpuSvn: Buffer.from(n.cpuSvn), pceSvn: n.pceSvn } } },
        quote: { version: random.pick([4, 5]), bodyType: random.pick([2, 3]), td: { teeTcbSvn: Buffer.from(n.tee) }, qe: { isvSvn: n.qeSvn } },
        collateral: {
            tcbInfo: { levels: n.levels, modules: [...n.modules].map(([version, levels]) => ({ id: `TDX_0${version}`, ...module, levels })) },
            qeIdentity: { levels: n.qeLevels },
        },
        finish: (json) => json,
    };
}

function library(quote: Buffer, collateral: CollateralJson, now: number, root: Buffer): Result {
    try {
        return QuoteVerifier.newWithRootCa(root).verify(quote, collateral, now).status as Result;
    } catch {
        return 'rejected';
    }
}

class Contracts {
    private constructor(private readonly ledger: Ledger, private readonly start: Saved, private readonly verifier: Awaited<ReturnType<typeof deploy>>) {}

    static async create(now: number, root: Parameters<typeof deploy>[1]): Promise<Contracts> {
        const ledger = await Ledger.create(now);
        const verifier = await deploy(ledger, root);
        return new Contracts(ledger, ledger.save(), verifier);
    }

    /** States after messages that come again and again. */
    private readonly known = new Map<string, { code: number; saved: Saved }>();

    /** The status, or at what it ends. */
    async result(bytes: Buffer, json: CollateralJson): Promise<{ result: Result; at: string }> {
        this.ledger.restore(this.start);
        const quote = parseQuote(bytes);
        let sofar = '';
        for (const { name, body } of collateralMessages(parseCollateral(json))) {
            sofar += body.hash().toString('hex');
            let step = this.known.get(sofar);
            if (step === undefined) {
                const { transactions } = await this.ledger.post(Sender, this.verifier, Plenty, body);
                step = { code: exitCodeOf(transactions[0])!, saved: this.ledger.save() };
                this.known.set(sofar, step);
            }
            this.ledger.restore(step.saved);
            if (step.code !== 0) {
                return { result: 'rejected', at: `${name}: ${step.code}` };
            }
        }
        const outcome = await this.ledger.post(Sender, this.verifier, Plenty, platformMessage(quote, { replyTo: Receiver }).body);
        const [verdict] = verdictsIn(outcome, this.verifier);
        if (verdict === undefined) {
            return { result: 'rejected', at: `registration: ${exitCodeOf(outcome.transactions[0])}` };
        }
        return verdict.accepted ? { result: Statuses[verdict.tcbStatus], at: '' } : { result: 'rejected', at: `quote: ${verdict.reason}` };
    }
}

describe('The contracts beside @phala/dcap-qvl', () => {
    let contracts: Contracts;
    const seen = new Map<string, number>();

    beforeAll(async () => {
        contracts = await Contracts.create(TestNow, authority.rootKey);
    });

    async function compare(index: number, random: Random, numbers: Numbers, faults: Fault[]): Promise<void> {
        const scenario = scenarioOf(random, numbers);
        faults.forEach((fault) => fault.apply(scenario));
        const quote = authority.platform(scenario.platform.options).quote(scenario.quote);
        const json = scenario.finish(authority.collateral(scenario.collateral));
        const mine = await contracts.result(quote, json);
        const theirs = library(quote, json, TestNow, authority.root.certificate);
        const refusedBy = (side: 'contracts' | 'library') => faults.some((fault) => fault[side] === 'refuses');
        const what = {
            seed: Seed, index, faults: faults.map(({ name }) => name), at: mine.at,
            numbers: { ...numbers, modules: [...numbers.modules] },
        };
        const expectedOfContracts = refusedBy('contracts') ? 'rejected' : statusOf(numbers, IntelRules);
        const expectedOfLibrary = refusedBy('library') ? 'rejected' : statusOf(numbers, LibraryRules);
        expect({ ...what, contracts: mine.result }).toEqual({ ...what, contracts: expectedOfContracts });
        expect({ ...what, library: theirs }).toEqual({ ...what, library: expectedOfLibrary });
        if (mine.result === theirs) {
            count(mine.result === 'rejected' ? 'both refuse' : 'both accept, same status');
            return;
        }
        const classes = [
            ...faults.filter(({ contracts: a, library: b }) => a !== b).map(({ name }) => name),
            ...StatusClasses.filter(({ rule }) => [IntelRules, LibraryRules].some((rules) =>
                statusOf(numbers, { ...rules, [rule]: !rules[rule] }) !== statusOf(numbers, rules))).map(({ name }) => name),
        ];
        expect({ ...what, unexplained: classes.length === 0 }).toEqual({ ...what, unexplained: false });
        classes.forEach((name) => count(`differ: ${name}`));
    }

    function count(what: string): void {
        seen.set(what, (seen.get(what) ?? 0) + 1);
    }

    const good: Numbers = {
        ...randomNumbers(new Random(1, 1)), components: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
        cpuSvn: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], pceSvn: 13, tee: [7, 1, 3, ...Array<number>(13).fill(0)], qeSvn: 6,
        levels: [{ sgx: Array<number>(16).fill(0), pceSvn: 5, tdx: Array<number>(16).fill(0), status: 'UpToDate' }],
        modules: new Map([[1, [{ isvSvn: 5, status: 'UpToDate' }]]]), qeLevels: [{ isvSvn: 4, status: 'UpToDate' }],
    };

    it.each(Faults.map((fault) => [fault.name, fault] as const))('one fault: %s', async (_, fault) => {
        await compare(-1, new Random(Seed, 1), good, [fault]);
        await compare(-2, new Random(Seed, 2), good, [fault]);
    });

    it(`${Count} random combinations are as predicted (seed ${Seed})`, async () => {
        for (let index = 0; index < Count; index += 1) {
            const random = new Random(Seed, index);
            const faults = random.chance(3) ? [random.pick(Faults)] : [];
            await compare(index, random, randomNumbers(random), faults);
        }
        if (process.env.ATTESTATION_COMBINATIONS !== undefined) {
            console.info(Object.fromEntries([...seen].sort()));
        }
        for (const { name } of Count < 250 ? [] : StatusClasses) {
            expect([name, seen.get(`differ: ${name}`) ?? 0]).not.toEqual([name, 0]);
        }
    }, 300_000);

    it('every kind of disagreement stands in docs/attestation-differential.md', () => {
        const page = readFileSync(join(__dirname, '..', '..', 'docs', 'attestation-differential.md'), 'utf8');
        const kinds = [...Faults.filter(({ because }) => because !== undefined), ...StatusClasses].map(({ name }) => name);
        expect(kinds.filter((name) => !page.includes(`| ${name} |`))).toEqual([]);
        expect(Faults.filter((fault) => (fault.contracts !== fault.library) !== (fault.because !== undefined))).toEqual([]);
    });
});

describeWithVectors('The contracts beside @phala/dcap-qvl, on real quotes', () => {
    it.each(realQuotes)('$name, on many days', async ({ file, collateral, now, name }) => {
        const json = JSON.parse(vectorBytes(collateral).toString('utf8')) as CollateralJson;
        const { rootCrl, pckCrl, tcbInfo, qeIdentity, pckCrlIssuerChain } = realCollateral(collateral);
        const root = pckCrlIssuerChain[1];
        const listed = { from: Math.max(rootCrl.thisUpdate, pckCrl.thisUpdate), to: Math.min(rootCrl.nextUpdate, pckCrl.nextUpdate) };
        const days = [
            now, tcbInfo.issueDate, tcbInfo.issueDate - 1, tcbInfo.nextUpdate, tcbInfo.nextUpdate + 1, qeIdentity.issueDate - 1,
            qeIdentity.nextUpdate, pckCrl.nextUpdate, pckCrl.nextUpdate + 1, pckCrl.thisUpdate - 1, now + 10 ** 9,
        ];
        for (const day of days) {
            const contracts = await Contracts.create(day, root.publicKey);
            const mine = await contracts.result(vectorBytes(file), json);
            const theirs = library(vectorBytes(file), json, day, root.der);
            const inLists = day >= listed.from && day <= listed.to;
            // Outside the dates of the lists dcap-qvl goes on: "revocation list expired or of the future".
            expect({ name, day, at: mine.at, result: mine.result }).toEqual({ name, day, at: mine.at, result: inLists ? theirs : 'rejected' });
        }
        const wanted = name.includes('outdated') ? 'rejected' : 'UpToDate';
        expect((await (await Contracts.create(now, root.publicKey)).result(vectorBytes(file), json)).result).toBe(wanted);
    });
});
