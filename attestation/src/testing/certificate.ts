import { createHash } from 'node:crypto';
import { Tag } from '../der';
import { keyToBytes, P256Key } from '../p256';
import { bits, boolean, EcdsaWithSha256, element, integer, objectId, octets, sequence, utcTime } from './der';
import { KeyPair, signWith } from './keys';
import { SgxFields, sgxValue } from './sgx-extension';
import { SgxOid } from '../sgx-extension';

/** A certificate with its key: it can issue others. */
export type Issued = {
    commonName: string;
    key: KeyPair;
    /** DER. */
    certificate: Buffer;
};

/** Every part of a certificate; attack tests change one and leave the rest. */
export type CertificateFields = {
    /** Common name; the rest of the name is Intel's. */
    subject: string;
    issuer: string;
    serial: bigint;
    /** Unix seconds. */
    notBefore: number;
    /** Unix seconds. */
    notAfter: number;
    publicKey: P256Key;
    /** Who signs, whatever `issuer` says. */
    signer: KeyPair;
    /** Of which the authority key identifier is. */
    authorityKey: P256Key;
    crlUrl: string;
    /** Bits of keyUsage, left to right: 0x06 keyCertSign and cRLSign, 0xc0 digitalSignature and nonRepudiation. */
    keyUsage: number;
    /** null: no such extension. */
    basicConstraints: { ca: boolean; pathLength: number | null } | null;
    sgx: SgxFields | null;
    /** Further extensions, DER, after the others. */
    extraExtensions: Buffer[];
};

/** Names as Intel writes them: order, and UTF-8 but for the country. */
export function name(commonName: string): Buffer {
    const part = (oid: string, tag: number, text: string) =>
        element(Tag.Set, sequence(objectId(oid), element(tag, Buffer.from(text, 'utf8'))));
    return sequence(
        part('2.5.4.3', Tag.Utf8String, commonName),
        part('2.5.4.10', Tag.Utf8String, 'Intel Corporation'),
        part('2.5.4.7', Tag.Utf8String, 'Santa Clara'),
        part('2.5.4.8', Tag.Utf8String, 'CA'),
        part('2.5.4.6', Tag.PrintableString, 'US'),
    );
}

/** @returns the SHA-1 of the SubjectPublicKeyInfo, 20 bytes: so Intel names keys (RFC 5280 hashes less of it). */
export function keyIdentifier(key: P256Key): Buffer {
    return createHash('sha1').update(publicKeyInfo(key)).digest();
}

function publicKeyInfo(key: P256Key): Buffer {
    return sequence(
        sequence(objectId('1.2.840.10045.2.1'), objectId('1.2.840.10045.3.1.7')),
        bits(Buffer.from([4]), keyToBytes(key)),
    );
}

/** Extension that names the issuer's key: `2.5.29.35`. */
export function authorityKeyIdentifier(key: P256Key): Buffer {
    return extension('2.5.29.35', false, sequence(element(0x80, keyIdentifier(key))));
}

export function extension(oid: string, critical: boolean, value: Buffer): Buffer {
    return sequence(objectId(oid), ...(critical ? [boolean(true)] : []), octets(value));
}

/** @returns a certificate, DER, byte for byte in Intel's form. */
export function makeCertificate(fields: CertificateFields): Buffer {
    return signDer(
        sequence(
            element(Tag.Context0, integer(2)),
            integer(fields.serial),
            EcdsaWithSha256,
            name(fields.issuer),
            sequence(utcTime(fields.notBefore), utcTime(fields.notAfter)),
            name(fields.subject),
            publicKeyInfo(fields.publicKey),
            element(Tag.Context3, sequence(...extensions(fields))),
        ),
        fields.signer,
    );
}

/** @returns `SEQUENCE { what is signed, algorithm, signature }`. */
export function signDer(signed: Buffer, signer: KeyPair): Buffer {
    return sequence(signed, EcdsaWithSha256, bits(signWith(signer, signed).der));
}

function extensions(fields: CertificateFields): Buffer[] {
    const url = element(0x86, Buffer.from(fields.crlUrl, 'latin1'));
    const trailingZeros = fields.keyUsage === 0 ? 0 : Math.log2(fields.keyUsage & -fields.keyUsage);
    return [
        authorityKeyIdentifier(fields.authorityKey),
        extension('2.5.29.31', false, sequence(sequence(element(0xa0, element(0xa0, url))))),
        extension('2.5.29.14', false, octets(keyIdentifier(fields.publicKey))),
        extension('2.5.29.15', true, element(Tag.BitString, Buffer.from([trailingZeros, fields.keyUsage]))),
        ...(fields.basicConstraints === null ? [] : [basicConstraints(fields.basicConstraints)]),
        ...(fields.sgx === null ? [] : [extension(SgxOid.extension, false, sgxValue(fields.sgx))]),
        ...fields.extraExtensions,
    ];
}

function basicConstraints({ ca, pathLength }: { ca: boolean; pathLength: number | null }): Buffer {
    return extension(
        '2.5.29.19',
        true,
        sequence(...(ca ? [boolean(true)] : []), ...(pathLength === null ? [] : [integer(pathLength)])),
    );
}
