import { Token, token } from '../cells';
import { bytesOf, readElement, readElements, Tag } from '../der';

const What = 'Certificate revocation list';

/**
 * Cuts a TBSCertList where the contracts read it: docs/attestation-cells.md. Entries, and what follows them, begin in
 * cells of their own, so that a contract can hand the entries over to another as they are.
 * @param tbs DER, as the issuer signed it.
 * @throws AttestationError when it is no TBSCertList of version 2.
 */
export function crlTokens(tbs: Buffer): Token[] {
    const outer = readElement(tbs, 0, What, Tag.Sequence);
    const version = readElement(tbs, outer.content, What, Tag.Integer);
    const algorithm = readElement(tbs, version.end, What, Tag.Sequence);
    const issuer = readElement(tbs, algorithm.end, What, Tag.Sequence);
    const thisUpdate = readElement(tbs, issuer.end, What);
    const nextUpdate = readElement(tbs, thisUpdate.end, What);
    const start = [token(tbs.subarray(0, algorithm.end)), token(bytesOf(tbs, issuer))];
    if (nextUpdate.end === tbs.length || tbs[nextUpdate.end] !== Tag.Sequence) {
        return [...start, token(tbs.subarray(thisUpdate.start, nextUpdate.end)), ...rest(tbs, nextUpdate.end)];
    }
    const revoked = readElement(tbs, nextUpdate.end, What);
    const entries = readElements(tbs, revoked.content, revoked.end, What);
    return [
        ...start,
        token(tbs.subarray(thisUpdate.start, revoked.content)),
        ...entries.map((entry, index) => ({ bytes: bytesOf(tbs, entry), newCell: index === 0 })),
        ...rest(tbs, revoked.end),
    ];
}

function rest(tbs: Buffer, from: number): Token[] {
    return from < tbs.length ? [{ bytes: tbs.subarray(from), loose: true, newCell: true }] : [];
}
