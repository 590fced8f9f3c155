import { Tag } from '../der';
import { P256Key } from '../p256';
import { authorityKeyIdentifier, extension, name, signDer } from './certificate';
import { EcdsaWithSha256, element, integer, sequence, utcTime } from './der';
import { KeyPair } from './keys';

/** Every part of a revocation list. */
export type CrlFields = {
    /** Common name. */
    issuer: string;
    /** Unix seconds. */
    thisUpdate: number;
    /** Unix seconds. */
    nextUpdate: number;
    /** Serial numbers. */
    revoked: readonly bigint[];
    crlNumber: number;
    authorityKey: P256Key;
    /** Who signs, whatever `issuer` says. */
    signer: KeyPair;
};

/** @returns a list of version 2, DER, in Intel's form: without a list of entries if there are none. */
export function makeCrl(fields: CrlFields): Buffer {
    // reasonCode keyCompromise, as in all of Intel's entries.
    const reason = sequence(extension('2.5.29.21', false, element(Tag.Enumerated, Buffer.from([1]))));
    const date = utcTime(fields.thisUpdate);
    const entries = fields.revoked.map((serial) => sequence(integer(serial), date, reason));
    return signDer(
        sequence(
            integer(1),
            EcdsaWithSha256,
            name(fields.issuer),
            date,
            utcTime(fields.nextUpdate),
            ...(entries.length === 0 ? [] : [sequence(...entries)]),
            element(
                Tag.Context0,
                sequence(
                    extension('2.5.29.20', false, integer(fields.crlNumber)),
                    authorityKeyIdentifier(fields.authorityKey),
                ),
            ),
        ),
        fields.signer,
    );
}
