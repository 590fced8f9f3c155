import { createHash, KeyObject } from 'node:crypto';
import { hashToBigInt, requestPayload, SigningDomain } from '@ton-compute/contracts';
import { MaxProofLife, RequestProof } from '@ton-compute/protocol';

import { verifySignature } from '../keys/ed25519';

/**
 * @param digest `requestDigest(...)`, 32 bytes.
 * @param now unix seconds.
 * @returns what is wrong with the proof, or null.
 */
export function proofFault(
    proof: RequestProof,
    digest: Buffer,
    domain: SigningDomain,
    sessionKey: KeyObject,
    now: number,
): string | null {
    if (proof.validUntil < now) {
        return `The request proof expired ${now - proof.validUntil} s ago. Sign a new one, and check the clock.`;
    }
    if (proof.validUntil > now + MaxProofLife) {
        return (
            `The request proof is valid for ${proof.validUntil - now} s, at most ${MaxProofLife} are accepted. ` +
            'Sign a shorter one, and check the clock.'
        );
    }
    const payload = requestPayload(domain, { validUntil: proof.validUntil, requestDigest: hashToBigInt(digest) });
    return verifySignature(sessionKey, payload.hash(), proof.signature)
        ? null
        : "The request proof is not the session key's signature over this method, path and body.";
}

/**
 * What is remembered of a proof. Never of its signature, which has more than one valid form: of what was signed.
 * @returns key for the ledger's replays.
 */
export function proofReplayKey(proof: RequestProof, digest: Buffer, domain: SigningDomain): string {
    return createHash('sha256')
        .update(`proof ${domain.contract.toRawString()} ${domain.openedLt} ${proof.validUntil} `)
        .update(digest)
        .digest('base64');
}

/** @returns key for the ledger's replays of a sealed request's `enc`. */
export function sealedReplayKey(enc: Uint8Array): string {
    return createHash('sha256').update('enc ').update(enc).digest('base64');
}
