import { Cell } from '@ton/core';
import {
    addCertificate,
    addCrl,
    addQeIdentity,
    addTcbInfo,
    bodyOf,
    P256Key,
    parseCertificate,
    parseCrl,
    registerPlatform,
} from '@ton-compute/attestation';
import { Issued, SignedJson, TestAuthority } from '@ton-compute/attestation/testing';

// Messages with single parts of collateral. `signer`: whose signature it is said to be; the hint is made for that key.

export function certificateMessage({ certificate }: Pick<Issued, 'certificate'>, signer: P256Key): Cell {
    return bodyOf(addCertificate(parseCertificate(certificate), signer));
}

/** @param der a revocation list. */
export function crlMessage(der: Buffer, signer: P256Key): Cell {
    return bodyOf(addCrl(parseCrl(der), signer));
}

export function tcbInfoMessage(info: SignedJson, signer: P256Key): Cell {
    return bodyOf(addTcbInfo(info, signer));
}

export function qeIdentityMessage(identity: SignedJson, signer: P256Key): Cell {
    return bodyOf(addQeIdentity(identity, signer));
}

export function registrationMessage({ certificate }: Pick<Issued, 'certificate'>, signer: P256Key): Cell {
    return bodyOf(registerPlatform(parseCertificate(certificate), signer));
}

/** Certificates and empty lists, but neither TCB info nor QE identity. */
export function certificatesAndLists(authority: TestAuthority): { name: string; body: Cell }[] {
    const { rootKey, platformCa, processorCa, tcbSigner } = authority;
    return [
        { name: 'root list', body: crlMessage(authority.rootCrl(), rootKey) },
        { name: 'Platform CA', body: certificateMessage(platformCa, rootKey) },
        { name: 'Processor CA', body: certificateMessage(processorCa, rootKey) },
        { name: 'TCB signer', body: certificateMessage(tcbSigner, rootKey) },
        { name: 'list of the Platform CA', body: crlMessage(authority.pckCrl('platform'), platformCa.key.publicKey) },
        { name: 'list of the Processor CA', body: crlMessage(authority.pckCrl('processor'), processorCa.key.publicKey) },
    ];
}
