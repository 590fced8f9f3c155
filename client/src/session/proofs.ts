import { hashToBigInt, requestPayload, SigningDomain } from '@ton-compute/contracts';
import { createSigner, encodeProof, MaxProofLife, requestDigest } from '@ton-compute/protocol';
import { Cell } from '@ton/core';

/** Seconds for which a proof is valid at least. */
const LeastLife = 60;

/** Signs the authorisation of each request. */
export class ProofSigner {
    private readonly sign: (payload: Cell) => Buffer;
    private count = 0;

    constructor(
        private readonly domain: SigningDomain,
        sessionKey: Buffer,
    ) {
        this.sign = createSigner(sessionKey);
    }

    /**
     * @param body the bytes as sent.
     * @param now unix seconds.
     * @returns the header `x-session-proof`; another one also for the same bytes in the same second, because a worker
     * takes each only once.
     */
    proof(method: string, path: string, body: Uint8Array, now: number): string {
        this.count += 1;
        const validUntil = now + LeastLife + (this.count % (MaxProofLife - 2 * LeastLife));
        const digest = hashToBigInt(requestDigest(method, path, body));
        const signature = this.sign(requestPayload(this.domain, { validUntil, requestDigest: digest }));
        return encodeProof({ validUntil, signature });
    }
}
