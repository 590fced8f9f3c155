import { Token, token, tokenIfShort } from '../cells';
import { bytesOf, contentOf, dottedOid, Element, readElement, readElements, Tag } from '../der';
import { SgxOid } from '../sgx-extension';

const What = 'Certificate';

/**
 * Cuts a TBSCertificate where the contracts read it: docs/attestation-cells.md.
 * @param tbs DER, as the issuer signed it.
 * @throws AttestationError when it is no TBSCertificate of version 3 with extensions.
 */
export function certificateTokens(tbs: Buffer): Token[] {
    const outer = readElement(tbs, 0, What, Tag.Sequence);
    const version = readElement(tbs, outer.content, What, Tag.Context0);
    const serial = readElement(tbs, version.end, What, Tag.Integer);
    const algorithm = readElement(tbs, serial.end, What, Tag.Sequence);
    const issuer = readElement(tbs, algorithm.end, What, Tag.Sequence);
    const validity = readElement(tbs, issuer.end, What, Tag.Sequence);
    const subject = readElement(tbs, validity.end, What, Tag.Sequence);
    const publicKey = readElement(tbs, subject.end, What, Tag.Sequence);
    const explicit = readElement(tbs, publicKey.end, What, Tag.Context3);
    const extensions = readElement(tbs, explicit.content, What, Tag.Sequence);
    return [
        token(tbs.subarray(0, algorithm.end)),
        ...[issuer, validity, subject, publicKey].map((element) => token(bytesOf(tbs, element))),
        token(tbs.subarray(explicit.start, extensions.content)),
        ...readElements(tbs, extensions.content, extensions.end, What).flatMap((element) =>
            extensionTokens(tbs, element),
        ),
    ];
}

function extensionTokens(tbs: Buffer, extension: Element): Token[] {
    const oid = readElement(tbs, extension.content, What, Tag.ObjectId);
    if (dottedOid(contentOf(tbs, oid)) === SgxOid.extension) {
        return sgxTokens(tbs, extension, oid);
    }
    if (extension.end - extension.start <= 127) {
        return [token(bytesOf(tbs, extension))];
    }
    return [
        token(tbs.subarray(extension.start, oid.end)),
        { bytes: tbs.subarray(oid.end, extension.end), loose: true },
    ];
}

function sgxTokens(tbs: Buffer, extension: Element, oid: Element): Token[] {
    const octets = readElement(tbs, oid.end, What, Tag.OctetString);
    const sequence = readElement(tbs, octets.content, What, Tag.Sequence);
    return [
        token(tbs.subarray(extension.start, sequence.content)),
        ...readElements(tbs, sequence.content, sequence.end, What).flatMap((element) => {
            const name = readElement(tbs, element.content, What, Tag.ObjectId);
            if (dottedOid(contentOf(tbs, name)) !== SgxOid.tcb) {
                return [tokenIfShort(bytesOf(tbs, element))];
            }
            const components = readElement(tbs, name.end, What, Tag.Sequence);
            return [
                token(tbs.subarray(element.start, components.content)),
                ...readElements(tbs, components.content, components.end, What).map((component) =>
                    tokenIfShort(bytesOf(tbs, component)),
                ),
            ];
        }),
    ];
}
