import { Address, beginCell, Cell, contractAddress, Dictionary } from '@ton/core';
import { accountOf, Deployment } from './addresses';
import {
    AttestationVerifier,
    Collateral,
    IntelRootX,
    IntelRootY,
    loadAuthority,
    loadCrl,
    loadQeIdentity,
    loadTcbInfo,
    storeVerifierState,
} from './attestation_verifier';
import { CrlBuilder } from './crl_builder';
import { PlatformKey } from './platform_key';

/** A point of P-256. */
export type P256Key = { readonly x: bigint; readonly y: bigint };

/** Intel SGX Root CA: with any other root key a verdict proves nothing about hardware. */
export const IntelRootKey: P256Key = { x: IntelRootX, y: IntelRootY };

/** Roles of certificates, as the verifier numbers them. */
export const CertificateRole = { root: 1, platformCa: 2, processorCa: 3, tcbSigner: 4 } as const;

function deployment(init: { code: Cell; data: Cell }): Deployment {
    return { address: contractAddress(0, init), init };
}

/** @returns the AttestationVerifier of a root key: the key is all that its address depends on. */
export async function verifierDeployment(root: P256Key = IntelRootKey): Promise<Deployment> {
    const maps = Dictionary.empty(Dictionary.Keys.Uint(8), Dictionary.Values.Cell());
    const state = beginCell().store(
        storeVerifierState({
            $$type: 'VerifierState',
            rootX: root.x,
            rootY: root.y,
            certificates: maps,
            crls: maps,
            platforms: beginCell().storeBit(false).storeBit(false).asSlice(),
        }),
    );
    return deployment(await AttestationVerifier.init(state.asSlice()));
}

/** @param certificateHash SHA-256 of the PCK certificate's TBSCertificate, 32 bytes. */
export async function platformKeyDeployment(verifier: Address, certificateHash: Buffer): Promise<Deployment> {
    return deployment(await PlatformKey.init(childIdentity(verifier, certificateHash)));
}

/** @param crlHash SHA-256 of the list's TBSCertList, 32 bytes. */
export async function crlBuilderDeployment(verifier: Address, crlHash: Buffer): Promise<Deployment> {
    return deployment(await CrlBuilder.init(childIdentity(verifier, crlHash)));
}

function childIdentity(verifier: Address, hash: Buffer) {
    return beginCell().storeUint(accountOf(verifier), 256).storeBuffer(hash, 32).asSlice();
}

/** What a verifier knows. Dates are unix seconds. */
export type KnownCollateral = {
    /** Roles of {@link CertificateRole} -> certificates that the root signed. */
    readonly certificates: ReadonlyMap<number, { serial: bigint; notBefore: number; notAfter: number; key: P256Key }>;
    /** Roles of the issuers -> revocation lists. */
    readonly crls: ReadonlyMap<number, { issuerSerial: bigint; thisUpdate: number; nextUpdate: number; revoked: number }>;
    /** FMSPC, 12 upper-case hexadecimal digits -> TCB info. `expiry`: the earlier of nextUpdate and its signer's end. */
    readonly tcbInfos: ReadonlyMap<string, { issueDate: number; expiry: number; evaluationNumber: number }>;
    readonly qeIdentity: { issueDate: number; expiry: number; evaluationNumber: number } | null;
};

/** @param data what the getter `collateral` returned. */
export function unpackCollateral(data: Collateral): KnownCollateral {
    return {
        certificates: new Map(
            entries(data.certificates).map(([role, cell]) => {
                const { serial, notBefore, notAfter, keyX, keyY } = loadAuthority(cell.beginParse());
                return [
                    role,
                    { serial, notBefore: Number(notBefore), notAfter: Number(notAfter), key: { x: keyX, y: keyY } },
                ];
            }),
        ),
        crls: new Map(
            entries(data.crls).map(([issuer, cell]) => {
                const { header, revoked } = loadCrl(cell.beginParse());
                const { issuerSerial, thisUpdate, nextUpdate } = header;
                return [
                    issuer,
                    {
                        issuerSerial,
                        thisUpdate: Number(thisUpdate),
                        nextUpdate: Number(nextUpdate),
                        revoked: revoked.size,
                    },
                ];
            }),
        ),
        tcbInfos: new Map(
            entries(data.tcbInfos).map(([fmspc, cell]) => [
                fmspc.toString(16).padStart(12, '0').toUpperCase(),
                validity(loadTcbInfo(cell.beginParse())),
            ]),
        ),
        qeIdentity: data.qeIdentity === null ? null : validity(loadQeIdentity(data.qeIdentity.beginParse())),
    };
}

/** Dates of one part of the collateral that a verifier knows, unix seconds. */
export type CollateralPart = { issued: number; expires: number; evaluationNumber?: number };

/** Parts of the collateral for one processor model; what the verifier does not know is missing. */
export type CollateralParts = {
    -readonly [K in 'root-crl' | 'pck-ca' | 'pck-crl' | 'tcb-signing' | 'tcb-info' | 'qe-identity']?: CollateralPart;
};

/**
 * @param fmspc processor model, 12 hexadecimal digits.
 * @param ca which CA issued the PCK certificates of these machines.
 * @returns what of a verifier's collateral counts for such a machine, as a collateral keeper looks at it.
 */
export function collateralParts(known: KnownCollateral, fmspc: string, ca: 'platform' | 'processor'): CollateralParts {
    const role = ca === 'platform' ? CertificateRole.platformCa : CertificateRole.processorCa;
    const parts: CollateralParts = {};
    const put = (kind: keyof CollateralParts, part: CollateralPart | undefined) => {
        if (part !== undefined) {
            parts[kind] = part;
        }
    };
    put('root-crl', crlPart(known, CertificateRole.root));
    put('pck-ca', certificatePart(known, role));
    put('pck-crl', crlPart(known, role));
    put('tcb-signing', certificatePart(known, CertificateRole.tcbSigner));
    put('tcb-info', textPart(known.tcbInfos.get(fmspc.toUpperCase())));
    put('qe-identity', textPart(known.qeIdentity ?? undefined));
    return parts;
}

function certificatePart({ certificates }: KnownCollateral, role: number): CollateralPart | undefined {
    const found = certificates.get(role);
    return found && { issued: found.notBefore, expires: found.notAfter };
}

function crlPart({ crls }: KnownCollateral, issuer: number): CollateralPart | undefined {
    const found = crls.get(issuer);
    return found && { issued: found.thisUpdate, expires: found.nextUpdate };
}

function textPart(
    text: { issueDate: number; expiry: number; evaluationNumber: number } | undefined,
): CollateralPart | undefined {
    return text && { issued: text.issueDate, expires: text.expiry, evaluationNumber: text.evaluationNumber };
}

function entries<K extends number | bigint>(map: Dictionary<K & (number | bigint), Cell>): [K, Cell][] {
    return map.keys().map((key) => [key as K, map.get(key)!]);
}

function validity(data: { issueDate: bigint; expiry: bigint; evaluationNumber: bigint }) {
    return {
        issueDate: Number(data.issueDate),
        expiry: Number(data.expiry),
        evaluationNumber: Number(data.evaluationNumber),
    };
}
