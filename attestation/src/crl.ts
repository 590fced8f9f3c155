import { commonName } from './certificate';
import { contentOf, readElement, readElements, readTime, splitSigned, Tag } from './der';

/** A certificate revocation list, read. Nothing is verified here: the contracts do that. */
export type Crl = {
    der: Buffer;
    /** TBSCertList: what the issuer signed. */
    signed: Buffer;
    /** r and s, 32 bytes each. */
    signature: Buffer;
    issuer: string;
    /** Unix seconds. */
    thisUpdate: number;
    /** Unix seconds. */
    nextUpdate: number;
    /** Serial numbers. */
    revoked: bigint[];
};

const What = 'Certificate revocation list';

/** @throws AttestationError when `der` is no list of version 2. */
export function parseCrl(der: Buffer): Crl {
    const { signed, signature } = splitSigned(der, What);
    const outer = readElement(signed, 0, What, Tag.Sequence);
    const version = readElement(signed, outer.content, What, Tag.Integer);
    const algorithm = readElement(signed, version.end, What, Tag.Sequence);
    const issuer = readElement(signed, algorithm.end, What, Tag.Sequence);
    const thisUpdate = readElement(signed, issuer.end, What);
    const nextUpdate = readElement(signed, thisUpdate.end, What);
    const revoked =
        nextUpdate.end < outer.end && signed[nextUpdate.end] === Tag.Sequence
            ? readElement(signed, nextUpdate.end, What)
            : null;
    return {
        der,
        signed,
        signature,
        issuer: commonName(signed, issuer),
        thisUpdate: readTime(signed, thisUpdate, What),
        nextUpdate: readTime(signed, nextUpdate, What),
        revoked:
            revoked === null
                ? []
                : readElements(signed, revoked.content, revoked.end, What).map((entry) => {
                      const serial = readElement(signed, entry.content, What, Tag.Integer);
                      return BigInt(`0x${contentOf(signed, serial).toString('hex')}`);
                  }),
    };
}
