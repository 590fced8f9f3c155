import { createHash } from 'node:crypto';
import { CaType, CommonName } from '../certificate';
import { bytesToNumber } from '../p256';
import { BodyType } from '../quote';
import type { TestAuthority } from './authority';
import { CertificateFields, Issued } from './certificate';
import { derive, keyPair, KeyPair } from './keys';
import { defaultHeader, HeaderFields, makeQuote, QeFields, QuoteParts, TdFields } from './quote';
import { SgxFields } from './sgx-extension';

/** Processor model of test machines; Intel gives out no such FMSPC. */
export const TestFmspc = 'F0F0F0000000';
/** Security version numbers of a test machine: up to date in the authority's default TCB info. */
export const UpToDateSvns = {
    components: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    pceSvn: 13,
    /** TEE_TCB_SVN: module TDX_01 at version 7, late microcode 3. */
    tee: [7, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
} as const;
/** MRSIGNER of Intel's TD quoting enclave. */
export const QeSigner = 'DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5';

export type PlatformOptions = {
    /** Machines of different names have different keys, certificates and PPIDs. */
    name?: string;
    /** Which CA issues the certificate. */
    ca?: CaType;
    /** Changes to the machine's description in the certificate. */
    sgx?: Partial<SgxFields>;
    /** Changes to the certificate. */
    certificate?: Partial<CertificateFields>;
};

export type TestQuoteOptions = {
    version?: 4 | 5;
    /** Version 5 only; TD 1.5 (3) if left out. */
    bodyType?: number;
    header?: Partial<HeaderFields>;
    td?: Partial<TdFields>;
    qe?: Partial<QeFields>;
} & Partial<Pick<QuoteParts, 'attestationKey' | 'quoteSigner' | 'qeReportSigner' | 'authData' | 'certificates' | 'padding'>>;

/** A machine that a test authority has certified: it makes quotes. */
export class TestPlatform {
    /** PCK key and certificate. */
    readonly pck: Issued;
    readonly ca: Issued;
    readonly attestationKey: KeyPair;
    readonly name: string;

    constructor(
        private readonly authority: TestAuthority,
        { name = 'machine', ca = 'platform', sgx = {}, certificate = {} }: PlatformOptions = {},
    ) {
        const { seed, now } = authority;
        this.name = name;
        this.ca = authority.pckCa(ca);
        this.attestationKey = keyPair(seed, `attestation key of ${name}`);
        this.pck = authority.issue(CommonName.pck, `PCK key of ${name}`, this.ca, {
            serial: bytesToNumber(derive(seed, `serial number of ${name}`).subarray(0, 20)),
            notBefore: now - 365 * 86_400,
            notAfter: now + 6 * 365 * 86_400,
            crlUrl: `https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`,
            sgx: {
                ppid: derive(seed, `PPID of ${name}`).subarray(0, 16),
                componentSvns: UpToDateSvns.components,
                pceSvn: UpToDateSvns.pceSvn,
                cpuSvn: Buffer.from(UpToDateSvns.components),
                pceId: Buffer.alloc(2),
                fmspc: Buffer.from(TestFmspc, 'hex'),
                platformInstanceId:
                    ca === 'platform' ? derive(seed, `platform instance of ${name}`).subarray(0, 16) : null,
                configuration: { dynamicPlatform: true, cachedKeys: true, smtEnabled: true },
                ...sgx,
            },
            ...certificate,
        });
    }

    /** @returns a quote, raw: good in every respect but for the changes. */
    quote(options: TestQuoteOptions = {}): Buffer {
        const { seed } = this.authority;
        const attestationKey = options.attestationKey ?? this.attestationKey;
        const registers = (label: string) => createHash('sha384').update(`${seed}\0${label}`).digest();
        const teeTcbSvn = options.td?.teeTcbSvn ?? Buffer.from(UpToDateSvns.tee);
        return makeQuote({
            header: {
                ...defaultHeader(options.version ?? 4, derive(seed, `platform of ${this.name}`).subarray(0, 20)),
                ...options.header,
            },
            bodyType: options.bodyType ?? BodyType.td15,
            td: {
                teeTcbSvn,
                mrSeam: registers('TDX module'),
                mrSignerSeam: Buffer.alloc(48),
                seamAttributes: Buffer.alloc(8),
                // SEPT_VE_DISABLE, which Linux guests set, and nothing else.
                tdAttributes: Buffer.from('0000001000000000', 'hex'),
                xfam: Buffer.from('e702060000000000', 'hex'),
                mrTd: registers('MRTD'),
                mrConfigId: Buffer.alloc(48),
                mrOwner: Buffer.alloc(48),
                mrOwnerConfig: Buffer.alloc(48),
                rtmr: [registers('RTMR0'), registers('RTMR1'), registers('RTMR2'), Buffer.alloc(48)],
                reportData: Buffer.alloc(64),
                teeTcbSvn2: teeTcbSvn,
                mrServiceTd: Buffer.alloc(48),
                ...options.td,
            },
            qe: {
                cpuSvn: Buffer.from('0303191b04ff00060000000000000000', 'hex'),
                miscSelect: 0,
                attributes: Buffer.from('1500000000000000e700000000000000', 'hex'),
                mrEnclave: derive(seed, 'quoting enclave'),
                mrSigner: Buffer.from(QeSigner, 'hex'),
                isvProdId: 2,
                isvSvn: 6,
                ...options.qe,
            },
            attestationKey,
            quoteSigner: options.quoteSigner ?? attestationKey,
            qeReportSigner: options.qeReportSigner ?? this.pck.key,
            authData: options.authData ?? Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
            certificates: options.certificates ?? [
                this.pck.certificate,
                this.ca.certificate,
                this.authority.root.certificate,
            ],
            padding: options.padding ?? 0,
        });
    }
}
