import { CaType, CommonName, toPem } from '../certificate';
import { CollateralJson } from '../collateral';
import { bytesToNumber, P256Key } from '../p256';
import { CertificateFields, Issued, keyIdentifier, makeCertificate } from './certificate';
import { CrlFields, makeCrl } from './crl';
import { keyPair, KeyPair, signWith } from './keys';
import { PlatformOptions, QeSigner, TestFmspc, TestPlatform, UpToDateSvns } from './platform';
import { QeIdentityFields, qeIdentityText, TcbInfoFields, tcbInfoText } from './tcb-info';

export type AuthorityOptions = {
    /** The same seed gives the same keys, and with the same `now` the same bytes. */
    seed?: string;
    /** Unix seconds around which collateral is dated. */
    now?: number;
};

/** Changes to a signed text. */
type Signing = {
    /** Changes the text before it is signed. */
    rewrite?: (text: string) => string;
    signer?: KeyPair;
};

export type TcbInfoOptions = Partial<TcbInfoFields> & Signing;
export type QeIdentityOptions = Partial<QeIdentityFields> & Signing;

/** A text and its signature. */
export type SignedJson = {
    text: string;
    /** r and s, 64 bytes. */
    signature: Buffer;
};

export type CollateralOptions = {
    ca?: CaType;
    rootCrl?: Partial<CrlFields>;
    pckCrl?: Partial<CrlFields>;
    tcbInfo?: TcbInfoOptions;
    qeIdentity?: QeIdentityOptions;
    /** Another TCB signer than the authority's. */
    tcbSigner?: Issued;
    /** Another PCK CA than the authority's. */
    pckCa?: Issued;
};

/** Default clock of tests: 2026-03-01. */
export const TestNow = Date.UTC(2026, 2, 1) / 1000;

const Day = 86_400;
const RootCrlUrl = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';
const Constraints = { root: { ca: true, pathLength: 1 }, ca: { ca: true, pathLength: 0 }, leaf: { ca: false, pathLength: null } };
const KeyUsage = { ca: 0x06, leaf: 0xc0 } as const;

/**
 * A certificate authority for development: all that Intel signs, in Intel's form and under Intel's names, by keys that
 * come from a seed. A verifier must be told to trust its root key; nothing made here means anything anywhere else.
 */
export class TestAuthority {
    readonly seed: string;
    /** Unix seconds. */
    readonly now: number;
    readonly root: Issued;
    readonly platformCa: Issued;
    readonly processorCa: Issued;
    readonly tcbSigner: Issued;

    constructor({ seed = 'test authority', now = TestNow }: AuthorityOptions = {}) {
        this.seed = seed;
        this.now = now;
        const born = Date.UTC(2018, 4, 21, 10, 45, 10) / 1000;
        this.root = this.issue(CommonName.root, 'root', null, {
            notBefore: born,
            notAfter: Date.UTC(2049, 11, 31, 23, 59, 59) / 1000,
            keyUsage: KeyUsage.ca,
            basicConstraints: Constraints.root,
        });
        const ca = (commonName: string, label: string) =>
            this.issue(commonName, label, this.root, {
                notBefore: born + 300,
                notAfter: born + 300 + 15 * 365 * Day,
                keyUsage: KeyUsage.ca,
                basicConstraints: Constraints.ca,
            });
        this.platformCa = ca(CommonName.platformCa, 'platform CA');
        this.processorCa = ca(CommonName.processorCa, 'processor CA');
        this.tcbSigner = this.issue(CommonName.tcbSigning, 'TCB signer', this.root, {});
    }

    /** What a verifier has to be told to trust. */
    get rootKey(): P256Key {
        return this.root.key.publicKey;
    }

    pckCa(ca: CaType): Issued {
        return ca === 'platform' ? this.platformCa : this.processorCa;
    }

    /**
     * Issues a certificate: a leaf of 7 years unless `fields` say otherwise.
     * @param label names its key: another label, another key.
     * @param issuer null: it signs itself.
     */
    issue(commonName: string, label: string, issuer: Issued | null, fields: Partial<CertificateFields>): Issued {
        const key = keyPair(this.seed, label);
        const issuerKey = issuer?.key ?? key;
        const certificate = makeCertificate({
            subject: commonName,
            issuer: issuer?.commonName ?? commonName,
            // Intel's CAs use the identifier of the key as the serial number.
            serial: bytesToNumber(keyIdentifier(fields.publicKey ?? key.publicKey)),
            notBefore: this.now - 365 * Day,
            notAfter: this.now + 6 * 365 * Day,
            publicKey: key.publicKey,
            signer: issuerKey,
            authorityKey: issuerKey.publicKey,
            crlUrl: RootCrlUrl,
            keyUsage: KeyUsage.leaf,
            basicConstraints: Constraints.leaf,
            sgx: null,
            extraExtensions: [],
            ...fields,
        });
        return { commonName: fields.subject ?? commonName, key, certificate };
    }

    /** A machine with a certificate. */
    platform(options: PlatformOptions = {}): TestPlatform {
        return new TestPlatform(this, options);
    }

    /** @returns DER. Without changes nothing is revoked, and it holds from a day ago for a year. */
    rootCrl(fields: Partial<CrlFields> = {}): Buffer {
        return this.crl(this.root, 365, fields);
    }

    /** @returns DER. Without changes nothing is revoked, and it holds from a day ago for 30 days. */
    pckCrl(ca: CaType = 'platform', fields: Partial<CrlFields> = {}): Buffer {
        return this.crl(this.pckCa(ca), 30, fields);
    }

    /** A list of any issuer. @param days for which it holds. */
    crl(issuer: Issued, days: number, fields: Partial<CrlFields> = {}): Buffer {
        return makeCrl({
            issuer: issuer.commonName,
            thisUpdate: this.now - Day,
            nextUpdate: this.now + (days - 1) * Day,
            revoked: [],
            crlNumber: 1,
            authorityKey: issuer.key.publicKey,
            signer: issuer.key,
            ...fields,
        });
    }

    /** TCB info of the test machines. Without changes they are up to date in it. */
    tcbInfo({ rewrite, signer, ...fields }: TcbInfoOptions = {}): SignedJson {
        const module = { mrSigner: '0'.repeat(96), attributes: '0'.repeat(16), attributesMask: 'F'.repeat(16) };
        const older = [2, 2, 2, 2, 3, 1, 0, 5, ...Array<number>(8).fill(0)];
        const tdx = (microcode: number) => [5, 0, microcode, ...Array<number>(13).fill(0)];
        const text = tcbInfoText({
            ...this.dates(),
            fmspc: TestFmspc,
            pceId: '0000',
            evaluationNumber: 18,
            module,
            modules: [
                { id: 'TDX_03', ...module, levels: [{ isvSvn: 3, status: 'UpToDate' }] },
                {
                    id: 'TDX_01',
                    ...module,
                    levels: [
                        { isvSvn: 6, status: 'UpToDate' },
                        { isvSvn: 4, status: 'OutOfDate', advisories: ['INTEL-SA-01036', 'INTEL-SA-01099'] },
                        { isvSvn: 2, status: 'OutOfDate', advisories: ['INTEL-SA-01036', 'INTEL-SA-01099'] },
                    ],
                },
            ],
            levels: [
                { sgx: UpToDateSvns.components, pceSvn: UpToDateSvns.pceSvn, tdx: tdx(3), status: 'UpToDate' },
                { sgx: older, pceSvn: 13, tdx: tdx(2), status: 'OutOfDate', advisories: ['INTEL-SA-01036'] },
                { sgx: older, pceSvn: 5, tdx: tdx(2), status: 'OutOfDate', advisories: ['INTEL-SA-00106', 'INTEL-SA-01036'] },
            ],
            ...fields,
        });
        return this.signText(text, { rewrite, signer });
    }

    /** Identity of the quoting enclave of the test machines. */
    qeIdentity({ rewrite, signer, ...fields }: QeIdentityOptions = {}): SignedJson {
        const text = qeIdentityText({
            ...this.dates(),
            evaluationNumber: 18,
            miscSelect: '00000000',
            miscSelectMask: 'FFFFFFFF',
            attributes: '11000000000000000000000000000000',
            attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
            mrSigner: QeSigner,
            isvProdId: 2,
            levels: [{ isvSvn: 4, status: 'UpToDate' }],
            ...fields,
        });
        return this.signText(text, { rewrite, signer });
    }

    /** All that a verifier has to know, as it is kept in files (`parseCollateral` reads it). */
    collateral(options: CollateralOptions = {}): CollateralJson {
        const ca = options.pckCa ?? this.pckCa(options.ca ?? 'platform');
        const tcbSigner = options.tcbSigner ?? this.tcbSigner;
        const tcbInfo = this.tcbInfo({ signer: tcbSigner.key, ...options.tcbInfo });
        const qeIdentity = this.qeIdentity({ signer: tcbSigner.key, ...options.qeIdentity });
        const tcbChain = toPem([tcbSigner.certificate, this.root.certificate]);
        return {
            pck_crl_issuer_chain: toPem([ca.certificate, this.root.certificate]),
            root_ca_crl: this.rootCrl(options.rootCrl).toString('hex'),
            pck_crl: this.crl(ca, 30, options.pckCrl).toString('hex'),
            tcb_info_issuer_chain: tcbChain,
            tcb_info: tcbInfo.text,
            tcb_info_signature: tcbInfo.signature.toString('hex'),
            qe_identity_issuer_chain: tcbChain,
            qe_identity: qeIdentity.text,
            qe_identity_signature: qeIdentity.signature.toString('hex'),
        };
    }

    private dates(): { issueDate: number; nextUpdate: number } {
        return { issueDate: this.now - Day, nextUpdate: this.now + 29 * Day };
    }

    private signText(text: string, { rewrite, signer = this.tcbSigner.key }: Signing): SignedJson {
        const final = rewrite === undefined ? text : rewrite(text);
        return { text: final, signature: signWith(signer, Buffer.from(final, 'utf8')).raw };
    }
}
