import { readFileSync } from 'node:fs';
import { CaType, caTypeOf, Certificate, parseCertificateChain } from './certificate';
import { Crl, parseCrl } from './crl';
import { AttestationError } from './errors';

/** Collateral as it is kept in files; the names are those of the DCAP tools. */
export type CollateralJson = {
    /** PEM: the PCK CA, then the root. */
    pck_crl_issuer_chain: string;
    /** DER in hexadecimal. */
    root_ca_crl: string;
    /** DER in hexadecimal. */
    pck_crl: string;
    /** PEM: the TCB signer, then the root. */
    tcb_info_issuer_chain: string;
    /** The text that is signed. */
    tcb_info: string;
    /** r and s in hexadecimal. */
    tcb_info_signature: string;
    /** PEM: the TCB signer, then the root. */
    qe_identity_issuer_chain: string;
    /** The text that is signed. */
    qe_identity: string;
    /** r and s in hexadecimal. */
    qe_identity_signature: string;
};

/** A signed text with its dates. */
export type SignedText = {
    text: string;
    /** r and s, 64 bytes. */
    signature: Buffer;
    /** Unix seconds. */
    issueDate: number;
    /** Unix seconds. */
    nextUpdate: number;
    /** tcbEvaluationDataNumber. */
    evaluationNumber: number;
    /** Signer, then root. */
    issuerChain: Certificate[];
};

export type TcbInfo = SignedText & {
    /** Processor model, 12 hexadecimal digits in upper case. */
    fmspc: string;
};

/** All that a verifier has to know to check quotes of one processor model. */
export type Collateral = {
    rootCrl: Crl;
    pckCrl: Crl;
    /** PCK CA, then root. */
    pckCrlIssuerChain: Certificate[];
    tcbInfo: TcbInfo;
    qeIdentity: SignedText;
};

/**
 * @param input a collateral file: its text, or the object that is in it.
 * @throws AttestationError that names the field that is missing or has another form.
 */
export function parseCollateral(input: string | CollateralJson): Collateral {
    const json = typeof input === 'string' ? parseJson(input, 'The collateral') : (input as unknown);
    if (typeof json !== 'object' || json === null) {
        throw malformed('The collateral', 'is no JSON object', 'Expected the fields tcb_info, qe_identity, pck_crl, ...');
    }
    const fields = json as Record<string, unknown>;
    const tcbInfo = signedText(fields, 'tcb_info');
    return {
        rootCrl: parseCrl(hexField(fields, 'root_ca_crl')),
        pckCrl: parseCrl(hexField(fields, 'pck_crl')),
        pckCrlIssuerChain: chainField(fields, 'pck_crl_issuer_chain'),
        tcbInfo: { ...tcbInfo, fmspc: fmspcOf(tcbInfo.text) },
        qeIdentity: signedText(fields, 'qe_identity'),
    };
}

/** @throws AttestationError as `parseCollateral` does. */
export function readCollateralFile(path: string): Collateral {
    return parseCollateral(readFileSync(path, 'utf8'));
}

/** @returns which PCK CA the collateral is for. */
export function caTypeOfCollateral(collateral: Collateral): CaType {
    return caTypeOf(collateral.pckCrlIssuerChain[0]);
}

/** @returns Unix seconds until which all parts of the collateral hold: the earliest of their ends. */
export function collateralExpiry(collateral: Collateral): number {
    const chains = [
        collateral.pckCrlIssuerChain,
        collateral.tcbInfo.issuerChain,
        collateral.qeIdentity.issuerChain,
    ].flat();
    return Math.min(
        collateral.rootCrl.nextUpdate,
        collateral.pckCrl.nextUpdate,
        collateral.tcbInfo.nextUpdate,
        collateral.qeIdentity.nextUpdate,
        ...chains.map(({ notAfter }) => notAfter),
    );
}

function signedText(fields: Record<string, unknown>, name: 'tcb_info' | 'qe_identity'): SignedText {
    const text = textField(fields, name);
    const content = parseJson(text, name);
    const signature = hexField(fields, `${name}_signature`);
    if (signature.length !== 64) {
        throw malformed(`${name}_signature`, `has ${signature.length} bytes`, 'Expected r and s, 64 bytes.');
    }
    if (typeof content !== 'object' || content === null) {
        throw malformed(name, 'is no JSON object', 'Expected the signed text of Intel, from "{" to "}".');
    }
    const { issueDate, nextUpdate, tcbEvaluationDataNumber } = content as Record<string, unknown>;
    if (!Number.isSafeInteger(tcbEvaluationDataNumber)) {
        throw malformed(name, 'has no number "tcbEvaluationDataNumber"', 'Expected the signed text of Intel.');
    }
    return {
        text,
        signature,
        issueDate: secondsOf(issueDate, `${name}: issueDate`),
        nextUpdate: secondsOf(nextUpdate, `${name}: nextUpdate`),
        evaluationNumber: tcbEvaluationDataNumber as number,
        issuerChain: chainField(fields, `${name}_issuer_chain`),
    };
}

function fmspcOf(text: string): string {
    const { fmspc } = JSON.parse(text) as { fmspc?: unknown };
    if (typeof fmspc !== 'string' || !/^[0-9A-F]{12}$/i.test(fmspc)) {
        throw malformed('tcb_info', 'has no "fmspc" of 12 hexadecimal digits', 'Expected the TCB info of one model.');
    }
    return fmspc.toUpperCase();
}

function secondsOf(value: unknown, what: string): number {
    const seconds = typeof value === 'string' ? Date.parse(value) / 1000 : NaN;
    if (!Number.isFinite(seconds)) {
        throw malformed(what, `is ${JSON.stringify(value)}`, 'Expected a date like 2026-02-18T10:58:51Z.');
    }
    return seconds;
}

function chainField(fields: Record<string, unknown>, name: string): Certificate[] {
    const chain = parseCertificateChain(textField(fields, name));
    if (chain.length < 2) {
        throw malformed(name, 'has one certificate', 'Expected that of the signer and that of the root.');
    }
    return chain;
}

function textField(fields: Record<string, unknown>, name: string): string {
    const value = fields[name];
    if (typeof value !== 'string' || value === '') {
        throw malformed(name, 'is missing', 'Expected a text; fetch the collateral again.');
    }
    return value;
}

function hexField(fields: Record<string, unknown>, name: string): Buffer {
    const text = textField(fields, name);
    if (!/^([0-9a-f]{2})+$/i.test(text)) {
        throw malformed(name, 'is no hexadecimal text', 'Expected pairs of digits; fetch the collateral again.');
    }
    return Buffer.from(text, 'hex');
}

function parseJson(text: string, what: string): unknown {
    try {
        return JSON.parse(text);
    } catch (error) {
        throw new AttestationError('bad_collateral', `${what} is not JSON. Fetch the collateral again.`, { cause: error });
    }
}

function malformed(what: string, problem: string, advice: string): AttestationError {
    return new AttestationError('bad_collateral', `${what} ${problem}. ${advice}`);
}
